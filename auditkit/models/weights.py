"""Reading parameters: safetensors or a state dict, never a file that could run code."""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from auditkit.errors import AuditError
from auditkit.spec.model_card import Weights
from auditkit.spec.problems import nearest

_NESTS = ("state_dict", "model_state_dict", "model")


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file by name.

    Raises:
        AuditError: the file is truncated, holds objects other than tensors, or no state dict.
    """
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise AuditError(
                f"weights {path} are not a whole safetensors file ({error}); fetch the file again"
            ) from error
    try:
        content = _load(path)
    except pickle.UnpicklingError as error:
        raise AuditError(
            f"weights {path} are a pickle of Python objects, which could run code and is not loaded; "
            "save the state dict alone (torch.save(model.state_dict(), ...)) or safetensors"
        ) from error
    except Exception as error:  # a damaged stream fails in whatever way its bytes lead to
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise AuditError(
            f"weights {path} cannot be read as a PyTorch state dict ({first}); the file may be truncated"
        ) from error
    return _state_dict(content, path)


def _load(path: Path) -> object:
    """Tensors mapped from the file where its format allows it, so that it is in memory once."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError as error:
        if "mmap" not in str(error):
            raise
        return torch.load(path, map_location="cpu", weights_only=True)


def _state_dict(content: object, path: Path) -> dict[str, torch.Tensor]:
    if isinstance(content, Mapping):
        for nest in _NESTS:
            if isinstance(content.get(nest), Mapping):
                return _state_dict(content[nest], path)
        if content and all(isinstance(value, torch.Tensor) for value in content.values()):
            return dict(content)
    raise AuditError(
        f"weights {path} hold no state dict (a mapping from names to tensors) but "
        f"{type(content).__name__}; save model.state_dict()"
    )


def fill(
    network: nn.Module, state: Mapping[str, torch.Tensor], weights: Weights, path: Path
) -> None:
    """Give a network the tensors as they are; every one must find its place.

    Raises:
        AuditError: names or shapes do not fit; the message lists the first differences.
    """
    state = {_renamed(name, weights): tensor for name, tensor in state.items()}
    own = network.state_dict()
    if weights.keys == "in-order":
        state = _in_order(own, state, path)
    missing = [name for name in own if name not in state and not name.endswith("_tracked")]
    unknown = [name for name in state if name not in own]
    wrong = [n for n in own if n in state and own[n].shape != state[n].shape]
    if missing or unknown or wrong:
        raise AuditError(_misfit(path, missing, unknown, wrong, own, state))
    given = {name: _as(tensor, own[name]) for name, tensor in state.items()}
    for name, tensor in own.items():
        if name not in given:
            given[name] = torch.zeros(tensor.shape, dtype=tensor.dtype)
    network.load_state_dict(given, strict=False, assign=True)


def _renamed(name: str, weights: Weights) -> str:
    name = name.removeprefix(weights.strip_prefix)
    for old, new in weights.rename.items():
        if name.startswith(old):
            name = new + name[len(old) :]
    return name


def created(create: Callable[[], nn.Module]) -> nn.Module:
    """A network on the meta device: no memory, no time for initial values that a file replaces.

    On the CPU if it holds values that no file carries.
    """
    with torch.device("meta"):
        network = create()
    kept = set(network.state_dict())
    every = [*network.named_parameters(), *network.named_buffers()]
    return network if all(name in kept for name, _ in every) else create()


def _as(tensor: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """In the network's own type; half-precision files are computed with in float32."""
    return tensor if tensor.dtype == own.dtype else tensor.to(own.dtype)


def _misfit(
    path: Path,
    missing: list[str],
    unknown: list[str],
    wrong: list[str],
    own: Mapping[str, torch.Tensor],
    state: Mapping[str, torch.Tensor],
) -> str:
    parts = []
    if missing:
        parts.append(f"{len(missing)} parameters are missing (first: {missing[0]})")
    if unknown:
        hint = nearest(unknown[0], own)
        parts.append(f"{len(unknown)} are not in the architecture (first: {unknown[0]}; {hint})")
    if wrong:
        name = wrong[0]
        shapes = f"{tuple(state[name].shape)} instead of {tuple(own[name].shape)}"
        parts.append(f"{len(wrong)} have another shape (first: {name}, {shapes})")
    return (
        f"weights {path} do not fit the architecture: {'; '.join(parts)}. Check 'architecture', "
        "'arguments', 'weights.strip_prefix' and 'weights.rename', or set 'weights.keys: in-order'"
    )


def _in_order(
    own: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor], path: Path
) -> dict[str, torch.Tensor]:
    """Tensors in file order for parameters in the architecture's order; every shape must agree."""
    names = [name for name in own if not name.endswith("num_batches_tracked")]
    given = [name for name in state if not name.endswith("num_batches_tracked")]
    if len(names) != len(given):
        raise AuditError(
            f"weights {path} hold {len(given)} tensors, the architecture {len(names)}; "
            "'weights.keys: in-order' needs as many"
        )
    for ours, theirs in zip(names, given, strict=True):
        if own[ours].shape != state[theirs].shape:
            raise AuditError(
                f"weights {path}: in file order {theirs} {tuple(state[theirs].shape)} would become "
                f"{ours} {tuple(own[ours].shape)}; the shapes differ, so the order does not fit"
            )
    return {ours: state[theirs] for ours, theirs in zip(names, given, strict=True)}
