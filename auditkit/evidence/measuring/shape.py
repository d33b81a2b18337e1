"""Area, border and symmetry of a region."""

from typing import Final

import numpy as np
from scipy import ndimage

from auditkit.evidence.measuring.kinds import Floats, Mask

_BLUR: Final = 1.0


def border_irregularity(region: Mask) -> float:
    """1 - 4 pi A / P^2, perimeter P and area A: 0 for a disc, larger for a notched or elongated border.

    One minus circularity, the inverse of the compactness that stands for the ABCD rule's B (Nachbar et al.,
    doi:10.1016/S0190-9622(94)70061-3; Claridge et al., doi:10.1016/0141-5425(92)90057-R). P is the
    total variation of the region blurred by a Gaussian of one pixel, which does not depend on the border's
    direction as a count of pixels does.

    Args:
        region: bool (S, S), not empty.

    Returns:
        in [0, 1).

    Deviates: the inverse is bounded, so that a single ragged border does not make a mean.

    Example:
        >>> y, x = np.mgrid[-40:41, -40:41]
        >>> round(border_irregularity((x / 2) ** 2 + y**2 <= 20**2), 1)
        0.2
    """
    rows, columns = (np.flatnonzero(region.any(axis=axis)) for axis in (1, 0))
    box = region[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    wide = np.pad(box.astype(np.float64), int(4 * _BLUR) + 2)
    perimeter = ndimage.gaussian_gradient_magnitude(wide, _BLUR).sum()
    return max(0.0, float(1 - 4 * np.pi * region.sum() / perimeter**2))


def asymmetry(region: Mask) -> float:
    """Share of a region that does not fall on itself when it is folded along its principal axes.

    Mean over both axes through the centre of gravity of |R xor R'| / (2 |R|), R' the mirror image: the ABCD
    rule's A as a number (Nachbar et al. 1994, doi:10.1016/S0190-9622(94)70061-3).

    Args:
        region: bool (S, S), not empty.

    Returns:
        in [0, 1]; 0 of an ellipse.

    Example:
        >>> asymmetry(np.ones((8, 8), bool))
        0.0
    """
    rows, columns = np.nonzero(region)
    middle = np.array([rows.mean(), columns.mean()])
    places = np.stack([rows, columns], axis=1) - middle
    # Without BLAS, whose sums depend on its threads.
    _, axes = np.linalg.eigh(np.einsum("ni,nj->ij", places, places))
    return float(np.mean([_unmatched(region, places, middle, axis) for axis in axes.T]))


def _unmatched(region: Mask, places: Floats, middle: Floats, axis: Floats) -> float:
    """Share of the region's pixels whose mirror image lies outside of it."""
    along = (places * axis).sum(axis=1, keepdims=True)
    mirrored = np.rint(middle + places - 2 * along * axis).astype(int)
    inside = ((mirrored >= 0) & (mirrored < len(region))).all(axis=1)
    rows, columns = mirrored[inside].T
    return float(1 - region[rows, columns].sum() / len(places))
