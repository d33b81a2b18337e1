"""Regions of COCO annotations."""

import math
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, Field

from auditkit.data.dataset import Mask
from auditkit.data.formats import polygon, run_length
from auditkit.errors import AuditError
from auditkit.spec.data_card import Pictures


class RunLengths(BaseModel):
    """A mask as run lengths, compressed (text) or not."""

    counts: list[int] | str
    size: list[int] = Field(min_length=2, max_length=2)


class Annotation(BaseModel):
    """One object: polygons or run lengths, else a box."""

    image_id: int
    category_id: int
    bbox: list[float] | None = Field(None, min_length=4, max_length=4)
    segmentation: list[list[float]] | RunLengths | None = None


@dataclass(frozen=True)
class CocoRegion:
    """The union of some annotations.

    Attributes:
        annotations: at least one.
        size: height and width of the picture as the file claims them, if it does.
    """

    annotations: tuple[Annotation, ...]
    size: tuple[int, int] | None

    def draw(self, shape: tuple[int, int], where: str, options: Pictures) -> Mask:  # noqa: ARG002 the interface's
        """The union as a mask."""
        if self.size is not None and self.size != shape:
            raise AuditError(
                f"{where} has {self.size[1]} x {self.size[0]} pixels by the file, its picture "
                f"{shape[1]} x {shape[0]}; annotations must be of the picture as it is"
            )
        mask = np.zeros(shape, dtype=bool)
        for annotation in self.annotations:
            try:
                mask |= _drawn(annotation, shape)
            except ValueError as error:
                raise AuditError(f"{where}: an annotation {error}") from error
        return mask

    def identity(self) -> bytes:
        """The annotations as text."""
        return repr([annotation.model_dump() for annotation in self.annotations]).encode()


def _drawn(annotation: Annotation, shape: tuple[int, int]) -> Mask:
    found = annotation.segmentation
    if isinstance(found, RunLengths):
        if tuple(found.size) != shape:
            raise ValueError(
                f"has run lengths of a {found.size} mask, the picture has {list(shape)}"
            )
        runs = (
            run_length.decompress(found.counts) if isinstance(found.counts, str) else found.counts
        )
        return run_length.fill(runs, shape)
    if found:
        mask = np.zeros(shape, dtype=bool)
        for corners in found:
            mask |= polygon.fill(corners, shape)
        return mask
    if annotation.bbox is None:
        raise ValueError("has neither a box nor a segmentation")
    return _box(annotation.bbox, shape)


def _box(box: list[float], shape: tuple[int, int]) -> Mask:
    """The pixels whose centres lie in x, y, width, height."""
    height, width = shape
    x, y, w, h = box
    # One pixel of rounding at each edge is accepted, as for polygons.
    inside = -1 <= x <= x + w <= width + 1 and -1 <= y <= y + h <= height + 1
    if not all(map(math.isfinite, box)) or not inside or w <= 0 or h <= 0:
        raise ValueError(f"has a box {box} that is not within {width} x {height} pixels")
    across, down = np.arange(width) + 0.5, np.arange(height) + 0.5
    columns = (across >= x) & (across < x + w)
    return np.asarray(((down >= y) & (down < y + h))[:, None] & columns[None, :])
