"""The images that a recipe of a classifier names, and what is known of their concepts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from auditkit.data import Dataset, load_data
from auditkit.data.dataset import Record, manifest_digest
from auditkit.data.load import list_data
from auditkit.data.resample import split_patients
from auditkit.errors import AuditError
from auditkit.evidence.identity import address
from auditkit.spec.catalogue import Catalogue
from auditkit.spec.data_card import DataCard
from auditkit.spec.problems import nearest
from auditkit.spec.training_classifier import ImageTraining


@dataclass(frozen=True)
class Examples:
    """Some images of a data set.

    Attributes:
        data: the data set.
        rows: indices into its records.
    """

    data: Dataset
    rows: Sequence[int]

    @property
    def records(self) -> list[Record]:
        """What is known of each image."""
        return [self.data.records[row] for row in self.rows]

    def described(self) -> dict[str, Any]:
        """Which images these are, for provenance."""
        records = self.records
        return {
            "data": self.data.card.data,
            "images": len(records),
            "patients": len({record.patient for record in records}),
            "sha256": self.digest,
        }

    @property
    def digest(self) -> str:
        """Over pictures, labels, patients and concepts."""
        records = self.records
        concepts = [sorted(record.concepts.items()) for record in records]
        return address({"records": manifest_digest(records), "concepts": concepts})


def training_card(recipe: ImageTraining, cards: Catalogue) -> DataCard:
    """The card of the data to train on."""
    return cards.data(recipe.card_name(recipe.data))


def examples(
    recipe: ImageTraining, cards: Catalogue, changes: Mapping[str, Any] | None = None
) -> tuple[Examples, Examples]:
    """Images to train and to validate on.

    Args:
        recipe: says which.
        cards: where it is looked for.
        changes: of the data cards (``positive``).

    Raises:
        AuditError: there is no such data, too little of it, or the two are of different tasks.
    """
    card = training_card(recipe, cards)
    if changes and card.format.startswith("synthetic-"):
        raise AuditError(
            f"{recipe.path}: classes: '{card.data}' is synthetic and has two; leave it out"
        )
    card = card.model_copy(update=dict(changes or {}))
    data = _loaded(card)
    if not isinstance(recipe.validation, str):
        parts = split_patients(data.records, recipe.validation, recipe.seed)
        training, validation = (Examples(data, rows) for rows in parts)
    else:
        other = cards.data(recipe.card_name(recipe.validation))
        if other.task != card.task:
            raise AuditError(
                f"{recipe.path}: validation '{other.data}' is about {other.task}, the training data "
                f"'{card.data}' about {card.task}; they must have the same task"
            )
        held = _loaded(other.model_copy(update=dict(changes or {})))
        training = Examples(data, range(len(data.records)))
        validation = Examples(held, range(len(held.records)))
        _refuse_same(recipe, training, validation)
    if len(training.rows) < 2 or not validation.rows:
        raise AuditError(
            f"{recipe.path}: {len(training.rows)} images to train on and {len(validation.rows)} to "
            "validate on; two and one at least were expected"
        )
    return training, validation


def presence(records: Sequence[Record], concepts: Sequence[str]) -> torch.Tensor:
    """Whether each image shows each concept: float32 (N, K), 1 for any value but 0, NaN if unknown.

    Raises:
        AuditError: a record does not know a concept.
    """
    rows = [[_present(record, concept) for concept in concepts] for record in records]
    return torch.tensor(rows, dtype=torch.float32).view(len(records), len(concepts))


def _present(record: Record, concept: str) -> float:
    if concept not in record.concepts:
        raise AuditError(
            f"image '{record.id:.200}' has no concept '{concept}'; {nearest(concept, record.concepts)}"
        )
    value = record.concepts[concept]
    return float(value != "0") if value else float("nan")


def _loaded(card: DataCard) -> Dataset:
    if card.format.startswith("synthetic-") or card.positive is not None:
        return load_data(card)
    listing = list_data(card)
    # A recipe may be about concepts alone: labels are then any texts.
    names = sorted({entry.label for entry in listing.entries})
    known = all(name.isdecimal() for name in names) or listing.positive is not None
    return load_data(card, None if known else {name: i for i, name in enumerate(names)})


def _refuse_same(recipe: ImageTraining, training: Examples, validation: Examples) -> None:
    seen = {record.digest for record in training.records}
    if all(record.digest in seen for record in validation.records):
        raise AuditError(
            f"{recipe.path}: every picture of the validation data is in the training data; a model is not "
            "validated on what it was trained on"
        )
