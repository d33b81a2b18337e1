"""Rulers: dark marks at equal distances along an edge of the picture."""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from auditkit.evidence.measuring.kinds import Floats, Grey

_DEPTH: Final = 0.17
_BAND: Final = 0.035
_WIDEST: Final = 0.06
_DARKER: Final = 12.0
_MARKS: Final = 7
_TOLERANCE: Final = 0.2
_LEVELS: Final = 255.0


def ruler_of(value: Grey) -> float:
    """Length of a ruler's marks along an edge, times their contrast.

    In bands parallel to each edge, 0.035 S thick and at most 0.17 S deep in the picture, the mean over the
    band's thickness is a profile p along the edge; marks are runs in which (closing of p by 0.06 S) - p
    exceeds 12 grey levels. Of 7 or more consecutive marks whose distances differ by 20 % (or one pixel) at
    most: (distance from first to last + mean distance) / S x mean of their largest contrasts / 255; the
    largest of all bands.

    Args:
        value: max(R, G, B), uint8 (S, S).

    Returns:
        in [0, 1]; 0 without a ruler, 1 for black marks on white along a whole edge.

    Example:
        >>> picture = np.full((64, 64), 200, np.uint8)
        >>> picture[:8, ::8] = 98
        >>> ruler_of(picture)
        0.4
    """
    side = len(value)
    thick = max(2, round(_BAND * side))
    window = max(3, round(_WIDEST * side) | 1)
    longest = 0.0
    for turns in range(4):
        profiles = _profiles(np.rot90(value, turns), thick)
        closed = ndimage.grey_closing(profiles, (1, window), mode="nearest")
        contrasts = closed - profiles
        for contrast in contrasts[_begun(contrasts) >= _MARKS]:
            longest = max(longest, _equidistant(contrast))
    return min(longest, 1.0)


def _profiles(value: Grey, thick: int) -> Floats:
    """Means over bands that overlap by half, (bands, S)."""
    side = len(value)
    deep = int(_DEPTH * side)
    # Sums of integers: no rounding, whatever the direction.
    total = np.cumsum(value[: deep + thick], axis=0, dtype=np.int64)
    total = np.concatenate([np.zeros((1, side), np.int64), total])
    starts = np.arange(0, max(deep, 1), max(1, thick // 2))
    starts = starts[starts + thick < len(total)]
    return np.asarray((total[starts + thick] - total[starts]) / thick)


def _begun(contrasts: Floats) -> npt.NDArray[np.int64]:
    """Number of marks of each profile, (bands,)."""
    marked = np.pad(contrasts > _DARKER, ((0, 0), (1, 0)))
    return np.asarray((marked[:, 1:] & ~marked[:, :-1]).sum(axis=1))


def _equidistant(contrast: Floats) -> float:
    """Of one profile (S,): length of the best run of marks, times their contrast."""
    places, peaks = _marks(contrast)
    apart, best, first = np.diff(places), 0.0, 0
    while first + _MARKS <= len(places):
        last = first + 1
        while last < len(apart) and _equal(apart[first : last + 1]):
            last += 1
        run = apart[first:last]
        if len(run) + 1 >= _MARKS:
            length = (run.sum() + run.mean()) / len(contrast)
            best = max(best, float(length * peaks[first : last + 1].mean() / _LEVELS))
        first = last
    return best


def _equal(apart: Floats) -> bool:
    """Whether distances between marks are equal but for pixels."""
    mean = float(apart.mean())
    return float(np.abs(apart - mean).max()) <= max(1.0, _TOLERANCE * mean)


def _marks(contrast: Floats) -> tuple[Floats, Floats]:
    """Centres of gravity and largest contrasts of the runs above the threshold."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], contrast > _DARKER, [0]])))
    runs = edges.reshape(-1, 2)
    steps = np.arange(len(contrast))
    centres = [np.average(steps[a:b], weights=contrast[a:b]) for a, b in runs]
    return np.array(centres), np.array([contrast[a:b].max() for a, b in runs])
