"""The concept classifier: what it sees of every concept in real and in generated images."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from auditkit.checks.concepts.drawn import Drawn, Rows
from auditkit.checks.concepts.target import unseen
from auditkit.checks.concepts.values import UNKNOWN, Integers, concepts_of, presence, unknown
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.kinds import Floats
from auditkit.metrics import Block
from auditkit.spec.declarations.judging import Judging
from auditkit.spec.problems import nearest


@dataclass(frozen=True)
class Judged:
    """One concept as the classifier sees it, on the images that count.

    Attributes:
        name: of the concept.
        column: its class.
        labels: (m,) whether it is present, 0 or 1.
        rows: (n,) the m images that count.
        skipped: a reason per image that does not.
        missing: labels of the images that do not count, unknown ones as they would count most.
    """

    name: str
    column: int
    labels: Integers
    rows: Rows
    skipped: list[str]
    missing: Integers

    def affected(self, *, permuted: bool = True) -> float:
        """Share of what its AUROC averages that the images that do not count would add."""
        return unseen("auroc", self.labels, self.missing, permuted=permuted)


class Judge:
    """Answers of the concept classifier."""

    def __init__(self, evidence: Evidence, parameters: Judging) -> None:
        # What is wrong with names is said before anything is drawn.
        concepts = concepts_of(evidence.data.card, parameters.named_concepts)
        self.evidence = evidence.peer(parameters.classifier)
        self.columns = _columns(self.evidence, parameters)
        self.drawn = Drawn.of(self.evidence, parameters)
        self.patients = self.evidence.patients
        self.concepts = {
            one.name: self._judged(one.name, presence(one, evidence.records)) for one in concepts
        }

    def _judged(self, name: str, present: Integers) -> Judged:
        known, drawn = present != UNKNOWN, self.drawn.rows
        reasons = (
            own or ("" if there else unknown(name))
            for own, there in zip(self.drawn.reasons, known, strict=True)
        )
        rows: Rows = known & drawn
        labels = present[rows]
        missing = _worst(labels, present[~rows])
        return Judged(name, self.columns[name], labels, rows, list(filter(None, reasons)), missing)

    def real(self, one: Judged) -> Floats:
        """(m,) probabilities of a concept on the real images."""
        found: Floats = self._real[one.rows, one.column]
        return found

    @cached_property
    def _real(self) -> Floats:
        return self.evidence.probabilities(self.evidence.answers())

    def generated(self, one: Judged) -> Floats:
        """(R, m) probabilities of a concept on images drawn from the captions as they are."""
        found: Floats = self.drawn.answers.plain[:, one.rows, one.column]
        return found

    def permuted(self, block: str, one: Judged) -> Block:
        """Probabilities of a concept on images drawn with a block at each of its values."""
        answers = self.drawn.answers.blocks[block].answers[..., one.column]
        return self.drawn.block(block, answers, one.rows)


def _columns(classifier: Evidence, parameters: Judging) -> dict[str, int]:
    """The class of each concept.

    Raises:
        AuditError: a concept is no class of the classifier.
    """
    classes = list(classifier.classes or ())
    for name in parameters.named_concepts:
        if name not in classes:
            hint = nearest(name, classes) if classes else "the card names no classes"
            raise AuditError(
                f"classifier '{parameters.classifier}' has no class '{name}', but every concept that is "
                f"permuted or judged must be one; {hint}"
            )
    return {name: classes.index(name) for name in parameters.named_concepts}


def _worst(labels: Integers, missing: Integers) -> Integers:
    """Missing labels; unknown ones as they would count most, in the class with fewer images."""
    known = missing[missing != UNKNOWN]
    lost = missing.size - known.size
    counts = [int((labels == k).sum() + (known == k).sum()) for k in (0, 1)]
    ones = min(max((counts[0] + lost - counts[1]) // 2, 0), lost)
    filled = np.concatenate([known, np.ones(ones), np.zeros(lost - ones)])
    return filled.astype(np.int64)
