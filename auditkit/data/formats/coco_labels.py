"""Labels of COCO pictures: category of the annotations, key of the images, or a table beside the file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from auditkit.data.rows import check_columns, read_table
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard
from auditkit.spec.regular import is_file

# The label of a picture without annotations.
UNANNOTATED = "none"


def by_category(card: DataCard, names: Sequence[str], where: str) -> str:
    """The category of a picture's annotations; of several, the first that is positive decides.

    Raises:
        AuditError: there are several, and the card does not say which are positive.
    """
    distinct = sorted(set(names))
    if len(distinct) < 2:
        return distinct[0] if distinct else UNANNOTATED
    if card.positive is None:
        raise AuditError(
            f"{where} has annotations of several categories ({', '.join(distinct)[:200]}); say in the card "
            "which are positive"
        )
    return next((name for name in distinct if name in card.positive), distinct[0])


def declared(
    card: DataCard, images: Mapping[str, Mapping[str, str]], file: Path
) -> Mapping[str, str] | None:
    """Labels by file name where the card names a column for them; None: categories are the labels.

    The column is a key of the images or, where no image has it, a column of the table ``COLUMN.csv`` beside
    the file (``file_name``, ``COLUMN``), which then also says which of the pictures are used.

    Args:
        card: the data card.
        images: keys and values of the images, by file name.
        file: the COCO file.

    Raises:
        AuditError: neither is there, or the table is damaged.
    """
    if "label" not in card.columns.model_fields_set:
        return None
    column = card.columns.label
    if any(column in cells for cells in images.values()):
        return {name: cells.get(column, "") for name, cells in images.items()}
    table = file.parent / f"{column}.csv"
    if not is_file(table):
        raise AuditError(
            f"{file}: no image has the key '{column}' (columns.label), and there is no table {table}; "
            f"one with the columns file_name and {column} was expected"
        )
    return _listed(table, column, images)


def _listed(table: Path, column: str, images: Mapping[str, object]) -> Mapping[str, str]:
    rows = read_table(table)
    check_columns(table, rows[0].cells, ("file_name", column))
    found: dict[str, str] = {}
    for row in rows:
        name = row.cells["file_name"]
        if name in found:
            raise AuditError(
                f"{table}:{row.line}: '{name:.200}' has a label already; one was expected"
            )
        found[name] = row.cells[column]
    if found.keys().isdisjoint(images):
        raise AuditError(
            f"{table}: no picture of the COCO file is in it; file_name as in the file was expected, as "
            f"'{next(iter(images)):.200}'"
        )
    return found
