"""QuantizeLinear and DequantizeLinear."""

import torch
from torch import Tensor

from auditkit.models.onnx.grids import LIMITS, Grid, grid
from auditkit.models.onnx.operation import Operator
from auditkit.models.onnx.rounding import Quantiser, blocks, differentiated
from auditkit.models.onnx.site import Site
from auditkit.models.onnx.tensors import type_name


class Quantise(Operator):
    """Real values to codes."""

    scale: Tensor

    def __init__(self, codes: Grid, axis: int, *, rounds: bool, masked: bool) -> None:
        super().__init__(positions=(0,))
        self.axis = axis
        self.overwritable = (0,) if codes.scale.size == 1 else ()
        self.register_buffer("scale", torch.tensor(codes.scale.reshape(-1)))
        zero = codes.zero_point.reshape(-1 if codes.scale.size > 1 else ())
        self.stage = Quantiser(codes.limits, zero, rounds=rounds, masked=masked)

    def forward(self, x: Tensor, *, overwrite: int | None = None) -> Tensor:
        """Divide, as the runtime does: a product with 1 / scale rounds otherwise at ties."""
        if self.scale.numel() > 1:
            turned: Tensor = self.stage(x.movedim(self.axis, -1) / self.scale)
            return turned.movedim(-1, self.axis)
        if x.is_meta or not x.ndim or differentiated(x) or x.dtype != torch.float32:
            codes: Tensor = self.stage(x / self.scale)
            return codes
        codes = torch.empty_like(x) if overwrite is None else x
        for part, target in blocks(x, codes):
            self.stage(torch.div(part, self.scale, out=target), overwrite=True)
        return codes


def build_quantise(site: Site) -> Operator:
    """QuantizeLinear, once per tensor or per slice of an axis."""
    site.only("block_size", 0)
    site.only("precision", 0)
    default = type_name(site.integer("output_dtype", 2)).lower()
    codes = grid(site, 1, 2, default)
    if codes.dtype not in LIMITS:
        site.fail(f"gives codes of {codes.dtype}; the reader knows {', '.join(LIMITS)}")
    return Quantise(codes, site.integer("axis", 1), rounds=site.mode == "fake", masked=site.masked)


class Dequantise(Operator):
    """Codes to real values."""

    scale: Tensor
    zero_point: Tensor

    def __init__(self, codes: Grid, axis: int) -> None:
        super().__init__(positions=(0,))
        self.axis = axis
        self.overwritable = (0,) if codes.scale.size == 1 else ()
        shape = -1 if codes.scale.size > 1 else ()
        self.register_buffer("scale", torch.tensor(codes.scale.reshape(shape)))
        self.register_buffer("zero_point", torch.tensor(codes.zero_point.reshape(shape)))

    def forward(self, codes: Tensor, *, overwrite: int | None = None) -> Tensor:
        """Subtract the zero point, multiply by the scale."""
        real = codes.to(torch.float32)
        if not self.scale.ndim and (real.is_meta or not real.ndim or differentiated(real)):
            return (real - self.zero_point) * self.scale
        if not self.scale.ndim:
            target = torch.empty_like(real) if overwrite is None else real
            for part, exact in blocks(real, target):
                torch.sub(part, self.zero_point, out=exact).mul_(self.scale)
            return target
        turned = (real.movedim(self.axis, -1) - self.zero_point) * self.scale
        return turned.movedim(-1, self.axis)


def build_dequantise(site: Site) -> Operator:
    """DequantizeLinear, once per tensor or per slice of an axis."""
    site.only("block_size", 0)
    stored = site.constant(0)
    codes = grid(site, 1, 2, "uint8" if stored is None else stored.dtype.name)
    return Dequantise(codes, site.integer("axis", 1))
