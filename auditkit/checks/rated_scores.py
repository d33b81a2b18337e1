"""FP and MSFI of rated heatmaps, beside what people said of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.plausible import Importance, Plausible, Score, importance_of, plausible
from auditkit.checks.rated import NOT_RATED, Rated
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.spec.declarations.ratings import Ratings

Floats = npt.NDArray[np.float64]
_SCORES: tuple[Score, ...] = ("msfi", "fp")
_LEAST = 4


@dataclass(frozen=True)
class Scored:
    """One score of every rated heatmap.

    Attributes:
        score: which.
        found: the scores of every method that can be asked of the model.
        table: the ratings.
        reasons: (units,) why a heatmap has no score or no rating; empty where it has both.
        patients: (units,) patient of each.
        unseen: a reason per case that lacks a modality, if it could change the importance behind the score.
    """

    score: Score
    found: Mapping[str, Plausible]
    table: Rated
    reasons: tuple[str, ...]
    patients: npt.NDArray[np.str_]
    unseen: tuple[str, ...] = ()

    @property
    def rows(self) -> npt.NDArray[np.bool_]:
        """(units,) which have a score and a rating."""
        return np.array([not reason for reason in self.reasons], dtype=np.bool_)

    def values(self) -> Floats:
        """(units,) the score, in [0, 1]; NaN where there is none.

        Raises:
            AuditError: no modality counts in MSFI.
        """
        by_method = {label: one.values(self.score) for label, one in self.found.items()}
        values = np.full(len(self.reasons), np.nan)
        for unit in np.flatnonzero(self.rows):
            values[unit] = by_method[self.table.methods[unit]][self.table.images[unit]]
        return values

    def correlation(self) -> stats.Estimate:
        """Pearson's r of mean rating and score over heatmaps; the heatmaps of a patient are a cluster.

        Raises:
            AuditError: too few heatmaps have both, or one of the two does not vary.
        """
        rows = self.rows
        if np.count_nonzero(rows) < _LEAST:
            raise AuditError(
                f"{np.count_nonzero(rows)} heatmaps have a rating and a score; {_LEAST} were expected"
            )
        means = self.table.means[rows]
        if np.ptp(means) == 0:
            raise AuditError(f"all mean ratings are {means[0]:g}; they correlate with nothing")
        values = self.values()[rows]
        if np.ptp(values) == 0:
            raise AuditError(
                f"{self.score.upper()} is {values[0]:g} throughout; it correlates with nothing"
            )
        return stats.pearson_r(means, values, self.patients[rows])


def scored(evidence: Evidence, parameters: Ratings, table: Rated) -> list[Scored]:
    """MSFI and FP of every rated heatmap.

    Raises:
        AuditError: nothing is annotated, or the weights do not fit the model.
    """
    unfit = {method.label: evidence.fitness(method).reason for method in parameters.methods}
    importance = importance_of(evidence, parameters)
    methods = plausible(evidence, parameters.methods, parameters, importance)
    found = {one.label: one for one in methods}
    patients = evidence.patients[table.images]
    return [
        Scored(
            score,
            found,
            table,
            _reasons(score, found, unfit, table),
            patients,
            _unseen(evidence, importance) if score == "msfi" else (),
        )
        for score in _SCORES
    ]


def _unseen(evidence: Evidence, importance: Importance) -> tuple[str, ...]:
    if not importance.unseen:
        return ()
    return tuple(f"importance of modalities: {reason}" for reason in evidence.incomplete)


def _reasons(
    score: Score, found: Mapping[str, Plausible], unfit: Mapping[str, str], table: Rated
) -> tuple[str, ...]:
    by_method = {label: one.reasons(score) for label, one in found.items()}
    units = zip(table.methods, table.images.tolist(), table.counts.tolist(), strict=True)
    return tuple(
        (unfit[method] or by_method[method][image]) if count else NOT_RATED
        for method, image, count in units
    )
