"""Models made by Python code that the user trusts: PyTorch modules and MAITE classifiers."""

import hashlib
import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from auditkit.errors import AuditError
from auditkit.models.identity import weights_path
from auditkit.models.networks import device_of
from auditkit.models.sharing import Shared, copied
from auditkit.spec.model_card import ModelCard

if TYPE_CHECKING:
    from auditkit.models.model import Model


def made_by(card: ModelCard) -> nn.Module:
    """What the card's factory gives, as a network in evaluation mode.

    Raises:
        AuditError: the card does not allow code, or the factory fails or gives no model.
    """
    source = card.python
    assert source is not None
    if not source.allow_code:
        raise AuditError(
            f"{card.path}: the card names Python code to run ({source.factory}); if you trust it, set "
            "python.allow_code: true"
        )
    factory = _function(card, source.factory)
    arguments = dict(card.arguments)
    if card.networks:
        arguments["weights"] = weights_path(card, card.networks[0].weights)
    try:
        made = factory(**arguments)
    except Exception as error:
        raise AuditError(
            f"{card.path}: {source.factory} failed: {type(error).__name__}: {error}"
        ) from error
    network = as_network(made, source.factory)
    if source.gradients and not isinstance(made, nn.Module):
        raise AuditError(
            f"{card.path}: {source.factory} gave {type(made).__name__}, a MAITE image classifier, which "
            "has no gradients; set python.gradients: false"
        )
    return _for_threads(network, str(card.path), gradients=source.gradients)


def _for_threads(network: nn.Module, where: str, *, gradients: bool) -> nn.Module:
    """The network, which can be copied; or shared if it cannot and needs no hooks of its own."""
    try:
        copied(network, where)
    except AuditError:
        if gradients:
            raise
        return Shared(network)
    return network


def as_network(model: object, where: str) -> nn.Module:
    """A PyTorch module as it is; a MAITE image classifier as a network without gradients.

    Raises:
        AuditError: it is neither.
    """
    if isinstance(model, nn.Module):
        return model.eval().requires_grad_(requires_grad=False)
    if callable(model):
        # The user's object may be neither copyable nor safe to call from two threads.
        return Shared(MaiteClassifier(model))
    raise AuditError(
        f"{where} gave {type(model).__name__}; a torch.nn.Module or a MAITE image classifier (a "
        "callable from a batch of images to pseudo-probabilities) was expected"
    )


def wrapped(
    model: object, stated: dict[str, Any], version: str, classes: list[str] | None, device: str
) -> "Model":
    """A model object with the card that stands for it; see `auditkit.wrap_model`."""
    from auditkit.models.model import Model, probe

    kind = type(model)
    where = f"{kind.__module__}.{kind.__name__}"
    gradients = isinstance(model, nn.Module)
    network = _for_threads(as_network(model, where), where, gradients=gradients)
    own = getattr(model, "metadata", None)
    if classes is None and isinstance(own, Mapping) and isinstance(own.get("index2label"), Mapping):
        classes = [str(label) for _, label in sorted(own["index2label"].items())]
    source = {
        "factory": f"{kind.__module__}:{kind.__name__}".replace("<", "_").replace(">", "_"),
        "allow_code": True,
        "version": f"{version} {_state_digest(network)}",
        "gradients": gradients,
    }
    output = {**stated["output"], "classes": classes}
    try:
        card = ModelCard.model_validate(
            {**stated, "output": output, "format": "python", "python": source}
        )
    except ValueError as error:
        raise AuditError(f"wrap_model: {error}") from error
    built = Model(card, [network], device_of(device))
    probe(built)
    return built


def _state_digest(network: nn.Module) -> str:
    """sha256 of the modules' types and descriptions, of all parameters and of all buffers."""
    kinds = [f"{type(part).__module__}.{type(part).__qualname__}" for part in network.modules()]
    # Addresses of functions differ from run to run.
    described = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(network))
    total = hashlib.sha256("\n".join([*kinds, described]).encode())
    state = dict(network.named_buffers()) | network.state_dict()
    for name, value in sorted(state.items()):
        if not isinstance(value, torch.Tensor):
            total.update(f"{name} {value!r}".encode())
            continue
        try:
            flat = value.detach().cpu().contiguous().reshape(-1)
            total.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            total.update(flat.view(torch.uint8).numpy().tobytes())
        except (RuntimeError, TypeError) as error:
            raise AuditError(
                f"the values of '{name}' in {type(network).__name__} cannot be read ({error}); dense tensors "
                "that are filled were expected"
            ) from error
    return total.hexdigest()


class MaiteClassifier(nn.Module):
    """A model of MAITE's image-classification protocol (https://mit-ll-ai-technology.github.io/maite).

    It is called with a sequence of arrays (C, H, W) and answers with one array of pseudo-probabilities
    (classes,) each.
    """

    def __init__(self, model: Callable[[Any], Any]) -> None:
        super().__init__()
        self._model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Answer images (N, C, H, W) with (N, K).

        Raises:
            AuditError: it fails, or does not answer one vector per image.
        """
        try:
            answer = self._model(list(x.detach().cpu().numpy()))
            rows = np.stack([np.asarray(row, dtype=np.float32) for row in answer])
        except Exception as error:
            raise AuditError(
                f"the model {type(self._model).__name__} did not answer one vector of class "
                f"probabilities per image: {type(error).__name__}: {error}"
            ) from error
        if rows.ndim != 2 or len(rows) != len(x):
            raise AuditError(
                f"the model {type(self._model).__name__} answered {len(x)} images with an array of "
                f"shape {rows.shape}; one vector of class probabilities per image was expected"
            )
        return torch.from_numpy(rows).to(x.device)


def _function(card: ModelCard, factory: str) -> Callable[..., Any]:
    module, _, name = factory.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:
        raise AuditError(
            f"{card.path}: python.factory {factory} cannot be imported ({type(error).__name__}: {error}); "
            "install its package, or put its folder on PYTHONPATH"
        ) from error
    if not callable(found) or (inspect.isclass(found) and issubclass(found, BaseException)):
        raise AuditError(f"{card.path}: python.factory {factory} is no function")
    function: Callable[..., Any] = found
    return function
