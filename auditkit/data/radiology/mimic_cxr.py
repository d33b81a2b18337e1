"""MIMIC-CXR-JPG 2.x: chest radiographs with reports, findings, and the demographics of MIMIC-IV.

In the folder, as published (https://physionet.org/content/mimic-cxr-jpg/, doi 10.13026/jsn5-t979):

- ``files/p10/p10000032/s50414267/DICOM_ID.jpg``;
- ``mimic-cxr-2.0.0-metadata.csv.gz``: dicom_id, subject_id, study_id, ViewPosition, StudyDate;
- ``mimic-cxr-2.0.0-split.csv.gz``: dicom_id, split;
- ``mimic-cxr-2.0.0-chexpert.csv.gz``: study_id and fourteen findings, 1.0 present, 0.0 absent, -1.0
  uncertain, blank not mentioned (arXiv:1901.07042).

Only if the card asks for them:

- ``files/p10/p10000032/s50414267.txt``, from mimic-cxr-reports of https://physionet.org/content/mimic-cxr/;
- ``hosp/patients.csv.gz`` and ``hosp/omr.csv.gz`` of https://physionet.org/content/mimiciv/ (columns: see
  `auditkit.data.radiology.demographics`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditkit.data.captions import concept_values
from auditkit.data.dermatology.published import published_folder, refuse_unknown_columns
from auditkit.data.entry import Entry, Listing
from auditkit.data.radiology.demographics import (
    SEXES,
    Person,
    Study,
    body_mass_index,
    day_of,
    people,
)
from auditkit.data.radiology.gzipped import stream
from auditkit.data.rows import check_columns
from auditkit.data.source import FileSource, below
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard
from auditkit.spec.regular import read_ordinary

METADATA = "mimic-cxr-2.0.0-metadata.csv.gz"
SPLIT = "mimic-cxr-2.0.0-split.csv.gz"
CHEXPERT = "mimic-cxr-2.0.0-chexpert.csv.gz"
FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Enlarged Cardiomediastinum",
    "Fracture",
    "Lung Lesion",
    "Lung Opacity",
    "No Finding",
    "Pleural Effusion",
    "Pleural Other",
    "Pneumonia",
    "Pneumothorax",
    "Support Devices",
)
REPORT = "report"
KNOWN = ("age", "bmi", "sex", "female", "view", REPORT, *FINDINGS)
FRONTAL = ("AP", "PA")
_ANSWERS = {"1.0": "1", "1": "1", "0.0": "0", "0": "0", "-1.0": "-1", "-1": "-1", "": ""}
_DECIDED = ("0", "1")
# Bytes of a report.
_MOST_REPORT = 1_000_000


@dataclass(frozen=True)
class Radiograph:
    """A frontal picture whose label is known."""

    where: str
    name: str
    study: str
    view: str
    taken: Study

    @property
    def folder(self) -> str:
        """The study's folder; its report is beside it."""
        patient = self.taken.patient
        return f"files/p{patient[:2]}/p{patient}/s{self.study}"


@dataclass(frozen=True)
class Known:
    """What the tables say, as far as the card asks for it.

    Attributes:
        findings: answers by finding (1, 0, -1 uncertain, "" not mentioned), by study.
        people: by patient.
        bmi: body mass index by patient and day.
    """

    root: Path
    findings: Mapping[str, Mapping[str, str]]
    people: Mapping[str, Person]
    bmi: Mapping[Study, str]

    def cell(self, picture: Radiograph, column: str) -> str:
        """A value of a picture; "" if it is not known."""
        if column in FINDINGS:
            answer = self.findings[picture.study][column]
            return answer if answer in _DECIDED else ""
        if column == REPORT:
            return _report(self.root, f"{picture.folder}.txt", picture.where)
        person = self.people.get(picture.taken.patient)
        values = {
            "view": picture.view,
            "bmi": self.bmi.get(picture.taken, ""),
            "age": str(picture.taken.day.year - person.born) if person else "",
            "sex": person.sex if person else "",
            "female": SEXES[person.sex] if person else "",
        }
        return values[column]


