"""Annotated regions: a mask file, or a box in a cell of a table."""

from dataclasses import dataclass

import numpy as np

from auditkit.data.dataset import Mask
from auditkit.data.pictures import read_mask
from auditkit.data.source import Source
from auditkit.errors import AuditError
from auditkit.spec.data_card import Pictures


@dataclass(frozen=True)
class MaskFile:
    """A mask picture in a file of its own; non-zero is inside."""

    source: Source

    def draw(self, shape: tuple[int, int], where: str, options: Pictures) -> Mask:
        """The mask, which must have its picture's size."""
        return read_mask(self.source, shape, where, options)

    def identity(self) -> bytes:
        """SHA-256 of the file."""
        return self.source.digest()


@dataclass(frozen=True)
class BoxText:
    """A box as text, ``x0,y0,x1,y1`` in pixels, half-open."""

    text: str

    def draw(self, shape: tuple[int, int], where: str, options: Pictures) -> Mask:  # noqa: ARG002 the interface's
        """The box as a mask."""
        height, width = shape
        try:
            x0, y0, x1, y1 = (int(part) for part in self.text.split(","))
            inside = 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
        except ValueError:
            inside = False
        if not inside:
            raise AuditError(
                f"{where}: box '{self.text:.200}' is not x0,y0,x1,y1 within {width} x {height} pixels"
            )
        mask = np.zeros(shape, dtype=bool)
        mask[y0:y1, x0:x1] = True
        return mask

    def identity(self) -> bytes:
        """The text."""
        return self.text.encode()
