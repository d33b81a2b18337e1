"""Functions of one tensor: activations, SOFTMAX, LOGISTIC, HARD_SWISH, QUANTIZE, DEQUANTIZE."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import Grid, OutputStage, through
from auditkit.models.tflite.fixed_point import (
    divide_by_power_of_two,
    exponential_of_negative,
    high_product,
    quantise_multiplier,
    reciprocal,
)
from auditkit.models.tflite.site import Site
from auditkit.models.tflite.tables import hard_swish_table, logistic_table

# The reference softmax keeps differences of logits with 5 integer bits, sums with 12.
_DIFFERENCE_BITS, _SUM_BITS = 5, 12


class Activation(nn.Module):
    """RELU, RELU6 and RELU_N1_TO_1 as operators of their own."""

    def __init__(self, stage: OutputStage) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, values: Tensor) -> Tensor:
        """Limit."""
        # The stage overwrites what it is given, and others may read the input.
        result: Tensor = self.stage(values.clone())
        return result


class Softmax(nn.Module):
    """SOFTMAX over the channels; `scale` turns the input into real logits times beta."""

    def __init__(self, scale: float, stage: OutputStage) -> None:
        super().__init__()
        self.scale = scale
        self.stage = stage

    def forward(self, values: Tensor) -> Tensor:
        """Normalise (N, C) or (N, C, H, W)."""
        # A product, because softmax needs its own result for the gradient.
        share = F.softmax(values * self.scale, 1 if values.dim() == 4 else -1)
        result: Tensor = self.stage(share * 1.0)
        return result


class ReferenceSoftmax(nn.Module):
    """SOFTMAX of the reference kernel: exponentials and reciprocal in fixed point."""

    exponential: Tensor

    def __init__(self, scale: float) -> None:
        super().__init__()
        real = min(scale * (1 << (31 - _DIFFERENCE_BITS)), float((1 << 31) - 1))
        significand, shift = (int(value) for value in quantise_multiplier(np.array(real)))
        steps = torch.arange(256)
        # A real multiplier of at most one would need a right shift; logits that fine have no use.
        scaled = high_product(-steps << max(shift, 0), significand)
        reach = (
            ((1 << _DIFFERENCE_BITS) - 1) * (1 << (31 - _DIFFERENCE_BITS)) // (1 << max(shift, 0))
        )
        table = exponential_of_negative(scaled)
        self.register_buffer("exponential", torch.where(steps <= reach, table, 0))

    def forward(self, values: Tensor) -> Tensor:
        """Normalise centred codes; give centred codes of scale 1/256 and the lowest zero point."""
        axis = 1 if values.dim() == 4 else -1
        codes = values.detach()
        steps = (codes.amax(axis, keepdim=True) - codes).to(torch.int64)
        power = self.exponential[steps]
        total = divide_by_power_of_two(power, _SUM_BITS).sum(axis, keepdim=True)
        scale, bits = reciprocal(total, _SUM_BITS)
        share = divide_by_power_of_two(high_product(scale, power), bits + 31 - 8)
        return torch.where(power > 0, share, 0).clamp_(0, 255).to(torch.float32)


class Table(nn.Module):
    """A function of 8-bit codes: one stored output per code, the true function for the gradient."""

    table: Tensor

    def __init__(
        self,
        table: npt.NDArray[np.float32],
        source: Grid,
        target: Grid,
        function: Callable[[Tensor], Tensor],
    ) -> None:
        super().__init__()
        self.register_buffer("table", torch.from_numpy(table))
        self.lowest = source.limits[0]
        self.scales = float(source.scale), float(target.scale)
        self.function = function

    def forward(self, values: Tensor) -> Tensor:
        """Look up centred codes."""
        found = self.table[(values.detach() - self.lowest).to(torch.int64)]
        if not values.requires_grad:
            return found
        exact = self.function(values * self.scales[0]) / self.scales[1]
        return through(exact, found)


class Function(nn.Module):
    """A function of real values, or of codes without rounding."""

    def __init__(
        self,
        function: Callable[[Tensor], Tensor],
        scale: float,
        stage: OutputStage,
    ) -> None:
        super().__init__()
        self.function = function
        self.scale = scale
        self.stage = stage

    def forward(self, values: Tensor) -> Tensor:
        """Apply."""
        scaled = values if self.scale == 1 else values * self.scale
        result: Tensor = self.stage(self.function(scaled) * 1.0)
        return result


class Quantise(nn.Module):
    """QUANTIZE of real values in the reference kernel: divide, round half away from zero."""

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.scale = float(grid.scale)
        self.limits = grid.limits

    def forward(self, values: Tensor) -> Tensor:
        """Turn real values into centred codes."""
        codes = values.detach() / self.scale
        return (codes.abs() + 0.5).floor_().copysign_(codes).clamp_(*self.limits)


class Rescale(nn.Module):
    """QUANTIZE, from real values or from other codes: only an output stage."""

    def __init__(self, stage: OutputStage) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, values: Tensor) -> Tensor:
        """Rescale a copy."""
        result: Tensor = self.stage(values.clone())
        return result


class Dequantise(nn.Module):
    """DEQUANTIZE: centred codes to real values."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, values: Tensor) -> Tensor:
        """Multiply by the scale."""
        return values * self.scale


