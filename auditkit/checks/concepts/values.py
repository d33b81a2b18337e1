"""Values of concepts over images, and when a concept counts as present."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from auditkit.data.dataset import Record
from auditkit.errors import AuditError
from auditkit.spec.concepts import Concept
from auditkit.spec.data_card import DataCard
from auditkit.spec.problems import nearest

Integers = npt.NDArray[np.int64]
UNKNOWN = -1


def concepts_of(card: DataCard, names: Sequence[str]) -> list[Concept]:
    """The declared concepts of these names.

    Raises:
        AuditError: the data card does not declare one of them.
    """
    known = {concept.name: concept for concept in card.concepts}
    for name in names:
        if name not in known:
            raise AuditError(
                f"data set '{card.data}' has no concept '{name}'; {nearest(name, known)}"
            )
    return [known[name] for name in names]


def positions(concept: Concept, records: Sequence[Record]) -> Integers:
    """(n,) place of each image's value among the declared ones; -1 if it is unknown."""
    place = {value: i for i, value in enumerate(concept.values)}
    values = (record.concepts.get(concept.name, "") for record in records)
    return np.array([place.get(value, UNKNOWN) for value in values], dtype=np.int64)


def presence(concept: Concept, records: Sequence[Record]) -> Integers:
    """(n,) 1 where the concept is present, 0 where absent, -1 where unknown.

    Absent is the value 0, or the first declared value of a concept without one.
    """
    found = positions(concept, records)
    absent = concept.values.index("0") if "0" in concept.values else 0
    present: Integers = np.where(found == UNKNOWN, UNKNOWN, (found != absent).astype(np.int64))
    return present


def unknown(name: str) -> str:
    """Why an image without a value cannot be evaluated."""
    return f"the value of '{name}' is unknown"
