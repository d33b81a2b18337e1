"""QUANTIZE, DEQUANTIZE, and CAST of a byte image."""

import numpy as np
from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import Grid, OutputStage, through
from auditkit.models.tflite.site import Site


class Quantise(nn.Module):
    """QUANTIZE of real values in the reference kernel: divide, round half away from zero."""

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.scale = float(grid.scale)
        self.limits = grid.limits

    def forward(self, values: Tensor) -> Tensor:
        """Turn real values into centred codes."""
        exact = values / self.scale
        codes = exact.detach()
        rounded = (codes.abs() + 0.5).floor_().copysign_(codes).clamp_(*self.limits)
        return through(exact, rounded)


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


def build_quantise(site: Site) -> nn.Module:
    """QUANTIZE, from float32 or between int8 and uint8."""
    site.keeps_shape()
    source, target = site.input(0), site.grid(site.output)
    if source.dtype == "FLOAT32":
        if site.mode == "ref":
            return Quantise(target)
        return Rescale(site.stage(np.array(np.float32(1) / target.scale, np.float64)))
    here = site.grid(source)
    ratio = here.scale / target.scale
    quick = here.dtype == target.dtype and 2**-8 <= ratio <= 2**7
    # XNNPACK keeps 8 fractional bits of the ratio and rounds half up.
    fine = np.rint(ratio * 256) / 256 if quick else ratio
    stage = site.stage(
        np.array(fine, np.float64),
        reference=np.array(np.float64(here.scale) / np.float64(target.scale)),
        rounding="up" if quick else "even",
    )
    return Rescale(stage)


def build_dequantise(site: Site) -> nn.Module:
    """DEQUANTIZE of 8-bit codes to float32."""
    site.keeps_shape()
    if site.output.dtype != "FLOAT32":
        site.fail(f"gives {site.output.dtype}, expected FLOAT32")
    return Dequantise(float(site.grid(site.input(0)).scale))


class Cast(nn.Module):
    """CAST of bytes to real numbers, which they are here already."""

    def forward(self, values: Tensor) -> Tensor:
        """Pass on."""
        return values


def build_cast(site: Site) -> nn.Module:
    """CAST of a byte image to float32."""
    site.keeps_shape()
    source, output = site.input(0), site.output
    kinds = source.dtype, output.dtype
    if kinds != ("UINT8", "FLOAT32") or source.index != site.graph.input or source.quantisation:
        site.fail(f"casts {source.dtype} to {output.dtype}; the reader knows bytes of the input")
    return Cast()
