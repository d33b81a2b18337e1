"""Where the windows of convolutions and pools lie."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from auditkit.models.tflite.site import Site

_SAME, _VALID = 0, 1


def same_padding(size: int, window: int, stride: int, dilation: int) -> tuple[int, int]:
    """Zeros before and after one axis under SAME padding; the odd one comes last.

    Example:
        >>> same_padding(224, 3, 2, 1), same_padding(9, 3, 2, 1)
        ((0, 1), (1, 1))
    """
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + (window - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


@dataclass(frozen=True)
class Window:
    """Where the windows of a convolution or a pool lie: (left, right, top, bottom) zeros."""

    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int, int, int]

    def outputs(self, size: Sequence[int], kernel: tuple[int, int]) -> tuple[int, int]:
        """Height and width of what comes out of an image of a size; not positive if it is small."""
        left, right, top, bottom = self.padding
        padded = size[0] + top + bottom, size[1] + left + right
        height, width = (
            (padded[axis] - (kernel[axis] - 1) * self.dilation[axis] - 1) // self.stride[axis] + 1
            for axis in (0, 1)
        )
        return height, width

    def symmetric(self, weight: Tensor) -> tuple[Tensor, "Window"]:
        """Give a kernel and a window with as much padding before as after, for the same sums.

        SAME padding has the odd zero last. Zeros in front of the kernel move its first cell back, so
        that torch pads by itself, which is several times as fast as a padded copy of the image.

        Args:
            weight: (outputs, inputs, height, width).
        """
        left, right, top, bottom = self.padding
        down, across = bottom - top, right - left
        if down < 0 or across < 0 or down % self.dilation[0] or across % self.dilation[1]:
            return weight, self
        extended = F.pad(weight, (across // self.dilation[1], 0, down // self.dilation[0], 0))
        return extended, replace(self, padding=(right, right, bottom, bottom))

    def cells(self, size: Sequence[int], kernel: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Rows and columns of an image under each window, (height, 1) and (width,)."""
        left, _, top, _ = self.padding
        height, width = self.outputs(size, kernel)
        rows = _cells(size[0], kernel[0], torch.arange(height) * self.stride[0] - top)
        columns = _cells(size[1], kernel[1], torch.arange(width) * self.stride[1] - left)
        return rows[:, None], columns

    def pad(self, values: Tensor, fill: float = 0.0) -> tuple[Tensor, tuple[int, int]]:
        """Pad what an operator cannot pad itself, and give the symmetric padding that is left."""
        left, right, top, bottom = self.padding
        if left == right and top == bottom:
            return values, (top, left)
        return F.pad(values, self.padding, value=fill), (0, 0)


def _cells(size: int, kernel: int, first: Tensor) -> Tensor:
    return ((first + kernel).clamp(max=size) - first.clamp(min=0)).to(torch.float32)


def window_of(site: Site, kernel: tuple[int, int], dilation: tuple[int, int]) -> Window:
    """Read stride and padding of an operator with a kernel of (height, width)."""
    stride = site.positive("stride_h"), site.positive("stride_w")
    shape, kind = site.source.shape, site.option("padding")
    if len(shape) != 4 or kind not in (_SAME, _VALID):
        site.fail(f"has an input of shape {shape} and padding {kind}")
    if kind == _VALID:
        return Window(stride, dilation, (0, 0, 0, 0))
    vertical, horizontal = (
        same_padding(shape[1 + axis], kernel[axis], stride[axis], dilation[axis]) for axis in (0, 1)
    )
    return Window(stride, dilation, (*horizontal, *vertical))
