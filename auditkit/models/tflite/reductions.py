"""MEAN, SUM, REDUCE_MAX and REDUCE_MIN."""

import numpy as np
import torch
from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import OutputStage, ReferenceStage
from auditkit.models.tflite.layout import from_file_order, to_file_order
from auditkit.models.tflite.site import Site

_EXACT = 1 << 24


class Total(nn.Module):
    """MEAN and SUM over axes of the file's order: a sum, which the output stage may divide."""

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
        """Sum, or average."""
        total = to_file_order(values).sum(self.axes, keepdim=self.keep, dtype=self.dtype)
        if self.divisor != 1:
            total = total / self.divisor
        return from_file_order(self.stage(total))


class Extreme(nn.Module):
    """REDUCE_MAX and REDUCE_MIN over axes of the file's order; codes keep their order."""

    def __init__(self, axes: tuple[int, ...], *, keep: bool, largest: bool) -> None:
        super().__init__()
        self.axes = axes
        self.keep = keep
        self.largest = largest

    def forward(self, values: Tensor) -> Tensor:
        """Find the extreme."""
        find = torch.amax if self.largest else torch.amin
        return from_file_order(find(to_file_order(values), self.axes, self.keep))


def build_mean(site: Site) -> nn.Module:
    """MEAN over any axes but the first."""
    axes, keep, count = _axes(site)
    if not site.quantised:
        return Total(axes, site.real_stage("NONE"), keep=keep, divisor=count, dtype=torch.float32)
    return Total(axes, _mean_stage(site, count), keep=keep, divisor=1, dtype=_dtype(site, count))


def build_total(site: Site) -> nn.Module:
    """SUM over any axes but the first."""
    axes, keep, count = _axes(site)
    if not site.quantised:
        return Total(axes, site.real_stage("NONE"), keep=keep, divisor=1, dtype=torch.float32)
    source, target = site.grid(site.input(0)).scale, site.grid(site.output).scale
    if source == target:
        site.fail("sums codes into one scale, which TFLite computes modulo 256")
    ratio = np.array(np.float64(source) / np.float64(target))
    return Total(axes, site.stage(ratio), keep=keep, divisor=1, dtype=_dtype(site, count))


def build_extreme(site: Site) -> nn.Module:
    """REDUCE_MAX and REDUCE_MIN over any axes but the first."""
    axes, keep, _ = _axes(site)
    site.passes()
    return Extreme(axes, keep=keep, largest=site.record.name == "REDUCE_MAX")


def _axes(site: Site) -> tuple[tuple[int, ...], bool, int]:
    """The axes, whether they stay with size 1, and how many values each result is made of."""
    site.arity(2)
    source = site.input(0)
    rank = len(source.shape)
    axes = tuple(sorted({axis % rank for axis in site.integers(1) if -rank <= axis < rank}))
    if not axes or axes[0] == 0:
        site.fail(f"reduces the axes {site.integers(1)} of {source.shape}, images included")
    keep = bool(site.option("keep_dims"))
    left = [size for axis, size in enumerate(source.shape) if axis not in axes]
    kept = [1 if axis in axes else size for axis, size in enumerate(source.shape)]
    site.gives(kept if keep else left)
    return axes, keep, int(np.prod([source.shape[axis] for axis in axes]))


def _dtype(site: Site, count: int) -> torch.dtype:
    exact = site.mode != "ref" or count * 255 < _EXACT
    return torch.float32 if exact else torch.float64


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
