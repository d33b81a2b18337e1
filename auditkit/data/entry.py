"""What a format lists: pictures with texts, before labels are understood or files are opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from auditkit.data.dataset import Mask
from auditkit.data.source import Source
from auditkit.spec.data_card import Pictures


class Region(Protocol):
    """An annotated region that is drawn when it is needed."""

    def draw(self, shape: tuple[int, int], where: str, options: Pictures) -> Mask:
        """The region in a picture of this height and width.

        Raises:
            AuditError: it does not fit, or its file is not as it should be.
        """
        ...

    def identity(self) -> bytes:
        """Bytes that change when the region changes."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture as the data set's own files describe it.

    Attributes:
        id: unique in the data set.
        where: file and line, for messages.
        label: class as written.
        picture: its bytes.
        patient: None if the data set knows no patients: then each picture is its own cluster.
        groups: value per group column; "" if missing.
        features: value per feature column; "" if missing.
        split: name of the part, or "".
        region: None if not annotated.
        concepts: value per concept of the card, not yet held against the declared ones; "" if unknown.
        details: value per further column that captions use; "" if missing.
        text: free text of the caption; "" if there is none.
        concept_regions: where a concept is in the picture, by name, as far as the data set knows.
    """

    id: str
    where: str
    label: str
    picture: Source
    patient: str | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    features: Mapping[str, str] = field(default_factory=dict)
    split: str = ""
    region: Region | None = None
    concepts: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    concept_regions: Mapping[str, Region] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """All pictures of a data set, filtered as the card says, before `split` and `limit`.

    Attributes:
        source: the table or folder, for messages.
        entries: in the data set's own order.
        positive: labels that count as positive where the card does not say.
        expected: number of pictures per class (or over all classes, under ""), if it is known.
        expected_from: who says so.
        ignored: files that are no pictures.
        left_out: number of pictures that are not entries, by reason.
    """

    source: Path
    entries: Sequence[Entry]
    positive: tuple[str, ...] | None = None
    expected: Mapping[str, int] = field(default_factory=dict)
    expected_from: str = ""
    ignored: Sequence[str] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
