"""AVERAGE_POOL_2D, MAX_POOL_2D and MEAN."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import OutputStage, ReferenceStage, through
from auditkit.models.tflite.layout import from_file_order, to_file_order
from auditkit.models.tflite.linear import Window, window_of
from auditkit.models.tflite.site import Site

_EXACT = 1 << 24


class MaximumPool(nn.Module):
    """MAX_POOL_2D; codes keep their order, so it is the same on codes and on real values."""

    def __init__(self, kernel: tuple[int, int], window: Window, stage: OutputStage) -> None:
        super().__init__()
        self.kernel = kernel
        self.window = window
        self.stage = stage

    def forward(self, values: Tensor) -> Tensor:
        """Pool (N, C, H, W)."""
        padded, padding = self.window.pad(values, -float("inf"))
        result: Tensor = self.stage(
            F.max_pool2d(padded, self.kernel, self.window.stride, padding),
        )
        return result


class AveragePool(nn.Module):
    """AVERAGE_POOL_2D: the sum over each window, divided by the cells inside the image."""

    count: Tensor

    def __init__(
        self,
        kernel: tuple[int, int],
        window: Window,
        size: tuple[int, int],
        stage: OutputStage,
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.window = window
        self.stage = stage
        self.register_buffer("count", self.sums(torch.ones(1, 1, *size)))

    def sums(self, values: Tensor) -> Tensor:
        """Sum over the windows."""
        padded, padding = self.window.pad(values)
        return F.avg_pool2d(
            padded,
            self.kernel,
            self.window.stride,
            padding,
            divisor_override=1,
        )

    def forward(self, values: Tensor) -> Tensor:
        """Pool (N, C, H, W)."""
        result: Tensor = self.stage(self.sums(values) / self.count)
        return result


class RoundedAveragePool(AveragePool):
    """AVERAGE_POOL_2D on codes: TFLite divides the integers themselves, not the centred ones.

    It rounds halves away from zero, and int8 codes have their zero elsewhere than uint8 codes.
    """

    def __init__(
        self,
        kernel: tuple[int, int],
        window: Window,
        size: tuple[int, int],
        stage: OutputStage,
        zero_point: int,
    ) -> None:
        super().__init__(kernel, window, size, stage)
        self.zero_point = zero_point

    def forward(self, values: Tensor) -> Tensor:
        """Pool centred codes (N, C, H, W)."""
        sums = self.sums(values)
        codes = sums.detach() + self.count * self.zero_point
        rounded = torch.floor((codes.abs() + torch.floor(self.count / 2)) / self.count)
        centred = rounded.copysign_(codes).sub_(self.zero_point)
        result: Tensor = self.stage(through(sums / self.count, centred))
        return result


class Mean(nn.Module):
    """MEAN over axes of the file's order: a sum, which the output stage divides."""

    def __init__(
        self,
        axes: tuple[int, ...],
        stage: OutputStage,
        *,
        keep: bool,
        divisor: float,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.axes = axes
        self.stage = stage
        self.keep = keep
        self.divisor = divisor
        self.dtype = dtype

    def forward(self, values: Tensor) -> Tensor:
        """Average."""
        total = to_file_order(values).sum(self.axes, keepdim=self.keep, dtype=self.dtype)
        if self.divisor != 1:
            total = total / self.divisor
        return from_file_order(self.stage(total))


def build_pool(site: Site) -> nn.Module:
    """AVERAGE_POOL_2D and MAX_POOL_2D."""
    site.arity(1)
    kernel = site.positive("filter_h"), site.positive("filter_w")
    window = window_of(site, kernel, (1, 1))
    source = site.input(0)
    size = source.shape[1:3]
    site.gives((source.shape[0], *window.outputs(size, kernel), source.shape[3]))
    quantised = site.quantised
    if quantised:
        site.same_grid(source)
    stage = _limits(site, quantised=quantised)
    if site.record.name == "MAX_POOL_2D":
        return MaximumPool(kernel, window, stage)
    if not quantised or site.mode == "float":
        return AveragePool(kernel, window, (size[0], size[1]), stage)
    zero_point = site.grid(source).zero_point
    return RoundedAveragePool(kernel, window, (size[0], size[1]), stage, zero_point)


def _limits(site: Site, *, quantised: bool) -> OutputStage:
    # Pooled codes are codes of the output already: only the activation is left to do.
    if not quantised:
        return site.real_stage(site.activation)
    return OutputStage(site.grid(site.output).activation_limits(site.activation))


def build_mean(site: Site) -> nn.Module:
    """MEAN over any axes but the first."""
    site.arity(2)
    source = site.input(0)
    rank = len(source.shape)
    axes = tuple(sorted({axis % rank for axis in site.integers(1) if -rank <= axis < rank}))
    if not axes or axes[0] == 0:
        site.fail(f"averages over the axes {site.integers(1)} of {source.shape}, images included")
    count = int(np.prod([source.shape[axis] for axis in axes]))
    keep = bool(site.option("keep_dims"))
    left = [size for axis, size in enumerate(source.shape) if axis not in axes]
    kept = [1 if axis in axes else size for axis, size in enumerate(source.shape)]
    site.gives(kept if keep else left)
    if not site.quantised:
        return Mean(axes, site.real_stage("NONE"), keep=keep, divisor=count, dtype=torch.float32)
    stage = _mean_stage(site, count)
    exact = site.mode != "ref" or count * 255 < _EXACT
    dtype = torch.float32 if exact else torch.float64
    return Mean(axes, stage, keep=keep, divisor=1, dtype=dtype)


def _mean_stage(site: Site, count: int) -> OutputStage:
    source, target = site.grid(site.input(0)), site.grid(site.output)
    multiplier = np.float64(source.scale / (target.scale * np.float32(count)))
    stage = site.stage(
        np.array(multiplier),
        reference=np.array(
            np.float64(source.scale) / np.float64(target.scale),
        ),
    )
    if isinstance(stage, ReferenceStage):
        # The reference kernel divides the fixed-point multiplier itself by the count.
        significand, shift = stage.significand, stage.shift
        extra = min(count.bit_length() - 1, 32, 31 + int(shift))
        stage.significand = (significand << extra) // count
        stage.shift = shift - extra
    return stage
