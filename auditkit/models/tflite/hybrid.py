"""Integer weights beside real activations (dynamic range): the input is quantised on the fly.

Each image, or each row of a fully connected layer, gets 8-bit codes from its own range before the
product of integers; the result is real again. How the range becomes a scale and a zero point
differs between TFLite's own kernels and XNNPACK.
"""

from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import OutputStage, through
from auditkit.models.tflite.layout import from_file_order, to_file_order
from auditkit.models.tflite.site import Site

Kind: TypeAlias = Literal["asymmetric", "symmetric", "quick", "quick pixels"]
_LOWEST, _HIGHEST = -128, 127


def hybrid_kind(site: Site) -> Kind | None:
    """How the runtime quantises an operator's input on the fly; None if it does not."""
    weight = site.input(1)
    if site.mode == "float" or not weight.quantised or site.quantised:
        return None
    if weight.dtype != "INT8":
        return None
    if site.mode == "ref":
        if site.record.name == "FULLY_CONNECTED":
            return "asymmetric" if site.option("asymmetric") else "symmetric"
        quantisation = weight.quantisation
        single = quantisation is not None and quantisation.scale.size == 1
        return "symmetric" if single else "asymmetric"
    return "quick pixels" if _is_product(site) else "quick"


def _is_product(site: Site) -> bool:
    """Whether XNNPACK takes a convolution for a matrix product, with a range for each pixel."""
    if site.record.name != "CONV_2D" or site.input(1).shape[1:3] != (1, 1):
        return False
    one_step = site.option("stride_h") == site.option("stride_w") == 1
    return one_step and site.input(1).shape[3] == site.source.shape[3]


def asymmetric_range(values: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and zero point of rows in TFLite's kernels.

    Args:
        values: (N, ...).

    Returns:
        scale (N,) float32 and zero point (N,) float64 whole numbers: codes are
        round(value / scale) + zero point, from -128 to 127, and hold zero exactly.
    """
    rows = values.flatten(1)
    low = rows.amin(1).clamp(max=0).double()
    high = rows.amax(1).clamp(min=0).double()
    scale = (high - low) / (_HIGHEST - _LOWEST)
    empty = scale == 0
    safe = torch.where(empty, 1.0, scale)
    # The end of the range that rounds less decides.
    from_low, from_high = _LOWEST - low / safe, _HIGHEST - high / safe
    nearer_low = -_LOWEST + (low / safe).abs() < _HIGHEST + (high / safe).abs()
    zero = torch.where(nearer_low, from_low, from_high).clamp(_LOWEST, _HIGHEST)
    zero = (zero.abs() + 0.5).floor().copysign(zero)
    return safe.float(), torch.where(empty, 0.0, zero)


def _reference_codes(values: Tensor, *, symmetric: bool) -> tuple[Tensor, Tensor]:
    """Centred codes and scales of rows in TFLite's kernels, rounded half away from zero."""
    shape = (-1, *[1] * (values.dim() - 1))
    if symmetric:
        largest = values.flatten(1).abs().amax(1)
        scale = torch.where(largest == 0, 1.0, largest / _HIGHEST).reshape(shape)
        inverse = torch.where(largest == 0, 1.0, _HIGHEST / largest).reshape(shape)
        codes = _away(values * inverse)
        return codes.clamp_(-_HIGHEST, _HIGHEST), scale
    scale, zero = asymmetric_range(values)
    scale, offset = scale.reshape(shape), zero.float().reshape(shape)
    codes = _away(offset + values * (1 / scale))
    return codes.clamp_(_LOWEST, _HIGHEST).sub_(offset), scale


def _quick_codes(values: Tensor, *, pixels: bool) -> tuple[Tensor, Tensor]:
    """Centred codes and scales of rows, or of pixels, in XNNPACK, rounded half to even."""
    axes = (1,) if pixels else tuple(range(1, values.dim()))
    low = values.amin(axes, keepdim=True).clamp_(max=0)
    high = values.amax(axes, keepdim=True).clamp_(min=0)
    span = high - low
    inverse = torch.where(span == 0, 1.0, (_HIGHEST - _LOWEST) / span)
    down, up = low * inverse, high * inverse
    from_low = (_LOWEST + down) + (_HIGHEST + up) > 0
    zero = torch.where(from_low, _LOWEST - down, _HIGHEST - up).clamp_(_LOWEST, _HIGHEST).round_()
    codes = (values * inverse).round_().add_(zero).clamp_(_LOWEST, _HIGHEST).sub_(zero)
    return codes, 1 / inverse


def _away(values: Tensor) -> Tensor:
    return (values.abs() + 0.5).floor_().copysign_(values)


class Hybrid(nn.Module):
    """A layer on codes of its input, made on the fly; the gradient passes the rounding.

    Args:
        layer: on centred codes, without a bias; its output stage limits the result.
        kind: how the codes are made.
        scale: of the weights, broadcastable to the layer's output.
        bias: real, broadcastable to the layer's output.
    """

    scale: Tensor
    bias: Tensor | None

    def __init__(self, layer: nn.Module, kind: Kind, scale: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        stage = layer.stage
        assert isinstance(stage, OutputStage)
        layer.stage = OutputStage((-torch.inf, torch.inf))
        self.stage = stage
        self.layer = layer
        self.kind = kind
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)

    def forward(self, values: Tensor) -> Tensor:
        """Quantise, compute, scale back."""
        found = values.detach()
        if self.kind.startswith("quick"):
            codes, scale = _quick_codes(found, pixels=self.kind == "quick pixels")
        else:
            codes, scale = _reference_codes(found, symmetric=self.kind == "symmetric")
        sums = self.layer(through(values / scale, codes)).to(torch.float32)
        total = sums * (scale * self.scale)
        result: Tensor = self.stage(total if self.bias is None else total + self.bias)
        return result


class HybridRows(Hybrid):
    """A fully connected layer on codes of its input: every row has a range of its own."""

    def __init__(
        self,
        layer: nn.Module,
        kind: Kind,
        scale: Tensor,
        bias: Tensor | None,
        inputs: int,
        shape: tuple[int, ...],
    ) -> None:
        super().__init__(layer, kind, scale, bias)
        self.inputs = inputs
        self.shape = shape

    def forward(self, values: Tensor) -> Tensor:
        """Quantise each row, compute, scale back, give the shape of the file."""
        rows = to_file_order(values).reshape(-1, self.inputs)
        return from_file_order(super().forward(rows).reshape(len(values), *self.shape))
