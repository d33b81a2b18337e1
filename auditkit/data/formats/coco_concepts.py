"""Concepts of COCO pictures: how many objects of a category there are, and where."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from auditkit.data.captions import concept_values
from auditkit.data.formats.coco_region import Annotation, CocoRegion
from auditkit.errors import AuditError
from auditkit.spec.concepts import Concept
from auditkit.spec.data_card import DataCard
from auditkit.spec.problems import nearest


def check_categories(card: DataCard, known: Iterable[str], file: Path) -> None:
    """Hold the categories that the card's concepts name against those of the file.

    Raises:
        AuditError: naming the first that is not there, and the nearest that is.
    """
    names = set(known)
    for concept in card.concepts:
        if concept.source not in names:
            raise AuditError(
                f"{file}: concept '{concept.name}': there is no category '{concept.source}'; "
                f"{nearest(concept.source, names)}"
            )


def counted(card: DataCard, annotations: Sequence[tuple[str, Annotation]]) -> Mapping[str, str]:
    """The value of each concept of a picture: the number of annotations of its category.

    Of counts, the largest declared value stands for that many or more: of a binary concept, 1 is presence.
    A crowd (``iscrowd``) is one annotation, as in the file. With ``above``, the full number is compared.
    """
    numbers = Counter(category for category, _ in annotations)
    values = concept_values(card, lambda category: str(numbers[category]))
    return {concept.name: _capped(concept, values[concept.name]) for concept in card.concepts}


def regions(
    card: DataCard,
    annotations: Sequence[tuple[str, Annotation]],
    size: tuple[int, int] | None,
) -> Mapping[str, CocoRegion]:
    """Where each concept that is there is: the union of its category's annotations."""
    parts = {
        concept.name: tuple(found for category, found in annotations if category == concept.source)
        for concept in card.concepts
    }
    return {name: CocoRegion(found, size) for name, found in parts.items() if found}


def _capped(concept: Concept, value: str) -> str:
    if not all(known.isdecimal() for known in concept.values):
        return value  # not a count: refused with the values that are declared
    return str(min(int(value), max(map(int, concept.values))))
