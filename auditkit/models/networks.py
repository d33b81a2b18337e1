"""Building the networks that a card names, and filling them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from auditkit.errors import AuditError
from auditkit.models.identity import class_names, file_path, weights_digest, weights_path
from auditkit.models.weights import created, fill, read_state
from auditkit.spec.formats import FormatName
from auditkit.spec.model_card import Member, ModelCard
from auditkit.spec.problems import nearest


def networks(card: ModelCard) -> list[nn.Module]:
    """The card's networks in evaluation mode, their files checked against the stated sha256."""
    weights_digest(card)
    if not card.networks or card.python is not None:
        from auditkit.models.asked import asked_network

        return [asked_network(card)]
    load = _LOADERS[card.format]
    return [load(card, member, weights_path(card, member.weights)) for member in card.networks]


def _definition(card: ModelCard, member: Member) -> Path:
    assert member.weights.definition is not None
    return file_path(card, member.weights.definition, "weights.definition")


def _tflite(card: ModelCard, _member: Member, path: Path) -> nn.Module:
    from auditkit.models.tflite import load_tflite

    return load_tflite(path, mode=card.mode)


def _onnx(_card: ModelCard, _member: Member, path: Path) -> nn.Module:
    from auditkit.models.onnx import load_onnx

    return load_onnx(path)


def _caffe(card: ModelCard, member: Member, path: Path) -> nn.Module:
    from auditkit.models.caffe import load_caffe

    return load_caffe(path, _definition(card, member))


def _keras(_card: ModelCard, _member: Member, path: Path) -> nn.Module:
    from auditkit.models.keras_format import load_keras

    return load_keras(path)


def _torchscript(_card: ModelCard, _member: Member, path: Path) -> nn.Module:
    from auditkit.models.programs import load_torchscript

    return load_torchscript(path)


def _exported(_card: ModelCard, _member: Member, path: Path) -> nn.Module:
    from auditkit.models.programs import load_exported

    return load_exported(path)


def _hugging_face(card: ModelCard, member: Member, path: Path) -> nn.Module:
    from auditkit.models.hugging_face import load_hugging_face

    network = load_hugging_face(_definition(card, member), path)
    return network.to(memory_format=torch.channels_last)


def _named(card: ModelCard, member: Member, path: Path) -> nn.Module:
    """An architecture of torchvision or timm, built without memory and filled from the file."""
    built = created(lambda: _architecture(card, member))
    fill(built, read_state(path), member.weights, path)
    built.eval().requires_grad_(requires_grad=False)
    return built.to(memory_format=torch.channels_last)


_LOADERS: Mapping[FormatName, Callable[[ModelCard, Member, Path], nn.Module]] = MappingProxyType(
    {
        "tflite": _tflite,
        "onnx": _onnx,
        "caffe": _caffe,
        "keras": _keras,
        "torchscript": _torchscript,
        "torch-export": _exported,
        "torchvision": _named,
        "timm": _named,
        "hugging-face": _hugging_face,
    }
)


def _architecture(card: ModelCard, member: Member) -> nn.Module:
    names = class_names(card)
    arguments: dict[str, Any] = {"num_classes": len(names)} if names else {}
    arguments |= member.arguments or {}
    assert member.architecture is not None
    if card.format == "timm":
        import timm

        known, create = timm.list_models(), timm.create_model
    else:
        from torchvision import models

        # Builders of detection and segmentation would fetch a backbone.
        known, create = models.list_models(module=models), models.get_model
        arguments.setdefault("weights", None)
        arguments = _without_initialisation(member.architecture, arguments)
    if member.architecture not in known:
        hint = nearest(member.architecture, known)
        raise AuditError(f"{card.path}: {card.format} has no '{member.architecture}'; {hint}")
    try:
        built = create(member.architecture, **arguments)
    except Exception as error:
        raise AuditError(f"{card.path}: arguments of '{member.architecture}': {error}") from error
    assert isinstance(built, nn.Module)
    return built


def _without_initialisation(architecture: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Inception and GoogLeNet draw slow truncated normals, which the file replaces anyway."""
    if architecture in ("inception_v3", "googlenet"):
        return {"init_weights": False, **arguments}
    return arguments


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
