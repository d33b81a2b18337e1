"""Labels: from a class as written to the index of the class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditkit.data.entry import Entry, Listing
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard
from auditkit.spec.problems import nearest

_SHOWN = 2000


@dataclass(frozen=True)
class Labelling:
    """How labels are understood.

    Attributes:
        positive: labels of class 1 in two-class tasks; None if the model's classes decide.
        negative: labels of class 0; None: whatever is not positive.
        labels: index per label text, for models of many classes.
    """

    positive: Sequence[str] | None
    negative: Sequence[str] | None
    labels: Mapping[str, int] | None

    def index(self, entry: Entry) -> int:
        """Index of the entry's class.

        Raises:
            AuditError: the label is empty or not known: labels are never guessed.
        """
        if not entry.label:
            raise AuditError(f"{entry.where}: the label is empty; every picture needs one")
        if self.positive is not None:
            return self._two_classes(entry, self.positive)
        known = self.labels
        if known and entry.label in known:
            return known[entry.label]
        digits = entry.label.isdecimal() and len(entry.label) < 10
        if digits and (known is None or int(entry.label) in known.values()):
            return int(entry.label)
        hint = nearest(entry.label, list(known)[:_SHOWN]) if known else "a class index was expected"
        raise AuditError(f"{entry.where}: unknown label '{entry.label:.200}'; {hint}")

    def _two_classes(self, entry: Entry, positive: Sequence[str]) -> int:
        if entry.label in positive:
            return 1
        if self.negative is None or entry.label in self.negative:
            return 0
        hint = nearest(entry.label, [*positive, *self.negative])
        raise AuditError(f"{entry.where}: unknown label '{entry.label:.200}'; {hint}")


def labelling(card: DataCard, listing: Listing, labels: Mapping[str, int] | None) -> Labelling:
    """How the labels of a data set are understood: by the card, else as published, else by the model."""
    return Labelling(card.positive or listing.positive, card.negative, labels)


def check_spelling(card: DataCard, listing: Listing) -> None:
    """Hold the labels that the card names against those that there are.

    Raises:
        AuditError: no picture has one of them: misspelt, it would make every picture negative.
    """
    there = {entry.label for entry in listing.entries}
    for label in [*(card.positive or ()), *(card.negative or ())]:
        if label not in there:
            raise AuditError(
                f"{card.path}: no picture in {listing.source.name} has the label '{label}'; "
                f"{nearest(label, there)}"
            )
