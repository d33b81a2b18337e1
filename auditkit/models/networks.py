"""Building the networks that a card names, and filling them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from auditkit.errors import AuditError
from auditkit.models.identity import class_names, file_path, weights_digest, weights_path
from auditkit.models.preprocess import layout_of
from auditkit.models.volumes import space_of, volume_input
from auditkit.models.weights import created, fill, read_state
from auditkit.spec.card_names import check_builder
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
    """A network known by its name, built without memory and filled from the file."""
    built = created(lambda: untrained(card, member.architecture, member.arguments or {}))
    fill(built, read_state(path), member.weights, path)
    built.eval().requires_grad_(requires_grad=False)
    return built.to(memory_format=layout_of(len(space_of(card))))


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
        "concept-cnn": _named,
        "concept-bottleneck": _named,
        "volume-cnn": _named,
    }
)


def untrained(card: ModelCard, architecture: str | None, arguments: dict[str, Any]) -> nn.Module:
    """The network of a card before it is filled; its initial values come from torch's generator.

    Raises:
        AuditError: there is no such architecture, or it does not take the arguments.
    """
    names = class_names(card)
    if card.format == "concept-bottleneck":
        return _bottleneck(card, architecture, arguments)
    if card.format == "concept-cnn":
        own = {"concepts": len(names), **arguments} if names else arguments
        return _concept_cnn(card, own)
    if card.format == "volume-cnn":
        return _volume_cnn(card, {"outputs": len(names), **arguments} if names else arguments)
    own = {"num_classes": len(names), **arguments} if names else arguments
    return _architecture(card, card.format, architecture, own)


def _bottleneck(card: ModelCard, architecture: str | None, arguments: dict[str, Any]) -> nn.Module:
    from auditkit.models.bottleneck import ConceptBottleneck

    given = {"outputs": 1, "backbone_arguments": {}, **arguments}
    kind, inner, concepts = (
        given.pop(k, None) for k in ("backbone", "backbone_arguments", "concepts")
    )
    if not isinstance(inner, dict) or not isinstance(concepts, int):
        raise AuditError(
            f"{card.path}: arguments: 'concepts', the number of concepts, and 'backbone_arguments', a "
            "mapping, were expected"
        )
    _check_inner(card, inner)
    if kind == "concept-cnn":
        backbone = _concept_cnn(card, {**inner, "concepts": concepts})
    elif kind in ("timm", "torchvision"):
        backbone = _architecture(card, kind, architecture, {**inner, "num_classes": concepts})
    else:
        raise AuditError(
            f"{card.path}: arguments.backbone is {kind!r}; concept-cnn, or timm or torchvision (then "
            "with 'architecture') was expected"
        )
    return _made(card, "concept-bottleneck", ConceptBottleneck, backbone, concepts, **given)


def _check_inner(card: ModelCard, arguments: dict[str, Any]) -> None:
    try:
        check_builder(None, arguments)
    except ValueError as error:
        raise AuditError(f"{card.path}: backbone_{error}") from None


def _concept_cnn(card: ModelCard, arguments: dict[str, Any]) -> nn.Module:
    from auditkit.models.concept_cnn import ConceptCnn

    own = {"size": card.input.size, "channels": card.input.depth, **arguments}
    return _made(card, "concept-cnn", ConceptCnn, **own)


def _volume_cnn(card: ModelCard, arguments: dict[str, Any]) -> nn.Module:
    from auditkit.models.volume_cnn import VolumeCnn

    spec = volume_input(card)
    own = {"modalities": len(spec.modalities), "axes": len(spec.size), **arguments}
    return _made(card, "volume-cnn", VolumeCnn, **own)


def _architecture(
    card: ModelCard, kind: str, architecture: str | None, arguments: dict[str, Any]
) -> nn.Module:
    if kind == "timm":
        import timm

        known, create = timm.list_models(), timm.create_model
    else:
        from torchvision import models

        # Builders of detection and segmentation would fetch a backbone.
        known, create = models.list_models(module=models), models.get_model
        arguments = _without_initialisation(architecture, {"weights": None, **arguments})
    if architecture not in known:
        hint = nearest(architecture or "", known)
        raise AuditError(f"{card.path}: {kind} has no '{architecture}'; {hint}")
    return _made(card, architecture, create, architecture, **arguments)


def _made(
    card: ModelCard, name: str, create: Callable[..., Any], *values: Any, **arguments: Any
) -> nn.Module:
    """What a builder makes of the card's arguments."""
    try:
        built = create(*values, **arguments)
    except Exception as error:
        raise AuditError(f"{card.path}: arguments of '{name}': {error}") from error
    assert isinstance(built, nn.Module)
    return built


def _without_initialisation(architecture: str | None, arguments: dict[str, Any]) -> dict[str, Any]:
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
