"""Sliding windows: kernel, stride, dilation and padding as ONNX writes them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from auditkit.models.onnx.site import Site

Amounts = list[tuple[int, int]]
_AUTO = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")
_LARGEST = 1 << 15


@dataclass(frozen=True)
class Window:
    """How a kernel moves over an image.

    `automatic` is NOTSET where `pads` says the padding, else SAME_UPPER, SAME_LOWER or VALID.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[int, ...]
    automatic: str

    @staticmethod
    def of(site: Site) -> "Window":
        """Read the attributes of an operator."""
        window = Window(
            site.list("kernel_shape") or (),
            site.list("strides") or (),
            site.list("dilations") or (),
            site.list("pads") or (),
            site.text("auto_pad", "NOTSET", _AUTO),
        )
        numbers = (*window.kernel, *window.strides, *window.dilations)
        if any(not 0 < number < _LARGEST for number in numbers):
            site.fail(f"has a window with {numbers}, which should be small positive numbers")
        if any(not 0 <= pad < _LARGEST for pad in window.pads):
            site.fail(f"has pads {window.pads}; the reader knows pads of zero and more")
        ranks = {len(part) for part in (window.kernel, window.strides, window.dilations) if part}
        if len(ranks | {len(window.pads) // 2} - {0}) > 1 or len(window.pads) % 2:
            site.fail("has a window of which some parts are for another number of axes")
        return window

    def strides_of(self, axes: int) -> tuple[int, ...]:
        """Steps of the window."""
        return self.strides or (1,) * axes

    def dilations_of(self, axes: int) -> tuple[int, ...]:
        """Distances between its taps."""
        return self.dilations or (1,) * axes

    def amounts(self, sizes: Sequence[int], kernel: Sequence[int]) -> Amounts:
        """Padding before and after each axis of an image of these sizes."""
        axes = len(sizes)
        if self.automatic == "VALID" or (self.automatic == "NOTSET" and not self.pads):
            return [(0, 0)] * axes
        if self.automatic == "NOTSET":
            return list(zip(self.pads[:axes], self.pads[axes:], strict=True))
        spans = zip(sizes, kernel, self.strides_of(axes), self.dilations_of(axes), strict=True)
        return [self._same(*span) for span in spans]

    def _same(self, size: int, taps: int, stride: int, dilation: int) -> tuple[int, int]:
        # As many outputs as strides begin within the image; the odd pixel goes where the name says.
        reach = (-(-size // stride) - 1) * stride + (taps - 1) * dilation + 1
        total = max(reach - size, 0)
        less, more = total // 2, total - total // 2
        return (less, more) if self.automatic == "SAME_UPPER" else (more, less)


def padded(x: Tensor, amounts: Sequence[tuple[int, int]], value: float) -> Tensor:
    """Pad the last axes of a tensor by a constant."""
    flat = [amount for pair in reversed(amounts) for amount in pair]
    return F.pad(x, flat, value=value) if any(flat) else x
