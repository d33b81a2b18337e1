"""Finding the lesion in a picture: a simple, deterministic segmentation by colour."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy import ndimage

from auditkit.evidence.measuring.kinds import Floats, Mask, Plane
from auditkit.evidence.measuring.morphology import disc, distance_to, opened

# Of the normal equations: skin in a few rows or columns carries no surface.
_ILL_CONDITIONED: Final = 1e7
_BLUR: Final = 0.01
_OUTER: Final = 0.6
_CENTRAL: Final = 0.5
_AT_EDGE: Final = 0.1
_RING: Final = (0.06, 0.25)
_OUTLIER: Final = 2.5
_OPENED: Final = 1 / 64
_ROUNDED: Final = 0.02
_LEVELS: Final = 128
_FAINTEST: Final = 6.0
_SMALLEST: Final = 0.002
_LARGEST: Final = 0.9


@dataclass(frozen=True)
class Search:
    """Where a lesion is looked for.

    Attributes:
        within: bool (S, S).
        skin: the part of it that is skin but for what departs from the rest, bool (S, S).
        weight: of each pixel when the component is chosen, (S, S).
        edge: factor of a component's weight if it touches the picture's edge.
    """

    within: Mask
    skin: Mask
    weight: Floats
    edge: float


@lru_cache(maxsize=4)
def anywhere(side: int) -> Search:
    """In the whole picture: rather in its middle, and with skin in its outer 0.2 S."""
    x, y = _coordinates(side)
    outer = np.maximum(abs(x), abs(y)) > _OUTER
    central = np.exp(-(x**2 + y**2) / (2 * _CENTRAL**2))
    return Search(np.ones((side, side), bool), outer, central, _AT_EDGE)


def around(near: Mask) -> Search:
    """Around a lesion that is known: no farther than 0.25 S from it, with skin from 0.06 S."""
    distance = distance_to(near)
    first, last = _RING
    within = distance <= last
    return Search(within, within & (distance > first), near.astype(np.float64), 1.0)


def find_lesion(colours: Plane, rim: Mask, search: Search) -> Mask | None:
    """The lesion: the pixels whose colour departs from that of the skin around it.

    1. The picture is blurred (0.01 S).
    2. The skin's colour, which light makes uneven, is a quadratic surface in L*, a* and b* through the
       search's skin, fitted twice: the second time without what departs from the first by more than 2.5
       times the median.
    3. A pixel's departure is the Euclidean distance to that surface in CIELAB; of L*, only what is darker.
    4. Otsu's threshold of the departures (1979, doi:10.1109/TSMC.1979.4310076), opened (S / 64).
    5. The component of the largest weight; holes filled, border rounded (0.02 S).

    Args:
        colours: L*, a* and b* without hair, float32 (3, S, S).
        rim: dark corners with their shade, bool (S, S).
        search: where to look.

    Returns:
        bool (S, S); None if nothing departs: by 6 on average, on 0.002 to 0.9 of the picture.
    """
    side = len(rim)
    smooth = ndimage.gaussian_filter(colours, (0, _BLUR * side, _BLUR * side))
    seen = search.within & ~rim
    departure = _departure(smooth, search.skin & ~rim)
    if departure is None:
        return None
    odd = seen & (departure > _otsu(departure[seen]))
    component = _heaviest(opened(odd, disc(_OPENED * side)), search)
    lesion = ndimage.binary_fill_holes(component).astype(np.float32)
    rounded = np.asarray(ndimage.gaussian_filter(lesion, _ROUNDED * side) > 0.5)
    clear = _SMALLEST <= rounded.mean() <= _LARGEST and departure[rounded].mean() >= _FAINTEST
    return rounded if clear else None


def _departure(smooth: Plane, skin: Mask) -> Plane | None:
    """How much each pixel departs from the skin, in CIELAB; None if too little of it is seen."""
    for _ in range(2):
        if skin.mean() <= _SMALLEST:
            return None
        fitted = _fitted(smooth, skin)
        if fitted is None:
            return None
        apart = smooth - fitted
        distance = np.sqrt((apart[:, skin] ** 2).sum(axis=0))
        skin = skin.copy()
        skin[skin] = distance <= _OUTLIER * np.median(distance)
    lightness, a, b = apart
    departure: Plane = np.sqrt(np.minimum(lightness, 0) ** 2 + a**2 + b**2)
    return departure


def _fitted(smooth: Plane, where: Mask) -> Plane | None:
    """The least-squares quadratic surface of each colour; None where the pixels do not carry one."""
    basis = _surfaces(len(where))
    at = np.stack([surface[where] for surface in basis])
    # Without BLAS, whose sums depend on its threads.
    left = np.einsum("in,jn->ij", at, at)
    if np.linalg.cond(left) > _ILL_CONDITIONED:
        return None
    right = np.einsum("in,cn->ic", at, np.stack([plane[where] for plane in smooth]))
    weights = np.linalg.solve(left, right).astype(np.float32)
    fitted: Plane = np.einsum("ic,iyx->cyx", weights, basis.astype(np.float32))
    return fitted


@lru_cache(maxsize=4)
def _surfaces(side: int) -> Floats:
    """1, x, y, x^2, xy, y^2 on the pixels, (6, S, S)."""
    x, y = _coordinates(side)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])


def _coordinates(side: int) -> tuple[Floats, Floats]:
    """Pixel centres from -1 to 1, columns and rows, (S, S) each."""
    axis = (np.arange(side) + 0.5) * (2 / side) - 1
    columns, rows = np.meshgrid(axis, axis)
    return columns, rows


def _otsu(values: Plane) -> float:
    """The threshold with the largest variance between the two classes."""
    counts, edges = np.histogram(values, _LEVELS, (0.0, max(float(values.max()), 1e-6)))
    centres = (edges[1:] + edges[:-1]) / 2
    below, mass = np.cumsum(counts), np.cumsum(counts * centres)
    product = below * (below[-1] - below)
    between = (mass[-1] * below - mass * below[-1]) ** 2 / np.maximum(product, 1)
    return float(edges[1 + np.argmax(np.where(product > 0, between, -1.0))])


def _heaviest(mask: Mask, search: Search) -> Mask:
    """The component of the largest weight; nothing if none has any."""
    labels, count = ndimage.label(mask)
    weights = np.bincount(labels.ravel(), search.weight.ravel(), count + 1)
    at_edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    weights[np.unique(at_edge)] *= search.edge
    weights[0] = 0.0
    heaviest = int(np.argmax(weights))
    return np.asarray((labels == heaviest) & (heaviest > 0))
