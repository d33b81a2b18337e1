"""The network that training starts from: with initial values drawn from the seed, or with those of a file."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from auditkit.errors import AuditError
from auditkit.evidence.identity import seed_of
from auditkit.models.networks import untrained
from auditkit.models.preprocess import preprocess
from auditkit.models.weights import fill, read_state
from auditkit.spec.model_card import ModelCard, Weights
from auditkit.spec.training_classifier import ImageTraining
from auditkit.training.fitting import seeded

Answer = Callable[[torch.Tensor], torch.Tensor]


def planned(recipe: ImageTraining, outputs: int) -> dict[str, Any]:
    """What the card of a trained network says about it: format, architecture, arguments, input."""
    assert recipe.input is not None
    network = recipe.network
    own: dict[str, Any] = {"num_classes": outputs}
    if network.format == "concept-cnn":
        own = {"concepts": outputs, "size": recipe.input.size}
    return {
        "format": network.format,
        "architecture": network.architecture,
        "arguments": {**own, **network.arguments},
        "input": recipe.input.model_dump(mode="json", exclude_defaults=True),
    }


def started(
    recipe: ImageTraining, said: Mapping[str, Any], device: torch.device
) -> tuple[nn.Module, Answer]:
    """The network of a planned card, and its logits of images (N, 3, size, size) in [0, 1].

    Raises:
        AuditError: there is no such architecture, or the pretrained weights do not fit it.
    """
    plan = {key: value for key, value in said.items() if value not in ("", None)}
    plan |= {"model": recipe.name, "weights": {"file": f"{recipe.name}.safetensors"}}
    card = ModelCard.model_validate(plan).model_copy(update={"path": recipe.path})
    with seeded(seed_of("initial values", recipe.seed), torch.device("cpu")):
        network = untrained(card, card.architecture, card.arguments)
    if recipe.network.pretrained is not None:
        _fill(recipe, network)
    normalise = preprocess(card, card.input).to(device)
    network.to(device)
    return network, lambda images: network(normalise(images)).flatten(1)


def pretrained_digest(recipe: ImageTraining) -> str:
    """The sha256 of the file to start from; empty if there is none.

    Raises:
        AuditError: it is not there, or not the one that the recipe states.
    """
    if recipe.network.pretrained is None:
        return ""
    path = recipe.path.parent / recipe.network.pretrained
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AuditError(
            f"{recipe.path}: network.pretrained {path} cannot be read: {error.strerror}; put the file "
            "there: nothing is downloaded"
        ) from error
    if recipe.network.sha256 not in (None, found):
        raise AuditError(
            f"{recipe.path}: {path} has the sha256 {found}, the recipe says {recipe.network.sha256}"
        )
    return found


def _fill(recipe: ImageTraining, network: nn.Module) -> None:
    """Give the network the file's weights, but keep its own last layer."""
    name = recipe.network.pretrained
    assert name is not None
    pretrained_digest(recipe)
    path = recipe.path.parent / name
    last = _last_layers(network)
    state = {key: v for key, v in read_state(path).items() if not key.startswith(last)}
    state |= {key: v for key, v in network.state_dict().items() if key.startswith(last)}
    fill(network, state, Weights(file=name), path)


def _last_layers(network: nn.Module) -> tuple[str, ...]:
    """Beginnings of the names of the last layer's parameters, as timm states it."""
    stated = getattr(network, "pretrained_cfg", {}).get("classifier")
    if not stated:
        raise AuditError(
            f"network.pretrained: timm does not say which layer of {type(network).__name__} is its last; "
            "choose another architecture, or train from the start"
        )
    names = [stated] if isinstance(stated, str) else list(stated)
    return tuple(f"{name}." for name in names)
