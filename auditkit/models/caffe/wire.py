"""Walk a protobuf file field by field without reading what is long.

A parsed message holds a file's weights a second and third time. A walk gives the places of the
weights instead, so that each is read once, straight into its tensor.
"""

from collections.abc import Generator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, NoReturn, Self

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError

# Real files hold a few thousand fields; a hostile one could hold one per six bytes.
_MOST_FIELDS = 2_000_000
_LONGEST_TEXT = 4096
_LONGEST_VARINT = 10
VARINT, FIXED64, RECORD, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}
_FIRST_WINDOW = 16


class Field(NamedTuple):
    """One field: its number and wire type, where its content lies, the value of a varint."""

    number: int
    wire: int
    start: int
    end: int
    value: int


class WireFile:
    """A file of protobuf fields, opened for walking; a context manager."""

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        self._what = what
        self._fields = 0
        try:
            self._file = path.open("rb")
            self.size = path.stat().st_size
        except OSError as error:
            raise AuditError(f"{path}: cannot be read: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def fail(self, message: str) -> NoReturn:
        """Raise an AuditError that names the file."""
        raise AuditError(
            f"{self.path}: is not {self._what}, or is damaged: {message}; get the file again",
        )

    def fields(self, start: int, end: int) -> Generator[Field, int | None, None]:
        """Give the fields between two places of the file; a place sent back is gone on from."""
        position = start
        while position < end:
            self._fields += 1
            if self._fields > _MOST_FIELDS:
                self.fail(f"it holds more than {_MOST_FIELDS} fields")
            field = self._field(position, end)
            position = (yield field) or field.end

    def _field(self, position: int, end: int) -> Field:
        tag, start = self._varint(position, end)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value, stop = self._varint(start, end)
            return Field(number, wire, start, stop, value)
        if wire == RECORD:
            length, start = self._varint(start, end)
        else:
            length = _FIXED.get(wire, end)
        if not number or start + length > end:
            self.fail(f"the field at byte {position} does not end within what holds it")
        return Field(number, wire, start, start + length, 0)

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        content = self._bytes(position, min(end, position + _LONGEST_VARINT))
        last = next((place for place, byte in enumerate(content) if byte < 0x80), None)
        if last is None:
            self.fail(f"the number at byte {position} has no end")
        value = sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(content[: last + 1]))
        return value & (1 << 64) - 1, position + last + 1

    def _bytes(self, start: int, end: int) -> bytes:
        self._file.seek(start)
        return self._file.read(end - start)

    def text(self, field: Field) -> str:
        """Give a field that is text."""
        if field.wire != RECORD or field.end - field.start > _LONGEST_TEXT:
            self.fail(f"the text at byte {field.start} is none, or is too long")
        try:
            return self._bytes(field.start, field.end).decode()
        except UnicodeDecodeError:
            self.fail(f"the text at byte {field.start} is not UTF-8")

    def numbers(self, field: Field) -> list[int]:
        """Give a repeated whole number, packed or single."""
        if field.wire == VARINT:
            return [field.value]
        if field.wire != RECORD:
            self.fail(f"the number at byte {field.start} has another type")
        found, position = [], field.start
        while position < field.end:
            self._fields += 1
            value, position = self._varint(position, field.end)
            found.append(value)
            if len(found) > _LONGEST_TEXT:
                self.fail(f"the list at byte {field.start} is too long")
        return found

    def run_of_singles(self, field: Field, end: int) -> int:
        """Count how many unpacked fixed-size values like this one follow each other."""
        step = field.end - field.start + 1
        start = field.start - 1
        tag = self._bytes(start, field.start)[0]
        if tag != field.number << 3 | field.wire:
            self.fail(f"the tag in front of byte {field.start} is written in a longer way")
        count, window = 0, _FIRST_WINDOW
        while True:
            content = self._bytes(start, min(end, start + window * step))
            tags = np.frombuffer(content, np.uint8)[: len(content) // step * step : step]
            others = np.flatnonzero(tags != tag)
            count += int(others[0]) if len(others) else len(tags)
            if len(others) or len(tags) < window:
                return count
            # Doubled, so that the time is linear wherever the run ends.
            start, window = start + window * step, window * 2

    def read_into(self, target: npt.NDArray[Any], start: int) -> None:
        """Fill an array with the bytes from a place on."""
        self._file.seek(start)
        view: Any = target.view(np.uint8).reshape(-1)
        if self._file.readinto(view) != view.size:
            self.fail("it ended while it was read")
