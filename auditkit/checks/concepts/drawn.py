"""What a model answered to generated images, and which images count."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Evidence
from auditkit.evidence.concepts.kinds import ConceptAnswers, Drawing
from auditkit.evidence.kinds import Floats
from auditkit.metrics import Block
from auditkit.spec.declarations.permuting import Permuting

Rows = npt.NDArray[np.bool_]


def drawing(parameters: Permuting) -> Drawing:
    """All images that the checks of one set of parameters share."""
    blocks = tuple(parameters.blocks)
    return Drawing(parameters.generator, blocks, parameters.repeats, parameters.seed)


@dataclass(frozen=True)
class Drawn:
    """Answers of one model to generated images."""

    answers: ConceptAnswers

    @classmethod
    def of(cls, evidence: Evidence, parameters: Permuting) -> "Drawn":
        """What this model answered."""
        return cls(evidence.concept_answers(drawing(parameters)))

    @property
    def reasons(self) -> Sequence[str]:
        """(n,) why an image does not count; empty if it does."""
        return self.answers.skipped

    @property
    def rows(self) -> Rows:
        """(n,) the images that count."""
        return np.array([not reason for reason in self.reasons])

    def block(self, name: str, numbers: Floats, rows: Rows) -> Block:
        """A block's answers to the images that count, at the values that these have.

        Args:
            name: of the block.
            numbers: (R, n, V) one number per answer.
            rows: (n,) the images that count.
        """
        occurring, own = np.unique(self.answers.blocks[name].own[rows], return_inverse=True)
        return Block(numbers[:, rows][:, :, occurring], own.astype(np.int64))

    def ends(self, name: str, rows: Rows) -> list[dict[str, str]]:
        """The first and the last value, as declared, that the images that count have; by concept."""
        block = self.answers.blocks[name]
        occurring = np.unique(block.own[rows]).tolist()
        return [dict(zip(block.concepts, block.values[occurring[i]], strict=True)) for i in (0, -1)]


def spread(rows: Rows, count: int) -> list[int]:
    """At most ``count`` of the images that count, evenly spaced, so that nobody chose them."""
    places = np.flatnonzero(rows)
    if places.size == 0:
        return []
    picked = np.linspace(0, places.size - 1, min(count, places.size)).round().astype(int)
    chosen: list[int] = places[picked].tolist()
    return chosen
