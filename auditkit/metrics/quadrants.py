"""Right or wrong, for the right or the wrong reasons.

Boggust et al. 2022, arXiv 2107.09234: a right decision whose explanation lies outside the annotation
is "right for the wrong reasons". The paper sorts images by a score; a verdict needs cut-offs, and an
undecided band between them.
"""

from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auditkit.errors import AuditError

LOW: Final = "low"
UNDECIDED: Final = "undecided"
HIGH: Final = "high"

QUADRANTS: Final = MappingProxyType(
    {
        "right for right reasons": (True, HIGH),
        "right for wrong reasons": (True, LOW),
        "wrong for right reasons": (False, HIGH),
        "wrong for wrong reasons": (False, LOW),
    }
)
"""Whether the decision is right, and the band of the score."""


def score_bands(scores: ArrayLike, low: float, high: float) -> NDArray[np.str_]:
    """Whether scores are low (at most ``low``), high (at least ``high``) or undecided between.

    Args:
        scores: (n,), finite.
        low: upper end of the low band.
        high: lower end of the high band, above ``low``.

    Returns:
        (n,) of "low", "undecided", "high".

    Raises:
        AuditError: cut-offs in the wrong order, or scores that are not finite.

    Example:
        >>> score_bands([0.2, 0.5, 0.65], low=0.2, high=0.65).tolist()
        ['low', 'undecided', 'high']
    """
    values = np.asarray(scores, dtype=np.float64)
    if not low < high:
        raise AuditError(f"the cut-offs are {low:g} and {high:g}; expected the lower one first.")
    if not np.isfinite(values).all():
        raise AuditError("some scores are not finite; leave out images that are not evaluable.")
    return np.select([values <= low, values >= high], [LOW, HIGH], UNDECIDED)
