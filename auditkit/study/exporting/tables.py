"""CSV tables: UTF-8, comma, a header line, newlines; what is missing is an empty cell."""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from auditkit.data.cells import escaped
from auditkit.results import write_whole

Row = Mapping[str, str]


def write_table(
    path: Path, columns: Sequence[str], rows: Iterable[Row], *, escape: bool = True
) -> str:
    """Write a table.

    Args:
        path: of the table.
        columns: in order.
        rows: a text for each column.
        escape: whether what a spreadsheet would run is escaped (`auditkit.data.cells`); not where a reader
            that knows nothing of it must find the same text.

    Returns:
        sha256 of the file.
    """
    lines = [",".join(columns)]
    for row in rows:
        cells = (escaped(row[column]) if escape else row[column] for column in columns)
        lines.append(",".join(map(_quoted, cells)))
    content = "".join(f"{line}\n" for line in lines).encode()
    write_whole(path, content)
    return hashlib.sha256(content).hexdigest()


def yes_no(value: bool) -> str:
    """A boolean as it is written."""
    return "yes" if value else "no"


def number(value: float | None) -> str:
    """A number as it is written; nothing where there is none."""
    return "" if value is None or not math.isfinite(value) else repr(float(value))


def _quoted(cell: str) -> str:
    if any(sign in cell for sign in ',"\n\r'):
        doubled = cell.replace('"', '""')
        return f'"{doubled}"'
    return cell
