"""What can be measured in two pictures, A and B, without knowing anything else."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from auditkit.evidence.measuring import measure
from auditkit.metrics import NotEvaluable

Pixels = npt.NDArray[np.uint8]
Values = Mapping[str, float]

_DILATE: Final = 0.06


def measured(first: Pixels, second: Pixels) -> tuple[Values, Values]:
    """Quantities of two pictures of one lesion; what cannot be measured in both is in neither.

    Colours are measured in the same pixels of both: around the lesion that is found in their mean, so that
    neither picture is preferred.

    Args:
        first: uint8 (H, W, 3).
        second: of the same shape.
    """
    pair = [_square(first), _square(second)]
    mean = np.stack(pair).mean(axis=0).astype(np.uint8)
    _, *found = measure([mean, *pair], None, _DILATE)
    kept = [
        {name: value for name, value in own.items() if not isinstance(value, NotEvaluable)}
        for own in found
    ]
    both = kept[0].keys() & kept[1].keys()
    a, b = ({name: value for name, value in own.items() if name in both} for own in kept)
    return a, b


def sharpness(picture: Pixels) -> float | None:
    """How much fine detail a picture has; None if too little of it is seen."""
    found = measure([_square(picture)], None, _DILATE)[0]["sharpness"]
    return None if isinstance(found, NotEvaluable) else found


def _square(picture: Pixels) -> Pixels:
    """The middle of a picture, as long as wide."""
    side = min(picture.shape[:2])
    top, left = ((length - side) // 2 for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]
