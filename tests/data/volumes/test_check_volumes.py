"""`auditkit data check` of volumes: every file of every case is opened, and all that is wrong is said."""

import shutil

import numpy as np
import pytest

from auditkit.data.check import check_data
from auditkit.spec.catalogue import read_data_card
from auditkit.spec.problems import SpecError
from data.cards import card, write_csv

from .layouts import COLUMNS, HEADER, SPACE, brats, mrnet, ramp, row, save_npy, two_cases


def check(folder, rows, **settings):
    write_csv(folder / "t.csv", rows, HEADER)
    kept = {"modalities": {"t1": "t1", "t2": "t2"}}
    given = {"file": "t.csv", "columns": COLUMNS, "positive": ["tumour"], "volumes": kept}
    return check_data(card(folder, "volumes", **{**given, **settings}), workers=1)


def test_a_clean_data_set_has_no_problems_and_is_counted(tmp_path):
    rows = two_cases(tmp_path)
    rows[0][5] = "m.npy"
    save_npy(tmp_path / "m.npy", np.ones(SPACE, np.uint8))
    found = check(tmp_path, rows)
    assert found.problems == 0, found.render_text()
    assert (found.images, found.annotated, found.empty_regions) == (2, 1, 0)
    assert found.sizes == {"4 x 5 x 6": 2}
    assert found.modalities == {"t1": 2, "t2": 2}
    assert found.missing == {"site": 1, "age": 1}
    text = found.render_text()
    for line in (
        "d: 2 cases in",
        "patients: 2 (cases each: 1 x 2)",
        "modalities: t1: 2, t2: 2",
        "annotated: 1\n",
        "sizes: 1 (4 x 5 x 6: 2)",
        "copies: 0 groups of equal files\n",
        "no problems",
    ):
        assert line in text


def test_all_that_is_wrong_is_listed(tmp_path):
    rows = two_cases(tmp_path)
    save_npy(tmp_path / "other.npy", ramp(5, space=(2, 5, 6)))
    save_npy(tmp_path / "blank.npy", np.zeros(SPACE))
    save_npy(tmp_path / "nan.npy", np.full(SPACE, np.nan))
    save_npy(tmp_path / "m.npy", np.ones((3, 3, 3), np.uint8))
    save_npy(tmp_path / "empty.npy", np.zeros(SPACE, np.uint8))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "a1.npy").read_bytes()[:200])
    rows += [
        row(id="c", label="tumour", patient="r", t1="cut.npy", t2="nowhere.npy"),
        row(id="d", label="tumour", patient="s", t1="nan.npy", t2="blank.npy"),
        row(id="e", label="tumour", patient="t", t1="b2.nii"),
        row(id="f", label="tumour", patient="u", t1="other.npy", t2="a2.npy", mask="m.npy"),
        row(id="g", label="tumour", patient="v", t1="b1.nii.gz", t2="b1.nii.gz"),
        row(id="h", label="tumour", patient="w", t1="a1.npy", t2="b2.nii", mask="empty.npy"),
    ]
    found = check(tmp_path, rows)
    expected = [
        "t.csv:4: case 'c': t1",
        "t.csv:4: case 'c': t2",
        "t.csv:5: case 'd': t1",
        "t.csv:5: case 'd': t2",
        "t.csv:7: case 'f': t1 has 2 x 5 x 6 voxels, its mask",
        "t.csv:8: case 'g': t2",
    ]
    assert len(found.file_problems) == len(expected)
    for problem, start in zip(found.file_problems, expected, strict=True):
        assert start in problem
    for place, part in enumerate(
        ("truncated", "does not exist", "120 voxels that are not finite", "has the value 0 only")
    ):
        assert part in found.file_problems[place]
    assert "is the same file as t1" in found.file_problems[-1]
    assert found.incomplete == (f"{tmp_path}/t.csv:6: case 'e': modality t2 is missing",)
    assert found.modalities == {"t1": 8, "t2": 7}
    assert found.sizes == {"4 x 5 x 6": 6, "t1 2 x 5 x 6": 1, "t2 4 x 5 x 6": 1}
    assert found.empty_regions == 1
    text = found.render_text()
    assert "cases that lack a modality: 1" in text
    assert "annotated: 2 (of 1 nothing is in the region)" in text


