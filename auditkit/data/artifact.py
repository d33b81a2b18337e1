"""An artifact drawn into the pictures of a data set: what goes with the label without meaning anything.

The red dot of DeGrave et al. (doi:10.1038/s41551-023-01160-9, Supplementary Fig. 3).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from auditkit.data.dataset import Dataset, Mask, Picture, Record
from auditkit.errors import AuditError
from auditkit.spec.artifact import ARTIFACT_COLUMN, Artifact

PRESENT, ABSENT = "present", "absent"
# Part of a changed picture's identity. Raised when a change of the drawing changes pixels.
VERSION = "red-dot 1"
# Shares of the side of the centred square, so that a centre crop keeps it; far enough from the corner
# that a random crop by a sixth keeps some of it, and from the centre that it meets no usual lesion.
_CENTRE, _RADIUS = 0.15, 0.06
_RED = (220, 20, 20)


def with_artifact(picture: Picture) -> Picture:
    """The picture with a red dot in its upper left corner, its rim anti-aliased.

    Args:
        picture: uint8 (height, width, 3).

    Example:
        >>> grey = np.full((100, 100, 3), 128, np.uint8)
        >>> with_artifact(grey)[15, 15].tolist()
        [220, 20, 20]
    """
    cover = _cover(*picture.shape[:2])[..., None]
    return np.rint(picture * (1 - cover) + np.array(_RED) * cover).astype(np.uint8)


def artifact_mask(height: int, width: int) -> Mask:
    """The pixels that the dot covers at least by half, bool (height, width)."""
    return np.asarray(_cover(height, width) >= 0.5)


def carries(record: Record) -> bool:
    """Whether a record's picture has the artifact."""
    return record.groups.get(ARTIFACT_COLUMN) == PRESENT


class WithArtifact:
    """A data set of pictures, some of which get the artifact; they are records of their own identity."""

    def __init__(self, plain: Dataset, artifact: Artifact) -> None:
        self.card = plain.card
        self.plain = plain
        self._on = artifact.on
        for record in plain.records:
            _check(record, artifact, plain)
        self.records: Sequence[Record] = [
            _marked(record, there=self._wanted(record)) for record in plain.records
        ]
        # Where the files are, of a data set that has files.
        self.entries = getattr(plain, "entries", ())

    def image(self, index: int) -> Picture:
        """The picture, sRGB uint8 (height, width, 3)."""
        return self._drawn(index, self.plain.image(index))

    def mask(self, index: int) -> Mask | None:
        """The annotated region, which the artifact does not change."""
        return self.plain.mask(index)

    def _drawn(self, index: int, picture: Picture) -> Picture:
        return with_artifact(picture) if self._wanted(self.plain.records[index]) else picture

    def _wanted(self, record: Record) -> bool:
        return self._on == "all" or record.label == (1 if self._on == "positive" else 0)


class PlacedWithArtifact(WithArtifact):
    """One that knows where concepts are."""

    def concept_mask(self, index: int, name: str) -> Mask | None:
        """Where a concept is in the picture; the artifact is none."""
        return cast("_Placed", self.plain).concept_mask(index, name)


class RedrawnWithArtifact(PlacedWithArtifact):
    """One that can redraw its pictures with one attribute changed."""

    def intervened(self, index: int, attribute: str, value: float) -> Picture:
        """The picture with one attribute changed, and with its artifact."""
        redrawn = cast("_Redrawn", self.plain).intervened(index, attribute, value)
        return self._drawn(index, redrawn)

    def true_probability(self, index: int, attribute: str, value: float) -> float:
        """The probability of melanoma, which the artifact does not change."""
        return cast("_Redrawn", self.plain).true_probability(index, attribute, value)


class _Placed(Protocol):
    def concept_mask(self, index: int, name: str) -> Mask | None: ...


class _Redrawn(Protocol):
    def intervened(self, index: int, attribute: str, value: float) -> Picture: ...

    def true_probability(self, index: int, attribute: str, value: float) -> float: ...


def draw_artifact(plain: Dataset) -> Dataset:
    """The data set with the artifact of its card, if it has one.

    Raises:
        AuditError: labels are of more than two classes and one of them is to get it, or the data set has
            a group of that name already.
    """
    artifact = plain.card.artifact
    if artifact is None:
        return plain
    kind = WithArtifact
    if hasattr(plain, "concept_mask"):
        kind = PlacedWithArtifact
    if hasattr(plain, "intervened"):
        kind = RedrawnWithArtifact
    return kind(plain, artifact)


def _check(record: Record, artifact: Artifact, plain: Dataset) -> None:
    if artifact.on != "all" and record.label not in (0, 1):
        raise AuditError(
            f"{plain.card.path}: artifact.on: '{artifact.on}' is of two-class tasks, but '{record.id:.200}' "
            f"has the label {record.label}; write 'on: all', or say which labels are positive"
        )
    if ARTIFACT_COLUMN in record.groups:
        raise AuditError(
            f"{plain.card.path}: the data set has a group '{ARTIFACT_COLUMN}' of its own; rename that column"
        )


def _marked(record: Record, *, there: bool) -> Record:
    groups = {**record.groups, ARTIFACT_COLUMN: PRESENT if there else ABSENT}
    if not there:
        return replace(record, groups=groups)
    identity = f"{record.digest} {VERSION}".encode()
    return replace(record, groups=groups, digest=hashlib.sha256(identity).hexdigest())


def _cover(height: int, width: int) -> npt.NDArray[np.float64]:
    """Share of each pixel that the dot covers, in [0, 1], (height, width)."""
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    y = np.arange(height) + 0.5 - top - _CENTRE * side
    x = np.arange(width) + 0.5 - left - _CENTRE * side
    distance = np.hypot(y[:, None], x[None, :])
    cover: npt.NDArray[np.float64] = np.clip(_RADIUS * side - distance + 0.5, 0.0, 1.0)
    return cover
