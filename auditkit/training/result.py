"""What a finished run leaves: pipeline, generator card, provenance."""

import json
import platform
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from auditkit.models.diffusion.parts import TextToImage
from auditkit.spec.training import ConceptTraining
from auditkit.training.identity import file_digests
from auditkit.training.lora import merge, save_adapter

PIPELINE = "pipeline"
_PACKAGES = ("pytest-auditkit", "torch", "diffusers", "transformers", "safetensors", "numpy")


def save_result(
    out: Path,
    parts: TextToImage,
    recipe: ConceptTraining,
    networks: Mapping[str, nn.Module],
    task: str,
) -> Path:
    """Write the pipeline with the weights that the networks have now, and its card; returns the card."""
    if recipe.lora is not None:
        save_adapter(networks, recipe.lora, out / "adapter")
        merge(networks)
    if recipe.half:
        parts.to(parts.device, torch.float16)
    half, final = out / f".half-{PIPELINE}", out / PIPELINE
    shutil.rmtree(half, ignore_errors=True)
    parts.save(half)
    _forget_places(half)
    shutil.rmtree(final, ignore_errors=True)
    half.rename(final)
    card = out / f"{recipe.name}.generator.yaml"
    text = yaml.safe_dump(
        _card(recipe, task, file_digests(final)), sort_keys=False, allow_unicode=True, width=100
    )
    card.write_text(text, encoding="utf-8")
    return card


def _forget_places(folder: Path) -> None:
    """Take out of the configurations where on this machine a network was read from."""
    for path in folder.rglob("config.json"):
        said = json.loads(path.read_text(encoding="utf-8"))
        if said.pop("_name_or_path", None) is not None:
            path.write_text(json.dumps(said, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _card(recipe: ConceptTraining, task: str, sha256: Mapping[str, str]) -> dict[str, Any]:
    said = {key: getattr(recipe, key) for key in ("title", "stand_in", "licence", "source")}
    return {
        "generator": recipe.name,
        "task": task,
        **{key: value for key, value in said.items() if value},
        "folder": PIPELINE,
        "steps": recipe.sample_steps,
        "guidance": float(recipe.guidance),
        "sha256": dict(sha256),
    }


def write_provenance(out: Path, recipe: ConceptTraining, known: Mapping[str, Any]) -> None:
    """Write training.json: the recipe, what it was run on, and what came of it."""
    versions = {package: version(package) for package in _PACKAGES}
    about = {
        **known,
        "recipe": recipe.model_dump(mode="json"),
        "recipe_sha256": recipe.digest,
        "versions": {"python": platform.python_version(), **versions},
    }
    text = json.dumps(about, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (out / "training.json").write_text(text, encoding="utf-8")
