"""Pairs from a table of picture files, ``model,image,benign,malignant[,patient]``."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from auditkit.data.rows import Row, read_table
from auditkit.data.source import FileSource, open_regular
from auditkit.errors import AuditError
from auditkit.spec.problems import nearest
from auditkit.spec.study import StudyPlan
from auditkit.study.building.material import Material, Pair
from auditkit.study.building.pictures import Pixels
from auditkit.study.building.reading import read_upright

NEEDED, PATIENT = ("model", "image", "benign", "malignant"), "patient"


def table_material(plan: StudyPlan) -> Material:
    """All reference images that have a pair of every model.

    Pictures are opened when they are drawn. Their paths are relative to the table and lie below its folder.

    Raises:
        AuditError: naming file and line: the table is not as it should be, names another model than the
            plan, a pair twice, one file as both of a pair, or different patients of one image.
    """
    assert plan.pairs is not None, "of the kind 'pairs', as the plan's reader assures"
    table = plan.path.parent / plan.pairs.file
    _check_regular(table, plan.path)
    rows = read_table(table)
    _check_columns(table, rows[0])
    found: dict[str, dict[str, _Row]] = {}
    for row in rows:
        _add(found, _row(table, row, plan))
    whole = [of for of in found.values() if len(of) == len(plan.models)]
    references = [[of[model].pair for model in plan.models] for of in whole]
    return Material(references, _left_out(found, plan.models), dict.fromkeys(plan.models))


def _check_regular(table: Path, plan: Path) -> None:
    """What is missing or cannot be opened is told by who reads it."""
    with suppress(OSError), open_regular(table, str(plan)):
        pass


@dataclass(frozen=True)
class _Row:
    where: str
    pair: Pair


def _check_columns(table: Path, row: Row) -> None:
    known = (*NEEDED, PATIENT)
    for column in row.cells:
        if column not in known:
            raise AuditError(f"{table}:1: unknown column '{column}'; {nearest(column, known)}")
    for column in NEEDED:
        if column not in row.cells:
            raise AuditError(
                f"{table}:1: there is no column '{column}'; expected were {', '.join(NEEDED)}, and "
                f"{PATIENT} where patients are known"
            )


def _row(table: Path, row: Row, plan: StudyPlan) -> _Row:
    where, cells = f"{table}:{row.line}", row.cells
    for column, cell in cells.items():
        if not cell:
            raise AuditError(f"{where}: the cell of column '{column}' is empty")
    model = cells["model"]
    if model not in plan.models:
        raise AuditError(
            f"{where}: model '{model}' is none of those in {plan.path}; {nearest(model, plan.models)}"
        )
    pictures = _Files.of(table, where, cells)
    return _Row(where, Pair(model, cells["image"], cells.get(PATIENT, ""), pictures))


def _add(found: dict[str, dict[str, _Row]], row: _Row) -> None:
    pair = row.pair
    own = found.setdefault(pair.image, {})
    if pair.model in own:
        raise AuditError(
            f"{row.where}: '{pair.model}' has a pair of image '{pair.image}' on line "
            f"{_line(own[pair.model])} already; keep one"
        )
    other = next((one for one in own.values() if one.pair.patient != pair.patient), None)
    if other is not None:
        raise AuditError(
            f"{row.where}: image '{pair.image}' is of patient '{pair.patient}' here and of "
            f"'{other.pair.patient}' on line {_line(other)}; an image has one patient"
        )
    own[pair.model] = row


def _line(row: _Row) -> str:
    return row.where.rpartition(":")[2]


def _left_out(found: Mapping[str, Mapping[str, _Row]], models: Sequence[str]) -> dict[str, int]:
    """Images without a pair of every model; one that lacks several counts for the first of them."""
    missing = (next((name for name in models if name not in of), "") for of in found.values())
    counted = Counter(f"{name}: no pair" for name in missing if name)
    return dict(sorted(counted.items()))


@dataclass(frozen=True)
class _Files:
    """Reads a pair's pictures."""

    where: str
    benign: FileSource
    malignant: FileSource

    @classmethod
    def of(cls, table: Path, where: str, cells: Mapping[str, str]) -> "_Files":
        root = table.parent.resolve()
        sources = [FileSource(root, cells[side], where) for side in ("benign", "malignant")]
        benign, malignant = (source.path for source in sources)  # refuses what lies elsewhere
        if benign == malignant:
            raise AuditError(
                f"{where}: {cells['benign']} is both pictures of the pair; name two files"
            )
        return cls(where, *sources)

    def __call__(self) -> tuple[Pixels, Pixels]:
        benign, malignant = self._read()
        if benign.shape != malignant.shape:
            (height, width, _), (other_height, other_width, _) = benign.shape, malignant.shape
            raise AuditError(
                f"{self.where}: {self.benign.text} has {width} x {height} pixels, {self.malignant.text} "
                f"{other_width} x {other_height}; both pictures of a pair must have one size"
            )
        return benign, malignant

    def _read(self) -> Iterator[Pixels]:
        for source in (self.benign, self.malignant):
            yield read_upright(source, self.where)
