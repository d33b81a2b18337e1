"""All quantities of a picture and of its counterfactuals, by their names in `auditkit.spec.measured`."""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from scipy import ndimage

from auditkit.evidence.measuring.colour import AXES
from auditkit.evidence.measuring.kinds import Floats, Mask, Picture, Plane
from auditkit.evidence.measuring.lesion import around
from auditkit.evidence.measuring.places import Places, places_of
from auditkit.evidence.measuring.ruler import ruler_of
from auditkit.evidence.measuring.seen import Seen
from auditkit.evidence.measuring.shape import asymmetry, border_irregularity
from auditkit.evidence.measuring.sharpness import sharpness_of
from auditkit.metrics import NotEvaluable

NO_LESION: Final = "no lesion found in the image or in a counterfactual"
UNKNOWN: Final = "no annotation, and no lesion found in the image"
NO_SKIN: Final = "too little skin is seen beside lesion, hair and dark corners"
COVERED: Final = "too little of the lesion is seen beside its border, hair and dark corners"
NOT_LIT: Final = "too little is seen beside dark corners and lines"
REASONS: Final = ("", NO_LESION, UNKNOWN, NO_SKIN, COVERED, NOT_LIT)

_LEAST: Final = 9
_BLUR: Final = 1 / 64
_COARSE: Final = 1 / 40
_BLUER: Final = 15.0
_BLACK: Final = 25.0
_COLOURED: Final = ("redness", "contrast", "colour_spread", "texture", "blue_white")

Values: TypeAlias = dict[str, float | NotEvaluable]


def measure(pictures: Sequence[Picture], mask: Mask | None, dilate: float) -> list[Values]:
    """Everything that is measured of an image and of its counterfactuals.

    Colours are measured in the same pixels of all of them (`places_of`), around the annotation or, without
    one, around the lesion that is found in the image itself. Area, asymmetry and border are those of the
    lesion that is found in each picture.

    Args:
        pictures: the image, then its counterfactuals, sRGB uint8 (S, S, 3) each.
        mask: the annotated lesion, bool (S, S); None if there is no annotation.
        dilate: share of the side by which it is grown before the background begins.

    Returns:
        Per picture, by name of the quantity; what cannot be measured in one of them has a value in none.
    """
    search = None if mask is None else around(mask)
    first = Seen.of(pictures[0], search)
    near = first.lesion if mask is None else mask
    search = around(near) if search is None and near is not None else search
    seen = [first, *(Seen.of(picture, search) for picture in pictures[1:])]
    places = places_of(seen, near, dilate)
    shapes = _shapes if all(one.lesion is not None for one in seen) else _no_shapes
    return [{**_everywhere(one, places), **_colours(one, places), **shapes(one)} for one in seen]


def _everywhere(seen: Seen, places: Places) -> Values:
    lightness = seen.planes[0]
    lit, plain = (bool(where.sum() >= _LEAST) for where in (places.lit, places.plain))
    return {
        "brightness": _mean(lightness[places.lit]) if lit else NotEvaluable(NOT_LIT),
        "sharpness": sharpness_of(lightness, places.plain) if plain else NotEvaluable(NOT_LIT),
        "hair": float(seen.hair.mean()),
        "ruler": ruler_of(seen.value),
        "dark_corners": float(seen.corners.mean()),
    }


def _colours(seen: Seen, places: Places) -> Values:
    """Of the background and of the lesion."""
    background = [f"background.{axis}" for axis in AXES]
    lesion = [f"lesion.{what}" for what in (*AXES, *_COLOURED)]
    if places.background is None or places.lesion is None:
        return dict.fromkeys([*background, *lesion], NotEvaluable(UNKNOWN))
    if places.background.sum() < _LEAST:
        return dict.fromkeys([*background, *lesion], NotEvaluable(NO_SKIN))
    skin = np.median(seen.planes[:, places.background].astype(np.float64), axis=1)
    found: Values = dict(zip(background, map(float, skin), strict=True))
    if places.lesion.sum() < _LEAST:
        return found | dict.fromkeys(lesion, NotEvaluable(COVERED))
    return found | dict(zip(lesion, _lesion(seen, places.lesion, skin), strict=True))


def _lesion(seen: Seen, within: Mask, skin: Floats) -> list[float]:
    """Means of the axes, then the quantities of `_COLOURED`."""
    means = seen.planes[:, within].astype(np.float64).mean(axis=1)
    lightness, a, b = _blurred(seen.bare, within, _BLUR)
    fine = seen.bare[0][within] - _blurred(seen.bare[:1], within, _COARSE)[0]
    spread = float(np.hypot(a.std(), b.std()))
    blue = (b < skin[2] - _BLUER) & (lightness > _BLACK)
    texture = float(fine.std())
    redness, contrast = float(means[1] - skin[1]), float(skin[0] - means[0])
    return [*map(float, means), redness, contrast, spread, texture, float(blue.mean())]


def _blurred(planes: Plane, within: Mask, share: float) -> Floats:
    """Gaussian means over the pixels within a region alone, of these pixels (C, n)."""
    blur = share * len(within)
    rows, columns = (np.flatnonzero(within.any(axis=axis)) for axis in (1, 0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    weight = within[box].astype(np.float64)
    total = ndimage.gaussian_filter(weight, blur, mode="constant")[within[box]]
    weighted = planes[:, *box] * weight
    found = ndimage.gaussian_filter(weighted, (0, blur, blur), mode="constant")
    return np.asarray(found[:, within[box]] / total)


def _shapes(seen: Seen) -> Values:
    assert seen.lesion is not None
    return {
        "lesion.area": float(seen.lesion.mean()),
        "lesion.asymmetry": asymmetry(seen.lesion),
        "lesion.border_irregularity": border_irregularity(seen.lesion),
    }


def _no_shapes(_seen: Seen) -> Values:
    shapes = ("lesion.area", "lesion.asymmetry", "lesion.border_irregularity")
    return dict.fromkeys(shapes, NotEvaluable(NO_LESION))


def _mean(values: Plane) -> float:
    return float(values.astype(np.float64).mean())
