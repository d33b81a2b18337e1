"""Age, sex and body mass index at the time of a study, from the tables of MIMIC-IV.

Read are (https://mimic.mit.edu/docs/iv/modules/hosp/):

- ``hosp/patients.csv.gz``: subject_id, gender, anchor_age, anchor_year. The age in the year of the study is
  anchor_age + year - anchor_year; an anchor_age of 91 means 90 or more.
- ``hosp/omr.csv.gz``: subject_id, chartdate, seq_num, result_name, result_value of the rows that are named
  BMI (kg/m2) or BMI.

Dates of MIMIC-IV and MIMIC-CXR are shifted by the same time within a patient.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

from auditkit.data.radiology.gzipped import stream
from auditkit.errors import AuditError

PATIENTS, RECORDS = "hosp/patients.csv.gz", "hosp/omr.csv.gz"
SEXES: Mapping[str, str] = {"F": "1", "M": "0"}
_NAMES = ("BMI (kg/m2)", "BMI")
# Outside, the number is a slip (a height, a weight, 0): the table holds texts as they were typed.
_PLAUSIBLE = (10.0, 100.0)
_DIGITS = 9


class Study(NamedTuple):
    """Who was examined when."""

    patient: str
    day: date


class Person(NamedTuple):
    """A patient: sex (F, M) and year of birth, both in the patient's shifted time."""

    sex: str
    born: int


class _Measured(NamedTuple):
    """A measurement; the smallest is nearest to the study, of several of one day the last."""

    distance: int
    day: int
    order: int
    text: str


def people(folder: Path, patients: Iterable[str]) -> dict[str, Person]:
    """Sex and year of birth of those of the patients whom the table has.

    Raises:
        AuditError: the table is missing or damaged, or a row is not as documented.
    """
    wanted, found = set(patients), dict[str, Person]()
    columns = ("subject_id", "gender", "anchor_age", "anchor_year")
    for line, (patient, sex, age, year) in stream(folder / PATIENTS, columns):
        if patient not in wanted:
            continue
        if sex not in SEXES or not _whole(age) or not _whole(year):
            raise AuditError(
                f"{folder / PATIENTS}:{line}: gender '{sex:.20}', anchor_age '{age:.20}' and anchor_year "
                f"'{year:.20}' were read; F or M and two whole numbers were expected"
            )
        found[patient] = Person(sex, int(year) - int(age))
    return found


def body_mass_index(folder: Path, studies: Iterable[Study]) -> dict[Study, str]:
    """Body mass index in kg/m2, as written, of the measurement nearest in time to each study.

    Of two that are equally near, the earlier one. Values that are no number, or implausible ones (not
    within 10 to 100), are taken as not measured. Studies of patients without any have no entry.

    Raises:
        AuditError: the table is missing or damaged, or a row's date is none.
    """
    days: dict[str, list[Study]] = {}
    for study in set(studies):
        days.setdefault(study.patient, []).append(study)
    nearest: dict[Study, _Measured] = {}
    columns = ("subject_id", "result_name", "result_value", "chartdate", "seq_num")
    for line, (patient, name, value, chartdate, order) in stream(folder / RECORDS, columns):
        if name not in _NAMES or patient not in days or not _plausible(value):
            continue
        day = day_of(chartdate, f"{folder / RECORDS}:{line}")
        number = int(order) if _whole(order) else 0
        for study in days[patient]:
            distance = abs((study.day - day).days)
            measured = _Measured(distance, day.toordinal(), -number, value)
            nearest[study] = min(nearest.get(study, measured), measured)
    return {study: measured.text for study, measured in nearest.items()}


def day_of(text: str, where: str) -> date:
    """A date, written 2180-05-06 or 21800506.

    Raises:
        AuditError: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise AuditError(
            f"{where}: '{text:.40}' is not a date; YYYY-MM-DD or YYYYMMDD was expected"
        ) from error


def _whole(text: str) -> bool:
    # Python refuses to read numbers of thousands of digits.
    return text.isdecimal() and len(text) <= _DIGITS


def _plausible(text: str) -> bool:
    try:
        number = float(text)
    except ValueError:
        return False
    return math.isfinite(number) and _PLAUSIBLE[0] <= number <= _PLAUSIBLE[1]
