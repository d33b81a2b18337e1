"""L2_NORMALIZATION and LOCAL_RESPONSE_NORMALIZATION."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import OutputStage, through
from auditkit.models.tflite.fixed_point import inverse_square_root, rescale
from auditkit.models.tflite.layout import from_file_order, to_file_order
from auditkit.models.tflite.site import Site

_SMALLEST_NORM = 1e-6
# Codes of unit vectors have the scale 1/128.
_UNIT_BITS = 7


def _unit(values: Tensor) -> Tensor:
    axis = 1 if values.dim() == 4 else -1
    length = values.square().sum(axis, keepdim=True).sqrt()
    return values / length.clamp(min=_SMALLEST_NORM)


class UnitLength(nn.Module):
    """L2_NORMALIZATION of real values, over the last axis of the file."""

    def __init__(self, stage: OutputStage) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, values: Tensor) -> Tensor:
        """Divide by the length."""
        result: Tensor = self.stage(_unit(values) * 1.0)
        return result


class RoundedUnitLength(nn.Module):
    """L2_NORMALIZATION of codes, which both of TFLite's kernels compute in fixed point."""

    def __init__(self, limits: tuple[int, int], *, signed: bool) -> None:
        super().__init__()
        self.limits = limits
        self.signed = signed

    def forward(self, values: Tensor) -> Tensor:
        """Divide by the length; give centred codes of scale 1/128."""
        codes = to_file_order(values.detach()).to(torch.int64)
        significand, shift = inverse_square_root(codes.square().sum(-1, keepdim=True))
        if self.signed:
            rounded = rescale(codes, significand, shift + _UNIT_BITS)
        else:
            rounded = rescale(codes << _UNIT_BITS, significand, shift)
        result = from_file_order(rounded).clamp_(*self.limits).to(torch.float32)
        return (
            through(_unit(values) * (1 << _UNIT_BITS), result) if values.requires_grad else result
        )


class LocalResponse(nn.Module):
    """LOCAL_RESPONSE_NORMALIZATION over neighbouring channels.

    x / (bias + alpha * sum of squares of the channels within the radius) ** beta, Krizhevsky et al.,
    ImageNet Classification with Deep CNNs, NIPS 2012, section 3.3; TFLite's alpha is not divided.
    """

    def __init__(self, before: int, after: int, bias: float, alpha: float, beta: float) -> None:
        super().__init__()
        self.before = before
        self.after = after
        self.bias = bias
        self.alpha = alpha
        self.beta = beta

    def forward(self, values: Tensor) -> Tensor:
        """Normalise (N, C, H, W)."""
        width = self.before + 1 + self.after
        squares = values.square().flatten(2).transpose(1, 2)
        padded = F.pad(squares, (self.before, self.after))
        total = padded.unfold(-1, width, 1).sum(-1).transpose(1, 2).reshape(values.shape)
        return values * (self.bias + self.alpha * total) ** -self.beta


def build_unit_length(site: Site) -> nn.Module:
    """L2_NORMALIZATION."""
    site.keeps_shape()
    if not site.quantised:
        return UnitLength(site.real_stage(site.activation))
    if site.activation != "NONE":
        site.fail(f"has the activation {site.activation}, which it cannot on codes")
    site.grid(site.input(0))
    target = site.grid(site.output)
    middle = 0 if target.signed else 128
    if abs(target.scale * (1 << _UNIT_BITS) - 1) > 1e-3 or target.zero_point != middle:
        site.fail(f"has the output scale {target.scale}, expected 1/128 around {middle}")
    if site.mode == "float":
        return UnitLength(site.stage(np.array(1 / np.float64(target.scale))))
    return RoundedUnitLength(target.limits, signed=target.signed)


def build_local_response(site: Site) -> nn.Module:
    """LOCAL_RESPONSE_NORMALIZATION of real values."""
    site.keeps_shape()
    site.real_only()
    radius, channels = site.option("radius"), site.input(0).shape[-1]
    if len(site.input(0).shape) != 4 or not 1 <= radius < 1 << 15:
        site.fail(f"has the radius {radius} for the shape {site.input(0).shape}")
    options = [site.real_option(name) for name in ("bias", "alpha", "beta")]
    before = min(radius, channels - 1)
    # The reference kernel leaves out the last channel of every window.
    after = before - 1 if site.mode == "ref" and before == radius else before
    return LocalResponse(before, after, *options)
