"""How the sum of an operator becomes its output: the three arithmetics of the reader.

Quantised tensors travel as centred codes q - zero_point in float32, so that products and sums are
exact integers below 2**24 and do not depend on the order or the size of a batch.

* `fake`: float rescale, round half to even, as XNNPACK does; a straight-through estimator
  (Jacob et al., arXiv:1712.05877, section 3) carries the gradient.
* `ref`: TFLite's reference kernels, fixed point with two roundings, bit for bit; no gradient.
* `float`: the same network without rounding, still limited to the representable range.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auditkit.models.tflite.fixed_point import quantise_multiplier, rescale

Mode: TypeAlias = Literal["fake", "ref", "float"]
Rounding: TypeAlias = Literal["even", "up", "away", "none"]

_LIMITS = {"INT8": (-128, 127), "UINT8": (0, 255)}
# Elements that one pass works on (1 MiB): rescale, round and clamp then read from the cache.
_BLOCK = 1 << 18


@dataclass(frozen=True)
class Grid:
    """The 8-bit codes of a tensor: real = scale * (code - zero_point)."""

    scale: np.float32
    zero_point: int
    dtype: str

    @property
    def signed(self) -> bool:
        """Whether the codes are int8."""
        return self.dtype == "INT8"

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest centred code."""
        lowest, highest = _LIMITS[self.dtype]
        return lowest - self.zero_point, highest - self.zero_point

    def activation_limits(self, activation: str) -> tuple[int, int]:
        """Smallest and largest centred code that a fused activation lets through."""
        lowest, highest = self.limits
        low, high = ACTIVATIONS[activation]
        if np.isfinite(low):
            lowest = max(lowest, _round_away(np.float32(low) / self.scale))
        if np.isfinite(high):
            highest = min(highest, _round_away(np.float32(high) / self.scale))
        return lowest, highest


ACTIVATIONS: dict[str, tuple[float, float]] = {
    "NONE": (-np.inf, np.inf),
    "RELU": (0.0, np.inf),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU6": (0.0, 6.0),
    "RELU_0_TO_1": (0.0, 1.0),
}


def _round_away(value: np.float32) -> int:
    return int(np.copysign(np.floor(np.abs(value) + np.float32(0.5)), value))


class _RoundThrough(torch.autograd.Function):
    """Rescale, round and clamp; the gradient passes where the rounded code fits."""

    @staticmethod
    def forward(ctx: Any, total: Tensor, multiplier: Tensor, stage: "FakeStage") -> Tensor:
        ctx.stage = stage
        if not stage.masked:
            ctx.mark_dirty(total)
            ctx.save_for_backward(multiplier)
            return stage.rescaled(total).clamp_(*stage.limits)
        # The sums are nobody else's: they become the rounded codes before the limits.
        codes = torch.empty_like(total)
        for part, code in zip(_blocks(total), _blocks(codes), strict=True):
            torch.clamp(stage.rescaled(part), *stage.limits, out=code)
        ctx.save_for_backward(multiplier, total)
        return codes

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None]:
        multiplier, *rounded = ctx.saved_tensors
        if not rounded:
            return gradients[0] * multiplier, None, None
        lowest, highest = ctx.stage.limits
        # Codes are whole numbers, so that half a step outside the limits includes them.
        passed = _WITHIN(gradients[0], rounded[0], lowest - 0.5, highest + 0.5)
        return passed.mul_(multiplier), None, None


# The gradient where a value lies between two limits, else 0, in one pass over memory.
_WITHIN = torch.ops.aten.hardtanh_backward


def _round(values: Tensor, rounding: Rounding) -> None:
    if rounding == "even":
        values.round_()
    elif rounding == "up":
        values.add_(0.5).floor_()
    elif rounding == "away":
        values.copy_((values.abs() + 0.5).floor_().copysign_(values))


def through(exact: Tensor, rounded: Tensor) -> Tensor:
    """Value of `rounded`, gradient of `exact`: the straight-through estimator.

    Args:
        exact: float, the differentiable quantity.
        rounded: float of the same shape, what the device computes.

    Returns:
        `rounded`, to the bit.

    Example:
        >>> x = torch.tensor([0.4], requires_grad=True)
        >>> y = through(3 * x, (3 * x).round())
        >>> y.backward(); y.item(), x.grad.item()
        (1.0, 3.0)
    """
    if not exact.requires_grad:
        return rounded
    value: Tensor = _Through.apply(exact, rounded)
    return value


