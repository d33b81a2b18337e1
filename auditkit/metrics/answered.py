"""Answers to several kinds of input, and the performance that they amount to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from auditkit.spec.removing import Performance
from auditkit.stats import Estimate, auroc, auroc_point, proportion
from auditkit.stats.differences import two_classes
from auditkit.stats.inputs import Clusters, Floats, finite_vector
from auditkit.stats.ranking import weighted_auroc
from auditkit.stats.resampling import Statistic
from auditkit.stats.roc import auroc_influence, independent_pairs

UNITS: Final[Mapping[Performance, str]] = {"accuracy": "accuracy", "auc": "AUROC"}


@dataclass(frozen=True)
class Answered:
    """A model's answers, and what performance is.

    Attributes:
        performance: accuracy of the decisions, or AUROC of the score.
        labels: (n,) index of the class; 0 or 1 for the AUROC.
        scores: (n, ...) of the positive class; the AUROC's.
        decisions: (n, ...) index of the decided class; the accuracy's.
        patients: (n,).
    """

    performance: Performance
    labels: npt.NDArray[np.int64]
    scores: Floats
    decisions: npt.NDArray[np.int64]
    patients: npt.NDArray[np.str_]

    @property
    def columns(self) -> Sequence["Column"]:
        """One for each subset of modalities, or the only one."""
        given = self.scores if self.performance == "auc" else self.decisions
        table = given.reshape(len(self.labels), -1)
        return [Column(self.performance, self.labels, column) for column in table.T]


@dataclass(frozen=True)
class Column:
    """Answers (n,) to one kind of input."""

    performance: Performance
    labels: npt.NDArray[np.int64]
    given: npt.NDArray[np.float64] | npt.NDArray[np.int64]

    @property
    def right(self) -> Floats:
        """Whether each decision is right, 0 or 1."""
        return np.asarray(self.given == self.labels, dtype=np.float64)

    @property
    def scores(self) -> Floats:
        """The scores, if they are finite."""
        return finite_vector("scores", self.given)

    def statistic(self) -> Statistic:
        """The performance as a function of weights."""
        if self.performance == "auc":
            return weighted_auroc(two_classes(self.labels), self.scores)
        right = self.right
        return lambda weights: np.asarray(weights @ right / weights.sum(axis=1))

    def estimate(self, patients: npt.NDArray[np.str_], level: float = 0.95) -> Estimate:
        """The performance with its own interval."""
        if self.performance == "auc":
            return auroc(self.labels, self.scores, patients, level=level)
        return proportion(self.right, patients, level=level)

    def per_case(self) -> Floats:
        """(n,) numbers whose mean is the performance and whose spread is its error.

        Right or wrong; of the AUROC A pseudo-values A + n * influence, DeLong's structural components.
        """
        if self.performance == "accuracy":
            return self.right
        y, scores = two_classes(self.labels), self.scores
        found: Floats = auroc_point(y, scores) + y.size * auroc_influence(y, scores)
        return found

    def units(self, groups: Clusters) -> float:
        """Independent observations that it rests on: patients, or pairs of them."""
        if self.performance == "auc":
            return independent_pairs(two_classes(self.labels), groups)
        return groups.effective_count


def unseen_cases(answered: Answered, missing: int) -> float:
    """Most that cases without an answer, whatever their labels are, add to what is averaged, in [0, 1).

    Of an accuracy, their share. An AUROC averages over pairs of a positive and a negative case.

    Example:
        >>> labels = np.array([0, 0, 1, 1])
        >>> given = Answered("auc", labels, labels * 1.0, labels, labels.astype(str))
        >>> round(unseen_cases(given, 1), 3)  # 1 - 2 * 2 / (3 * 2)
        0.333
    """
    n = len(answered.labels)
    if answered.performance == "accuracy" or missing == 0:
        return missing / (n + missing)
    two_classes(answered.labels)
    return unseen_pairs(answered.labels, np.ones(n, dtype=np.bool_), missing)


def unseen_pairs(
    labels: npt.NDArray[np.int64], kept: npt.NDArray[np.bool_], unlabelled: int
) -> float:
    """Largest share of the pairs of a positive and a negative case that have one without an answer.

    Args:
        labels: (n,) 0 or 1.
        kept: (n,) cases with an answer.
        unlabelled: cases without an answer whose labels are not known: whatever they are.

    Returns:
        In [0, 1].

    Example:
        >>> labels = np.array([0, 0, 0, 1, 1])
        >>> kept = np.array([True, True, True, True, False])
        >>> unseen_pairs(labels, kept, 0)  # 1 - 3 * 1 / (3 * 2)
        0.5
    """
    positive, negative = (int((labels == side).sum()) for side in (1, 0))
    known = int((labels[kept] == 1).sum()) * int((labels[kept] == 0).sum())
    every = [(positive + more) * (negative + unlabelled - more) for more in range(unlabelled + 1)]
    return 1 - known / max(*every, 1)
