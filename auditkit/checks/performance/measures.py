"""The estimator of every measure on one part of the images, and when a group is too small for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.performance.groups import Part, Rows
from auditkit.checks.sampling import Sampling
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.spec.declarations.performance import Performance
from auditkit.stats import Estimate, Sample

Estimator = Callable[[], Estimate]


@dataclass(frozen=True)
class Answers:
    """Labels and answers per image, (n,) each.

    Attributes:
        labels: index of the class.
        score: probability of the positive class (of the label, with many classes).
        decision: index of the decided class.
        right: whether the decision is the label.
        patients: patient as a number.
        two_class: whether there is a score with a threshold.
        incomplete: why, of each case that could not be asked about. Which group such a case belongs to is
            not known: it is counted in each.
    """

    labels: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]
    decision: npt.NDArray[np.int64]
    right: Rows
    patients: npt.NDArray[np.int64]
    two_class: bool
    incomplete: Sequence[str] = ()

    @staticmethod
    def of(evidence: Evidence) -> "Answers":
        """A model's answers to its data set."""
        scores = evidence.scores()
        # Texts are slow to sort; every statistic sorts its patients.
        _, patients = np.unique(evidence.patients, return_inverse=True)
        return Answers(
            evidence.labels,
            scores.score,
            scores.decision,
            evidence.right(scores.decision),
            patients,
            evidence.two_class,
            evidence.incomplete,
        )

    def __getitem__(self, rows: Rows) -> "Answers":
        """The answers to some of the images."""
        return Answers(
            self.labels[rows],
            self.score[rows],
            self.decision[rows],
            self.right[rows],
            self.patients[rows],
            self.two_class,
        )

    def concerns(self, measure: str) -> Rows:
        """The images over which a share is taken; all of them for other measures."""
        rows: dict[str, Rows] = {
            "sensitivity": self.labels == 1,
            "specificity": self.labels == 0,
            "ppv": self.decision == 1,
            "npv": self.decision == 0,
        }
        return rows.get(measure, np.ones(self.labels.size, dtype=bool))


def estimates(answers: Answers, part: Part, parameters: Performance) -> dict[str, Estimator]:
    """Each measure's estimator on a part; in a group that is too small it raises the reason."""
    own = answers[part.rows]
    found = _estimators(own, parameters.bins)
    if not part.at:
        return found
    return {name: _if_enough(name, own, parameters, estimator) for name, estimator in found.items()}


def _if_enough(name: str, own: Answers, parameters: Performance, estimator: Estimator) -> Estimator:
    def guarded() -> Estimate:
        reason = too_small(name, own, parameters)
        if reason:
            raise AuditError(reason)
        return estimator()

    return guarded


def too_small(measure: str, own: Answers, parameters: Performance) -> str:
    """Why a group has too few images for a measure; empty if it has enough."""
    n = own.labels.size
    if n < parameters.min_group:
        return f"{n} images, fewer than {parameters.min_group}: no estimate is claimed"
    for kind, count in _counts(measure, own).items():
        if count < parameters.min_class:
            return (
                f"{count} {kind} images, fewer than {parameters.min_class}: no estimate is claimed"
            )
    return ""


def samples(answers: Answers, part: Part, sampling: Sampling) -> dict[str, Sample]:
    """What averages and AUROCs on a part are of, image by image.

    Of which images predictive values are shares, the model itself decides: two models have no pairs there.
    """
    found = {"accuracy": sampling.mean(answers.right, part.rows, answers.labels)}
    if not answers.two_class:
        return found
    error = (answers.score - answers.labels) ** 2
    shares = {
        name: sampling.mean(answers.right, part.rows & answers.concerns(name))
        for name in ("sensitivity", "specificity")
    }
    auroc = sampling.auroc(answers.labels, answers.score, part.rows)
    brier = sampling.mean(error, part.rows, answers.labels)
    return found | shares | {"roc_auc": auroc, "brier": brier}


_BOTH = ("roc_auc", "pr_auc", "balanced_accuracy", "calibration_slope", "calibration_intercept")
_KINDS = {
    "sensitivity": "positive",
    "specificity": "negative",
    "ppv": "positively decided",
    "npv": "negatively decided",
}


def _counts(measure: str, own: Answers) -> dict[str, int]:
    """How many images of each kind that a measure needs there are."""
    if measure in _KINDS:
        return {_KINDS[measure]: int(own.concerns(measure).sum())}
    if measure in _BOTH and own.two_class:
        return {
            _KINDS[name]: int(own.concerns(name).sum()) for name in ("sensitivity", "specificity")
        }
    return {}


def _estimators(own: Answers, bins: int) -> dict[str, Estimator]:
    """Two-class models have scores, others decisions only."""
    labels, score, patients = own.labels, own.score, own.patients
    found: dict[str, Estimator] = {
        "accuracy": lambda: stats.proportion(own.right, patients),
        "balanced_accuracy": lambda: stats.balanced_accuracy(labels, own.right, patients),
    }
    if not own.two_class:
        return found
    return found | {
        "roc_auc": lambda: stats.auroc(labels, score, patients),
        "pr_auc": lambda: stats.average_precision(labels, score, patients),
        "sensitivity": lambda: _share(own, "sensitivity"),
        "specificity": lambda: _share(own, "specificity"),
        "ppv": lambda: _share(own, "ppv"),
        "npv": lambda: _share(own, "npv"),
        "brier": lambda: stats.brier(labels, score, patients),
        "calibration_error": lambda: stats.calibration_error(
            labels, score, bins=bins, clusters=patients
        ),
        "calibration_slope": lambda: stats.calibration_slope(labels, score, patients),
        "calibration_intercept": lambda: stats.calibration_intercept(labels, score, patients),
    }


def _share(own: Answers, measure: str) -> Estimate:
    rows = own.concerns(measure)
    if not rows.any():
        why = ": one class only" if measure in ("sensitivity", "specificity") else ""
        raise AuditError(f"no {_KINDS[measure]} image{why}")
    return stats.proportion(own.right[rows], own.patients[rows])
