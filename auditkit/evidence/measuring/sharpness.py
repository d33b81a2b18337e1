"""How sharp a picture is."""

from typing import Final

import numpy as np
from scipy import ndimage

from auditkit.evidence.measuring.kinds import Mask, Plane

_LEAST: Final = 1e-6


def sharpness_of(lightness: Plane, where: Mask) -> float:
    """log10 of the variance of the Laplacian of L* (Pertuz et al. 2013, LAPV, doi:10.1016/j.patcog.2012.11.011).

    Args:
        lightness: L*, float32 (S, S).
        where: the pixels that count, bool (S, S).

    Returns:
        -6 of a uniform picture, up to about 5.

    Deviates: only where there is neither hair nor a mark of a ruler, whose edges would be all that counts.
    """
    laplacian = ndimage.laplace(lightness.astype(np.float64), mode="nearest")
    return float(np.log10(max(float(laplacian[where].var()), _LEAST)))
