"""Damage to tables: CSV, and the JSON of COCO and of Hugging Face data sets."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from fuzz_bytes import damage
from fuzz_yaml import NUMBERS, OTHERS, PATHS, TEXTS, TREES, nodes

Rows = list[list[str]]

CELLS = (
    *(
        "",
        " ",
        "=1+1",
        "@SUM(A1)",
        "+1",
        "-1",
        ";=cmd|' /C calc'!A0",
        "\x1b[2J",
        "\u202e",
        "\ufeff",
        "NaN",
    ),
    *(
        "inf",
        "1e400",
        "1_0",
        "\u0661",
        "0,0,1,1",
        "0,0,9999999999,1",
        "-1,-1,5,5",
        "1,2",
        "a,b,c,d",
        "0,0,,",
    ),
    *(
        "9" * 400,
        "1" * 5000,
        "0,0," + "9" * 5000 + ",1",
        "x" * 200_000,
        "1,2,3;4,5,6",
        "\n",
        "a\r\nb",
        '"',
    ),
    *(
        "1e5,1e5,1e5,1e5",
        "\u00e9\u0301",
        "\ud83d\ude00",
        "\x7f",
        "2024-02-30",
        "1970-01-01T00:00:00Z",
        "yes",
    ),
)


def rows_of(content: bytes) -> Rows:
    """The table, header first."""
    return list(csv.reader(io.StringIO(content.decode())))


def csv_of(rows: Sequence[Sequence[str]], **options: Any) -> bytes:
    """As a file."""
    text = io.StringIO()
    csv.writer(text, **{"lineterminator": "\n", **options}).writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def _cell(rows: Rows, random: Random) -> None:
    row = random.choice(rows)
    if row:
        row[random.randrange(len(row))] = random.choice(random.choice([CELLS, PATHS, TEXTS]))


def _ragged(rows: Rows, random: Random) -> None:
    row = random.choice(rows)
    row[:] = row[:-1] if random.random() < 0.5 else [*row, "more"]


def _twice(rows: Rows, random: Random) -> None:
    rows.insert(random.randrange(len(rows)), list(random.choice(rows)))


def _without(rows: Rows, random: Random) -> None:
    del rows[random.randrange(len(rows))]


def _column_away(rows: Rows, random: Random) -> None:
    at = random.randrange(max(len(row) for row in rows))
    for row in rows:
        del row[at : at + 1]


def _header(rows: Rows, random: Random) -> None:
    header = rows[0]
    at = random.randrange(len(header))
    header[at] = random.choice(
        [
            "",
            " ",
            header[0],
            f" {header[at]} ",
            header[at].upper(),
            "\ufeffimage",
            "x" * 100_000,
            "__class__",
        ]
    )


def _swapped(rows: Rows, random: Random) -> None:
    for row in rows:
        row.reverse()


CHANGES: tuple[Callable[[Rows, Random], None], ...] = (
    *(_cell, _cell, _cell, _cell, _ragged, _twice, _without, _column_away, _header, _swapped),
)


def _wide(rows: Rows, random: Random) -> bytes:
    """A million columns, or ten thousand and a thousand rows of nothing."""
    if random.random() < 0.5:
        header = [*rows[0], *map(str, range(1_000_000))]
        return csv_of([header, *([*row, *[""] * 1_000_000] for row in rows[1:3])])
    header = [*rows[0], *map(str, range(10_000))]
    line = "," * (len(header) - 1) + "\n"
    return csv_of([header]) + line.encode() * 1_000


def _long(rows: Rows, random: Random) -> bytes:
    """Many rows, or one line that never ends."""
    if random.random() < 0.5:
        return csv_of(rows) + csv_of(rows[1:2]) * 1_000
    return csv_of(rows) + random.choice([b"x", b"\0", b'"', b" "]) * 20_000_000


def _saved(rows: Rows, random: Random) -> bytes:
    """As other programs save it."""
    plain = csv_of(rows)
    return random.choice(
        [
            csv_of(rows, delimiter=";"),
            csv_of(rows, delimiter="\t"),
            csv_of(rows, quoting=csv.QUOTE_ALL),
            csv_of(rows, lineterminator="\r\n"),
            csv_of(rows, lineterminator="\r"),
            b"\xef\xbb\xbf" + plain,
            plain.decode().encode("utf-16"),
            plain + b"\xff\xfe\xe9",
            plain.replace(b"\n", b"\n\n"),
            plain.replace(b",", b'","', 3),
            plain + b'"never closed',
            plain + b"\0",
            b"sep=,\n" + plain,
            b"",
            b"\n",
            b",\n,\n",
            csv_of(rows[:1]),
        ]
    )


def damaged_csv(content: bytes, random: Random) -> bytes:
    """A damaged copy of a CSV table."""
    kind, rows = random.random(), rows_of(content)
    if kind < 0.15:
        return damage(content, random)
    if kind < 0.3:
        return _saved(rows, random)
    if kind < 0.32:
        return random.choice([_wide, _long])(rows, random)
    for _ in range(random.choice([1, 1, 2, 3])):
        if rows and any(rows):
            random.choice(CHANGES)(rows, random)
    return csv_of(rows)


def damaged_json(content: bytes, random: Random) -> bytes:
    """A damaged copy of a JSON file."""
    kind = random.random()
    if kind < 0.2:
        return damage(content, random)
    if kind < 0.3:
        odd = [
            b"",
            b"[]",
            b"null",
            b"1",
            b"[" * 100_000,
            b'{"a":' * 5000,
            b"NaN",
            b"9" * 5000,
            b"\xff\xfe{",
        ]
        return random.choice(
            [*odd, content * 2, b"\xef\xbb\xbf" + content, content.decode().encode("utf-16")]
        )
    data = json.loads(content)
    for _ in range(random.choice([1, 1, 2])):
        places = nodes(data)
        if places:
            random.choice(TREES)(data, random.choice(places), random)
    return json.dumps(data).encode("utf-8", "surrogatepass")


VALUES: tuple[Any, ...] = (*NUMBERS, *OTHERS, *TEXTS, *PATHS, *CELLS)
