"""Data sets from a table of files: CSV, or Parquet with the extra `parquet`."""

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from auditkit.data.dataset import Mask, Picture, Record
from auditkit.data.picture import read_mask, read_picture
from auditkit.errors import AuditError
from auditkit.spec.data_card import Columns, DataCard
from auditkit.spec.problems import nearest

Row = Mapping[str, str]


class TableData:
    """One row per picture; paths are relative to the table."""

    def __init__(self, card: DataCard, classes: list[str] | None = None) -> None:
        assert card.file is not None
        self.card = card
        self._table = card.path.parent / card.file
        self._rows = list(_rows(self._table, card.limit))
        if not self._rows:
            raise AuditError(f"{self._table} has no rows; one per picture was expected")
        self._check_columns()
        self._classes = classes
        self.records: Sequence[Record] = [self._record(i) for i in range(len(self._rows))]
        _check_unique(self.records, self._table)
        self._check_positive()

    def image(self, index: int) -> Picture:
        """The picture as stored."""
        return read_picture(self._path(index, self.card.columns.image), self._where(index))

    def mask(self, index: int) -> Mask | None:
        """The mask, or the box drawn as a mask, or None."""
        columns, row = self.card.columns, self._rows[index]
        if columns.mask and row[columns.mask]:
            shape = self.image(index).shape[:2]
            path = self._path(index, columns.mask)
            return read_mask(path, (shape[0], shape[1]), self._where(index))
        if columns.box and row[columns.box]:
            return self._box(index, row[columns.box])
        return None

    def _box(self, index: int, text: str) -> Mask:
        height, width = self.image(index).shape[:2]
        try:
            x0, y0, x1, y1 = (int(part) for part in text.split(","))
            inside = 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
        except ValueError:
            inside = False
        if not inside:
            raise AuditError(
                f"{self._where(index)}: box '{text}' is not x0,y0,x1,y1 within {width} x {height} pixels"
            )
        mask = np.zeros((height, width), dtype=bool)
        mask[y0:y1, x0:x1] = True
        return mask

    def _record(self, index: int) -> Record:
        columns, row = self.card.columns, self._rows[index]
        name = row[columns.id] if columns.id else row[columns.image]
        annotated = any(row[column] for column in (columns.mask, columns.box) if column)
        return Record(
            id=name,
            digest=self._digest(index, columns),
            label=self._label(index, row[columns.label]),
            patient=self._patient(index, columns.patient) if columns.patient else name,
            groups={group: row[group] or "unknown" for group in columns.groups},
            annotated=annotated,
        )

    def _patient(self, index: int, column: str) -> str:
        patient = self._rows[index][column]
        if not patient:
            raise AuditError(
                f"{self._where(index)}: the patient is empty; give each picture its patient, or one "
                "of its own if it is known to be another person"
            )
        return patient

    def _digest(self, index: int, columns: Columns) -> str:
        total = hashlib.sha256()
        for column in (columns.image, columns.mask):
            if column and self._rows[index][column]:
                path = self._path(index, column)
                try:
                    with path.open("rb") as file:
                        total.update(hashlib.file_digest(file, "sha256").digest())
                except OSError as error:
                    raise AuditError(
                        f"{self._where(index)}: {path} cannot be read: {error.strerror}"
                    ) from error
        if columns.box:
            total.update(self._rows[index][columns.box].encode())
        return total.hexdigest()

    def _label(self, index: int, text: str) -> int:
        if not text:
            raise AuditError(f"{self._where(index)}: the label is empty; every picture needs one")
        if self.card.positive is not None:
            if text in self.card.positive:
                return 1
            if self.card.negative is None or text in self.card.negative:
                return 0
            known = [*self.card.positive, *self.card.negative]
            raise AuditError(
                f"{self._where(index)}: unknown label '{text}'; {nearest(text, known)}"
            )
        if self._classes and text in self._classes:
            return self._classes.index(text)
        if text.isdecimal() and (self._classes is None or int(text) < len(self._classes)):
            return int(text)
        hint = (
            nearest(text, self._classes[:2000]) if self._classes else "a class index was expected"
        )
        raise AuditError(f"{self._where(index)}: unknown label '{text}'; {hint}")

    def _path(self, index: int, column: str) -> Path:
        path = (self._table.parent / self._rows[index][column]).resolve()
        if not path.is_relative_to(self._table.parent.resolve()):
            raise AuditError(
                f"{self._where(index)}: {self._rows[index][column]} lies outside the table's folder; "
                "keep pictures and masks below it"
            )
        return path

    def _where(self, index: int) -> str:
        return f"{self._table}:{index + 2}"

    def _check_positive(self) -> None:
        """A misspelt positive label would make every picture negative."""
        column = self.card.columns.label
        there = {row[column] for row in self._rows}
        for label in [*(self.card.positive or ()), *(self.card.negative or ())]:
            if label not in there:
                raise AuditError(
                    f"{self.card.path}: no picture in {self._table.name} has the label '{label}'; "
                    f"{nearest(label, there)}"
                )

    def _check_columns(self) -> None:
        columns = self.card.columns
        named = [
            columns.image,
            columns.label,
            columns.id,
            columns.patient,
            columns.mask,
            columns.box,
        ]
        for column in [*filter(None, named), *columns.groups]:
            if column not in self._rows[0]:
                hint = nearest(column, self._rows[0])
                raise AuditError(f"{self._table}:1: there is no column '{column}'; {hint}")


def _rows(table: Path, limit: int | None) -> Iterator[Row]:
    source = _parquet(table) if table.suffix == ".parquet" else _csv(table)
    for count, row in enumerate(source):
        if limit is not None and count >= limit:
            return
        yield row


def _csv(table: Path) -> Iterator[Row]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            for row in reader:
                if None in row or None in row.values():
                    raise AuditError(
                        f"{table}:{reader.line_num}: has another number of cells than the header"
                    )
                yield {name: value.strip() for name, value in row.items()}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AuditError(f"{table} cannot be read as a CSV table: {error}") from error


def _parquet(table: Path) -> Iterator[Row]:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise AuditError(
            f'{table} is Parquet, which needs: pip install "pytest-auditkit[parquet]"'
        ) from error
    try:
        for batch in parquet.ParquetFile(table).iter_batches():
            for row in batch.to_pylist():
                yield {
                    name: "" if value is None else str(value).strip() for name, value in row.items()
                }
    except (OSError, ValueError) as error:
        raise AuditError(f"{table} cannot be read as a Parquet table: {error}") from error


def _check_unique(records: Sequence[Record], table: Path) -> None:
    seen: dict[str, int] = {}
    for index, record in enumerate(records):
        if record.id in seen:
            raise AuditError(
                f"{table}:{index + 2}: id '{record.id}' is already on line {seen[record.id]}; "
                "ids must be unique"
            )
        seen[record.id] = index + 2
