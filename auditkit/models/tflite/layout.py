"""Between TFLite's order of axes and PyTorch's.

A tensor of four dimensions is (N, H, W, C) in the file and (N, C, H, W) here, kept in memory as the
file has it (channels_last), so that both views are free. Tensors of other ranks keep their order.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


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


def same_padding(size: int, window: int, stride: int, dilation: int) -> tuple[int, int]:
    """Zeros before and after one axis under SAME padding; the odd one comes last.

    Example:
        >>> same_padding(224, 3, 2, 1), same_padding(9, 3, 2, 1)
        ((0, 1), (1, 1))
    """
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + (window - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2
