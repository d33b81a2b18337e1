"""Read the blobs of a .caffemodel and of a mean image."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError
from auditkit.models.caffe.wire import FIXED32, FIXED64, RECORD, VARINT, Field, WireFile

Floats32 = npt.NDArray[np.float32]
Shape = tuple[int, ...]

_KIND = "a .caffemodel"
# Fields of the network, of a layer (now and before 2015), and of a blob.
_NET_LAYERS, _NET_OLD_LAYERS = 100, 2
_LAYER_NAME, _LAYER_BLOBS = 1, 7
_OLD_NAME, _OLD_BLOBS, _OLDEST_LAYER = 4, 6, 1
_BLOB_DATA, _BLOB_SHAPE, _BLOB_DOUBLES = 5, 7, 8
_OLD_SIZES = range(1, 5)
_MOST_AXES = 32
_MOST_BLOBS = 64
_MOST_LAYERS = 20_000


class Piece(NamedTuple):
    """Numbers that follow each other in the file; `gap` bytes stand in front of each."""

    start: int
    length: int
    gap: int


@dataclass(frozen=True)
class StoredBlob:
    """A blob that lies in a file: its shape, and where its numbers are.

    Attributes:
        shape: its sizes, each at least 1.
        old: whether it has the four sizes of old files, in which leading ones mean nothing.
    """

    path: Path
    shape: Shape
    old: bool
    width: int
    pieces: tuple[Piece, ...]

    def fits(self, shape: Shape) -> bool:
        """Tell whether the blob has this shape, in the way that Caffe compares them."""
        if not self.old:
            return self.shape in (shape, shape or (1,))
        return len(shape) <= len(self.shape) and self.shape == _with_leading_ones(shape)

    def read(self) -> Floats32:
        """Read the numbers, float32.

        Raises:
            AuditError: if one of them is infinite or not a number.
        """
        values = np.empty(math.prod(self.shape), "<f4" if self.width == 4 else "<f8")
        place = 0
        with WireFile(self.path, _KIND) as file:
            for piece in self.pieces:
                _read_piece(file, piece, values[place : place + piece.length])
                place += piece.length
        with np.errstate(over="ignore"):
            floats = values.astype(np.float32, copy=False)
        if not np.isfinite(floats).all():
            raise AuditError(
                f"{self.path}: holds weights that are infinite or not numbers; get the file again",
            )
        return floats.reshape(self.shape)


def _with_leading_ones(shape: Shape) -> Shape:
    return (1,) * (len(_OLD_SIZES) - len(shape)) + shape


def _read_piece(file: WireFile, piece: Piece, target: npt.NDArray[Any]) -> None:
    if not piece.gap:
        file.read_into(target, piece.start)
        return
    rows = np.empty((piece.length, piece.gap + target.itemsize), np.uint8)
    file.read_into(rows.reshape(-1), piece.start)
    target.view(np.uint8).reshape(piece.length, -1)[:] = rows[:, piece.gap :]


def index_weights(path: Path) -> dict[str, tuple[StoredBlob, ...]]:
    """Find the blobs of every layer that has some, by its name; nothing long is read.

    Args:
        path: a .caffemodel, of the format since 2015 (`layer`) or of the one before (`layers`).

    Raises:
        AuditError: if the file is damaged, or two layers with blobs have one name.
    """
    found: dict[str, tuple[StoredBlob, ...]] = {}
    layers = 0
    with WireFile(path, _KIND) as file:
        for field in file.fields(0, file.size):
            if field.number not in (_NET_LAYERS, _NET_OLD_LAYERS):
                continue
            layers += 1
            if field.wire != RECORD or layers > _MOST_LAYERS:
                file.fail("a layer has another type, or there are too many")
            name, blobs = _layer(file, field)
            if blobs and name in found:
                file.fail(f'two layers with weights are called "{name}"')
            if blobs:
                found[name] = blobs
    if not layers:
        raise AuditError(f"{path}: is not {_KIND}, or is empty: no layers; get the file again")
    return found


def _layer(file: WireFile, layer: Field) -> tuple[str, tuple[StoredBlob, ...]]:
    old = layer.number == _NET_OLD_LAYERS
    name, blobs = "", []
    for field in file.fields(layer.start, layer.end):
        if old and field.number == _OLDEST_LAYER:
            raise AuditError(
                f"{file.path}: has the format that Caffe gave up in 2014; rewrite it with Caffe's "
                "upgrade_net_proto_binary",
            )
        if field.number == (_OLD_NAME if old else _LAYER_NAME):
            name = file.text(field)
        elif field.number == (_OLD_BLOBS if old else _LAYER_BLOBS):
            blobs.append(read_blob(file, field))
            if len(blobs) > _MOST_BLOBS:
                file.fail(f'layer "{name}" has more than {_MOST_BLOBS} blobs')
    return name, tuple(blobs)


def read_blob(file: WireFile, blob: Field) -> StoredBlob:
    """Find a blob's shape and numbers."""
    sizes: dict[int, int] = {}
    dims: list[int] = []
    pieces: dict[int, list[Piece]] = {4: [], 8: []}
    if blob.wire != RECORD:
        file.fail(f"the blob at byte {blob.start} has another type")
    walk = file.fields(blob.start, blob.end)
    field = next(walk, None)
    while field is not None:
        stop: int | None = None
        if field.number in _OLD_SIZES and field.wire == VARINT:
            sizes[field.number] = field.value
        elif field.number == _BLOB_SHAPE:
            dims += _dims(file, field)
        elif field.number in (_BLOB_DATA, _BLOB_DOUBLES):
            stop = _numbers(file, field, blob.end, pieces)
        try:
            field = walk.send(stop)
        except StopIteration:
            break
    shape = tuple(sizes.get(place, 0) for place in _OLD_SIZES) if sizes else tuple(dims)
    return _checked(file, blob, StoredBlob(file.path, shape, bool(sizes), 0, ()), pieces)


