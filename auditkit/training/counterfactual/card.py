"""What a finished training of a counterfactual generator leaves: weights, card and provenance."""

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from auditkit.models.counterfactuals.trained_on import TRAINED, image_keys
from auditkit.spec.counterfactual_card import COUNTERFACTUAL_SUFFIX, Wanted
from auditkit.training.counterfactual.task import Task

_PACKAGES = ("pytest-auditkit", "torch", "safetensors", "numpy")


def write_card(out: Path, name: str, task: Task, network: nn.Module) -> Path:
    """Write OUT/NAME.safetensors and OUT/NAME.counterfactual.yaml; returns the card.

    Beside the network's own tensors the weights hold which images it was trained on, so that audits can tell
    them from held-out ones.
    """
    tensors = {
        key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()
    }
    keys = torch.from_numpy(image_keys(task.trained_digests()))
    half, file = out / f".half-{name}.safetensors", out / f"{name}.safetensors"
    save_file({**tensors, TRAINED: keys}, half)
    half.replace(file)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    said = {
        **_said(name, task),
        "weights": {"file": file.name, "sha256": sha256},
    }
    # JSON is YAML in which every text is quoted: no name can be read as another type.
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in said.items()]
    half, card = out / f".half-{name}.yaml", out / f"{name}{COUNTERFACTUAL_SUFFIX}"
    half.write_text("".join(lines), encoding="utf-8")
    half.replace(card)
    return card


def _said(name: str, task: Task) -> dict[str, Any]:
    """What the card says but for the weights; empty texts are left out."""
    recipe, model, data = task.recipe, task.model, task.data.card
    # The paper's network works on pixels: its card has no grid.
    network = recipe.network.model_dump(exclude={"grid"} if recipe.network.kind != "delta" else {})
    said = {
        "counterfactual": name,
        "title": recipe.title or f"Counterfactuals of {model.model}, trained on {data.data}",
        "task": model.task,
        "stand_in": recipe.stand_in or _stand_in(task),
        "family": "progressive-exaggeration",
        **task.named,
        "model_sha256": task.model_sha256,
        "seed": recipe.seed,
        "discriminator": recipe.discriminator,
        "bins": recipe.bins,
        "size": model.input.size,
        "network": network,
        "licence": recipe.licence,
        "source": recipe.source or _command(task),
    }
    return {key: value for key, value in said.items() if value != ""}


def _command(task: Task) -> str:
    """What trains it again, as far as the card can tell."""
    recipe = task.recipe
    made_by = Wanted(task.data.card.data, seed=recipe.seed, discriminator=recipe.discriminator)
    kind = "train counterfactual"
    with_recipe = f"{kind} {recipe.recipe}" if recipe.recipe != "fast" else kind
    return made_by.command(task.model.model).replace(kind, with_recipe, 1)


def _stand_in(task: Task) -> str:
    """For what its model and its data stand in, if they do."""
    model, data = task.model, task.data.card
    parts = [f"for the stand-in of the model '{model.model}'"] * bool(model.stand_in)
    parts += [f"on the stand-in data '{data.data}'"] * bool(data.stand_in)
    if not parts:
        return ""
    what = f"Trained {' and '.join(parts)}, see their cards"
    return f"{what}: it shows what the method finds, not what a device does."


def write_training(out: Path, task: Task, known: Mapping[str, Any]) -> None:
    """Write training.json: the recipe, what it was run on, and what came of it."""
    about = {
        **known,
        **task.described(),
        "model_sha256": task.model_sha256,
        "recipe": {**task.recipe.model_dump(mode="json"), **task.named},
        "recipe_sha256": task.recipe.digest,
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in _PACKAGES},
        },
    }
    text = json.dumps(about, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (out / "training.json").write_text(text, encoding="utf-8")
