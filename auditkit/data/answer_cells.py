"""Cells of a table of experts' answers; whatever is wrong is told with file and line."""

import math
import re
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path

from auditkit.data.cells import unescaped
from auditkit.data.rows import Row
from auditkit.errors import AuditError
from auditkit.spec.problems import nearest

_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
# More digits than any number of experts has, and few enough for any whole number.
_DIGITS = 10
# More would be a path, or a name that some file system reads in another way.
_PICTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}\.png")


class Cells:
    """The cells of one row."""

    def __init__(self, table: Path, row: Row) -> None:
        self._row = row
        self.where = f"{table}:{row.line}"

    def text(self, column: str) -> str:
        """What stands there; it may be nothing."""
        return unescaped(self._row.cells[column])

    def named(self, column: str) -> str:
        """A text that must be there."""
        found = self.text(column)
        if not found:
            raise self.wrong(f"{column} is empty; a text was expected")
        return found

    def one_of(self, column: str, known: Collection[str]) -> str:
        """One of the known names."""
        found = self.text(column)
        if found not in known:
            raise self.wrong(f"{column} '{found:.100}' is not known; {nearest(found, known)[:300]}")
        return found

    def flag(self, column: str) -> bool:
        """Yes or no."""
        return self.one_of(column, ("yes", "no")) == "yes"

    def number(self, column: str, most: float = math.inf) -> float:
        """A number from 0 to ``most``; NaN if there is none."""
        found = self.text(column)
        if not found:
            return math.nan
        # Python would also take 1_0 for 10, and digits of other scripts.
        value = float(found) if _NUMBER.fullmatch(found) else math.nan
        if not 0 <= value <= most or math.isinf(value):
            limit = f" to {most:g}" if math.isfinite(most) else " or more"
            raise self.wrong(
                f"{column} '{found:.50}' is not a number of 0{limit}; one was expected, or nothing where "
                "there is none"
            )
        return value

    def count(self, column: str, most: int) -> int | None:
        """A whole number from 0 to ``most``; None if there is none."""
        found = self.text(column)
        if not found:
            return None
        if (
            not (found.isascii() and found.isdecimal() and len(found) < _DIGITS)
            or int(found) > most
        ):
            raise self.wrong(
                f"{column} '{found:.50}' is not a whole number of 0 to {most}; one was expected, or "
                "nothing where there is none"
            )
        return int(found)

    def names(self, column: str, known: Collection[str]) -> tuple[str, ...]:
        """Known names, each once, between commas; there may be none."""
        found = tuple(self.text(column).split(", ")) if self.text(column) else ()
        for name in found:
            if name not in known:
                raise self.wrong(
                    f"{column}: '{name:.100}' is not known; {nearest(name, known)[:300]}"
                )
        if len(set(found)) < len(found):
            raise self.wrong(f"{column}: '{', '.join(found):.100}' names somebody twice")
        return found

    def time(self, column: str) -> datetime:
        """A time in UTC."""
        found = self.text(column)
        try:
            value = datetime.fromisoformat(found)
        except ValueError:
            value = datetime.min  # noqa: DTZ901 without an offset it is refused below
        if value.utcoffset() != timedelta(0):
            raise self.wrong(
                f"{column} '{found:.50}' is not a time in UTC such as 2026-03-01T09:30:00+00:00"
            )
        return value

    def picture(self, column: str) -> str:
        """The name of a PNG file, without a folder; it may be nothing."""
        found = self.text(column)
        if found and not _PICTURE.fullmatch(found):
            raise self.wrong(
                f"{column} '{found:.100}' is not the name of a picture; letters, digits, '-' and '_', then "
                "'.png' were expected, without a folder"
            )
        return found

    def wrong(self, message: str) -> AuditError:
        """What is wrong with the row."""
        return AuditError(f"{self.where}: {message}")
