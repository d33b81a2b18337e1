"""The integer arithmetic of TFLite's reference kernels, on int64 tensors.

TFLite scales a 32-bit accumulator by a real number M with an integer product and two roundings
(Jacob et al., arXiv:1712.05877, section 2.2, and its gemmlowp implementation). Repeating these
steps gives the same bits. All values here fit in 32 bits; int64 is the room for their products.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

_ONE: Final = (1 << 31) - 1  # 1.0 as a signed fraction of 31 bits, saturated
_LEAST: Final = -(1 << 31)


def quantise_multiplier(
    real: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Split real numbers into a 31-bit significand and a power of two.

    Args:
        real: non-negative numbers, any shape.

    Returns:
        significand, shift: real is about significand * 2 ** (shift - 31), with the significand in
        [2**30, 2**31) or 0.

    Example:
        >>> quantise_multiplier(np.array([0.75]))
        (array([1610612736]), array([0]))
    """
    fraction, shift = np.frexp(np.asarray(real, np.float64))
    # Half away from zero, and the fractions are not negative.
    significand = np.floor(fraction * (1 << 31) + 0.5).astype(np.int64)
    shift = shift.astype(np.int64)
    carried = significand == 1 << 31
    significand, shift = np.where(carried, significand // 2, significand), shift + carried
    vanished = (shift < -31) | (significand == 0)
    return np.where(vanished, 0, significand), np.where(vanished, 0, shift)


def high_product(left: Tensor, right: Tensor | int) -> Tensor:
    """Round left * right / 2**31, ties away from zero for positive and towards zero for negative.

    Example:
        >>> high_product(torch.tensor([3, -3]), 1 << 30)
        tensor([ 2, -1])
    """
    product = left * right
    nudge = torch.where(product >= 0, 1 << 30, 1 - (1 << 30))
    return torch.div(product + nudge, 1 << 31, rounding_mode="trunc").clamp_(_LEAST, _ONE)


def divide_by_power_of_two(values: Tensor, exponent: Tensor | int) -> Tensor:
    """Round values / 2**exponent, ties away from zero.

    Example:
        >>> divide_by_power_of_two(torch.tensor([5, -5, 6]), 1)
        tensor([ 3, -3,  3])
    """
    power = torch.as_tensor(exponent, device=values.device)
    mask = (1 << power) - 1
    threshold = (mask >> 1) + (values < 0).to(torch.int64)
    return (values >> power) + ((values & mask) > threshold).to(torch.int64)


def rescale(values: Tensor, significand: Tensor, shift: Tensor) -> Tensor:
    """Scale 32-bit integers by significand * 2 ** (shift - 31), rounding twice.

    Args:
        values: int64 integers in the 32-bit range.
        significand: int64, broadcastable; see `quantise_multiplier`.
        shift: int64, broadcastable.

    Returns:
        int64 integers.

    Example:
        >>> rescale(torch.tensor([101]), torch.tensor(1610612736), torch.tensor(-1))
        tensor([38])
    """
    product = high_product(values << shift.clamp(min=0), significand)
    return divide_by_power_of_two(product, (-shift).clamp(min=0))


def _shift_left(values: Tensor, bits: int) -> Tensor:
    return (values << bits).clamp_(_LEAST, _ONE)


def _exponential_near_zero(values: Tensor) -> Tensor:
    """Exponential on [-1/4, 0) by a Taylor polynomial around -1/8; fractions of 31 bits."""
    centred = values + (1 << 28)
    square = high_product(centred, centred)
    cube = high_product(square, centred)
    fourth = divide_by_power_of_two(high_product(square, square), 2)
    third = 715_827_883  # 1/3
    higher = divide_by_power_of_two(high_product(fourth + cube, third) + square, 1)
    constant = 1_895_147_668  # exp(-1/8)
    return high_product(centred + higher, constant) + constant


# exp(-2**k) for k = -2..4 as fractions of 31 bits, as gemmlowp writes them.
_EXPONENTIALS: Final = (
    (-2, 1_672_461_947),
    (-1, 1_302_514_674),
    (0, 790_015_084),
    (1, 290_630_308),
    (2, 39_332_535),
    (3, 720_401),
    (4, 242),
)


def exponential_of_negative(values: Tensor) -> Tensor:
    """Exponential of numbers in [-32, 0].

    Args:
        values: int64, numbers with 26 fractional bits, not above 0.

    Returns:
        int64, fractions of 31 bits.

    Example:
        >>> bool(exponential_of_negative(torch.tensor([-(1 << 26)])) / 2**31 < 0.36788)
        True
    """
    quarter = 1 << 24
    remainder = (values & (quarter - 1)) - quarter
    result = _exponential_near_zero(_shift_left(remainder, 5))
    whole = remainder - values
    for power, factor in _EXPONENTIALS:
        chosen = (whole & (1 << (26 + power))) != 0
        result = torch.where(chosen, high_product(result, factor), result)
    return torch.where(values == 0, _ONE, result)


def reciprocal(values: Tensor, integer_bits: int) -> tuple[Tensor, Tensor]:
    """One over positive numbers, by three Newton-Raphson steps.

    Args:
        values: int64, positive 32-bit numbers with `integer_bits` integer bits.
        integer_bits: how many.

    Returns:
        scale, bits: the reciprocal is scale / 2**31 * 2 ** -bits.
    """
    # The exponent of the float is the position of the highest bit: exact below 2**53.
    highest = torch.frexp(values.to(torch.float64))[1].to(torch.int64)
    headroom = 32 - highest
    fraction = (values << headroom) - (1 << 31)
    # The mean of the fraction and one, rounded half away from zero.
    half = torch.div(fraction + _ONE + 1, 2, rounding_mode="trunc")
    # 48/17 - 32/17 x, with two integer bits, is the best linear start.
    estimate = high_product(half, -1_010_580_540) + 1_515_870_810
    for _ in range(3):
        error = (1 << 29) - high_product(half, estimate)
        estimate = estimate + _shift_left(high_product(estimate, error), 2)
    return _shift_left(estimate, 1), integer_bits - headroom


def inverse_square_root(values: Tensor) -> tuple[Tensor, Tensor]:
    """One over the square root of integers, by five Newton-Raphson steps.

    Args:
        values: int64, integers in the 32-bit range, not negative; 0 counts as 1.

    Returns:
        significand, shift: the root is about significand * 2 ** (shift - 31); see `rescale`.
    """
    highest = torch.frexp(values.to(torch.float64))[1].to(torch.int64)
    # Pairs of bits keep the root's exponent whole; the mantissa lies in [2**27, 2**29).
    pairs = torch.div(highest - 28, 2, rounding_mode="floor")
    mantissa = torch.where(pairs > 0, values >> (2 * pairs.clamp(min=0)), values)
    mantissa = mantissa << (-2 * pairs).clamp(min=0)
    number = mantissa >> 1
    half = divide_by_power_of_two(number, 1)
    estimate = torch.full_like(values, 1 << 28)
    for _ in range(5):
        cube = _shift_left(high_product(high_product(estimate, estimate), estimate), 6)
        step = high_product(estimate, (1 << 28) + (1 << 27)) - high_product(half, cube)
        estimate = _shift_left(step, 3)
    significand = high_product(estimate, 1_518_500_250)  # the square root of one half
    right = 11 + pairs
    significand = significand << (-right).clamp(min=0)
    small = values <= 1
    return torch.where(small, _ONE, significand), torch.where(small, 0, -right.clamp(min=0))
