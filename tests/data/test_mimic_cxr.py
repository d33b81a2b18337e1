"""MIMIC-CXR: the public layout, demographics at the time of a study, reports, and damaged files."""

import csv
import gzip
import io
from pathlib import Path

import pytest

from auditkit.data import load_data
from auditkit.data.captions import caption
from auditkit.data.check import check_data
from auditkit.data.load import list_data
from auditkit.data.radiology import gzipped
from auditkit.data.radiology.mimic_cxr import CHEXPERT, FINDINGS, METADATA, SPLIT
from auditkit.errors import AuditError
from auditkit.spec.catalogue import read_data_card

from .cards import load, picture

CARD = Path(__file__).parents[2] / "fixtures" / "data" / "mimic-cxr.data.yaml"
ANN, BOB, EVE = "10000032", "11000011", "19000019"
HEADER = (
    *("dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription", "ViewPosition"),
    *("Rows", "Columns", "StudyDate", "StudyTime", "ProcedureCodeSequence_CodeMeaning"),
)
# dicom_id: patient, study, view, date.
PICTURES = {
    "d0-0": (ANN, "50000001", "PA", "21800506"),
    "d0-1": (ANN, "50000001", "LATERAL", "21800506"),
    "d0-2": (ANN, "50000002", "AP", "21850101"),
    "d1-0": (BOB, "50000003", "PA", "21200101"),
    "d1-1": (BOB, "50000004", "PA", "21200201"),
    "d2-0": (EVE, "50000005", "AP", "21500101"),
    "d2-1": (EVE, "50000006", "", "21500101"),
    "d2-2": (EVE, "50000007", "AP", "21500101"),
}
# study: patient, Pneumonia, Edema; 50000007 has none.
LABELS = {
    "50000001": (ANN, "1.0", "-1.0"),
    "50000002": (ANN, "0.0", ""),
    "50000003": (BOB, "", "1.0"),
    "50000004": (BOB, "-1.0", "0.0"),
    "50000005": (EVE, "0.0", "1.0"),
    "50000006": (EVE, "1.0", ""),
}
REPORTS = {
    "50000001": "FINAL REPORT\n CHEST\n\n FINDINGS:  \n Lungs\n are clear.\n\n IMPRESSION: None.",
    "50000002": " FINAL REPORT\n No   change.\n",
    "50000005": "Findings: Effusion.",
}
BMI = [
    (ANN, "2180-05-01", "1", "BMI (kg/m2)", "29.5"),
    (ANN, "2180-05-10", "1", "BMI (kg/m2)", "31.5"),
    (ANN, "2180-05-10", "2", "BMI", "30.5"),
    (ANN, "2180-05-06", "1", "Weight (Lbs)", "180"),
    (ANN, "2180-05-06", "1", "BMI", "."),
    (ANN, "2180-05-06", "1", "BMI", "1765"),
    (ANN, "2190-01-01", "1", "BMI", "35.0"),
    ("18888888", "2180-05-06", "1", "BMI", "40"),
    (EVE, "not a date", "1", "Blood Pressure", "120/70"),
]
DEMOGRAPHICS = [
    {"name": "Age", "column": "age", "above": 60},
    {"name": "BMI", "column": "bmi", "above": 30},
    {"name": "Sex", "column": "female"},
]


