"""Where quantities are measured: the same pixels in a picture and in its counterfactuals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from auditkit.evidence.measuring.hair import beside
from auditkit.evidence.measuring.kinds import Mask
from auditkit.evidence.measuring.morphology import dilated, disc, distance_to
from auditkit.evidence.measuring.seen import Seen

_WITHIN: Final = 0.01
_BESIDE_LINES: Final = 0.016


@dataclass(frozen=True)
class Places:
    """Pixels of all pictures of one image, bool (S, S) each.

    Attributes:
        lit: neither dark corners nor their rim in any of the pictures.
        plain: of these, what is not beside a thin dark line in any of them.
        background: what is lit, no hair and outside of the dilated lesion; None without a lesion.
        lesion: what is lit, no hair and within the lesion, a hundredth of the side from its border.
    """

    lit: Mask
    plain: Mask
    background: Mask | None
    lesion: Mask | None


def places_of(pictures: Sequence[Seen], lesion: Mask | None, dilate: float) -> Places:
    """Where to measure.

    The ring between ``lesion`` and its dilation is neither lesion nor background: edits of the lesion's
    border leak into it. A pixel that is hair or a dark corner in one picture counts in none, so that
    differences are not due to other pixels.

    Args:
        pictures: of one image and of its counterfactuals.
        lesion: of the image, bool (S, S); None if it is not known.
        dilate: how far the lesion is grown before the background begins, as a share of the side.
    """
    lit = ~np.logical_or.reduce([seen.rim for seen in pictures])
    side = len(lit)
    lines = np.logical_or.reduce([seen.thin for seen in pictures])
    plain = lit & ~dilated(lines, disc(max(1.0, _BESIDE_LINES * side)))
    if lesion is None:
        return Places(lit, plain, None, None)
    bare = lit & ~beside(np.logical_or.reduce([seen.hair for seen in pictures]))
    outside, inside = distance_to(lesion) > dilate, distance_to(~lesion) > _WITHIN
    return Places(lit, plain, bare & outside, bare & inside)
