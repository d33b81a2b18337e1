"""One method's heatmaps against annotations and decisions: quadrants and cases per image."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit import metrics
from auditkit.checks.coverages import Bools, Coverages
from auditkit.spec.declarations.alignment import Cuts
from auditkit.spec.methods import Method

Texts = npt.NDArray[np.str_]

NOT_EVALUABLE = "not evaluable"


@dataclass(frozen=True)
class Aligned:
    """What is known of every image under one method, (n,) each.

    Attributes:
        method: the heatmap method.
        coverages: scores, or why there are none.
        right: whether the decision is right.
        bands: explanation coverage "low", "undecided", "high" or "not evaluable".
        cases: of Shared Interest, "undecided" or "not evaluable".
    """

    method: Method
    coverages: Coverages
    right: Bools
    bands: Texts
    cases: Texts

    @staticmethod
    def of(method: Method, coverages: Coverages, right: Bools, cuts: Cuts) -> "Aligned":
        """Sort every evaluable image into a band and a case."""
        rows = coverages.evaluable
        explained, covered, iou = (
            coverages.values[score][rows]
            for score in ("explanation_coverage", "ground_truth_coverage", "iou")
        )
        bands = metrics.score_bands(explained, cuts.low, cuts.high)
        cases = metrics.shared_interest_cases(
            right[rows], explained, covered, iou, low=cuts.low, high=cuts.high, aligned=cuts.iou
        )
        return Aligned(method, coverages, right, _spread(bands, rows), _spread(cases, rows))


def _spread(names: Texts, rows: Bools) -> Texts:
    spread = np.full(rows.size, NOT_EVALUABLE, dtype="<U24")
    spread[rows] = names
    return spread
