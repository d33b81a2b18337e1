"""A table of cases: one row per case, a column with the path of each modality's file."""

from collections.abc import Mapping
from pathlib import Path

from auditkit.data.entry import Listing
from auditkit.data.formats.table import attributes
from auditkit.data.location import present_file
from auditkit.data.rows import Row, check_columns, read_table
from auditkit.data.source import FileSource
from auditkit.data.volumes.case import Case, CaseFiles
from auditkit.data.volumes.regions import Boxes, Landmarks, MaskVolume, VolumeRegion
from auditkit.spec.data_card import DataCard
from auditkit.spec.volume import VolumeFiles


def listing(card: DataCard) -> Listing:
    """The table's rows.

    Raises:
        AuditError: the table cannot be read or has not the columns that the card names.
    """
    table = present_file(card)
    rows = read_table(table)
    assert card.volumes is not None
    check_columns(table, rows[0].cells, _named(card, card.volumes))
    return Listing(table, [_case(row, card, card.volumes, table) for row in rows])


def _case(row: Row, card: DataCard, kept: VolumeFiles, table: Path) -> Case:
    columns, cells, where = card.columns, row.cells, f"{table}:{row.line}"
    root = table.parent.resolve()
    paths = {name: cells[column] for name, column in kept.modalities.items()}
    files = {name: FileSource(root, path, where) if path else None for name, path in paths.items()}
    there = {name: source for name, source in files.items() if source is not None}
    groups, features = attributes(columns, cells)
    return Case(
        id=cells[columns.id] if columns.id else next(filter(None, paths.values()), where),
        where=where,
        label=cells[columns.label],
        picture=CaseFiles(where, there),
        patient=cells[columns.patient] if columns.patient else None,
        groups=groups,
        features=features,
        split=cells[columns.split] if columns.split else "",
        files=files,
        regions=_regions(cells, card, kept, root, where),
    )


def _regions(
    cells: Mapping[str, str], card: DataCard, kept: VolumeFiles, root: Path, where: str
) -> Mapping[str, VolumeRegion]:
    """Each modality's own mask or, without one, what the case has for all."""
    shared = _shared(cells, card, kept, root, where)
    found: dict[str, VolumeRegion] = {}
    for name in kept.modalities:
        own = cells[kept.masks[name]] if name in kept.masks else ""
        region = _mask(own, kept, root, where) if own else shared
        if region is not None:
            found[name] = region
    return found


def _shared(
    cells: Mapping[str, str], card: DataCard, kept: VolumeFiles, root: Path, where: str
) -> VolumeRegion | None:
    columns = card.columns
    if columns.mask and cells[columns.mask]:
        return _mask(cells[columns.mask], kept, root, where)
    if columns.box and cells[columns.box]:
        return Boxes(cells[columns.box])
    if columns.landmarks and cells[columns.landmarks]:
        return Landmarks(cells[columns.landmarks], kept.radius)
    return None


def _mask(path: str, kept: VolumeFiles, root: Path, where: str) -> MaskVolume:
    values = None if kept.region is None else tuple(sorted(set(kept.region)))
    return MaskVolume(FileSource(root, path, where), values)


def _named(card: DataCard, kept: VolumeFiles) -> list[str]:
    columns = card.columns
    one = [
        columns.label,
        columns.id,
        columns.patient,
        columns.mask,
        columns.box,
        columns.landmarks,
        columns.split,
    ]
    some = [*kept.modalities.values(), *kept.masks.values(), *columns.groups, *columns.features]
    return [*filter(None, one), *some]
