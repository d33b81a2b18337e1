"""Rows of tables: CSV, or Parquet with the extra `parquet`."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from auditkit.errors import AuditError
from auditkit.spec.problems import nearest
from auditkit.spec.regular import open_ordinary

# What one table may hold: a million pictures with twenty columns.
MAX_COLUMNS: Final = 100_000
MAX_CELLS: Final = 20_000_000
_LONGEST: Final = 10_000_000


_SMALLER: Final = "leave out columns that the card does not name, or split the table"


class Row(NamedTuple):
    """A row and the line on which it stands."""

    line: int
    cells: Mapping[str, str]


def read_table(table: Path, content: bytes | None = None) -> list[Row]:
    """All rows, cells stripped; Parquet by its suffix, else CSV.

    Args:
        table: the file.
        content: its bytes where they have been read (CSV whatever the suffix); the file is not opened then.

    Raises:
        AuditError: the file is missing, damaged, too large (`MAX_COLUMNS`, `MAX_CELLS`), or has no rows.
    """
    in_parquet = content is None and table.suffix == ".parquet"
    rows, cells = list[Row](), 0
    for row in _parquet(table) if in_parquet else _csv(table, content):
        rows.append(row)
        cells += len(row.cells)
        if cells > MAX_CELLS:
            raise AuditError(f"{table}:{row.line}: more than {MAX_CELLS} cells; {_SMALLER}")
    if not rows:
        raise AuditError(f"{table} has no rows; one per picture was expected")
    return rows


def read_cells(table: Path, content: bytes | None = None) -> list[tuple[int, list[str]]]:
    """Line and cells of a CSV table without a header.

    Args:
        table: the file.
        content: its bytes where they have been read; the file is not opened then.

    Raises:
        AuditError: the file is missing or damaged.
    """
    try:
        with _opened(table, content) as file:
            reader = csv.reader(_lines(file), strict=True)
            return [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AuditError(f"{table} cannot be read as a CSV table: {error}") from error


def check_columns(table: Path, known: Iterable[str], wanted: Iterable[str]) -> None:
    """Hold the columns that are asked for against those of the table.

    Raises:
        AuditError: naming the first that is not there, and the nearest that is.
    """
    known = list(known)
    for column in wanted:
        if column not in known:
            raise AuditError(f"{table}:1: there is no column '{column}'; {nearest(column, known)}")


def _opened(table: Path, content: bytes | None) -> TextIO:
    if content is None:
        return TextIOWrapper(open_ordinary(table), encoding="utf-8-sig", newline="")
    return TextIOWrapper(BytesIO(content), encoding="utf-8-sig", newline="")


def _lines(file: TextIO) -> Iterator[str]:
    """Lines, of which none is held whole that is too long for one."""
    while line := file.readline(_LONGEST + 1):
        if len(line) > _LONGEST:
            raise csv.Error(f"a line has more than {_LONGEST} letters")
        yield line


def _csv(table: Path, content: bytes | None) -> Iterator[Row]:
    try:
        with _opened(table, content) as file:
            reader = csv.DictReader(_lines(file), strict=True)
            names = [name.strip() for name in reader.fieldnames or ()]
            _check_width(table, len(names))
            twice = next((name for name, count in Counter(names).items() if count > 1), None)
            if twice is not None:
                raise AuditError(f"{table}:1: two columns have the name '{twice}'; rename one")
            for row in reader:
                if None in row or None in row.values():
                    raise AuditError(
                        f"{table}:{reader.line_num}: has another number of cells than the header"
                    )
                yield Row(
                    reader.line_num, {name.strip(): value.strip() for name, value in row.items()}
                )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AuditError(f"{table} cannot be read as a CSV table: {error}") from error


def _parquet(table: Path) -> Iterator[Row]:
    from auditkit.data.parquet_cells import parquet_rows

    for line, row in enumerate(parquet_rows(table), start=2):
        _check_width(table, len(row))
        yield Row(line, {name: _text(value) for name, value in row.items()})


def _check_width(table: Path, columns: int) -> None:
    if columns > MAX_COLUMNS:
        raise AuditError(
            f"{table}:1: {columns} columns; at most {MAX_COLUMNS} are read: {_SMALLER}"
        )


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