def _dims(file: WireFile, shape: Field) -> list[int]:
    if shape.wire != RECORD:
        file.fail(f"the shape at byte {shape.start} has another type")
    fields = file.fields(shape.start, shape.end)
    return [size for field in fields if field.number == 1 for size in file.numbers(field)]


def _numbers(file: WireFile, field: Field, end: int, pieces: Mapping[int, list[Piece]]) -> int:
    width = 4 if field.number == _BLOB_DATA else 8
    if field.wire == RECORD:
        count, rest = divmod(field.end - field.start, width)
        if rest:
            file.fail(f"the numbers at byte {field.start} end in the middle of one")
        pieces[width].append(Piece(field.start, count, 0))
        return field.end
    if field.wire != (FIXED32 if width == 4 else FIXED64):
        file.fail(f"the numbers at byte {field.start} have another type")
    count = file.run_of_singles(field, end)
    pieces[width].append(Piece(field.start - 1, count, 1))
    return field.start - 1 + count * (width + 1)


def _checked(
    file: WireFile, blob: Field, found: StoredBlob, pieces: Mapping[int, list[Piece]]
) -> StoredBlob:
    widths = [width for width, parts in pieces.items() if sum(part.length for part in parts)]
    if len(widths) != 1:
        file.fail(f"the blob at byte {blob.start} holds no numbers, or both floats and doubles")
    width = widths[0]
    count = sum(part.length for part in pieces[width])
    shape = found.shape
    if len(shape) > _MOST_AXES or any(size < 1 for size in shape) or math.prod(shape) != count:
        file.fail(f"the blob at byte {blob.start} has shape {shape[:8]} and {count} numbers")
    return StoredBlob(found.path, shape, found.old, width, tuple(pieces[width]))


def read_mean_image(path: Path) -> Floats32:
    """Read a mean image: what Caffe subtracts from its input, pixel by pixel.

    Args:
        path: a .binaryproto, one blob.

    Returns:
        float32 (3, H, W), in the file's own order of channels: blue, green, red.

    Raises:
        AuditError: if the file is damaged, or is no picture of three channels.
    """
    with WireFile(path, "a mean image (.binaryproto)") as file:
        if not file.size:
            file.fail("it is empty")
        blob = read_blob(file, Field(0, RECORD, 0, file.size, 0))
    shape = blob.shape[1:] if len(blob.shape) == 4 and blob.shape[0] == 1 else blob.shape
    if len(shape) != 3 or shape[0] != 3:
        raise AuditError(
            f"{path}: holds a blob of shape {blob.shape}, expected a picture (1, 3, height, width); "
            "give the card the three means as numbers instead",
        )
    return blob.read().reshape(shape)
