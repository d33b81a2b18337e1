"""A table of files, one row per picture; paths are relative to the table."""

import sys
from collections.abc import Mapping
from pathlib import Path

from auditkit.data.captions import told, told_columns
from auditkit.data.entry import Entry, Listing, Region
from auditkit.data.location import present_file
from auditkit.data.regions import BoxText, MaskFile
from auditkit.data.rows import Row, check_columns, read_table
from auditkit.data.source import FileSource
from auditkit.spec.data_card import Columns, DataCard


def listing(card: DataCard) -> Listing:
    """The table's rows.

    Raises:
        AuditError: the table cannot be read or has not the columns that the card names.
    """
    table = present_file(card)
    rows = read_table(table)
    check_columns(table, rows[0].cells, [*_named(card.columns), *told_columns(card)])
    root = table.parent.resolve()
    shared = _Shared()
    return Listing(table, [_entry(row, card, table, root, shared) for row in rows])


def attributes(columns: Columns, cells: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The group columns and the feature columns of a row."""
    groups = {name: cells[name] for name in columns.groups}
    return groups, {name: cells[name] for name in columns.features}


class _Shared:
    """Equal mappings as one: of 10^5 pictures, few differ in their groups."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}

    def __call__(self, mapping: Mapping[str, str]) -> Mapping[str, str]:
        return self._known.setdefault(tuple(mapping.items()), mapping)


def _entry(row: Row, card: DataCard, table: Path, root: Path, shared: _Shared) -> Entry:
    columns, cells, where = card.columns, row.cells, f"{table}:{row.line}"
    groups, features = attributes(columns, cells)
    caption = told(card, cells.__getitem__)
    return Entry(
        id=cells[columns.id] if columns.id else cells[columns.image],
        where=where,
        label=sys.intern(cells[columns.label]),
        picture=FileSource(root, cells[columns.image], where),
        patient=cells[columns.patient] if columns.patient else None,
        groups=shared(groups),
        features=shared(features),
        split=sys.intern(cells[columns.split]) if columns.split else "",
        region=_region(cells, columns, root, where),
        concepts=shared(caption.concepts),
        details=shared(caption.details),
        text=caption.text,
    )


def _region(cells: Mapping[str, str], columns: Columns, root: Path, where: str) -> Region | None:
    if columns.mask and cells[columns.mask]:
        return MaskFile(FileSource(root, cells[columns.mask], where))
    if columns.box and cells[columns.box]:
        return BoxText(cells[columns.box])
    return None


def _named(columns: Columns) -> list[str]:
    one = [
        columns.image,
        columns.label,
        columns.id,
        columns.patient,
        columns.mask,
        columns.box,
        columns.split,
    ]
    return [*filter(None, one), *columns.groups, *columns.features]
