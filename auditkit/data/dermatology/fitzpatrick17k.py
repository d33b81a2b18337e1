"""Fitzpatrick17k: clinical photographs from two atlases, with the Fitzpatrick skin type."""

import re
from importlib.resources import files as package_files
from pathlib import Path

from auditkit.data.dermatology.published import (
    Attributes,
    expected,
    files_by_name,
    listed,
    numbers_to_text,
    one_of,
    picture,
    published_folder,
    refuse_unknown_columns,
)
from auditkit.data.entry import Entry, Listing
from auditkit.data.location import locate
from auditkit.data.rows import Row, check_columns, read_table
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard
from auditkit.spec.regular import read_ordinary

TABLE = "fitzpatrick17k.csv"
FOLDERS = ("images_cropped", "images", "finalfitz17k", "data/finalfitz17k", "data", ".")
SPELLINGS = (
    *("fitzpatrick", "fitzpatrickscale", "fitzpatrickskintype", "fitzpatrick17k"),
    *("fitzpatricktype", "fitzpatricklabel", "skintype", "fst"),
)
PARTITION = "nine_partition_label"
# Melanoma and what is mistaken for it: two partitions, and one disease each of two others.
_PARTITIONS = ("malignant melanoma", "benign melanocyte")
_DISEASES = ("seborrheic keratosis", "dermatofibroma")
PAPER_COUNTS = {
    "malignant melanoma": 554,
    "benign melanocyte": 193,
    "benign dermal": 77,
    "benign epidermal": 65,
}
WHOLE = 16577
ATTRIBUTES = Attributes(
    known=("skin_type", "disease", "three_partition"), groups=("skin_type",), features=()
)
_HASH = re.compile(r"[0-9a-f]{32}")
# Of a file of hashes to leave out; there are 17,000 pictures.
_MOST_BYTES = 10_000_000


def listing(card: DataCard) -> Listing:
    """The pictures with their class: the nine-partition label, or the column that the card names.

    Raises:
        AuditError: the folder or the table is missing, or the table lacks a column.
    """
    refuse_unknown_columns(card, ("label",))
    address = "https://github.com/mattgroh/fitzpatrick17k"
    holds = f"{TABLE}, and pictures MD5HASH.jpg or MD5HASH_crop.jpg in images/"
    root = published_folder(card, "Fitzpatrick17k", address, holds)
    table, rows = root / TABLE, read_table(root / TABLE)
    label = card.columns.label if "label" in card.columns.model_fields_set else PARTITION
    check_columns(table, rows[0].cells, ("md5hash", "label", PARTITION, label))
    skin_type = one_of(rows[0].cells, SPELLINGS, table)
    chosen = ATTRIBUTES.chosen(card, table)
    files = files_by_name(root, FOLDERS, (".jpg", ".jpeg", ".png"))
    left_out = exclusions(card) if card.filter == "paper" else frozenset()
    entries: list[Entry] = []
    for row in rows:
        image, where = row.cells["md5hash"], f"{table}:{row.line}"
        if card.filter == "paper" and (not _kept(row) or image in left_out):
            continue
        values = {
            "skin_type": _skin_type(row.cells[skin_type]),
            "disease": row.cells["label"],
            "three_partition": row.cells.get("three_partition_label", ""),
        }
        source = picture(files, (f"{image}_crop", image), where, (root / "images").resolve())
        groups, features = ({name: values[name] for name in names} for names in chosen)
        entries.append(
            Entry(image, where, row.cells[label], source, groups=groups, features=features)
        )
    own_label = label == PARTITION
    counts = {**PAPER_COUNTS} if own_label else {"": sum(PAPER_COUNTS.values())}
    positive = ("malignant melanoma",) if card.filter == "paper" and own_label else ()
    return listed(table, entries, expected(card, counts, WHOLE), positive)


def exclusions(card: DataCard) -> frozenset[str]:
    """MD5 hashes to leave out: of the card's own file, else the paper's 68.

    Raises:
        AuditError: the file cannot be read or holds something else.
    """
    if card.exclusions is None:
        shipped = package_files("auditkit.data.dermatology") / "fitzpatrick17k_exclusions.txt"
        text, file = shipped.read_text(encoding="utf-8"), Path("fitzpatrick17k_exclusions.txt")
    else:
        file = locate(card, card.exclusions)
        try:
            text = read_ordinary(file, _MOST_BYTES).decode()
        except (OSError, UnicodeDecodeError) as error:
            raise AuditError(f"{file} cannot be read: {error}") from error
    found = set()
    for number, line in enumerate(text.splitlines(), start=1):
        name = line.partition("#")[0].strip().lower()
        if name and not _HASH.fullmatch(name):
            raise AuditError(f"{file}:{number}: '{name:.80}' is not an MD5 hash; one was expected")
        found |= {name} if name else set()
    return frozenset(found)


def _kept(row: Row) -> bool:
    return row.cells[PARTITION] in _PARTITIONS or row.cells["label"] in _DISEASES


def _skin_type(text: str) -> str:
    """'1' to '6'; "" where it is not known (-1)."""
    number = numbers_to_text(text)
    return number if number in ("1", "2", "3", "4", "5", "6") else ""