def test_cases_that_share_a_file_are_copies(tmp_path):
    rows = two_cases(tmp_path)
    for name in ("a1.npy", "a2.npy"):
        shutil.copy(tmp_path / name, tmp_path / f"copy-{name}")
    save_npy(tmp_path / "c.npy", ramp(9))
    rows[0][8], rows[1][8] = "train", "train"
    rows += [
        row(id="c", label="none", patient="r", t1="copy-a1.npy", t2="copy-a2.npy", split="test"),
        row(id="d", label="none", patient="q", t1="c.npy", t2="b2.nii", split="train"),
    ]
    found = check(tmp_path, rows)
    assert [copies.ids for copies in found.exact] == [("a", "c"), ("b", "d")]
    for listed in (found.leaks, found.label_conflicts, found.shared_pictures):
        assert [copies.ids for copies in listed] == [("a", "c")]
    assert found.problems == 3


def test_rows_are_understood_as_in_a_table_of_pictures(tmp_path):
    rows = two_cases(tmp_path)
    rows += [
        row(id="a", label="tumor", patient="r", t1="a1.npy", t2="a2.npy"),
        row(id="d", label="none", t1="b1.nii.gz", t2="b2.nii"),
    ]
    found = check(tmp_path, rows, negative=["none"])
    assert [problem.split(": ")[0][-1] for problem in found.row_problems] == ["4", "4", "5"]
    message = "\n".join(found.row_problems)
    for part in ("unknown label 'tumor'", "id 'a' is already at", "the patient is empty"):
        assert part in message


def test_published_layouts_are_checked(tmp_path):
    brats(tmp_path / "b")
    found = check_data(card(tmp_path, "brats", folder="b", expected=3), workers=1)
    assert found.problems == 0, found.render_text()
    assert (found.images, found.annotated) == (3, 3)
    (tmp_path / "b" / "BraTS20_Training_002" / "BraTS20_Training_002_t2.nii.gz").unlink()
    found = check_data(card(tmp_path, "brats", folder="b", expected=3), workers=1)
    assert (len(found.incomplete), found.problems) == (1, 1)
    mrnet(tmp_path / "m")
    found = check_data(card(tmp_path, "mrnet", folder="m", expected=3), workers=1)
    assert found.problems == 0, found.render_text()
    assert found.splits == {"train": 2, "valid": 1}
    assert found.sizes == {
        f"{v} {s} x 8 x 8": 3
        for v, s in zip(("axial", "coronal", "sagittal"), (3, 4, 5), strict=True)
    }


def test_a_whole_case_is_opened_by_the_command(tmp_path, capsys):
    from auditkit.cli import main

    rows = two_cases(tmp_path)
    rows[1][4] = ""
    write_csv(tmp_path / "t.csv", rows, HEADER)
    (tmp_path / "d.data.yaml").write_text(
        "data: d\ntask: t\nformat: volumes\nfile: t.csv\npositive: [tumour]\n"
        "columns: {id: id, patient: patient}\nvolumes: {modalities: {t1: t1, t2: t2}}\n"
    )
    assert main(["data", "check", str(tmp_path / "d.data.yaml")]) == 1
    assert "case 'b': modality t2 is missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format: volumes\nfile: x\n", "volumes: 'modalities: {NAME: COLUMN}' was expected"),
        ("format: volumes\nfile: x\nvolumes: {region: [1]}\n", "'modalities: {NAME: COLUMN}'"),
        ("format: brats\n", "folder: the folder of the data set was expected"),
        ("format: table\nfile: x\nvolumes: {}\n", "format 'table' does not read this"),
        ("format: brats\nfolder: x\nvolumes: {radius: 2}\n", "'brats' does not read radius"),
        ("format: brats\nfolder: x\nvolumes: {finding: acl}\n", "'brats' does not read finding"),
        ("format: mrnet\nfolder: x\nvolumes: {region: [1]}\n", "'mrnet' does not read region"),
        ("format: mrnet\nfolder: x\nvolumes: {masks: {}}\n", "'mrnet' does not read masks"),
        (
            "format: volumes\nfile: x\nvolumes: {modalities: {a: a}, masks: {b: b}}\n",
            "masks: 'b' is none of the modalities",
        ),
        ("format: mrnet\nfolder: x\npictures: {convert: [grey]}\n", "'mrnet' are volumes"),
        ("format: brats\nfolder: x\ncolumns: {image: y}\n", "'brats' are volumes"),
        ("format: table\nfile: x\ncolumns: {landmarks: y}\n", "columns.landmarks: these are of"),
        (
            "format: volumes\nfile: x\nsplit: a\nvolumes: {modalities: {a: a}}\n",
            "split: say which column holds it",
        ),
    ],
)
def test_cards_that_cannot_be_meant_are_refused(tmp_path, text, message):
    path = tmp_path / "d.data.yaml"
    path.write_text(f"data: d\ntask: t\n{text}")
    with pytest.raises(SpecError, match=message):
        read_data_card(path)
