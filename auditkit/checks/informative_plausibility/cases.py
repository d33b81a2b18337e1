"""What is known of every case apart from its heatmaps: decision, class, confidence, biased patterns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.checks.performance.groups import column_number, column_texts
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.confidence import decided_probability
from auditkit.evidence.identity import seed_of
from auditkit.spec.declarations.informative_plausibility import InformativePlausibility
from auditkit.stats.recalibration import recalibrated

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_PATTERN = "how strong the biased pattern is in each image, 0 for none"


@dataclass(frozen=True)
class Class:
    """The cases of one class, by the label or by the decision."""

    name: str
    rows: Bools


@dataclass(frozen=True)
class Cases:
    """All cases.

    Attributes:
        patients: (n,).
        right: (n,) whether the decision is right.
        probability: (n,) of the decided class.
        calibrated: (n,) the same after recalibration on other patients.
        why_not: why there is no recalibration; empty if there is.
        classes: those that occur.
        bias: by column, (n,) how strong the biased pattern is; NaN where the column is empty.
        incomplete: a reason for each case that is no record.
    """

    patients: npt.NDArray[np.str_]
    right: Bools
    probability: Floats
    calibrated: Floats
    why_not: str
    classes: Sequence[Class]
    bias: Mapping[str, Floats]
    incomplete: Sequence[str]

    @classmethod
    def of(cls, evidence: Evidence, parameters: InformativePlausibility) -> "Cases":
        """Of one model's data.

        Raises:
            AuditError: a column of ``bias`` is missing, or holds something else than numbers.
        """
        scores = evidence.scores()
        probability, right = decided_probability(evidence), evidence.right(scores.decision)
        by = evidence.labels if parameters.condition == "label" else scores.decision
        calibrated, why_not = _calibrated(evidence, probability, right, parameters.folds)
        return cls(
            evidence.patients,
            right,
            probability,
            calibrated,
            why_not,
            _classes(evidence, by),
            {column: _numbers(evidence, column) for column in parameters.bias},
            evidence.incomplete,
        )


def _classes(evidence: Evidence, by: npt.NDArray[np.int64]) -> list[Class]:
    names = evidence.classes
    return [
        Class(names[index] if names else str(index), by == index)
        for index in np.unique(by).tolist()
    ]


def _calibrated(
    evidence: Evidence, probability: Floats, right: Bools, folds: int
) -> tuple[Floats, str]:
    """Confidence recalibrated on other patients, and why not.

    A score is recalibrated as the probability of its class, so that the confidence of yes and of no may
    move apart; without a score the confidence itself is.
    """
    ids = [record.id for record in evidence.records]
    seed = seed_of("folds", sorted(ids))
    try:
        if not evidence.two_class:
            found = recalibrated(right, probability, evidence.patients, folds=folds, seed=seed)
            return found, ""
        scores = evidence.scores()
        positive = recalibrated(
            evidence.labels == 1, scores.score, evidence.patients, folds=folds, seed=seed
        )
        return np.where(scores.decision == 1, positive, 1 - positive), ""
    except AuditError as reason:
        return np.full(probability.size, np.nan), str(reason)


def _numbers(evidence: Evidence, column: str) -> Floats:
    texts = column_texts(evidence, column).tolist()
    return np.array([column_number(column, text, "bias", _PATTERN) for text in texts])
