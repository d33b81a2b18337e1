"""Annotated regions of volumes: labels in a mask's file, boxes, landmarks."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from auditkit.data.dataset import Mask
from auditkit.data.source import FileSource
from auditkit.data.volumes.grid import Grid
from auditkit.data.volumes.read import read_grid, read_labels
from auditkit.errors import AuditError


class VolumeRegion(Protocol):
    """An annotated region that is drawn when it is needed."""

    def check(self, grid: Grid, where: str) -> None:
        """Hold the region against a modality's grid.

        Raises:
            AuditError: it does not fit; ``where`` names the case and the modality.
        """
        ...

    def draw(self, shape: tuple[int, ...], where: str) -> Mask:
        """The region on a grid of this shape.

        Raises:
            AuditError: its file or text is not as it should be.
        """
        ...

    def identity(self) -> bytes:
        """Bytes that change when the region changes."""
        ...


@dataclass(frozen=True)
class MaskVolume:
    """A mask in a file of its own.

    Attributes:
        source: the file.
        values: labels that are the region; None: all but 0.
    """

    source: FileSource
    values: tuple[int, ...] | None = None

    def check(self, grid: Grid, where: str) -> None:
        """A mask has the grid of its modality: as many voxels, at the same places."""
        own = read_grid(self.source, self._what(where))
        if own.shape != grid.shape:
            raise AuditError(
                f"{where} has {grid} voxels, its mask {self.source.name} has {own}; a mask has the grid of "
                "every modality that it is for: resample one of them, or give the modality its own mask"
            )
        if not own.lies_as(grid):
            raise AuditError(
                f"{where} and its mask {self.source.name} have {grid} voxels, but their headers place "
                "them differently (another orientation or origin); save the mask on its image's grid"
            )

    def draw(self, shape: tuple[int, ...], where: str) -> Mask:
        """The voxels whose label is one of ``values``."""
        labels = read_labels(self.source, self._what(where))
        assert labels.shape == shape, "check comes before draw"
        return labels != 0 if self.values is None else np.isin(labels, self.values)

    def identity(self) -> bytes:
        """SHA-256 of the file, and which labels are the region."""
        return self.source.digest() + repr(self.values).encode()

    def _what(self, where: str) -> str:
        return f"{where}: mask {self.source.name}"


@dataclass(frozen=True)
class Boxes:
    """Boxes as text: lower and upper corner in voxels, half-open, several separated by ';'.

    Example:
        >>> Boxes("0,1, 2,3").draw((2, 4), "here").astype(int)
        array([[0, 1, 1, 0],
               [0, 1, 1, 0]])
    """

    text: str

    def check(self, grid: Grid, where: str) -> None:
        """Boxes lie within the grid."""
        axes = len(grid.shape)
        for corners in _numbers(self.text, 2 * axes, f"{where}: box", _corners(axes)):
            pairs = zip(corners[:axes], corners[axes:], grid.shape, strict=True)
            if not all(0 <= low < high <= side for low, high, side in pairs):
                raise AuditError(
                    f"{where}: box '{self.text:.200}' is not {_corners(axes)} within {grid} voxels (upper "
                    "corner not included)"
                )

    def draw(self, shape: tuple[int, ...], where: str) -> Mask:
        """The voxels in one of the boxes."""
        mask, axes = np.zeros(shape, dtype=bool), len(shape)
        for corners in _numbers(self.text, 2 * axes, f"{where}: box", _corners(axes)):
            pairs = zip(corners[:axes], corners[axes:], strict=True)
            mask[tuple(slice(low, high) for low, high in pairs)] = True
        return mask

    def identity(self) -> bytes:
        """The text."""
        return f"boxes {self.text}".encode()


@dataclass(frozen=True)
class Landmarks:
    """Points as text, in voxels, separated by ';'; the region is a ball around each.

    Example:
        >>> Landmarks("1,2", radius=1).draw((3, 4), "here").astype(int)
        array([[0, 0, 1, 0],
               [0, 1, 1, 1],
               [0, 0, 1, 0]])
    """

    text: str
    radius: int

    def check(self, grid: Grid, where: str) -> None:
        """Points lie within the grid."""
        axes = len(grid.shape)
        for point in _numbers(self.text, axes, f"{where}: landmark", "one number per axis"):
            if not all(0 <= at < side for at, side in zip(point, grid.shape, strict=True)):
                raise AuditError(
                    f"{where}: landmark '{self.text:.200}' does not lie within {grid} voxels"
                )

    def draw(self, shape: tuple[int, ...], where: str) -> Mask:
        """The voxels at most ``radius`` voxels from one of the points."""
        mask = np.zeros(shape, dtype=bool)
        places = np.ogrid[tuple(slice(side) for side in shape)]
        for point in _numbers(self.text, len(shape), f"{where}: landmark", "one number per axis"):
            squares = [(place - at) ** 2 for place, at in zip(places, point, strict=True)]
            mask |= sum(squares) <= self.radius**2
        return mask

    def identity(self) -> bytes:
        """The text and the radius."""
        return f"landmarks {self.radius} {self.text}".encode()


def _corners(axes: int) -> str:
    names = "xyz"[:axes]
    return ",".join([*(f"{name}0" for name in names), *(f"{name}1" for name in names)])


def _numbers(text: str, count: int, what: str, expected: str) -> list[list[int]]:
    """Whole numbers, so many in each part between ';'."""
    try:
        found = [
            [int(part) for part in item.split(",")] for item in text.split(";") if item.strip()
        ]
    except ValueError:
        found = [[]]
    if any(len(numbers) != count for numbers in found):
        raise AuditError(
            f"{what} '{text:.200}' is not {expected} in whole voxels, several separated by ';'"
        )
    return found
