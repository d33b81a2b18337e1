"""The eight recurring cases of Shared Interest.

Boggust, Hoover, Satyanarayan & Strobelt 2022, doi:10.1145/3491102.3501965 (arXiv 2107.09234), name
patterns of a decision and of where its explanation lies. The authors' interface offers each as a
filter with cut-offs per data set; filters overlap and leave images out, so here the conditions are
asked one after the other, and an image that meets none is undecided.

    condition                           right decision        wrong decision
    IoU high                            human aligned         confuser
    explanation coverage high           sufficient subset     insufficient subset
    ground truth coverage high          context dependant     context confusion
    explanation coverage low            sufficient context    distractor

Deviates: the interface also wants a low ground truth coverage for the second row and a low
explanation coverage for the third, which leaves images between the rows; and it takes the fourth
row by a low IoU, which a small annotation inside a large explanation has as well.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auditkit.metrics.quadrants import HIGH, LOW, UNDECIDED, score_bands

RIGHT: Final = ("human aligned", "sufficient subset", "context dependant", "sufficient context")
WRONG: Final = ("confuser", "insufficient subset", "context confusion", "distractor")
"""Cases of right and of wrong decisions, in the order in which their conditions are asked."""


def shared_interest_cases(
    right: ArrayLike,
    explanation_coverage: ArrayLike,
    ground_truth_coverage: ArrayLike,
    iou: ArrayLike,
    *,
    low: float,
    high: float,
    aligned: float,
) -> NDArray[np.str_]:
    """The case of each image; every image is in exactly one, or undecided.

    Args:
        right: bool (n,), whether the decision is right.
        explanation_coverage: (n,).
        ground_truth_coverage: (n,).
        iou: (n,).
        low: a coverage of at most this is low.
        high: a coverage of at least this is high.
        aligned: an IoU of at least this is high.

    Returns:
        (n,) names of ``RIGHT`` or ``WRONG``, or "undecided".

    Raises:
        AuditError: cut-offs in the wrong order, or scores that are not finite.

    Example:
        >>> cuts = {"low": 0.2, "high": 0.65, "aligned": 0.5}
        >>> shared_interest_cases([True, False], [1.0, 0.0], [0.1, 0.0], [0.1, 0.0], **cuts).tolist()
        ['sufficient subset', 'distractor']
    """
    explained = score_bands(explanation_coverage, low, high)
    covered = score_bands(ground_truth_coverage, low, high)
    conditions = [
        np.asarray(iou, dtype=np.float64) >= aligned,
        explained == HIGH,
        covered == HIGH,
        explained == LOW,
    ]
    of_right = np.select(conditions, RIGHT, UNDECIDED)
    of_wrong = np.select(conditions, WRONG, UNDECIDED)
    return np.where(np.asarray(right, dtype=bool), of_right, of_wrong)
