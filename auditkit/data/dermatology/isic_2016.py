"""ISIC 2016 (ISBI challenge, part 3 or 3B): dermoscopy, benign or malignant, with lesion masks."""

from pathlib import Path

from auditkit.data.dermatology.published import (
    PUBLISHED,
    files_by_name,
    listed,
    picture,
    published_folder,
    refuse_unknown_columns,
)
from auditkit.data.entry import Entry, Listing
from auditkit.data.regions import MaskFile
from auditkit.data.rows import read_cells
from auditkit.data.source import FileSource
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard

PARTS = ("Part3B", "Part3")
# Name in the files, name of the split, published number of pictures per class.
SPLITS = (
    ("Training", "training", {"benign": 727, "malignant": 173}),
    ("Test", "test", {"benign": 304, "malignant": 75}),
)
# The training table has words, the test table numbers.
_LABELS = {"benign": "benign", "0": "benign", "0.0": "benign"}
_LABELS |= {"malignant": "malignant", "1": "malignant", "1.0": "malignant"}


def listing(card: DataCard) -> Listing:
    """The pictures of those splits whose tables are there, with their masks where there are any.

    Raises:
        AuditError: the folder or both tables are missing, or a row is not `image,benign|malignant`.
    """
    refuse_unknown_columns(card, ())
    holds = "ISBI2016_ISIC_Part3B_Training_GroundTruth.csv, ISBI2016_ISIC_Part3B_Training_Data/"
    root = published_folder(card, "ISIC 2016", "https://challenge.isic-archive.com/data/", holds)
    entries: list[Entry] = []
    counts: dict[str, int] = {}
    for name, split, published in SPLITS:
        found = _split(root, name, split)
        entries += found
        for label, count in published.items() if found else ():
            counts[label] = counts.get(label, 0) + count
    if not entries:
        raise AuditError(f"{root}: neither a training nor a test part is there; expected: {holds}")
    return listed(root, entries, (counts, PUBLISHED), ())


def _split(root: Path, name: str, split: str) -> list[Entry]:
    for part in PARTS:
        table = root / f"ISBI2016_ISIC_{part}_{name}_GroundTruth.csv"
        if table.is_file():
            return _entries(root, table, f"ISBI2016_ISIC_{part}_{name}_Data", name, split)
    return []


def _entries(root: Path, table: Path, folder: str, name: str, split: str) -> list[Entry]:
    pictures = files_by_name(root, (folder,), (".jpg", ".jpeg"))
    masks = files_by_name(root, (folder, f"ISBI2016_ISIC_Part1_{name}_GroundTruth"), (".png",))
    entries = []
    for place, (line, cells) in enumerate(read_cells(table)):
        where = f"{table}:{line}"
        label = _LABELS.get(cells[1].lower()) if len(cells) == 2 else None
        if label is None:
            if place == 0 and len(cells) == 2 and cells[0].lower() in ("image", "image_id"):
                continue
            raise AuditError(
                f"{where}: {','.join(cells):.100} is not image,benign or image,malignant"
            )
        mask = masks.get(f"{cells[0]}_Segmentation")
        region = MaskFile(FileSource(mask.parent.resolve(), mask.name, where)) if mask else None
        source = picture(pictures, (cells[0],), where, (root / folder).resolve())
        entries.append(Entry(cells[0], where, label, source, split=split, region=region))
    return entries