def build_activation(site: Site) -> nn.Module:
    """RELU, RELU6, RELU_N1_TO_1."""
    _one_shape(site)
    if not site.quantised:
        return Activation(site.real_stage(site.record.name))
    source, target = site.grid(site.input(0)).scale, site.grid(site.output).scale
    ratio = np.float64(source) / np.float64(target)
    return Activation(site.stage(np.array(ratio), site.record.name))


def build_softmax(site: Site) -> nn.Module:
    """SOFTMAX."""
    _one_shape(site)
    beta = float(site.record.options["beta"])
    if not (np.isfinite(beta) and beta > 0):
        site.fail(f"has beta = {beta}, which should be a positive number")
    if not site.quantised:
        return Softmax(beta, site.real_stage("NONE"))
    scale = float(site.grid(site.input(0)).scale) * beta
    target = site.grid(site.output)
    if site.mode != "ref":
        inverse = np.array(1 / np.float64(target.scale))
        return Softmax(scale, site.stage(inverse, rounding="up", masked=False))
    if target.limits[0] != 0 or abs(target.scale * 256 - 1) > 1e-3:
        site.fail(f"has an output scale of {target.scale}, expected 1/256 from the lowest code")
    return ReferenceSoftmax(scale)


def build_logistic(site: Site) -> nn.Module:
    """LOGISTIC."""
    return _function(site, torch.sigmoid, logistic_table)


def build_hard_swish(site: Site) -> nn.Module:
    """HARD_SWISH."""
    return _function(site, F.hardswish, hard_swish_table)


def _function(
    site: Site,
    function: Callable[[Tensor], Tensor],
    table: Callable[[Grid, Grid], npt.NDArray[np.float32]],
) -> nn.Module:
    _one_shape(site)
    if not site.quantised:
        return Function(function, 1.0, site.real_stage("NONE"))
    source, target = site.grid(site.input(0)), site.grid(site.output)
    if site.mode == "float":
        inverse = np.array(1 / np.float64(target.scale))
        return Function(function, float(source.scale), site.stage(inverse, masked=False))
    return Table(table(source, target), source, target, function)


def build_quantise(site: Site) -> nn.Module:
    """QUANTIZE, from float32 or between int8 and uint8."""
    _one_shape(site)
    source, target = site.input(0), site.grid(site.output)
    if source.dtype == "FLOAT32":
        if site.mode == "ref":
            return Quantise(target)
        return Rescale(site.stage(np.array(np.float32(1) / target.scale, np.float64)))
    ratio = np.float64(site.grid(source).scale) / np.float64(target.scale)
    return Rescale(site.stage(np.array(ratio)))


def build_dequantise(site: Site) -> nn.Module:
    """DEQUANTIZE of 8-bit codes to float32."""
    _one_shape(site)
    if site.output.dtype != "FLOAT32":
        site.fail(f"gives {site.output.dtype}, expected FLOAT32")
    return Dequantise(float(site.grid(site.input(0)).scale))


def _one_shape(site: Site) -> None:
    site.arity(1)
    site.gives(site.input(0).shape)
