"""What TFLite computes for each of the 256 codes: LOGISTIC and HARD_SWISH.

One entry per centred input code, from the lowest up; each entry is a centred output code.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from auditkit.models.tflite.arithmetic import Grid
from auditkit.models.tflite.fixed_point import divide_by_power_of_two, quantise_multiplier

_INT16 = (1 << 15) - 1


def logistic_table(source: Grid, target: Grid) -> npt.NDArray[np.float32]:
    """Logistic function, in single precision, rounded half away from zero."""
    real = _centred(source).astype(np.float32) * source.scale
    with np.errstate(over="ignore"):
        # An exponential that overflows gives the right limit, zero.
        values = np.float32(1) / (np.float32(1) + np.exp(-real, dtype=np.float32))
    codes = np.floor(values * (np.float32(1) / target.scale) + np.float32(0.5))
    return _limited(codes, target)


def hard_swish_table(source: Grid, target: Grid) -> npt.NDArray[np.float32]:
    """Hard swish, x * relu6(x + 3) / 6, in 16-bit fixed point as TFLite's only kernel for codes.

    Howard et al., Searching for MobileNetV3, arXiv:1905.02244, section 5.2.
    """
    fine = source.scale / np.float32(128)
    value = torch.from_numpy(_centred(source)) << 7
    output, output_shift = _int16_multiplier(fine / target.scale)
    gate, gate_shift = _int16_multiplier(fine / (np.float32(3) / np.float32(32768)))
    scaled = _high_product(value, output)
    share = value
    if gate_shift > 0:
        # All but one bit first: what saturates here saturates in the end.
        share = _saturated(share << (gate_shift - 1))
    share = _high_product(share, gate)
    if gate_shift > 0:
        share = _saturated(share << 1)
    elif gate_shift < 0:
        share = divide_by_power_of_two(share, -gate_shift)
    share = (share + (1 << 15)) >> 1
    product = torch.div(share * scaled, 1 << 15, rounding_mode="trunc")
    codes = divide_by_power_of_two(product, -output_shift)
    return _limited(codes.numpy(), target)


def _limited(codes: npt.NDArray[Any], grid: Grid) -> npt.NDArray[np.float32]:
    limited: npt.NDArray[np.float32] = np.clip(codes, *grid.limits).astype(np.float32)
    return limited


def _centred(grid: Grid) -> npt.NDArray[np.int64]:
    lowest, highest = grid.limits
    return np.arange(lowest, highest + 1, dtype=np.int64)


def _int16_multiplier(real: np.float32) -> tuple[int, int]:
    significand, shift = quantise_multiplier(np.array(real, np.float64))
    return min((int(significand) + (1 << 15)) >> 16, _INT16), int(shift)


def _high_product(left: torch.Tensor, right: int) -> torch.Tensor:
    product = left * right
    nudge = torch.where(product >= 0, 1 << 14, 1 - (1 << 14))
    return _saturated(torch.div(product + nudge, 1 << 15, rounding_mode="trunc"))


def _saturated(values: torch.Tensor) -> torch.Tensor:
    return values.clamp(-_INT16 - 1, _INT16)
