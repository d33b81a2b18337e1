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
# 8-bit floats and quantised types are left out: they mean nothing without scales, which a state dict lacks.
_NUMBERS = frozenset(
    {
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.bool,
    }
)


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file by name.

    Raises:
        AuditError: the file is truncated, holds objects other than tensors, or no state dict.
    """
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return _plain(load_file(path), path)
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
    found = content
    if isinstance(content, Mapping):
        nests = (content.get(nest) for nest in _NESTS)
        found = next((nest for nest in nests if isinstance(nest, Mapping)), content)
    if (
        not isinstance(found, Mapping)
        or not found
        or not all(isinstance(key, str) for key in found)
        or not all(isinstance(value, torch.Tensor) for value in found.values())
    ):
        raise AuditError(
            f"weights {path} hold no state dict (a mapping from names to tensors) but "
            f"{_kind(found)}; save model.state_dict()"
        )
    return _plain(dict(found), path)


def _kind(found: object) -> str:
    if not isinstance(found, Mapping):
        return type(found).__name__
    if not found:
        return "an empty mapping"
    odd = next(
        ((k, v) for k, v in found.items() if not (isinstance(k, str) and torch.is_tensor(v)))
    )
    return f"a mapping with {type(odd[1]).__name__} under {odd[0]!r}"[:200]


def _plain(state: dict[str, torch.Tensor], path: Path) -> dict[str, torch.Tensor]:
    """Refuse tensors whose values the file does not hold as the plain numbers of a parameter."""
    for name, tensor in state.items():
        if tensor.layout != torch.strided or tensor.is_nested:
            odd = f"sparse or nested ({tensor.layout})"
        elif tensor.device.type != "cpu":
            odd = f"without values (on the device {tensor.device})"
        elif tensor.dtype not in _NUMBERS:
            odd = f"of the type {tensor.dtype}"
        else:
            continue
        raise AuditError(
            f"weights {path}: the tensor '{name}' is {odd}; dense tensors of real numbers were "
            "expected: save the state dict of the network as it was before it was quantised or converted"
        )
    return state


def fill(
    network: nn.Module, state: Mapping[str, torch.Tensor], weights: Weights, path: Path
) -> None:
    """Give a network the tensors as they are; every one must find its place.

    Raises:
        AuditError: names or shapes do not fit; the message lists the first differences.
    """
    state = _all_renamed(state, weights, path)
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


def _all_renamed(
    state: Mapping[str, torch.Tensor], weights: Weights, path: Path
) -> dict[str, torch.Tensor]:
    origins: dict[str, str] = {}
    for name in state:
        new = _renamed(name, weights)
        if new in origins:
            raise AuditError(
                f"weights {path}: '{origins[new]}' and '{name}' would both become '{new}'; correct "
                "'weights.strip_prefix' and 'weights.rename', or save the one network that is meant"
            )
        origins[new] = name
    return {new: state[name] for new, name in origins.items()}


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
