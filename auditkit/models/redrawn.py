"""The same network with parameters drawn at random: what it learned is forgotten.

Adebayo et al. 2018, "Sanity Checks for Saliency Maps", arXiv:1810.03292.
"""

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from auditkit.models.model import Model, Table

_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_STATISTICS = ("running_mean", "running_var")
# `reset_parameters` draws from the process' only generator, which threads share.
_DRAWING = threading.Lock()


def redrawing_problem(model: Model) -> str:
    """Why a model's parameters cannot be drawn again; empty if they can.

    All that was learned must lie in parameters, some of them in layers with ``reset_parameters``. Networks
    that a reader executes operation by operation keep weights as buffers, and devices keep them to
    themselves.
    """
    found = (_problem(member) for member in model.members)
    return next((f"'{model.card.model}' {reason}" for reason in found if reason), "")


def _problem(network: nn.Module) -> str:
    if not any(value.is_floating_point() for value in network.parameters()):
        return "has no parameters that layers could draw again"
    held = _learned_buffers(network)
    if held:
        return f"keeps weights that no layer can draw again ({held[0]} and {len(held) - 1} more)"
    if not any(True for _ in _layers(network)):
        return "has no layer that can draw its parameters again"
    own = {id(value) for value in network.parameters()}
    try:
        shared = any(id(value) in own for value in copy.deepcopy(network).parameters())
    except Exception as error:  # noqa: BLE001 what a user's module raises is unknown
        return f"cannot be copied ({type(error).__name__})"
    return "cannot be copied" if shared else ""


def _learned_buffers(network: nn.Module) -> list[str]:
    """Names of buffers that are part of the network's state, but no statistics of batch norm."""
    statistics = {
        f"{name}.{part}" if name else part
        for name, module in network.named_modules(remove_duplicate=False)
        if isinstance(module, _BATCH_NORMS)
        for part in _STATISTICS
    }
    parameters = {name for name, _ in network.named_parameters(remove_duplicate=False)}
    return [
        name
        for name, value in network.state_dict().items()
        if isinstance(value, torch.Tensor)
        and value.is_floating_point()
        and name not in parameters | statistics
    ]


def _layers(network: nn.Module) -> Iterator[nn.Module]:
    for module in network.modules():
        own = any(True for _ in module.parameters(recurse=False))
        if own and callable(getattr(module, "reset_parameters", None)):
            yield module


def redrawn(model: Model, seed: int) -> Model:
    """A model whose parameters are drawn at random, and nothing else is changed.

    Every layer is initialised anew as PyTorch initialises it (``reset_parameters``). What belongs to no
    such layer (tokens, positions, scales) has its values permuted. Statistics of batch norm are
    forgotten as well: see `recalibrate`.

    Args:
        model: one without `redrawing_problem`.
        seed: of the draws; the same on every device.
    """
    # Drawn on the CPU, whose generator is the same everywhere.
    members = [copy.deepcopy(member).cpu() for member in model.members]
    with _drawing(seed):
        for member in members:
            _redraw(member)
    return Model(model.card, members, model.device, model.precision, model.views)


@contextmanager
def _drawing(seed: int) -> Iterator[None]:
    with _DRAWING, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def _redraw(network: nn.Module) -> None:
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    for layer in _layers(network):
        layer.reset_parameters()  # type: ignore[operator]  # found to be callable
    with torch.no_grad():
        for name, value in network.named_parameters():
            if value.is_floating_point() and torch.equal(value, before[name]):
                value.copy_(value.flatten()[torch.randperm(value.numel())].view_as(value))


def recalibrate(model: Model, inputs: torch.Tensor, table: Table = None) -> None:
    """Give batch norms the statistics that these inputs have in this network.

    The learned ones belong to the learned weights: kept, or set to 0 and 1, they scale signals of a random
    network away, layer by layer.

    Args:
        model: is changed; nobody else may hold it.
        inputs: as `Model.prepare` gives them; two at least.
        table: the second input of networks that have one.
    """
    norms = [
        module
        for member in model.members
        for module in member.modules()
        if isinstance(module, _BATCH_NORMS) and module.track_running_stats
    ]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.train().momentum = None  # the mean over all views that the model sees inputs in
    with torch.no_grad():
        if norms:
            model.probabilities(inputs, table)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.eval().momentum = momentum
