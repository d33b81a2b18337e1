"""People's ratings of heatmaps, from their table."""

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auditkit.data.rows import Row, check_columns, read_table
from auditkit.data.source import open_regular
from auditkit.errors import AuditError
from auditkit.spec.ratings_card import RatingsCard

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class Rating:
    """What one person said of one heatmap.

    Attributes:
        image: id of the image or case.
        rater: who.
        method: whose heatmap.
        value: the rating; NaN where there is none.
        where: table and line, for messages.
    """

    image: str
    rater: str
    method: str
    value: float
    where: str


def read_ratings(card: RatingsCard) -> list[Rating]:
    """All rows of the table, also those without a rating.

    Raises:
        AuditError: the table cannot be read or lacks a column; a cell is empty, a rating is no number or
            not on the scale, or somebody rated a heatmap twice. The message names the line.
    """
    table, columns = card.path.parent / card.file, card.columns
    rows = read_table(table)
    wanted = (columns.image, columns.rater, columns.method, columns.rating)
    check_columns(table, rows[0].cells, wanted)
    found = list(_ratings(rows, card, table))
    _check_once(found, rows)
    return found


def ratings_digest(card: RatingsCard) -> str:
    """SHA-256 of the table.

    Raises:
        AuditError: it cannot be read.
    """
    table = card.path.parent / card.file
    try:
        with open_regular(table, str(card.path)) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AuditError(f"{card.path}: {table} cannot be read: {error.strerror}") from error


def _ratings(rows: list[Row], card: RatingsCard, table: Path) -> Iterator[Rating]:
    columns = card.columns
    wanted = (columns.image, columns.rater, columns.method)
    for row in rows:
        where = f"{table}:{row.line}"
        image, rater, method = (row.cells[name] for name in wanted)
        if not (image and rater and method):
            raise AuditError(
                f"{where}: image, rater and method were expected; one of them is empty"
            )
        yield Rating(image, rater, method, _value(row.cells[columns.rating], card, where), where)


def _value(text: str, card: RatingsCard, where: str) -> float:
    if not text:
        return math.nan
    # Python would also take 1_0 for 10, and digits of other scripts.
    if not _NUMBER.fullmatch(text):
        raise AuditError(
            f"{where}: rating '{text:.50}' is not a number; a number was expected, or nothing where "
            "there is no rating"
        )
    value = float(text)
    if not card.scale.holds(value):
        raise AuditError(
            f"{where}: rating {text:.50} is not on the scale of '{card.ratings}', {card.scale.wording}"
        )
    return value


def _check_once(ratings: list[Rating], rows: list[Row]) -> None:
    seen: dict[tuple[str, str, str], int] = {}
    for rating, row in zip(ratings, rows, strict=True):
        key = (rating.image, rating.rater, rating.method)
        if key in seen:
            raise AuditError(
                f"{rating.where}: {rating.rater} rated the heatmap of {rating.method} for image "
                f"'{rating.image}' twice (first on line {seen[key]}); keep one"
            )
        seen[key] = row.line
