"""A data set of picture files, whatever format listed them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from auditkit.data.captions import check_concepts, concept_of
from auditkit.data.dataset import Mask, Picture, Record
from auditkit.data.entry import Entry, Listing
from auditkit.data.labels import check_spelling, labelling
from auditkit.data.pictures import read_picture
from auditkit.data.source import Source
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard, Pictures
from auditkit.spec.problems import nearest


class FileData:
    """Pictures in files, opened one at a time; what was listed is checked when this is made."""

    def __init__(
        self, card: DataCard, listing: Listing, labels: Mapping[str, int] | None = None
    ) -> None:
        mismatch = count_problem(card, listing)
        if mismatch:
            raise AuditError(mismatch)
        self.card = card
        self._entries = selected(card, listing)
        understood = labelling(card, listing, labels)
        labelled = [understood.index(entry) for entry in self._entries]
        check_spelling(card, listing)
        check_unique(self._entries)
        self.records: Sequence[Record] = [
            _record(entry, label, card)
            for entry, label in zip(self._entries, labelled, strict=True)
        ]

    def image(self, index: int) -> Picture:
        """The picture, sRGB uint8 (height, width, 3), as the card says it is read."""
        entry = self._entries[index]
        return read_picture(entry.picture, entry.where, self.card.pictures)

    @property
    def entries(self) -> Sequence[Entry]:
        """What is listed of each record, in the records' order: where its files are."""
        return self._entries

    def mask(self, index: int) -> Mask | None:
        """The annotated region, or None."""
        entry = self._entries[index]
        if entry.region is None:
            return None
        height, width = self.image(index).shape[:2]
        return entry.region.draw((height, width), entry.where, self.card.pictures)


class PlacedConcepts(FileData):
    """Pictures in files that list where concepts are."""

    def concept_mask(self, index: int, name: str) -> Mask | None:
        """Where a concept is in the picture, bool (height, width); None if it is absent.

        Raises:
            AuditError: there is no such concept.
        """
        entry = self._entries[index]
        region = entry.concept_regions.get(concept_of(self.card, name).name)
        if region is None or entry.concepts[name] == "0":
            return None
        height, width = self.image(index).shape[:2]
        return region.draw((height, width), entry.where, self.card.pictures)


def sources_of(entry: Entry) -> Iterator[Source]:
    """The files of a picture, or of a case of volumes: pictures, volumes and masks."""
    yield from getattr(entry, "there", {"": entry.picture}).values()
    regions = [
        entry.region,
        *entry.concept_regions.values(),
        *getattr(entry, "regions", {}).values(),
    ]
    # Boxes and polygons have no file of their own.
    found = (getattr(region, "source", None) for region in regions)
    yield from (source for source in found if source is not None)


def selected(card: DataCard, listing: Listing) -> Sequence[Entry]:
    """The entries of the card's split, up to its limit.

    Raises:
        AuditError: there is no such split.
    """
    entries = listing.entries
    if card.split is not None:
        entries = [entry for entry in entries if entry.split == card.split]
        if not entries:
            hint = nearest(card.split, {entry.split for entry in listing.entries} - {""})
            raise AuditError(
                f"{card.path}: no picture in {listing.source} has the split '{card.split}'; {hint}"
            )
    return entries[: card.limit]


def count_problem(card: DataCard, listing: Listing) -> str:
    """What is wrong with the number of pictures, or ""; only where a number is expected."""
    expected = card.expected or sum(listing.expected.values())
    if not expected or len(listing.entries) == expected:
        return ""
    found: dict[str, int] = {}
    for entry in listing.entries:
        found[entry.label] = found.get(entry.label, 0) + 1
    per_class = ", ".join(
        f"{label}: {found.get(label, 0)}"
        + (f" of {listing.expected[label]}" if label in listing.expected else "")
        for label in sorted({*found, *(label for label in listing.expected if label)})
    )
    by = "the card" if card.expected else listing.expected_from
    return (
        f"{card.path}: {len(listing.entries)} pictures were found in {listing.source}, {expected} were "
        f"expected by {by} ({per_class}); complete the data set, or write 'expected: "
        f"{len(listing.entries)}' in the card if this is what is meant"
    )


def check_unique(entries: Sequence[Entry]) -> None:
    """Hold ids to being unique.

    Raises:
        AuditError: naming the first that is not.
    """
    seen: dict[str, str] = {}
    for entry in entries:
        if entry.id in seen:
            raise AuditError(
                f"{entry.where}: id '{entry.id:.200}' is already on line "
                f"{seen[entry.id].rpartition(':')[2]}; ids must be unique"
            )
        seen[entry.id] = entry.where


def patient_of(entry: Entry) -> str:
    """The entry's cluster: its patient, or itself where the data set knows no patients.

    Raises:
        AuditError: the data set knows patients, but not this one's.
    """
    if entry.patient is None:
        return entry.id
    if not entry.patient:
        raise AuditError(
            f"{entry.where}: the patient is empty; give each picture its patient, or one "
            "of its own if it is known to be another person"
        )
    return entry.patient


def _record(entry: Entry, label: int, card: DataCard) -> Record:
    check_concepts(card, entry.concepts, entry.where)
    return Record(
        id=entry.id,
        digest=_digest(entry, card.pictures),
        label=label,
        patient=patient_of(entry),
        groups=_known(entry.groups),
        features=entry.features,
        annotated=entry.region is not None,
        concepts=entry.concepts,
        details=entry.details,
        text=entry.text,
    )


def _known(groups: Mapping[str, str]) -> Mapping[str, str]:
    """The groups with a name for what is not known; as they are, if all is."""
    if all(groups.values()):
        return groups
    return {column: value or "unknown" for column, value in groups.items()}


def _digest(entry: Entry, options: Pictures) -> str:
    total = hashlib.sha256(entry.picture.digest())
    if entry.region is not None:
        total.update(entry.region.identity())
    for name, region in sorted(entry.concept_regions.items()):
        total.update(name.encode() + region.identity())
    if options != Pictures():
        # The same file under another window is another picture.
        total.update(options.model_dump_json().encode())
    return total.hexdigest()
