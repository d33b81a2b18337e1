"""A tiny pipeline, twelve captioned pictures and a recipe, to train on within a second."""

from auditkit.models.diffusion.small import PixelTextToImage
from auditkit.spec.training import read_concept_training

WORDS = ["red", "green", "blue", "circle", "rectangle", "blank"]
SHAPES = [f"{colour} {kind}" for kind in WORDS[3:5] for colour in WORDS[:3]]

CARD = """\
data: {name}
task: shapes
format: synthetic-shapes
with: {{n: {n}, seed: {seed}, size: 32}}
concepts: [{concepts}]
captions: {{empty: blank}}
"""

RECIPE = {
    "train": "concepts",
    "name": "tiny",
    "data": "pictures",
    "start": "start",
    "steps": 6,
    "batch": 4,
    "learning_rate": 0.01,
    "ema": 0.5,
    "null_captions": 0.25,
    "checkpoint_every": 2,
    "sample_every": 3,
    "samples": 2,
    "sample_steps": 2,
    "guidance": 2.0,
    "workers": 2,
}


def data_card(folder, name="pictures", n=12, seed=3):
    concepts = ", ".join(f"{{name: {shape}}}" for shape in SHAPES)
    path = folder / f"{name}.data.yaml"
    path.write_text(CARD.format(name=name, n=n, seed=seed, concepts=concepts))
    return path


def start(folder):
    tiny = PixelTextToImage.untrained(WORDS, size=8, factor=2, channels=(16, 16), width=16)
    tiny.save(folder / "start")


def recipe(folder, **changes):
    """Writes a recipe beside its pipeline and its data card, and reads it."""
    path = folder / "tiny.training.yaml"
    said = {**RECIPE, **changes}
    path.write_text("".join(f"{key}: {_yaml(value)}\n" for key, value in said.items()))
    return read_concept_training(path)


def _yaml(value):
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list):
        return f"[{', '.join(value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(item)}" for key, item in value.items()) + "}"
    return str(value)
