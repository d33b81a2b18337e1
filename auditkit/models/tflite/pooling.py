"""AVERAGE_POOL_2D and MAX_POOL_2D."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import OutputStage, through
from auditkit.models.tflite.site import Site
from auditkit.models.tflite.window import Window, window_of


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

    rows: Tensor
    columns: Tensor

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
        rows, columns = window.cells(size, kernel)
        self.register_buffer("rows", rows)
        self.register_buffer("columns", columns)

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
        result: Tensor = self.stage(self.sums(values) / (self.rows * self.columns))
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
        sums, count = self.sums(values), self.rows * self.columns
        codes = sums.detach() + count * self.zero_point
        rounded = torch.floor((codes.abs() + torch.floor(count / 2)) / count)
        centred = rounded.copysign_(codes).sub_(self.zero_point)
        result: Tensor = self.stage(through(sums / count, centred))
        return result


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
