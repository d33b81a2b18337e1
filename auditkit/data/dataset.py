"""The interface of all data sets, which checks and evidence rely on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from auditkit.spec.data_card import DataCard

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Volume = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a picture without opening it.

    Attributes:
        id: unique in the data set.
        digest: of the picture's content, its region and how it is read; equal pictures, equal digests.
        label: index of the class; 1 is positive in two-class tasks.
        patient: pictures of one patient are one cluster.
        groups: value per group column.
        features: value per column that a model's second input may read; empty if missing.
        annotated: whether there is a mask or a box.
        concepts: value, as text, per concept of the data card; empty if unknown.
        details: value per further column that captions use.
        text: free text of its caption.
    """

    id: str
    digest: str
    label: int
    patient: str
    groups: Mapping[str, str] = field(default_factory=dict)
    features: Mapping[str, str] = field(default_factory=dict)
    annotated: bool = False
    concepts: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


class Dataset(Protocol):
    """A data set that streams: records in memory, pictures one at a time."""

    card: DataCard
    records: Sequence[Record]

    def image(self, index: int) -> Picture:
        """The picture, sRGB uint8 (height, width, 3)."""
        ...

    def mask(self, index: int) -> Mask | None:
        """The annotated region, bool (height, width); None if there is none."""
        ...


@dataclass(frozen=True)
class Incomplete:
    """A case that lacks a modality: no record, but counted.

    Attributes:
        id: of the case.
        reason: what it lacks.
        before: number of records that come before it.
    """

    id: str
    reason: str
    before: int


class VolumeDataset(Dataset, Protocol):
    """A data set of volumes, or of several modalities: one array per modality and case.

    ``image`` and ``mask`` are of pictures and refuse. Grids of modalities may differ (the three views of
    a knee); axes are as the files store them.

    Attributes:
        modalities: names, in the data set's own order.
        incomplete: the cases that lack a modality.
    """

    modalities: Sequence[str]
    incomplete: Sequence[Incomplete]

    def volume(self, index: int) -> Mapping[str, Volume]:
        """The values of each modality, float32 (*space), finite."""
        ...

    def regions(self, index: int) -> Mapping[str, Mask] | None:
        """The annotated region of each modality, on its own grid; None if there is none."""
        ...


def manifest_digest(records: Sequence[Record]) -> str:
    """The data set's identity: over every record's id, content, label, patient, columns and text."""
    total = hashlib.sha256()
    for record in records:
        groups = sorted(record.groups.items())
        rest: list[object] = []
        rest += [sorted(record.features.items())] if record.features else []
        told = (sorted(record.concepts.items()), sorted(record.details.items()), record.text)
        rest += [told] if any(told) else []
        line = repr((record.id, record.digest, record.label, record.patient, groups, *rest))
        total.update(line.encode() + b"\n")
    return total.hexdigest()
