"""The module of one operator, and how values on the host meet tensors on the device.

Shapes, axes and indices are numpy arrays on the host, images are tensors on the device. So a graph
that computes its shapes runs on any device, and on PyTorch's `meta` device, which has shapes only.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from auditkit.models.onnx.tensors import Array

Value: TypeAlias = Tensor | Array
Function: TypeAlias = Callable[..., Any]


class Operator(nn.Module):
    """A function of an ONNX operator as a submodule, so that forward hooks work on it.

    Attributes:
        positions: which inputs of the node are given; None means all.
        host: which of its inputs are shapes, axes or counts, given as arrays.
        overwritable: into which of the arguments it can write its result.
    """

    def __init__(
        self,
        function: Function | None = None,
        *,
        host: Sequence[int] = (),
        positions: Sequence[int] | None = None,
        overwriting: Mapping[int, Function] | None = None,
    ) -> None:
        super().__init__()
        self.function = function
        self.overwriting = dict(overwriting or {})
        self.overwritable = tuple(self.overwriting)
        self.host = frozenset(host)
        self.positions = None if positions is None else tuple(positions)

    def forward(self, *arguments: Any, **named: Any) -> Any:
        """Compute the operator; the argument `overwrite` is used up and may hold the result."""
        overwrite: int | None = named.get("overwrite")
        function = self.function if overwrite is None else self.overwriting[overwrite]
        assert function is not None
        return function(*arguments)


def run(
    module: Operator, arguments: Sequence[Value | None], overwrite: int | None = None
) -> list[Value]:
    """Call a module with tensors and arrays; give all its outputs.

    Where none of its data is a tensor, the result stays on the host. The argument `overwrite`, if
    any, is used up.
    """
    data = [value for place, value in enumerate(arguments) if place not in module.host]
    device = next((value.device for value in data if isinstance(value, Tensor)), None)
    where = torch.device("cpu") if device is None else device
    ready = [
        value if place in module.host else _tensor(value, where)
        for place, value in enumerate(arguments)
    ]
    result = module(*ready) if overwrite is None else module(*ready, overwrite=overwrite)
    results = list(result) if isinstance(result, list | tuple) else [result]
    return [_array(value) if device is None else value for value in results]


def _tensor(value: Value | None, device: torch.device) -> Tensor | None:
    if value is None or isinstance(value, Tensor):
        return value
    return torch.as_tensor(value).to(device)


def _array(value: Value) -> Value:
    if isinstance(value, Tensor) and value.device.type == "cpu":
        array: Array = value.numpy()
        return array
    return value


def integers(value: Value) -> list[int]:
    """Give a list of whole numbers on the host."""
    if isinstance(value, Tensor):
        raise TypeError("a shape depends on the content of the picture")
    return [int(number) for number in np.asarray(value).ravel()]
