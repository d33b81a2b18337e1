"""MaxPool, AveragePool and the global pools."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor

from auditkit.models.onnx.operation import Operator
from auditkit.models.onnx.site import Site
from auditkit.models.onnx.window import Amounts, Window, padded

_MAXIMA: Mapping[int, Callable[..., Tensor]] = MappingProxyType(
    {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d},
)


def build_pool(site: Site) -> Operator:
    """MaxPool and AveragePool with any padding and ceil_mode."""
    site.one_output()
    site.only("storage_order", 0)
    window, round_up = Window.of(site), bool(site.integer("ceil_mode", 0))
    if len(window.kernel) not in _MAXIMA:
        site.fail(f"has a window with {len(window.kernel)} axes; the reader knows 1 to 3")
    if site.node.operator == "MaxPool":
        return Operator(partial(_maximum, window=window, round_up=round_up))
    return Operator(partial(_average, how=Averaging.of(site)))


def _maximum(x: Tensor, window: Window, *, round_up: bool) -> Tensor:
    axes = len(window.kernel)
    amounts = window.amounts(x.shape[2:], window.kernel)
    if round_up:
        amounts = _rounded_up(x.shape[2:], amounts, window)
    return _MAXIMA[axes](
        padded(x, amounts, -torch.inf),
        window.kernel,
        window.strides_of(axes),
        0,
        window.dilations_of(axes),
    )


@dataclass(frozen=True)
class Averaging:
    """How an average pool counts."""

    window: Window
    round_up: bool
    count_pad: bool

    @staticmethod
    def of(site: Site) -> "Averaging":
        """Read the attributes of an operator."""
        window = Window.of(site)
        if len(window.kernel) not in _MAXIMA or any(step != 1 for step in window.dilations):
            site.fail("averages over a window with dilations or of more than 3 axes")
        count_pad = bool(site.integer("count_include_pad", 0))
        return Averaging(window, bool(site.integer("ceil_mode", 0)), count_pad)

    def covers(self, x: Tensor) -> bool:
        """Whether one window is the whole picture."""
        amounts = self.window.amounts(x.shape[2:], self.window.kernel)
        return tuple(x.shape[2:]) == self.window.kernel and not any(map(any, amounts))

    def sums(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The sums of windows, and how many pixels each counts."""
        window = self.window
        amounts = window.amounts(x.shape[2:], window.kernel)
        more = _rounded_up(x.shape[2:], amounts, window) if self.round_up else amounts
        total = _sums(padded(x, more, 0.0), window)
        # A window counts the pixels that it covers; what ceil_mode adds never counts.
        ones = torch.ones((1, 1, *x.shape[2:]), dtype=x.dtype, device=x.device)
        counted = padded(ones, amounts, 1.0 if self.count_pad else 0.0)
        beyond = [(0, far - usual) for (_, far), (_, usual) in zip(more, amounts, strict=True)]
        return total, _sums(padded(counted, beyond, 0.0), window)


def _average(x: Tensor, how: Averaging) -> Tensor:
    total, count = how.sums(x)
    return total / count


def _sums(x: Tensor, window: Window) -> Tensor:
    axes = len(window.kernel)
    strides = window.strides_of(axes)
    if axes == 2:
        return F.avg_pool2d(x, window.kernel, strides, divisor_override=1)
    if axes == 3:
        return F.avg_pool3d(x, window.kernel, strides, divisor_override=1)
    return F.avg_pool1d(x, window.kernel, strides) * window.kernel[0]


def _rounded_up(sizes: Sequence[int], amounts: Amounts, window: Window) -> Amounts:
    """More padding at the end, so that the last window, which begins in the image, is whole."""
    axes = len(sizes)
    spans = zip(
        sizes,
        amounts,
        window.kernel,
        window.strides_of(axes),
        window.dilations_of(axes),
        strict=True,
    )
    return [_one_rounded_up(*span) for span in spans]


def _one_rounded_up(
    size: int,
    amount: tuple[int, int],
    taps: int,
    stride: int,
    dilation: int,
) -> tuple[int, int]:
    before, after = amount
    reach = (taps - 1) * dilation + 1
    outputs = -(-(size + before + after - reach) // stride) + 1
    if (outputs - 1) * stride >= size + before:
        outputs -= 1
    needed = (outputs - 1) * stride + reach - size - before
    return before, max(after, needed)


def build_global_pool(site: Site) -> Operator:
    """GlobalAveragePool and GlobalMaxPool."""
    average = site.node.operator == "GlobalAveragePool"
    return Operator(_global_average if average else _global_maximum)


def _global_average(x: Tensor) -> Tensor:
    return x.mean(tuple(range(2, x.ndim)), keepdim=True)


def _global_maximum(x: Tensor) -> Tensor:
    return x.amax(tuple(range(2, x.ndim)), keepdim=True)
