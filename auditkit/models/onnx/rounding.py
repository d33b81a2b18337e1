"""Rounding that passes the gradient: the straight-through estimator.

Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference, arXiv:1712.05877, section 3. Codes are whole numbers kept in float32.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

# Elements that one pass works on (1 MiB): scale, round and clamp then read from the cache.
_BLOCK = 1 << 18


def differentiated(*values: Tensor) -> bool:
    """Whether a gradient has to be kept for what is computed from these."""
    return torch.is_grad_enabled() and any(value.requires_grad for value in values)


def blocks(*values: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Views of tensors of one shape that fit in a processor's cache; a GPU gets them whole.

    They are parts along the first axis, and of images also along the height, so that what is
    broadcast along channels fits them all.
    """
    first = values[0]
    if first.device.type != "cpu" or first.numel() <= _BLOCK:
        yield values
        return
    rows = _BLOCK * len(first) // first.numel()
    for parts in zip(*(torch.split(value, max(1, rows)) for value in values), strict=True):
        if rows or first.ndim != 4:
            yield parts
            continue
        height = max(1, _BLOCK * first.shape[2] // parts[0].numel())
        yield from zip(*(torch.split(part, height, 2) for part in parts), strict=True)


class _Through(torch.autograd.Function):
    """Value of the second tensor, gradient of the first where the mask lets it pass."""

    @staticmethod
    def forward(ctx: Any, exact: Tensor, rounded: Tensor, mask: Tensor | None) -> Tensor:
        del exact
        ctx.save_for_backward(mask)
        return rounded

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None]:
        (mask,) = ctx.saved_tensors
        return gradients[0] if mask is None else gradients[0] * mask, None, None


def through(exact: Tensor, rounded: Tensor, mask: Tensor | None = None) -> Tensor:
    """Value of `rounded`, to the bit; gradient of `exact` where `mask` is true."""
    if not exact.requires_grad:
        return rounded
    value: Tensor = _Through.apply(exact, rounded.detach(), mask)
    return value


def truncated(x: Tensor, lowest: int, highest: int) -> Tensor:
    """Cast to 8 bits: towards zero, kept in float32; the gradient passes."""
    real = x.to(torch.float32)
    return through(real, real.detach().trunc().clamp(lowest, highest))


class Quantiser(nn.Module):
    """Sums to codes: clip(round(total * multiplier) + zero_point), ties to even.

    Args:
        limits: smallest and largest code.
        zero_point: code of zero; a scalar, or an array that can be broadcast to the sums.
        multiplier: of the sums; likewise.
        rounds: False leaves the rounding out, the limits stay.
        masked: False lets the gradient pass where the code is at its limit. It is meant for the
            output: a probability of 255/256 would otherwise have a gradient of exactly zero.

    Example:
        >>> Quantiser((0, 255), np.float32(3), np.float32(0.5))(torch.tensor([1.0, 3.0]))
        tensor([3., 5.])
    """

    multiplier: Tensor
    zero_point: Tensor

    def __init__(
        self,
        limits: tuple[int, int],
        zero_point: npt.ArrayLike,
        multiplier: npt.ArrayLike = 1.0,
        *,
        rounds: bool = True,
        masked: bool = True,
    ) -> None:
        super().__init__()
        self.limits = limits
        self.rounds = rounds
        self.masked = masked
        self.scales = bool(np.any(np.asarray(multiplier) != 1))
        self.register_buffer("multiplier", torch.tensor(np.asarray(multiplier, np.float32)))
        self.register_buffer("zero_point", torch.tensor(np.asarray(zero_point, np.float32)))

    def forward(self, total: Tensor, *, overwrite: bool = False) -> Tensor:
        """Give codes, whole numbers in float32 (real ones without rounding).

        With `overwrite`, sums that need no gradient become the codes.
        """
        if overwrite and total.ndim and not total.is_meta and not differentiated(total):
            return self._overwritten(total)
        scaled = total * self.multiplier
        if scaled.is_meta:
            # Shapes are all that is asked for, and slow to follow step by step.
            return scaled
        with torch.no_grad():
            codes = (
                scaled.round().add_(self.zero_point) if self.rounds else scaled + self.zero_point
            )
            lowest, highest = self.limits
            mask = None
            if scaled.requires_grad and self.masked:
                mask = (codes >= lowest) & (codes <= highest)
            codes = codes.clamp_(lowest, highest)
        return through(scaled, codes, mask)

    def _overwritten(self, total: Tensor) -> Tensor:
        for (part,) in blocks(total):
            if self.scales:
                part.mul_(self.multiplier)
            if self.rounds:
                part.round_()
            part.add_(self.zero_point).clamp_(*self.limits)
        return total
