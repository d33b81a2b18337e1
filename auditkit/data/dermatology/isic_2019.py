"""ISIC 2019, training part: dermoscopy of nine classes, with age, sex, site and lesion."""

from collections.abc import Mapping
from pathlib import Path

from auditkit.data.dermatology.published import (
    Attributes,
    expected,
    files_by_name,
    listed,
    numbers_to_text,
    picture,
    published_folder,
    refuse_unknown_columns,
)
from auditkit.data.entry import Entry, Listing
from auditkit.data.rows import Row, check_columns, read_table
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard

TRUTH = "ISIC_2019_Training_GroundTruth.csv"
METADATA = "ISIC_2019_Training_Metadata.csv"
PICTURES = "ISIC_2019_Training_Input"
CLASSES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
# Melanoma and what is mistaken for it. BKL holds solar lentigo and lichenoid keratosis, too.
PAPER_COUNTS = {"MEL": 4522, "NV": 12875, "BKL": 2624, "DF": 239}
WHOLE = 25331
ATTRIBUTES = Attributes(
    known=("age", "age_band", "sex", "site"),
    groups=("sex", "age_band", "site"),
    features=("age", "sex", "site"),
)
_COLUMNS = {"age": "age_approx", "sex": "sex", "site": "anatom_site_general"}


def listing(card: DataCard) -> Listing:
    """The pictures with their class; the cluster is the lesion where it is known, else the picture.

    Raises:
        AuditError: the folder or a table is missing, or a row has not exactly one class.
    """
    refuse_unknown_columns(card, ())
    holds = f"{TRUTH}, {METADATA}, {PICTURES}/"
    root = published_folder(card, "ISIC 2019", "https://challenge.isic-archive.com/data/", holds)
    truth, metadata = read_table(root / TRUTH), _metadata(root / METADATA)
    check_columns(root / TRUTH, truth[0].cells, ("image", *CLASSES[:-1]))
    chosen = ATTRIBUTES.chosen(card, root / METADATA)
    files = files_by_name(root, (PICTURES, f"{PICTURES}/{PICTURES}"), (".jpg", ".jpeg", ".png"))
    entries: list[Entry] = []
    for row in truth:
        where = f"{root / TRUTH}:{row.line}"
        label, image = _class(row, where), row.cells["image"]
        if card.filter == "paper" and label not in PAPER_COUNTS:
            continue
        known = metadata.get(image, {})
        values = _attributes(known)
        entries.append(
            Entry(
                id=image,
                where=where,
                label=label,
                picture=picture(files, (image,), where, (root / PICTURES).resolve()),
                patient=known.get("lesion_id") or image,
                groups={name: values[name] for name in chosen[0]},
                features={name: values[name] for name in chosen[1]},
            )
        )
    positive = ("MEL",) if card.filter == "paper" else ()
    return listed(root / TRUTH, entries, expected(card, PAPER_COUNTS, WHOLE), positive)


def _metadata(table: Path) -> Mapping[str, Mapping[str, str]]:
    rows = read_table(table)
    check_columns(table, rows[0].cells, ("image", "lesion_id", *_COLUMNS.values()))
    return {row.cells["image"]: row.cells for row in rows}


def _class(row: Row, where: str) -> str:
    try:
        found = [name for name in CLASSES if float(row.cells.get(name) or 0) == 1.0]
    except ValueError as error:
        raise AuditError(f"{where}: the classes must be 0 or 1 ({error})") from error
    if len(found) != 1:
        raise AuditError(
            f"{where}: {row.cells['image']} has {len(found)} classes; one was expected"
        )
    return found[0]


def _attributes(known: Mapping[str, str]) -> Mapping[str, str]:
    values = {name: known.get(column, "") for name, column in _COLUMNS.items()}
    values["age"] = numbers_to_text(values["age"])
    return {**values, "age_band": age_band(values["age"])}


def age_band(age: str) -> str:
    """Twenty years, as text; "" if the age is not known."""
    if not age.isdecimal() or len(age) > 3:
        return ""
    low = min(int(age) // 20 * 20, 80)
    return "80+" if low == 80 else f"{low}-{low + 19}"
