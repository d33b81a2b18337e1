"""Gzipped CSV tables, streamed: they are larger than what is wanted of them."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from auditkit.data.rows import check_columns
from auditkit.errors import AuditError

# A line that is longer is no line of a table: it is never held whole.
_LONGEST = 1 << 16


def stream(table: Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table: the line, and the cells of some columns, in the order of `columns`.

    Raises:
        AuditError: the file is missing or damaged, lacks a column, or a row has another number of
            cells than the header; with the line.
    """
    line = 0
    try:
        with gzip.open(table, "rt", encoding="utf-8", newline="") as file:
            rows = csv.reader(iter(partial(file.readline, _LONGEST), ""), strict=True)
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
