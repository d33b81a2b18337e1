"""Traces of how a picture was stored or marked, which planted faults read; no check measures them."""

from typing import Final

import numpy as np
from scipy import ndimage

from auditkit.data.corruptions import mark_place
from auditkit.evidence.measuring.colour import colour_planes
from auditkit.evidence.measuring.kinds import Mask, Picture, Plane
from auditkit.evidence.measuring.morphology import distance_to
from auditkit.spec.corruptions import Mark

# In the order of `traces_of`.
TRACES: Final = ("trace.blocks", "trace.corner", "trace.skin")

_BLOCK: Final = 8
_COARSE: Final = 1 / 40
_KEPT: Final = 0.9
_LEAST: Final = 1e-6


def traces_of(picture: Picture, mask: Mask | None, dilate: float) -> list[float]:
    """What is measured of one picture; NaN where it cannot be.

    Args:
        picture: sRGB uint8 (S, S, 3).
        mask: the annotated lesion, bool (S, S).
        dilate: share of the side by which it is grown before the skin begins.

    Returns:
        ``trace.blocks``: log2 of the mean difference of L* across the borders of JPEG's blocks of 8 pixels
        over that within blocks (features of Wang, Sheikh and Bovik 2002, doi:10.1109/ICIP.2002.1038064).
        ``trace.corner``: mean L* of the place of the default `Mark` minus that of the ring around it.
        ``trace.skin``: standard deviation of L* outside of the lesion, without what is coarser than a
        fortieth of the side, and without the tenth that is furthest off: hairs and marks.
    """
    lightness = colour_planes(picture)[0]
    return [_blocks(lightness), _corner(lightness), _skin(lightness, mask, dilate)]


def _blocks(lightness: Plane) -> float:
    across, within = [], []
    for axis in (0, 1):
        steps = np.abs(np.diff(lightness.astype(np.float64), axis=axis))
        steps = steps.mean(axis=1 - axis)
        border = np.arange(1, len(steps) + 1) % _BLOCK == 0
        across.append(steps[border])
        within.append(steps[~border])
    means = (max(float(np.concatenate(each).mean()), _LEAST) for each in (across, within))
    borders, inside = means
    return float(np.log2(borders / inside))


def _corner(lightness: Plane) -> float:
    rows, columns = mark_place(lightness.shape[0], lightness.shape[1], Mark())
    away = rows.start
    ring = lightness[: rows.stop + away, : columns.stop + away].astype(np.float64)
    inner = ring[rows, columns]
    return float(inner.mean() - (ring.sum() - inner.sum()) / (ring.size - inner.size))


def _skin(lightness: Plane, mask: Mask | None, dilate: float) -> float:
    if mask is None or not mask.any():
        return float("nan")
    where = distance_to(mask) > dilate
    if not where.any():
        return float("nan")
    values = lightness.astype(np.float64)
    fine = (values - ndimage.gaussian_filter(values, _COARSE * len(values)))[where]
    size = np.abs(fine)
    return float(fine[size <= np.quantile(size, _KEPT)].std())
