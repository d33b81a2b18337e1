"""Which values the concepts have in the data, and what free text says of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.checks.concepts.values import UNKNOWN, Integers, concepts_of, positions, unknown
from auditkit.data.mentions import Mention, mentions
from auditkit.evidence import Evidence
from auditkit.spec.concepts import Concept


@dataclass(frozen=True)
class Occurring:
    """Concepts over the images of a data set.

    Attributes:
        evidence: of any model on the data.
        concepts: those that are permuted, as declared.
        places: by concept, (n,) place of each image's value among the declared ones; -1 if unknown.
        found: sentences of free text that mention a concept.
    """

    evidence: Evidence
    concepts: Sequence[Concept]
    places: dict[str, Integers]
    found: Sequence[Mention]

    @classmethod
    def of(cls, evidence: Evidence, names: Sequence[str]) -> "Occurring":
        """Of the concepts of these names."""
        card, records = evidence.data.card, evidence.records
        concepts = concepts_of(card, names)
        places = {one.name: positions(one, records) for one in concepts}
        return cls(evidence, concepts, places, mentions(card, records, names))

    def skipped(self, names: Sequence[str]) -> list[str]:
        """A reason for each image of which one of the concepts is unknown."""
        missing = np.stack([self.places[name] == UNKNOWN for name in names], axis=1)
        return [unknown(names[int(row.argmax())]) for row in missing if row.any()]

    def rarest(self, name: str) -> tuple[int, int]:
        """Images with a concept's rarest declared value: known, and if every unknown one had it."""
        place = self.places[name]
        values = next(one.values for one in self.concepts if one.name == name)
        least = min(int((place == i).sum()) for i in range(len(values)))
        return least, least + int((place == UNKNOWN).sum())
