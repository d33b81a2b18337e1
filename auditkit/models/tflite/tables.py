"""What TFLite computes for each of the 256 codes: LOGISTIC, TANH, LEAKY_RELU, HARD_SWISH.

One entry per centred input code, from the lowest up; each entry is a centred output code.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from auditkit.models.tflite.arithmetic import Grid
from auditkit.models.tflite.fixed_point import divide_by_power_of_two, quantise_multiplier, rescale

_INT16 = (1 << 15) - 1


def rounded_table(
    function: Callable[[Tensor], Tensor], source: Grid, target: Grid
) -> npt.NDArray[np.float32]:
    """A real function, in single precision, rounded half away from zero."""
    real = _centred(source).astype(np.float32) * source.scale
    values = function(torch.from_numpy(real.astype(np.float64))).numpy().astype(np.float32)
    scaled = values * (np.float32(1) / target.scale)
    return _limited(np.copysign(np.floor(np.abs(scaled) + np.float32(0.5)), scaled), target)


def absolute_table(source: Grid, target: Grid) -> npt.NDArray[np.float32]:
    """Absolute value, rescaled in fixed point."""
    return _limited(_rescaled(np.abs(_centred(source)), source.scale / target.scale), target)


def leaky_table(source: Grid, target: Grid, alpha: float) -> npt.NDArray[np.float32]:
    """Leaky rectifier of the reference kernel, in fixed point.

    Maas et al., Rectifier Nonlinearities Improve Neural Network Acoustic Models, ICML 2013.
    """
    codes = _centred(source)
    positive = _rescaled(np.maximum(codes, 0), source.scale / target.scale)
    slope = source.scale * np.float32(alpha) / target.scale
    negative = np.copysign(1, slope) * _rescaled(np.minimum(codes, 0), abs(slope))
    return _limited(np.where(codes >= 0, positive, negative), target)


def quick_leaky_table(source: Grid, target: Grid, alpha: float) -> npt.NDArray[np.float32]:
    """Leaky rectifier of XNNPACK: slopes with 8 fractional bits, rounded half up."""
    codes = _centred(source)
    ratio = source.scale / target.scale
    slopes = np.rint([ratio * np.float32(256), np.float32(alpha) * ratio * np.float32(256)])
    return _limited((codes * np.where(codes >= 0, *slopes.astype(np.int64)) + 128) >> 8, target)


def _rescaled(codes: npt.NDArray[np.int64], ratio: np.float32) -> npt.NDArray[np.int64]:
    significand, shift = quantise_multiplier(np.array(ratio, np.float64))
    found = rescale(torch.from_numpy(codes), torch.tensor(significand), torch.tensor(shift))
    rescaled: npt.NDArray[np.int64] = found.numpy()
    return rescaled


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


def _high_product(left: Tensor, right: int) -> Tensor:
    product = left * right
    nudge = torch.where(product >= 0, 1 << 14, 1 - (1 << 14))
    return _saturated(torch.div(product + nudge, 1 << 15, rounding_mode="trunc"))


def _saturated(values: Tensor) -> Tensor:
    return values.clamp(-_INT16 - 1, _INT16)
