"""A local Hugging Face data set: `save_to_disk` (Arrow) or Parquet shards. No scripts, no network."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from auditkit.data.captions import told, told_columns
from auditkit.data.entry import Entry, Listing
from auditkit.data.formats.shards import Shard, attempt, class_names, open_shard
from auditkit.data.location import data_folder
from auditkit.data.rows import check_columns
from auditkit.data.source import BytesSource, FileSource, Source, below
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard
from auditkit.spec.regular import read_ordinary

# train-00000-of-00012.parquet, train.parquet
_SHARD = re.compile(r"(?P<split>[A-Za-z0-9_.]+?)(-\d+-of-\d+)?(-[0-9a-f]{16})?")
# Bytes of a file that names shards.
_MOST_STATE = 10_000_000
_EXPECTED = (
    "a folder written by save_to_disk (state.json or dataset_dict.json), or Parquet shards there or in "
    "data/, were expected"
)


def listing(card: DataCard) -> Listing:
    """All rows of all splits; pictures are fetched when they are needed.

    Raises:
        AuditError: the folder is no such data set, or a file of it is missing or damaged.
    """
    root = data_folder(card)
    entries: list[Entry] = []
    for split, files in _splits(root).items():
        first = 0
        for file in files:
            shard = open_shard(file)
            check_columns(file, shard.schema.names, _named(card))
            found = attempt(file, lambda: list(_entries(shard, card, split, first, root)))  # noqa: B023 called at once
            first += len(found)
            entries += found
    if not entries:
        raise AuditError(f"{root} has no rows; one per picture was expected")
    return Listing(root, entries)


def _splits(root: Path) -> Mapping[str, Sequence[Path]]:
    if (root / "dataset_dict.json").is_file():
        names = _strings(root / "dataset_dict.json", "splits")
        where = str(root / "dataset_dict.json")
        return {name: _arrow_files(below(root, name, where)) for name in names}
    if (root / "state.json").is_file():
        return {"": _arrow_files(root)}
    found: dict[str, list[Path]] = {}
    for file in sorted([*root.glob("*.parquet"), *root.glob("data/*.parquet")]):
        match = _SHARD.fullmatch(file.stem)
        found.setdefault(match["split"] if match else "", []).append(file)
    if not found:
        raise AuditError(f"{root}: {_EXPECTED}")
    return found


def _arrow_files(folder: Path) -> Sequence[Path]:
    state = folder / "state.json"
    return [below(folder, name, str(state)) for name in _strings(state, "_data_files")]


def _strings(file: Path, key: str) -> Sequence[str]:
    """A list of names in a JSON file: texts, or objects with a file name."""
    try:
        found = json.loads(read_ordinary(file, _MOST_STATE))[key]
        names = [item["filename"] if isinstance(item, dict) else item for item in found]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise AuditError(
            f"{file} cannot be read as a data set's state ({error!r}); {_EXPECTED}"
        ) from error
    if not names or not all(isinstance(name, str) for name in names):
        raise AuditError(f"{file}: '{key}' names no files; {_EXPECTED}")
    return names


def _entries(shard: Shard, card: DataCard, split: str, first: int, root: Path) -> Iterator[Entry]:
    columns = card.columns
    wanted = [name for name in dict.fromkeys(_named(card)) if name != columns.image]
    cells = {name: _texts(shard, name) for name in wanted}
    for row in range(len(cells[columns.label])):
        where = f"{shard.file}: row {row}"
        index = f"{split or 'row'}/{first + row}"
        caption = told(card, partial(_cell, cells, row))
        yield Entry(
            id=cells[columns.id][row] if columns.id else index,
            where=where,
            label=cells[columns.label][row],
            picture=_picture(shard, columns.image, row, root),
            patient=cells[columns.patient][row] if columns.patient else None,
            groups={name: cells[name][row] for name in columns.groups},
            features={name: cells[name][row] for name in columns.features},
            split=cells[columns.split][row] if columns.split else split,
            concepts=caption.concepts,
            details=caption.details,
            text=caption.text,
        )


def _cell(cells: Mapping[str, Sequence[str]], row: int, name: str) -> str:
    return cells[name][row]


def _texts(shard: Shard, column: str) -> Sequence[str]:
    names = class_names(shard.schema, column)
    values = shard.column(column)
    if names is not None:
        # -1 is a missing label.
        return [names.get(value, "") for value in values]
    return ["" if value is None else str(value).strip() for value in values]


def _picture(shard: Shard, column: str, row: int, root: Path) -> Source:
    where = f"{shard.file}: row {row}"

    def fetch() -> bytes:
        content, path = _content(attempt(shard.file, lambda: shard.cell(column, row)))
        if content is not None:
            return content
        if not path:
            raise AuditError(f"{where}: the picture is empty; bytes or a path were expected")
        try:
            with FileSource(root, path, where).open() as file:
                return file.read()
        except OSError as error:
            raise AuditError(f"{where}: {path} cannot be read: {error.strerror}") from error

    return BytesSource(where, fetch)


def _content(value: Any) -> tuple[bytes | None, str]:
    """Bytes and path of an image cell: a struct of both, or one of them."""
    if isinstance(value, dict):
        content, path = value.get("bytes"), value.get("path")
        return (content if isinstance(content, bytes) else None), str(path or "")
    if isinstance(value, bytes):
        return value, ""
    return None, value if isinstance(value, str) else ""


def _named(card: DataCard) -> list[str]:
    columns = card.columns
    one = [columns.image, columns.label, columns.id, columns.patient, columns.split]
    return [*filter(None, one), *columns.groups, *columns.features, *told_columns(card)]
