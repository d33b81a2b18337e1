"""Gzipped CSV tables, streamed: they are larger than what is wanted of them."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from auditkit.data.rows import check_columns
from auditkit.errors import AuditError
from auditkit.spec.regular import check_regular

# A line that is longer is no line of a table: it is never held whole.
_LONGEST = 1 << 16
# Letters per byte of the file. Tables are text, which deflate makes ten times smaller, not a thousand times.
_MOST_RATIO = 200


def stream(table: Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table: the line, and the cells of some columns, in the order of `columns`.

    Raises:
        AuditError: the file is missing or damaged, lacks a column, or a row has another number of
            cells than the header; with the line.
    """
    line = 0
    try:
        check_regular(table)
        with gzip.open(table, "rt", encoding="utf-8", newline="") as file:
            most = table.stat().st_size * _MOST_RATIO + _LONGEST
            rows = csv.reader(_lines(file, most), strict=True)
            header = next(rows, [])
            line = rows.line_num
            check_columns(table, header, columns)
            places = [header.index(column) for column in columns]
            for row in filter(None, rows):
                line = rows.line_num
                if len(row) != len(header):
                    raise AuditError(
                        f"{table}:{line}: has {len(row)} cells; {len(header)} were expected, as in the "
                        "header"
                    )
                yield line, [row[place] for place in places]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        after = f" after line {line}" if line else ""
        raise AuditError(
            f"{table}: cannot be read as a gzipped CSV table{after}: {error}"
        ) from error


def _lines(file: TextIO, most: int) -> Iterator[str]:
    """Lines, of which none is held whole that is too long for one."""
    read = 0
    while line := file.readline(_LONGEST):
        read += len(line)
        if len(line) == _LONGEST:
            raise csv.Error(f"a line has {_LONGEST} letters or more; it is no table")
        if read > most:
            raise csv.Error(f"it unpacks to more than {most} letters; it is no table")
        yield line
