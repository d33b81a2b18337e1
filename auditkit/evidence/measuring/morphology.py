"""Mathematical morphology with lines and discs. Shifted copies: many times as fast as footprints."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from auditkit.evidence.measuring.kinds import Floats, Grey, Mask

Steps: TypeAlias = tuple[tuple[int, int], ...]
Image = TypeVar("Image", bound=npt.NDArray[Any])

_QUARTERS: Final = 4
_DIRECTIONS: Final = 16


@lru_cache(maxsize=256)
def line(length: int, angle: float) -> Steps:
    """A digital line through the origin, (rows, columns) from it.

    Args:
        length: in pixels, odd, whatever the direction.
        angle: from the columns' direction, in radians.

    Example:
        >>> line(3, 0.0)
        ((0, -1), (0, 0), (0, 1))
    """
    right, down = np.cos(angle), np.sin(angle)
    longer = max(abs(right), abs(down))
    half = int((length - 1) / 2 * longer + 0.5)
    steps = np.arange(-half, half + 1)
    rows, columns = np.rint(steps * down / longer), np.rint(steps * right / longer)
    return tuple(zip(rows.astype(int).tolist(), columns.astype(int).tolist(), strict=True))


@lru_cache(maxsize=64)
def disc(radius: float) -> Steps:
    """The pixels within a radius of the origin, (rows, columns) from it."""
    reach = int(radius)
    steps = range(-reach, reach + 1)
    near = radius**2 + 0.25
    return tuple((row, column) for row in steps for column in steps if row**2 + column**2 <= near)


def black_hat(grey: Grey, length: int) -> Grey:
    """How much darker than both its sides a thin line is, in grey levels.

    max over four directions s of (closing of the picture along a line s) - picture: what is dark and, in
    some direction, shorter than the line (the generalised closing of DullRazor, Lee et al. 1997,
    doi:10.1016/S0010-4825(97)00020-6).

    Args:
        grey: uint8 (S, S).
        length: of the lines in pixels, odd.

    Returns:
        uint8 (S, S); 0 where nothing is thin and dark.

    Deviates: four directions (the paper has three), one channel.
    """
    lines = [line(length, np.pi * k / _QUARTERS) for k in range(_QUARTERS)]
    return np.asarray(np.maximum.reduce([_closed(grey, steps) for steps in lines]) - grey)


def long_parts(mask: Mask, length: int) -> Mask:
    """The pixels of a mask through which a straight line of some length fits into it, bool (S, S)."""
    found = np.zeros_like(mask)
    for k in range(_DIRECTIONS):
        found |= opened(mask, line(length, np.pi * k / _DIRECTIONS))
    return found


def opened(mask: Mask, steps: Steps) -> Mask:
    """Where a shape fits into a mask; beyond the picture it does not."""
    middles = _over(mask, steps, np.logical_and, "constant")
    return dilated(middles, steps) if middles.any() else middles


def dilated(mask: Mask, steps: Steps) -> Mask:
    """A mask dilated by a symmetric shape."""
    return _over(mask, steps, np.logical_or, "constant")


def distance_to(mask: Mask) -> Floats:
    """Distance of every pixel to a mask's nearest one as a share of the side, 0 within; infinite to none."""
    if not mask.any():
        return np.full(mask.shape, np.inf)
    return np.asarray(ndimage.distance_transform_edt(~mask) / len(mask))


def _closed(grey: Grey, steps: Steps) -> Grey:
    return _over(_over(grey, steps, np.maximum, "edge"), steps, np.minimum, "edge")


def _over(
    image: Image, steps: Steps, join: Callable[..., Any], beyond: Literal["edge", "constant"]
) -> Image:
    """Each pixel joined with those at some steps from it; ``constant`` is 0."""
    reach = max(max(abs(row), abs(column)) for row, column in steps)
    height, width = image.shape
    wide = np.pad(image, reach, mode=beyond)
    joined = image.copy()
    for row, column in steps:
        top, left = reach + row, reach + column
        join(joined, wide[top : top + height, left : left + width], out=joined)
    return joined
