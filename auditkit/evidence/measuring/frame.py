"""Dark corners: what lies outside of a dermatoscope's round field of view."""

from typing import Final

import numpy as np
from scipy import ndimage

from auditkit.evidence.measuring.kinds import Mask, Plane
from auditkit.evidence.measuring.morphology import distance_to

_DARK: Final = 0.4
_BLUR: Final = 1 / 128
_RIM: Final = 0.03


def dark_corners(lightness: Plane) -> Mask:
    """Pixels below 0.4 of the picture's median L* that hang together with a corner of the picture.

    Args:
        lightness: L*, float32 (S, S).

    Returns:
        bool (S, S).

    Example:
        >>> lightness = np.full((32, 32), 60, np.float32)
        >>> lightness[:4, :4] = 5
        >>> int(dark_corners(lightness).sum())
        16
    """
    smooth = ndimage.gaussian_filter(lightness, _BLUR * len(lightness))
    dark = smooth < _DARK * np.median(lightness)
    labels, _ = ndimage.label(dark)
    corners = np.unique(labels[[0, 0, -1, -1], [0, -1, 0, -1]])
    return np.isin(labels, corners[corners > 0])


def with_rim(corners: Mask) -> Mask:
    """Dark corners and the shade along them, 0.03 of the picture's side wide."""
    return np.asarray(distance_to(corners) <= _RIM)