def write_gz(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    return path


def study_folder(folder, patient, study):
    return folder / "files" / f"p{patient[:2]}" / f"p{patient}" / f"s{study}"


@pytest.fixture
def mimic(tmp_path):
    folder = tmp_path / "mimic"
    rows = [
        [name, patient, study, "CHEST (PA AND LAT)", view, "3056", "2544", day, "213014.5", "x, y"]
        for name, (patient, study, view, day) in PICTURES.items()
    ]
    write_gz(folder / METADATA, HEADER, rows)
    split = {"d0-2": "validate", "d2-0": "train"}
    write_gz(
        folder / SPLIT,
        ("dicom_id", "study_id", "subject_id", "split"),
        [[name, row[1], row[0], split.get(name, "test")] for name, row in PICTURES.items()],
    )
    findings = [
        [patient, study, *({"Pneumonia": answer, "Edema": edema}.get(f, "") for f in FINDINGS)]
        for study, (patient, answer, edema) in LABELS.items()
    ]
    write_gz(folder / CHEXPERT, ("subject_id", "study_id", *FINDINGS), findings)
    people = [
        [ANN, "F", "58", "2178", "2014 - 2016", "2190-09-09"],
        [BOB, "M", "70", "2120", "2011 - 2013", ""],
    ]
    names = ("subject_id", "gender", "anchor_age", "anchor_year", "anchor_year_group", "dod")
    write_gz(folder / "hosp" / "patients.csv.gz", names, people)
    names = ("subject_id", "chartdate", "seq_num", "result_name", "result_value")
    write_gz(folder / "hosp" / "omr.csv.gz", names, BMI)
    for seed, (name, (patient, study, _, _)) in enumerate(PICTURES.items()):
        path = study_folder(folder, patient, study) / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(seed).convert("L").save(path)
        report = REPORTS.get(study, "FINDINGS: Nothing.")
        path.parent.with_suffix(".txt").write_text(report)
    return tmp_path


def settings(**changes):
    base = {
        "folder": "mimic",
        "pictures": {"convert": ["grey"]},
        "concepts": DEMOGRAPHICS,
        "captions": {"template": "Age: {Age}, BMI: {BMI}, Sex: {Sex}, {text}", "text": "report"},
    }
    return {**base, **changes}


def test_frontal_pictures_with_a_known_label_are_listed_and_the_others_counted(mimic):
    data = load(mimic, "mimic-cxr", **settings())
    assert [(r.id, r.label, r.patient) for r in data.records] == [
        ("d0-0", 1, ANN),
        ("d0-2", 0, ANN),
        ("d2-0", 0, EVE),
    ]
    found = list_data(data.card)
    assert dict(found.left_out) == {
        "view is not AP or PA": 2,
        "Pneumonia is not mentioned": 2,
        "Pneumonia is uncertain": 1,
    }
    assert len(found.entries) + sum(found.left_out.values()) == len(PICTURES)
    assert [entry.split for entry in found.entries] == ["test", "validate", "train"]
    assert data.image(1).shape == (20, 30, 3)
    text = check_data(data.card).render_text()
    assert "left out: view is not AP or PA: 2, Pneumonia is not mentioned: 2" in text


def test_demographics_are_those_at_the_time_of_the_study(mimic):
    columns = {"groups": ["sex", "view"], "features": ["age", "bmi", "female"]}
    data = load(mimic, "mimic-cxr", **settings(columns=columns))
    # Born 2120: 60 and 65 at the studies. Both measurements of 2180-05-10 are nearer than that of
    # 2180-05-01, and the second of the day counts; in 2185, those of 2180-05-10 are nearest again.
    assert [dict(r.features) for r in data.records] == [
        {"age": "60", "bmi": "30.5", "female": "1"},
        {"age": "65", "bmi": "30.5", "female": "1"},
        {"age": "", "bmi": "", "female": ""},
    ]
    assert [dict(r.concepts) for r in data.records] == [
        {"Age": "0", "BMI": "1", "Sex": "1"},
        {"Age": "1", "BMI": "1", "Sex": "1"},
        {"Age": "", "BMI": "", "Sex": ""},
    ]
    assert [dict(r.groups) for r in data.records] == [
        {"sex": "F", "view": "PA"},
        {"sex": "F", "view": "AP"},
        {"sex": "unknown", "view": "AP"},
    ]


def test_of_two_equally_near_measurements_the_earlier_counts(mimic):
    names = ("subject_id", "chartdate", "seq_num", "result_name", "result_value")
    rows = [(ANN, "2180-05-08", "1", "BMI", "28"), (ANN, "2180-05-04", "1", "BMI", "33")]
    for given in (rows, rows[::-1]):
        write_gz(mimic / "mimic" / "hosp" / "omr.csv.gz", names, given)
        data = load(mimic, "mimic-cxr", **settings(columns={"features": ["bmi"]}))
        assert [r.features["bmi"] for r in data.records] == ["33", "28", ""]


def test_captions_are_the_papers_with_the_report_from_its_findings_on(mimic):
    data = load(mimic, "mimic-cxr", **settings())
    assert [caption(data.card, r) for r in data.records] == [
        "Age: 0, BMI: 1, Sex: 1, Findings: Lungs are clear. IMPRESSION: None.",
        "Age: 1, BMI: 1, Sex: 1, FINAL REPORT No change.",
        "Age: , BMI: , Sex: , Findings: Effusion.",
    ]
    assert data.records[0].text == "Findings: Lungs\n are clear.\n\n IMPRESSION: None."


def test_findings_can_be_labels_groups_and_concepts(mimic):
    columns = {"label": "Edema", "groups": ["Pneumonia"]}
    concepts = [{"name": "pneumonia", "column": "Pneumonia"}]
    data = load(mimic, "mimic-cxr", **settings(columns=columns, concepts=concepts, captions={}))
    assert [(r.id, r.label) for r in data.records] == [("d1-0", 1), ("d1-1", 0), ("d2-0", 1)]
    assert [r.concepts["pneumonia"] for r in data.records] == ["", "", "0"]
    assert [r.groups["Pneumonia"] for r in data.records] == ["unknown", "unknown", "0"]
    assert "Edema is uncertain" in list_data(data.card).left_out


def test_only_files_that_the_card_asks_for_are_needed(mimic):
    for name in ("patients", "omr"):
        (mimic / "mimic" / "hosp" / f"{name}.csv.gz").unlink()
    for report in (mimic / "mimic").rglob("*.txt"):
        report.unlink()
    data = load(mimic, "mimic-cxr", folder="mimic", columns={"groups": ["view", "Edema"]})
    assert len(data.records) == 3
    with pytest.raises(AuditError, match=r"patients.csv.gz: cannot be read .*No such file"):
        load(mimic, "mimic-cxr", **settings(captions={}))
    with pytest.raises(
        AuditError, match=r"metadata.csv.gz:2: report .*s50000001.txt cannot be read"
    ):
        load(mimic, "mimic-cxr", **settings(concepts=[], captions={"text": "report"}))


@pytest.mark.parametrize(
    "name", [METADATA, SPLIT, CHEXPERT, "hosp/patients.csv.gz", "hosp/omr.csv.gz"]
)
def test_missing_and_damaged_tables_are_named(mimic, name):
    path = mimic / "mimic" / name
    whole = path.read_bytes()

    def refused():
        with pytest.raises(AuditError) as caught:
            load(mimic, "mimic-cxr", **settings())
        assert str(path) in str(caught.value)
        return str(caught.value)

    path.unlink()
    assert "No such file" in refused()
    path.write_bytes(whole[:-12])
    assert "cannot be read as a gzipped CSV table" in refused()
    path.write_bytes(b"dicom_id,subject_id\n")
    assert "cannot be read as a gzipped CSV table" in refused()
    path.write_bytes(whole[:14] + bytes([whole[14] ^ 255]) + whole[15:])
    assert "cannot be read as a gzipped CSV table" in refused() or "no column" in refused()
    path.write_bytes(gzip.compress(b""))
    assert "there is no column" in refused()
    path.write_bytes(gzip.compress(gzip.decompress(whole).replace(b"subject_id", b"subject", 1)))
    if name not in (SPLIT, CHEXPERT):
        assert ":1: there is no column 'subject_id'; did you mean 'subject'" in refused()


@pytest.mark.parametrize(
    ("name", "before", "after", "message"),
    [
        (METADATA, "21800506", "2180-13-06", r"metadata.csv.gz:2: '2180-13-06' is not a date"),
        (METADATA, '"x, y"', "x, y", r"metadata.csv.gz:2: has 11 cells; 10 were expected"),
        (METADATA, "d0-0", "dx", r"metadata.csv.gz:2: mimic-cxr-2.0.0-split.csv.gz has no row"),
        (METADATA, "PA", "\udcff", r"metadata.csv.gz: cannot be read"),
        (METADATA, ",PA,", ',"PA,', r"metadata.csv.gz: cannot be read .* after line 1: .*expected"),
        (CHEXPERT, ",1.0,", ",yes,", r"chexpert.csv.gz:2: 'yes' was read; 1.0, 0.0, -1.0 or blank"),
        ("hosp/patients.csv.gz", "F", "W", r"patients.csv.gz:2: gender 'W'"),
        ("hosp/patients.csv.gz", "2178", "about", r"anchor_year 'about' were read"),
        ("hosp/patients.csv.gz", "2178", "9" * 5000, r"anchor_year '9{20}' were read"),
        ("hosp/omr.csv.gz", "2180-05-01", "May", r"omr.csv.gz:2: 'May' is not a date"),
    ],
)
def test_rows_are_never_guessed(mimic, name, before, after, message):
    path = mimic / "mimic" / name
    text = gzip.decompress(path.read_bytes()).decode()
    assert before in text
    changed = text.replace(before, after, 1).encode(errors="surrogateescape")
    path.write_bytes(gzip.compress(changed))
    with pytest.raises(AuditError, match=message):
        load(mimic, "mimic-cxr", **settings())


@pytest.mark.parametrize("column", ["dicom_id", "subject_id", "study_id"])
def test_names_in_tables_never_lead_out_of_the_folder(mimic, column):
    changed = {"dicom_id": ("d0-0", "../../../../../x"), "subject_id": (ANN, "../../../../../../x")}
    before, after = changed.get(column, ("50000001", "/../../../../../x"))
    for name in (METADATA, SPLIT, CHEXPERT):
        path = mimic / "mimic" / name
        text = gzip.decompress(path.read_bytes()).decode().replace(before, after)
        path.write_bytes(gzip.compress(text.encode()))
    with pytest.raises(AuditError, match="lies outside the folder"):
        load(mimic, "mimic-cxr", **settings(concepts=[], captions={"text": "report"}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": {"groups": ["agee"]}}, "no column 'agee'; did you mean 'age'"),
        ({"columns": {"label": "Pneumona"}}, "no column 'Pneumona'; did you mean 'Pneumonia'"),
        ({"columns": {"patient": "x"}}, r"columns\.patient: format 'mimic-cxr' has its own"),
        (
            {"concepts": [{"name": "bmi", "values": ["thin", "fat"]}], "captions": {}},
            r"metadata.csv.gz:2: concept 'bmi' .* is '30.5'",
        ),
        ({"captions": {"text": "notes"}}, "no column 'notes'"),
        ({"columns": {"label": "Fracture"}}, r"no frontal picture has a known label \(Fracture\)"),
    ],
)
def test_what_the_card_names_must_be_there(mimic, changes, message):
    with pytest.raises(AuditError, match=message):
        load(mimic, "mimic-cxr", **settings(**changes))


def test_a_line_without_end_is_refused_and_never_held_whole(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n" + b"3" * (1 << 20)))
    rows = gzipped.stream(path, ("b",))
    assert next(rows) == (2, ["2"])
    with pytest.raises(AuditError, match=r"t.csv.gz: .* after line 2: a line has 65536 letters"):
        next(rows)
    quoted = tmp_path / "q.csv.gz"
    quoted.write_bytes(gzip.compress(b'a,b\n"' + b"3\n" * (1 << 20)))
    with pytest.raises(AuditError, match=r"q.csv.gz: cannot .* after line 1: field larger"):
        list(gzipped.stream(quoted, ("b",)))


def test_the_shipped_card_is_valid_and_says_where_to_get_the_data(mimic, monkeypatch):
    monkeypatch.delenv("AUDITKIT_DATA", raising=False)
    shipped = read_data_card(CARD)
    with pytest.raises(AuditError, match=r"get MIMIC-CXR-JPG from https://.*set AUDITKIT_DATA"):
        list_data(shipped)
    (mimic / "mimic").rename(mimic / "mimic-cxr")
    monkeypatch.setenv("AUDITKIT_DATA", str(mimic))
    data = load_data(shipped)
    assert [r.id for r in data.records] == ["d0-0"]
    assert caption(shipped, data.records[0], {"Age": "1"}).startswith("Age: 1, BMI: 1, Sex: 1, Fin")
    assert dict(data.records[0].groups) == {"sex": "F", "view": "PA"}
