"""BraTS 2020: four MRI sequences of gliomas with tumour masks, high grade against lower grade.

In the folder, as the training part is published (https://www.med.upenn.edu/cbica/brats2020/data.html):

- ``name_mapping.csv``: Grade (HGG, LGG), BraTS_2020_subject_ID and the names of earlier years;
- ``ID/ID_t1.nii.gz``, ``_t1ce``, ``_t2``, ``_flair``, ``_seg`` (or ``.nii``): 240 x 240 x 155 voxels; in the
  mask 1 is the necrotic and non-enhancing core, 2 oedema, 4 the enhancing tumour;
- ``survival_info.csv``: Brats20ID, Age, Survival_days, Extent_of_Resection, of some cases.
"""

from collections.abc import Mapping
from pathlib import Path

from auditkit.data.dermatology.published import published_folder, refuse_unknown_columns
from auditkit.data.entry import Listing
from auditkit.data.rows import Row, check_columns, read_table
from auditkit.data.source import FileSource, below
from auditkit.data.volumes.case import Case, CaseFiles
from auditkit.data.volumes.layout import chosen, first_file, kept_by
from auditkit.data.volumes.regions import MaskVolume
from auditkit.spec.data_card import DataCard

MAPPING, SURVIVAL = "name_mapping.csv", "survival_info.csv"
SUBJECT, SURVIVOR, GRADE, AGE = "BraTS_2020_subject_ID", "Brats20ID", "Grade", "Age"
MODALITIES = {"t1": "t1", "t1c": "t1ce", "t2": "t2", "flair": "flair"}
# Cases of the training part; validation and test have no grades.
PUBLISHED = {"HGG": 293, "LGG": 76}
_SUFFIXES = (".nii.gz", ".nii")
# The mask of one case lies under its scan's own name in a widespread copy.
_MISNAMED = ("_Segm.nii.gz", "_Segm.nii")


def listing(card: DataCard) -> Listing:
    """The cases of the training part; HGG is positive.

    Groups, features and split may be any columns of the two tables, also ones that you add.

    Raises:
        AuditError: the folder or its table is missing or damaged, or a column is not there.
    """
    refuse_unknown_columns(card, ("split",))
    holds = f"{MAPPING}, BraTS20_Training_001/BraTS20_Training_001_t1.nii.gz"
    root = published_folder(card, "BraTS 2020", "https://www.med.upenn.edu/cbica/brats2020/", holds)
    table = root / MAPPING
    rows = read_table(table)
    check_columns(table, rows[0].cells, (SUBJECT, GRADE))
    survivors = _survivors(root)
    known = {**rows[0].cells, **next(iter(survivors.values()), {})}
    columns = card.columns
    features = columns.features or ([AGE] if AGE in known else [])
    asked = [*columns.groups, *features, *filter(None, [columns.split])]
    check_columns(table, known, asked)
    cases = []
    for row in rows:
        cells = dict.fromkeys(known, "") | survivors.get(row.cells[SUBJECT], {}) | dict(row.cells)
        cases.append(_case(Row(row.line, cells), card, root, features))
    return Listing(table, cases, ("HGG",), PUBLISHED, "the published data set")


def _survivors(root: Path) -> dict[str, dict[str, str]]:
    """What is known of each case's survival; nothing without the table."""
    table = root / SURVIVAL
    if not table.is_file():
        return {}
    rows = read_table(table)
    check_columns(table, rows[0].cells, (SURVIVOR,))
    return {row.cells[SURVIVOR]: dict(row.cells) for row in rows}


def _case(row: Row, card: DataCard, root: Path, features: list[str]) -> Case:
    cells, where = row.cells, f"{root / MAPPING}:{row.line}"
    name = cells[SUBJECT]
    files = {
        modality: first_file(_sources(root, name, own, where))
        for modality, own in chosen(card, MODALITIES).items()
    }
    there = {modality: source for modality, source in files.items() if source is not None}
    mask = first_file(_sources(root, name, "seg", where)) or _misnamed(root, name, where)
    values = kept_by(card).region
    region = mask and MaskVolume(mask, None if values is None else tuple(sorted(set(values))))
    return Case(
        id=name,
        where=where,
        label=cells[GRADE],
        picture=CaseFiles(where, there),
        groups=_cells(cells, card.columns.groups),
        features=_cells(cells, features),
        split=cells[card.columns.split] if card.columns.split else "",
        files=files,
        regions=dict.fromkeys(files, region) if region else {},
    )


def _cells(cells: Mapping[str, str], columns: list[str]) -> dict[str, str]:
    """Some cells of a row; NA is how the tables write that a value is missing."""
    return {column: "" if cells[column] == "NA" else cells[column] for column in columns}


def _sources(root: Path, name: str, kind: str, where: str) -> list[FileSource]:
    return [FileSource(root, f"{name}/{name}_{kind}{suffix}", where) for suffix in _SUFFIXES]


def _misnamed(root: Path, name: str, where: str) -> FileSource | None:
    folder = below(root, name, where)
    found = [path.name for path in folder.glob("*") if path.name.endswith(_MISNAMED)]
    return FileSource(root, f"{name}/{found[0]}", where) if len(found) == 1 else None
