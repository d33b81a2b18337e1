"""The model under audit as one number per answer: its score, or the class that it decides on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.concepts.drawn import Drawn, Rows
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.kinds import Floats, Integers
from auditkit.metrics import Block, unseen_share
from auditkit.metrics.permuted import Metric, plain_metric
from auditkit.spec.declarations.permuting import Permuting

Patients = npt.NDArray[np.str_]
UNITS: Mapping[Metric, str] = {"auroc": "AUROC", "accuracy": "accuracy"}
NO_SCORE = "the model decides between classes and has no score"


@dataclass(frozen=True)
class Target:
    """Answers of the model under audit to generated images, as numbers.

    Attributes:
        evidence: of the model.
        drawn: its answers, and which images count.
        metric: what performance is.
    """

    evidence: Evidence
    drawn: Drawn
    metric: Metric

    @classmethod
    def of(cls, evidence: Evidence, parameters: Permuting, metric: Metric = "auroc") -> "Target":
        """The accuracy stands for the AUROC of a model without a score."""
        known: Metric = metric if evidence.two_class else "accuracy"
        return cls(evidence, Drawn.of(evidence, parameters), known)

    @property
    def rows(self) -> Rows:
        """(n,) the images that count."""
        return self.drawn.rows

    @property
    def labels(self) -> Integers:
        """Classes of the images that count."""
        return self.evidence.labels[self.rows]

    @cached_property
    def real(self) -> Floats:
        """(n,) numbers of all real images."""
        return self.numbers(self.evidence.probabilities(self.evidence.answers()))

    @property
    def plain(self) -> Floats:
        """(R, n) numbers of the images that count, drawn from their captions as they are."""
        return self.numbers(self.drawn.answers.plain)[:, self.rows]

    def block(self, name: str) -> Block:
        """Numbers of the images that count, drawn with a block at each of its values."""
        return self.drawn.block(
            name, self.numbers(self.drawn.answers.blocks[name].answers), self.rows
        )

    def scores(self, name: str) -> Floats:
        """(R, n, V) probability of the score's class, or of the label, as `block` orders them."""
        found = self.drawn.answers.blocks[name].answers
        if self.evidence.two_class:
            score = found[..., -1]
        else:
            label = self.evidence.labels[np.newaxis, :, np.newaxis, np.newaxis]
            score = np.take_along_axis(found, label, axis=-1)[..., 0]
        return np.asarray(self.drawn.block(name, score, self.rows).answers)

    def numbers(self, answers: Floats) -> Floats:
        """Scores, or decided classes, of answers (..., K)."""
        if self.metric == "auroc":
            score: Floats = answers[..., -1]
            return score
        threshold = self.evidence.card.threshold
        decided = answers.argmax(axis=-1) if threshold is None else answers[..., -1] >= threshold
        return np.asarray(decided, dtype=np.float64)

    def worded(self, number: float) -> str:
        """A number for people."""
        if self.metric == "auroc":
            return f"score {number:.2f}"
        classes = self.evidence.classes
        return f"decides {classes[int(number)] if classes else int(number)}"

    def affected(self, *, permuted: bool = True) -> float:
        """Share of what the metric averages that the images that do not count would add."""
        missing = self.evidence.labels[~self.rows]
        return unseen(self.metric, self.labels, missing, permuted=permuted)


def performance(
    metric: Metric, labels: Integers, answers: Floats, patients: Patients
) -> stats.Estimate:
    """AUROC or accuracy of answers (R, n), averaged over repeats."""
    if metric == "accuracy":
        right = (answers == labels).mean(axis=0)
        return stats.mean(right, patients, bounds=(0.0, 1.0))
    if len(answers) == 1:
        return stats.auroc(labels, answers[0], patients)
    if len(set(labels.tolist())) < 2:
        raise AuditError("an AUROC needs images of both classes")
    statistic = plain_metric(metric, labels.astype(np.float64), answers)
    bounds = (0.0, 1.0)
    return stats.bootstrap(
        statistic, patients, labels.size, seed=0, bounds=bounds, interval="logit"
    )


def unseen(metric: Metric, labels: Integers, missing: Integers, *, permuted: bool = True) -> float:
    """As `unseen_share`; 1 if nothing can be said."""
    try:
        return unseen_share(metric, labels, missing, permuted=permuted)
    except AuditError:
        return 1.0
