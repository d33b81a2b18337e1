"""What a finished training leaves: weights, model card, curves and provenance."""

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from auditkit.spec.catalogue import MODEL_SUFFIX, read_model_card
from auditkit.spec.model_card import ModelCard
from auditkit.spec.training_classifier import ImageTraining
from auditkit.training import curves
from auditkit.training.fitting import History

_PACKAGES = ("pytest-auditkit", "torch", "timm", "safetensors", "numpy")
_SAID = ("title", "stand_in", "licence", "source")


def write_model(
    out: Path, name: str, weights: Mapping[str, torch.Tensor], said: Mapping[str, Any]
) -> ModelCard:
    """Write OUT/NAME.safetensors and OUT/NAME.model.yaml; returns the card as it is read back.

    Args:
        out: an existing folder.
        name: of the model.
        weights: the network's state.
        said: the card's other keys, as plain data; empty texts are left out.
    """
    half, file = out / f".half-{name}.safetensors", out / f"{name}.safetensors"
    save_file({key: value.detach().cpu().contiguous() for key, value in weights.items()}, half)
    half.replace(file)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    card = {
        "model": name,
        **{key: value for key, value in said.items() if value not in ("", None)},
        "weights": {"file": file.name, "sha256": sha256},
    }
    # JSON is YAML in which every text is quoted: no name can be read as another type.
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in card.items()]
    path = out / f"{name}{MODEL_SUFFIX}"
    path.write_text("".join(lines), encoding="utf-8")
    return read_model_card(path)


def said_in(recipe: ImageTraining, task: str) -> dict[str, Any]:
    """What a recipe says about the model that its card repeats."""
    return {"task": task, **{key: getattr(recipe, key) for key in _SAID}}


def write_curves(out: Path, recipe: ImageTraining, history: History, steps: int) -> None:
    """Write curves.csv and curves.svg, a row per epoch of ``steps`` steps."""
    losses = zip(history.training, history.validation, strict=True)
    points = [
        curves.Point((epoch + 1) * steps, recipe.learning_rate, *both)
        for epoch, both in enumerate(losses)
    ]
    curves.write_csv(out / "curves.csv", points)
    _draw(out / "curves.svg", history)


def _draw(path: Path, history: History) -> None:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "auditkit", "svg.fonttype": "none"}):
        figure = Figure(figsize=(6, 3.5), layout="constrained")
        axes = figure.add_subplot()
        epochs = range(1, len(history) + 1)
        axes.plot(epochs, history.training, "o-", color="#8899aa", label="training")
        axes.plot(epochs, history.validation, "o-", color="#b03030", label="validation")
        axes.axvline(history.best, color="#b03030", linewidth=0.8, linestyle=":")
        axes.set(xlabel="epoch", ylabel="cross-entropy in nats", yscale="log")
        axes.legend()
        figure.savefig(path, metadata={"Date": None})


def write_training(
    out: Path, recipe: ImageTraining, history: History, known: Mapping[str, Any]
) -> None:
    """Write training.json: the recipe, what it was run on, and what came of it."""
    about = {
        **known,
        "epochs": len(history),
        "best_epoch": history.best,
        "loss": {"training": history.training, "validation": history.validation},
        "recipe": recipe.model_dump(mode="json"),
        "recipe_sha256": recipe.digest,
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in _PACKAGES},
        },
    }
    text = json.dumps(about, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (out / "training.json").write_text(text, encoding="utf-8")
