"""How sharp a picture is."""

from typing import Final

import numpy as np
from scipy import ndimage

from auditkit.evidence.measuring.kinds import Mask, Plane

_KEPT: Final = 0.9
_LEAST: Final = 1e-6


def sharpness_of(lightness: Plane, where: Mask) -> float:
    """log10 of the variance of the Laplacian of L* (Pech-Pacheco et al. 2000, doi:10.1109/ICPR.2000.903548).

    The tenth of the pixels with the largest absolute values is left out.

    Args:
        lightness: L*, float32 (S, S).
        where: the pixels that count, bool (S, S), not empty.

    Returns:
        from -6, of a uniform picture, to about 5.

    Deviates: without thin dark lines (``where`` has none) and the largest tenth, for else hair, a ruler or
    the edge of its paper would be all that counts.
    """
    laplacian = ndimage.laplace(lightness.astype(np.float64), mode="nearest")[where]
    size = np.abs(laplacian)
    kept = laplacian[size <= np.quantile(size, _KEPT)]
    return float(np.log10(max(float(kept.var()), _LEAST)))
