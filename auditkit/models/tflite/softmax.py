"""SOFTMAX and LOG_SOFTMAX."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import OutputStage
from auditkit.models.tflite.fixed_point import (
    divide_by_power_of_two,
    exponential_of_negative,
    high_product,
    quantise_multiplier,
    reciprocal,
)
from auditkit.models.tflite.site import Site

# The reference softmax keeps differences of logits with 5 integer bits, sums with 12.
_DIFFERENCE_BITS, _SUM_BITS = 5, 12


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


class LogSoftmax(nn.Module):
    """LOG_SOFTMAX over the channels."""

    def forward(self, values: Tensor) -> Tensor:
        """Normalise (N, C) or (N, C, H, W)."""
        return F.log_softmax(values, 1 if values.dim() == 4 else -1)


def build_softmax(site: Site) -> nn.Module:
    """SOFTMAX."""
    site.keeps_shape()
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
    if not scale * (1 << (31 - _DIFFERENCE_BITS)) > 1:
        # The runtime itself would end the process.
        site.fail(f"has logits of scale {scale}, which TFLite's reference kernels cannot hold")
    return ReferenceSoftmax(scale)


def build_log_softmax(site: Site) -> nn.Module:
    """LOG_SOFTMAX of real values."""
    site.keeps_shape()
    site.real_only()
    return LogSoftmax()