class _Through(torch.autograd.Function):
    """`exact + (rounded - exact).detach()` would lose the last bit of codes."""

    @staticmethod
    def forward(ctx: Any, exact: Tensor, rounded: Tensor) -> Tensor:
        del ctx, exact
        return rounded.detach().clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Any, None]:
        del ctx
        return gradients[0], None


class OutputStage(nn.Module):
    """The end of an operator on real values: the fused activation only."""

    def __init__(self, limits: tuple[float, float]) -> None:
        super().__init__()
        self.limits = limits

    def forward(self, total: Tensor) -> Tensor:
        """Limit a fresh tensor, which may be overwritten."""
        lowest, highest = self.limits
        if not np.isfinite(self.limits).any():
            return total
        if (lowest, highest) == (0, np.inf):
            return F.relu_(total)
        # As clamp, with a gradient that is several times as fast.
        return F.hardtanh_(total, lowest, highest)


class FakeStage(OutputStage):
    """Float rescale, at most one rounding, clamp: the arithmetics `fake` and `float`.

    `masked=False` lets the gradient pass a saturated code. It is meant for the output quantiser:
    a probability that rounds to 255/256 would otherwise have a gradient of exactly zero.
    """

    multiplier: Tensor

    def __init__(
        self,
        limits: tuple[float, float],
        multiplier: npt.NDArray[np.float32],
        rounding: Rounding,
        *,
        masked: bool,
    ) -> None:
        super().__init__(limits)
        self.rounding: Rounding = rounding
        self.masked = masked
        self.register_buffer("multiplier", torch.tensor(multiplier))

    def forward(self, total: Tensor) -> Tensor:
        """Turn a fresh tensor of sums into centred codes, overwriting it."""
        if total.requires_grad:
            result: Tensor = _RoundThrough.apply(total, self.multiplier, self)
            return result
        for part in _blocks(total):
            self.rescaled(part).clamp_(*self.limits)
        return total

    def rescaled(self, total: Tensor) -> Tensor:
        """Rescale and round in place, without limits."""
        _round(total.mul_(self.multiplier), self.rounding)
        return total


def _blocks(values: Tensor) -> tuple[Tensor, ...]:
    """Views of a batch that fit in a processor's cache; a GPU gets it whole."""
    if values.device.type != "cpu" or values.numel() <= _BLOCK:
        return (values,)
    return torch.split(values, max(1, _BLOCK * len(values) // values.numel()))


class ReferenceStage(OutputStage):
    """Fixed point with two roundings, as the reference kernels: `rescale`."""

    significand: Tensor
    shift: Tensor

    def __init__(self, limits: tuple[float, float], multiplier: npt.NDArray[np.float64]) -> None:
        super().__init__(limits)
        significand, shift = quantise_multiplier(multiplier)
        self.register_buffer("significand", torch.tensor(significand))
        self.register_buffer("shift", torch.tensor(shift))

    def forward(self, total: Tensor) -> Tensor:
        """Turn exact integer sums into centred codes."""
        codes = rescale(total.detach().to(torch.int64), self.significand, self.shift)
        lowest, highest = self.limits
        return codes.clamp_(int(lowest), int(highest)).to(torch.float32)


class DoubleStage(OutputStage):
    """Rescale in double precision, one rounding away from zero.

    The reference kernel of FULLY_CONNECTED does this since LiteRT 2; before, it was in fixed point.
    """

    multiplier: Tensor

    def __init__(self, limits: tuple[float, float], multiplier: npt.NDArray[np.float64]) -> None:
        super().__init__(limits)
        self.register_buffer("multiplier", torch.tensor(multiplier))

    def forward(self, total: Tensor) -> Tensor:
        """Turn exact integer sums into centred codes."""
        codes = total.detach().to(torch.float64) * self.multiplier
        _round(codes, "away")
        return codes.clamp_(*self.limits).to(torch.float32)
