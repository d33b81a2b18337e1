"""Between TFLite's order of axes and PyTorch's.

A tensor of four dimensions is (N, H, W, C) in the file and (N, C, H, W) here, kept in memory as the
file has it (channels_last), so that both views are free. Tensors of other ranks keep their order.

Files converted from PyTorch hold some tensors as (N, C, H, W) themselves, between TRANSPOSE
operators. `channels_first` says which; `Oriented` lets an operator's module work on these.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from auditkit.models.tflite.schema import Graph, OperatorRecord, TensorRecord

_TO_LAST, _TO_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]
# What follows the axes of its input, whatever they mean; convolutions and pools do not.
_FOLLOWS = frozenset(
    {
        "ABS",
        "ADD",
        "CAST",
        "CONCATENATION",
        "DEQUANTIZE",
        "DIV",
        "ELU",
        "EXP",
        "GELU",
        "HARD_SWISH",
        "LEAKY_RELU",
        "LOGISTIC",
        "MAXIMUM",
        "MINIMUM",
        "MIRROR_PAD",
        "MUL",
        "NEG",
        "PAD",
        "PADV2",
        "POW",
        "PRELU",
        "QUANTIZE",
        "RELU",
        "RELU6",
        "RELU_0_TO_1",
        "RELU_N1_TO_1",
        "RSQRT",
        "SQRT",
        "SQUARE",
        "SQUARED_DIFFERENCE",
        "SUB",
        "TANH",
    },
)


def to_file_order(values: Tensor) -> Tensor:
    """View (N, C, H, W) as (N, H, W, C); other ranks as they are."""
    return values.permute(0, 2, 3, 1) if values.dim() == 4 else values


def from_file_order(values: Tensor) -> Tensor:
    """View (N, H, W, C) as (N, C, H, W); other ranks as they are."""
    return values.permute(0, 3, 1, 2) if values.dim() == 4 else values


def axis_here(axis: int, rank: int) -> int:
    """Axis of the file's order as an axis of a tensor here.

    Example:
        >>> [axis_here(axis, 4) for axis in (0, 1, 2, 3, -1)], axis_here(-1, 2)
        ([0, 2, 3, 1, 1], 1)
    """
    axis %= rank
    return (0, 2, 3, 1)[axis] if rank == 4 else axis


def operand(values: npt.NDArray[np.float32], rank: int) -> Tensor:
    """A stored operand of an element-wise operator, broadcastable to a tensor of `rank` here."""
    padded = values.reshape((1,) * (rank - values.ndim) + values.shape)
    return from_file_order(torch.from_numpy(padded)).clone()


def is_channels_first(shape: tuple[int, ...]) -> bool:
    """Whether an image input is (1, C, H, W), with one or three channels.

    Example:
        >>> [is_channels_first(shape) for shape in ((1, 3, 8, 8), (1, 8, 8, 3), (1, 8, 8, 4))]
        [True, False, False]
    """
    return len(shape) == 4 and shape[1] in (1, 3) and shape[3] not in (1, 3)


def channels_first(graph: Graph) -> frozenset[int]:
    """Find the tensors that the file holds as (N, C, H, W)."""
    found: set[int] = set()
    if is_channels_first(graph.tensors[graph.input].shape):
        found.add(graph.input)
    for record in graph.operators:
        if _gives_channels_first(record, graph.tensors, found):
            found.update(i for i in record.outputs if len(graph.tensors[i].shape) == 4)
    return frozenset(found)


def _gives_channels_first(
    record: OperatorRecord, tensors: tuple[TensorRecord, ...], found: set[int]
) -> bool:
    images = [i for i in record.inputs if i >= 0 and tensors[i].data is None]
    images = [i for i in images if len(tensors[i].shape) == 4]
    if record.name == "TRANSPOSE" and len(record.inputs) == 2 and record.inputs[1] >= 0:
        axes = tensors[record.inputs[1]].data
        return axes is not None and axes.tolist() == _TO_FIRST and not found.issuperset(images)
    return record.name in _FOLLOWS and bool(images) and found.issuperset(images)


class Oriented(nn.Module):
    """A module on tensors that the file holds as (N, C, H, W): what goes in and out is that too.

    Args:
        module: the operator's, which takes every tensor of four axes for (N, H, W, C).
        inputs: which of its inputs are (N, C, H, W) in the file.
        output: whether its output is.
    """

    def __init__(self, module: nn.Module, inputs: tuple[bool, ...], *, output: bool) -> None:
        super().__init__()
        self.module = module
        self.inputs = inputs
        self.output = output

    def forward(self, *values: Tensor) -> Tensor:
        """Turn, compute, turn back."""
        turned = [
            from_file_order(value) if first else value
            for value, first in zip(values, self.inputs, strict=True)
        ]
        result: Tensor = self.module(*turned)
        return to_file_order(result) if self.output else result
