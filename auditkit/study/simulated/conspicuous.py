"""What a program sees in the pictures of a heatmap rating study: nothing but their pixels."""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from auditkit.study.folder import Layout

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_EXTREME: Final = 99.5
_LEAST: Final = 8
"""Pixels from which a region has a shape."""

# Each face counts, so that a ball has the surface of its six shadows, 6 pi r^2, and a disc 8 r.
_BALL: Final = {2: 8 / math.sqrt(math.pi), 3: 6 * math.pi / (4 * math.pi / 3) ** (2 / 3)}


def conspicuous(image: Pixels, layout: Layout) -> Bools:
    """Where each modality differs most from what is usual in it, bool (modalities, slices, h, w).

    Farther from the median of what is not black than half of the extreme deviation (its 99.5th percentile).
    """
    grey = brightness(image, layout)
    found = np.zeros(grey.shape, np.bool_)
    for modality, values in enumerate(grey):
        there = values > 0
        if there.any():
            away = np.where(there, np.abs(values - np.median(values[there])), 0.0)
            limit = np.percentile(away[there], _EXTREME) / 2
            found[modality] = away > limit
    return found


def raggedness(region: Bools) -> float:
    """Surface of the largest connected part in units of a ball's of that volume, faces of pixels counted.

    Of the modality where it is least, since that one shows the part most clearly. Of flat images outline and
    disc.

    Returns:
        1 for a ball; 0 if no part is large enough to have a shape.
    """
    shapes = [_raggedness(one) for one in region]
    return min((one for one in shapes if one), default=0.0)


def concentration(heat: Floats, region: Bools) -> float:
    """Share of the heat that lies in the region, beyond chance: 1 for all of it, 0 for what chance gives.

    (s - a) / (1 - a), where s is that share and a the region's share of the area; at least 0.
    """
    total, area = float(heat.sum()), float(region.mean())
    if total <= 0 or area >= 1:
        return 0.0
    return max(0.0, (float(heat[region].sum()) / total - area) / (1 - area))


def brightness(picture: Pixels, layout: Layout) -> Floats:
    """Mean of the channels in [0, 1] as (modalities, slices, h, w); heatmaps are brighter where hotter."""
    grey = picture.mean(axis=-1) / 255
    height, width = grey.shape[0] // layout.rows, grey.shape[1] // layout.columns
    tiled = grey.reshape(layout.rows, height, layout.columns, width)
    found: Floats = tiled.transpose(0, 2, 1, 3)
    return found


def _raggedness(region: Bools) -> float:
    from scipy import ndimage

    flat = region[0] if len(region) == 1 else region
    parts, count = ndimage.label(flat)
    if not count:
        return 0.0
    largest = np.pad(parts == 1 + int(np.bincount(parts.ravel())[1:].argmax()), 1)
    volume = int(largest.sum())
    if volume < _LEAST:
        return 0.0
    surface = sum(int(np.diff(largest, axis=axis).sum()) for axis in range(largest.ndim))
    return float(surface / volume ** (1 - 1 / largest.ndim) / _BALL[largest.ndim])
