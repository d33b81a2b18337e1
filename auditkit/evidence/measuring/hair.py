"""Hair: long, thin, dark lines."""

from typing import Final

import numpy as np
from scipy import ndimage

from auditkit.evidence.measuring.kinds import Grey, Mask, Plane
from auditkit.evidence.measuring.morphology import black_hat, dilated, disc, long_parts

_WIDEST: Final = 0.045
_DARKER: Final = 30
_SHORTEST: Final = 0.19
_BESIDE: Final = 0.008
_FILL: Final = 0.12


def thin_and_dark(value: Grey) -> Mask:
    """Pixels of lines that are thinner than 0.045 S and 30 of 255 levels darker than both their sides.

    Args:
        value: max(R, G, B), uint8 (S, S). Hair is dark in all channels, melanin and blood are not, so that
            a pigment network hardly counts.
    """
    return np.asarray(black_hat(value, _odd(_WIDEST * len(value))) > _DARKER)


def hair_of(thin: Mask, outside: Mask) -> Mask:
    """Hair: the parts of thin dark lines into which a straight piece of 0.19 S fits.

    Found by black-hat closing and told from other dark spots by its length, as in DullRazor (Lee et al. 1997,
    doi:10.1016/S0010-4825(97)00020-6).

    Args:
        thin: of `thin_and_dark`, bool (S, S).
        outside: dark corners with their rim, where no hair is seen, bool (S, S).

    Returns:
        bool (S, S).

    Deviates: lengths are shares of the side S (the paper's are pixels of 512 x 512 pictures), contrast is
    that of max(R, G, B). Hair that is fair, thicker, shorter or more curved is not found.
    """
    return long_parts(thin & ~outside, _odd(_SHORTEST * len(thin)))


def beside(lines: Mask) -> Mask:
    """Lines with the pixels that they shade, 0.008 S (one pixel of 128) wide."""
    return dilated(lines, disc(max(1.0, _BESIDE * len(lines))))


def without_hair(colours: Plane, hair: Mask) -> Plane:
    """Colours (C, S, S) in which hair is replaced by the mean of what is beside it within 0.06 S."""
    if not hair.any():
        return colours
    covered = beside(hair)
    bare = (~covered).astype(np.float32)
    window = _odd(_FILL * len(hair))
    weight = ndimage.uniform_filter(bare, window)
    sums = ndimage.uniform_filter(colours * bare, (1, window, window))
    filled = sums / np.maximum(weight, np.float32(1e-4))
    found: Plane = np.where(covered, filled, colours)
    return found


def _odd(length: float) -> int:
    return max(3, round(length) | 1)
