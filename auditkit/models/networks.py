"""Building the network that a card names, and filling it."""

from typing import Any

import torch
from torch import nn

from auditkit.errors import AuditError
from auditkit.models.identity import class_names, weights_digest, weights_path
from auditkit.models.weights import fill, read_state
from auditkit.spec.model_card import ModelCard
from auditkit.spec.problems import nearest


def network(card: ModelCard) -> nn.Module:
    """The card's network in evaluation mode, its weights checked against the card's sha256."""
    weights_digest(card)
    if card.format == "tflite":
        from auditkit.models.tflite import load_tflite

        return load_tflite(weights_path(card), mode=card.mode)
    built = _architecture(card)
    path = weights_path(card)
    fill(built, read_state(path), card.weights, path)
    return built.eval().requires_grad_(requires_grad=False)


def _architecture(card: ModelCard) -> nn.Module:
    names = class_names(card)
    arguments: dict[str, Any] = {"num_classes": len(names)} if names else {}
    arguments |= card.arguments
    assert card.architecture is not None
    if card.format == "timm":
        import timm

        known, create = timm.list_models(), timm.create_model
    else:
        from torchvision import models

        known, create = models.list_models(), models.get_model
        arguments.setdefault("weights", None)
    if card.architecture not in known:
        hint = nearest(card.architecture, known)
        raise AuditError(f"{card.path}: {card.format} has no '{card.architecture}'; {hint}")
    try:
        built = create(card.architecture, **arguments)
    except Exception as error:
        raise AuditError(f"{card.path}: arguments of '{card.architecture}': {error}") from error
    assert isinstance(built, nn.Module)
    return built


def device_of(name: str) -> torch.device:
    """The device of that name; ``auto`` takes an accelerator if there is one.

    Raises:
        AuditError: the device is not there.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available()}
    available["mps"] = torch.backends.mps.is_available()
    if name == "auto":
        return torch.device(next(n for n in ("cuda", "mps", "cpu") if available[n]))
    if not available.get(name, False):
        there = ", ".join(n for n, found in available.items() if found)
        raise AuditError(f"device '{name}' is not available here; available: {there}")
    return torch.device(name)
