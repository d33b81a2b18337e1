"""What a folder of pictures or a table tells of itself."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from auditkit.data.formats.image_folder import listing
from auditkit.data.rows import Row, read_table
from auditkit.errors import AuditError
from auditkit.scaffolding.answers import FoundData
from auditkit.spec.data_card import DataCard
from auditkit.spec.regular import is_file, is_folder

_TABLES = (".csv", ".parquet")
# Names that columns have, the likeliest first.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "image": ("image", "image_path", "path", "file", "filename", "file_name", "picture", "img"),
    "label": ("label", "diagnosis", "class", "target", "dx", "finding", "malignant", "y"),
    "patient": ("patient", "patient_id", "patientid", "subject", "subject_id", "case", "case_id"),
    "mask": ("mask", "mask_path", "segmentation", "seg", "annotation"),
    "split": ("split", "fold", "partition", "subset"),
}
_GROUPS = (
    "sex",
    "gender",
    "site",
    "skin_tone",
    "fitzpatrick",
    "fitzpatrick_skin_type",
    "age_group",
    "race",
    "ethnicity",
    "device",
    "scanner",
    "camera",
    "hospital",
    "anatom_site_general",
    "view",
)
_MOST_OF_A_GROUP = 8


def inspect_data(path: Path, given: Mapping[str, str], groups: Sequence[str] | None) -> FoundData:
    """Look at a folder with a sub-folder per class, or at a table.

    Args:
        path: the folder, the table, or a folder with one table.
        given: columns that the user names.
        groups: group columns that the user names; None if they say nothing.

    Raises:
        AuditError: it is neither, or a column that is needed is not to be found.
    """
    table = _table(path)
    if table is not None:
        return _of_table(table, given, groups)
    if not is_folder(path):
        raise AuditError(
            f"--data {path}: a folder with a sub-folder per class, or a table (.csv, .parquet), was "
            "expected; for other layouts write a card by hand (docs/data.md)"
        )
    card = DataCard(data="data", task="task", format="folder", folder=str(path.resolve()))
    entries = listing(card).entries
    labels = sorted({entry.label for entry in entries})
    return FoundData("folder", path, labels, len(entries))


def _table(path: Path) -> Path | None:
    if is_file(path) and path.suffix in _TABLES:
        return path
    if not is_folder(path):
        return None
    here = sorted(file for file in path.iterdir() if file.suffix in _TABLES)
    return here[0] if len(here) == 1 else None


def _of_table(table: Path, given: Mapping[str, str], groups: Sequence[str] | None) -> FoundData:
    rows = read_table(table)
    header = list(rows[0].cells)
    columns = {key: _column(table, header, key, given.get(key)) for key in _NAMES}
    named = {key: name for key, name in columns.items() if name}
    for key in ("image", "label"):
        if key not in named:
            raise AuditError(
                f"--data {table}: no column looks like the {key}; name it with --{key}-column: "
                f"{', '.join(header)}"
            )
    _check_pictures(table, rows, named["image"])
    labels = sorted({row.cells[named["label"]] for row in rows} - {""})
    others = [name for name in header if name not in named.values()]
    found = groups if groups is not None else list(_group_columns(others, rows))
    for name in found:
        _column(table, header, "group", name)
    return FoundData("table", table, labels, len(rows), header, named, list(found))


def _column(table: Path, header: Sequence[str], key: str, given: str | None) -> str | None:
    """The column of that kind; what the user names must be there, and '' means none."""
    if given is not None:
        if given and given not in header:
            raise AuditError(
                f"--{key}-column {given}: {table} has no such column; it has {', '.join(header)}"
            )
        return given or None
    lower = {name.lower(): name for name in header}
    return next((lower[name] for name in _NAMES[key] if name in lower), None)


def _check_pictures(table: Path, rows: Sequence[Row], column: str) -> None:
    first = rows[0].cells[column]
    if not is_file(table.parent / first):
        raise AuditError(
            f"--data {table}: column '{column}' names {first}, which is no file beside the table; paths "
            "relative to the table were expected (another column: --image-column)"
        )


def _group_columns(names: Iterable[str], rows: Sequence[Row]) -> Iterable[str]:
    for name in names:
        values = {row.cells[name] for row in rows}
        if name.lower() in _GROUPS and 2 <= len(values - {""}) <= _MOST_OF_A_GROUP:
            yield name