def listing(card: DataCard) -> Listing:
    """Frontal pictures with the finding that ``columns.label`` names (Pneumonia) as label, 1 or 0.

    Other views, and studies in which the finding is uncertain or not mentioned, are left out and counted.
    Groups, features, concepts and details may be: age (years at the study), bmi, sex (F, M), female (1, 0),
    view (AP, PA), and the findings (1, 0; unknown where uncertain or not mentioned); free text: report.

    Raises:
        AuditError: a file is missing or damaged, or not as documented.
    """
    refuse_unknown_columns(card, ("label",))
    holds = f"{METADATA}, {SPLIT}, {CHEXPERT}, files/p10/p10000032/s50414267/DICOM_ID.jpg"
    address = "https://physionet.org/content/mimic-cxr-jpg/"
    root = published_folder(card, "MIMIC-CXR-JPG", address, holds)
    label = card.columns.label if "label" in card.columns.model_fields_set else "Pneumonia"
    asked = _asked(card)
    check_columns(root / METADATA, KNOWN, asked)
    check_columns(root / CHEXPERT, FINDINGS, [label])
    findings = _findings(root / CHEXPERT, [name for name in FINDINGS if name in {label, *asked}])
    left_out: Counter[str] = Counter()
    pictures = _pictures(root / METADATA, findings, label, left_out)
    splits = _splits(root / SPLIT, {picture.name for picture in pictures})
    known = _known(root, findings, pictures, asked)
    entries = [_entry(card, picture, label, splits, known) for picture in pictures]
    if not entries:
        raise AuditError(f"{root / METADATA}: no frontal picture has a known label ({label})")
    return Listing(root / METADATA, entries, ("1",), left_out=dict(left_out))


def _asked(card: DataCard) -> list[str]:
    """The columns of which the card wants values, besides the label."""
    text = [card.captions.text] if card.captions.text else []
    concepts = [concept.source for concept in card.concepts]
    columns = card.columns
    return [*columns.groups, *columns.features, *concepts, *card.captions.details, *text]


def _findings(table: Path, names: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for line, (study, *cells) in stream(table, ("study_id", *names)):
        wrong = next((cell for cell in cells if cell not in _ANSWERS), None)
        if wrong is not None:
            raise AuditError(
                f"{table}:{line}: '{wrong:.40}' was read; 1.0, 0.0, -1.0 or blank was expected"
            )
        found[study] = dict(zip(names, (_ANSWERS[cell] for cell in cells), strict=True))
    return found


def _pictures(
    table: Path, findings: Mapping[str, Mapping[str, str]], label: str, left_out: Counter[str]
) -> list[Radiograph]:
    found: list[Radiograph] = []
    columns = ("dicom_id", "subject_id", "study_id", "ViewPosition", "StudyDate")
    for line, (name, patient, study, view, day) in stream(table, columns):
        answer = findings.get(study, {}).get(label, "")
        if view not in FRONTAL:
            left_out["view is not AP or PA"] += 1
        elif answer not in _DECIDED:
            left_out[f"{label} is {'uncertain' if answer else 'not mentioned'}"] += 1
        else:
            where = f"{table}:{line}"
            found.append(Radiograph(where, name, study, view, Study(patient, day_of(day, where))))
    return found


def _splits(table: Path, names: set[str]) -> Mapping[str, str]:
    rows = stream(table, ("dicom_id", "split"))
    return {name: split for _, (name, split) in rows if name in names}


def _known(
    root: Path,
    findings: Mapping[str, Mapping[str, str]],
    pictures: Sequence[Radiograph],
    asked: Iterable[str],
) -> Known:
    wanted, studies = set(asked), [picture.taken for picture in pictures]
    patients = {study.patient for study in studies}
    return Known(
        root,
        findings,
        people=people(root, patients) if wanted & {"age", "sex", "female"} else {},
        bmi=body_mass_index(root, studies) if "bmi" in wanted else {},
    )


def _entry(
    card: DataCard, picture: Radiograph, label: str, splits: Mapping[str, str], known: Known
) -> Entry:
    if picture.name not in splits:
        raise AuditError(f"{picture.where}: {SPLIT} has no row for {picture.name:.100}")

    def cell(column: str) -> str:
        return known.cell(picture, column)

    return Entry(
        id=picture.name,
        where=picture.where,
        label=known.findings[picture.study][label],
        picture=FileSource(known.root, f"{picture.folder}/{picture.name}.jpg", picture.where),
        patient=picture.taken.patient,
        groups={name: cell(name) for name in card.columns.groups},
        features={name: cell(name) for name in card.columns.features},
        split=splits[picture.name],
        concepts=concept_values(card, cell),
        details={name: cell(name) for name in card.captions.details},
        text=cell(card.captions.text) if card.captions.text else "",
    )


def _report(root: Path, name: str, where: str) -> str:
    """A report from its findings on, wrapped as it is; all of it where none are announced."""
    try:
        text = read_ordinary(below(root, name, where), _MOST_REPORT).decode()
    except (AuditError, OSError, UnicodeDecodeError) as error:
        raise AuditError(
            f"{where}: report {root / name} cannot be read: {error}; put mimic-cxr-reports into the folder"
        ) from error
    found = re.search(r"findings:", text, re.IGNORECASE)
    return f"Findings: {text[found.end() :].strip()}" if found else text.strip()
