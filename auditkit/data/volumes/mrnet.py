"""MRNet-v1.0: knee MRI in three views, with labels of three findings (Bien et al., PLOS Medicine, 2018).

In the folder, as published (https://stanfordmlgroup.github.io/competitions/mrnet/):

- ``train/axial/0000.npy``, ``coronal``, ``sagittal``; ``valid/...``: uint8, slices x 256 x 256;
- ``train-abnormal.csv``, ``-acl.csv``, ``-meniscus.csv``; ``valid-...``: case and 0 or 1, without a header.

Regions are yours: ``boxes-meniscus.csv`` (or the finding's name) beside these tables, columns ``case``,
``view``, ``slice0``, ``row0``, ``column0``, ``slice1``, ``row1``, ``column1``: lower and upper corner in
voxels, half-open, several rows for several boxes. Empty corners: nothing is to be seen in this view.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from auditkit.data.dermatology.published import published_folder, refuse_unknown_columns
from auditkit.data.entry import Listing
from auditkit.data.rows import Row, check_columns, read_cells, read_table
from auditkit.data.source import FileSource
from auditkit.data.volumes.case import Case, CaseFiles
from auditkit.data.volumes.layout import chosen, first_file, kept_by
from auditkit.data.volumes.regions import Boxes
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard
from auditkit.spec.problems import nearest

VIEWS = {"axial": "axial", "coronal": "coronal", "sagittal": "sagittal"}
# Exams of each published part.
SPLITS = {"train": 1130, "valid": 120}
_CORNERS = ("slice0", "row0", "column0", "slice1", "row1", "column1")
_Boxes = Mapping[str, Mapping[str, Boxes]]


def listing(card: DataCard) -> Listing:
    """The exams of those parts whose tables are there; 1 is positive.

    Raises:
        AuditError: the folder or both tables are missing or damaged, or boxes are not as expected.
    """
    refuse_unknown_columns(card, ())
    for key in ("groups", "features"):
        if getattr(card.columns, key):
            raise AuditError(f"{card.path}: columns.{key}: MRNet knows nothing more of its exams")
    finding = kept_by(card).finding
    holds = f"train/axial/0000.npy, train-{finding}.csv"
    address = "https://stanfordmlgroup.github.io/competitions/mrnet/"
    root = published_folder(card, "MRNet-v1.0", address, holds)
    views, boxes = chosen(card, VIEWS), _boxes(root / f"boxes-{finding}.csv")
    cases: list[Case] = []
    expected = 0
    for split, published in SPLITS.items():
        table = root / f"{split}-{finding}.csv"
        if table.is_file():
            cases += _exams(table, split, views, boxes)
            expected += published
    if not cases:
        raise AuditError(f"{root}: no exam is listed for '{finding}'; expected: {holds}")
    _refuse_unknown_exams(boxes, cases, root / f"boxes-{finding}.csv")
    return Listing(root, cases, ("1",), {"": expected}, "the published data set")


def _exams(table: Path, split: str, views: Mapping[str, str], boxes: _Boxes) -> Iterable[Case]:
    root = table.parent
    for line, cells in read_cells(table):
        where = f"{table}:{line}"
        if len(cells) != 2 or not _number(cells[0]) or cells[1] not in ("0", "1"):
            raise AuditError(f"{where}: {','.join(cells):.100} is not an exam's number and 0 or 1")
        name = cells[0].zfill(4)
        files = {
            view: first_file([FileSource(root, f"{split}/{own}/{name}.npy", where)])
            for view, own in views.items()
        }
        there = {view: source for view, source in files.items() if source is not None}
        drawn = boxes.get(name, {})
        yield Case(
            id=name,
            where=where,
            label=cells[1],
            picture=CaseFiles(where, there),
            split=split,
            files=files,
            regions={view: drawn[own] for view, own in views.items() if own in drawn},
        )


def _number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _boxes(table: Path) -> _Boxes:
    """The boxes of each exam and view; nothing without the table."""
    if not table.is_file():
        return {}
    rows = read_table(table)
    check_columns(table, rows[0].cells, ("case", "view", *_CORNERS))
    texts: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        name, view, text = _box(row, table)
        texts.setdefault(name, {}).setdefault(view, []).append(text)
    return {
        name: {view: Boxes(";".join(filter(None, parts))) for view, parts in views.items()}
        for name, views in texts.items()
    }


def _box(row: Row, table: Path) -> tuple[str, str, str]:
    name, view, where = row.cells["case"], row.cells["view"], f"{table}:{row.line}"
    if not _number(name):
        raise AuditError(f"{where}: case '{name:.100}' is not an exam's number")
    if view not in VIEWS:
        raise AuditError(f"{where}: unknown view '{view:.100}'; {nearest(view, VIEWS)}")
    corners = [row.cells[corner] for corner in _CORNERS]
    if not any(corners):
        return name.zfill(4), view, ""
    if not all(map(_number, corners)):
        raise AuditError(
            f"{where}: corners {','.join(corners):.100} are not six whole numbers from 0, or all empty"
        )
    return name.zfill(4), view, ",".join(corners)


def _refuse_unknown_exams(boxes: _Boxes, cases: Iterable[Case], table: Path) -> None:
    unknown = sorted(set(boxes) - {case.id for case in cases})
    if unknown:
        raise AuditError(
            f"{table}: there is no exam {', '.join(unknown[:5])} in the tables of labels; correct the "
            f"rows of {len(unknown)} exams"
        )
