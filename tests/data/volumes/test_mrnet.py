"""MRNet-v1.0 in its published layout."""

from pathlib import Path

import numpy as np
import pytest

from auditkit.data.load import list_data
from auditkit.errors import AuditError
from auditkit.spec.catalogue import read_data_card
from data.cards import load, refusal, write_csv

from .layouts import mrnet, save_npy

CARD = Path(__file__).parents[3] / "fixtures" / "data" / "mrnet.data.yaml"
HEADER = ["case", "view", "slice0", "row0", "column0", "slice1", "row1", "column1"]


def data(folder, expected=3, **settings):
    return load(folder, "mrnet", None, folder=".", expected=expected, **settings)


def test_exams_are_read_as_published(tmp_path):
    found = data(mrnet(tmp_path))
    assert found.modalities == ("axial", "coronal", "sagittal")
    assert [(r.id, r.label) for r in found.records] == [("0000", 0), ("0001", 1), ("0002", 0)]
    volumes = found.volume(2)
    for place, view in enumerate(found.modalities):
        stored = np.load(tmp_path / "valid" / view / "0002.npy")
        assert volumes[view].shape == (3 + place, 8, 8)
        assert volumes[view].dtype == np.float32
        assert (volumes[view] == stored).all()
    assert found.regions(2) is None
    assert not any(record.annotated for record in found.records)


def test_finding_and_split_are_those_of_the_card(tmp_path):
    mrnet(tmp_path)
    found = data(tmp_path, split="train", volumes={"finding": "acl"})
    assert [(r.id, r.label) for r in found.records] == [("0000", 1), ("0001", 0)]
    assert "has the split 'test'" in refusal(lambda: data(tmp_path, split="test"))


def test_views_can_be_chosen_and_renamed(tmp_path):
    found = data(mrnet(tmp_path), volumes={"modalities": {"side": "sagittal"}})
    assert found.modalities == ("side",)
    assert (found.volume(0)["side"] == np.load(tmp_path / "train/sagittal/0000.npy")).all()


def test_a_missing_series_is_an_incomplete_case(tmp_path):
    mrnet(tmp_path)
    (tmp_path / "train" / "coronal" / "0001.npy").unlink()
    found = data(tmp_path)
    assert [record.id for record in found.records] == ["0000", "0002"]
    assert [one.reason for one in found.incomplete] == ["modality coronal is missing"]


def test_numbers_without_leading_zeros_are_the_same_exams(tmp_path):
    mrnet(tmp_path)
    write_csv(tmp_path / "train-meniscus.csv", [[0, 0], [1, 1]])
    assert [record.id for record in data(tmp_path).records] == ["0000", "0001", "0002"]


def test_boxes_are_regions_of_their_views(tmp_path):
    mrnet(tmp_path)
    rows = [
        ["0001", "sagittal", 1, 2, 3, 3, 4, 6],
        ["0001", "sagittal", 4, 0, 0, 5, 1, 1],
        [1, "coronal", 0, 0, 0, 4, 8, 8],
        ["0001", "axial", "", "", "", "", "", ""],
    ]
    write_csv(tmp_path / "boxes-meniscus.csv", rows, HEADER)
    found = data(tmp_path)
    assert [record.annotated for record in found.records] == [False, True, False]
    regions = found.regions(1)
    expected = np.zeros((5, 8, 8), bool)
    expected[1:3, 2:4, 3:6] = expected[4, 0, 0] = True
    assert (regions["sagittal"] == expected).all()
    assert regions["coronal"].all()
    assert not regions["axial"].any()
    assert found.regions(0) is None
    before = found.records[1].digest
    # Boxes of another finding are not its boxes.
    assert not data(tmp_path, volumes={"finding": "acl"}).records[1].annotated
    rows[0][2] = 2
    write_csv(tmp_path / "boxes-meniscus.csv", rows, HEADER)
    again = data(tmp_path)
    assert again.records[1].digest != before
    assert again.records[0].digest == found.records[0].digest


@pytest.mark.parametrize(
    ("box", "message"),
    [
        (["0001", "oblique", 0, 0, 0, 1, 1, 1], "boxes-meniscus.csv:2: unknown view 'oblique'"),
        (["0009", "axial", 0, 0, 0, 1, 1, 1], "there is no exam 0009 in the tables of labels"),
        (["x", "axial", 0, 0, 0, 1, 1, 1], "case 'x' is not an exam's number"),
        (["../1", "axial", 0, 0, 0, 1, 1, 1], "case '../1' is not an exam's number"),
        (["0001", "axial", 0, 0, 0, 1, "", 1], "0,0,0,1,,1 are not six whole numbers"),
        (["0001", "axial", 0, 0, "0;", 1, 1, 1], "are not six whole numbers"),
        (["0001", "axial", 0, 0, 0, 1, 1, 1], "coronal has no region, but axial has one"),
    ],
)
def test_boxes_that_cannot_be_meant_are_refused(tmp_path, box, message):
    mrnet(tmp_path)
    write_csv(tmp_path / "boxes-meniscus.csv", [box], HEADER)
    assert message in refusal(lambda: data(tmp_path))


def test_boxes_outside_the_volume_are_refused(tmp_path):
    mrnet(tmp_path)
    rows = [["0001", view, 0, 0, 0, 1, 1, 9] for view in ("axial", "coronal", "sagittal")]
    write_csv(tmp_path / "boxes-meniscus.csv", rows, HEADER)
    message = refusal(lambda: data(tmp_path).regions(1))
    assert "case '0001': axial: box '0,0,0,1,1,9' is not" in message
    assert "within 3 x 8 x 8 voxels" in message


@pytest.mark.parametrize(
    "cells", [["0001", "2"], ["0001", ""], ["exam", "label"], ["../0001", "1"], ["0001", "1", "1"]]
)
def test_rows_that_are_no_labels_are_refused(tmp_path, cells):
    mrnet(tmp_path)
    write_csv(tmp_path / "train-meniscus.csv", [["0000", 1], cells])
    message = refusal(lambda: data(tmp_path))
    assert "train-meniscus.csv:2: " in message
    assert "is not an exam's number and 0 or 1" in message


def test_object_arrays_are_refused(tmp_path):
    mrnet(tmp_path)
    save_npy(tmp_path / "train" / "axial" / "0000.npy", np.empty((2, 2, 2), object))
    assert "never loaded" in refusal(lambda: data(tmp_path).volume(0))


def test_the_published_numbers_of_exams_are_expected(tmp_path):
    mrnet(tmp_path)
    assert "1250 were expected by" in refusal(lambda: data(tmp_path, expected=None))
    (tmp_path / "train-meniscus.csv").unlink()
    assert "120 were expected by" in refusal(lambda: data(tmp_path, expected=None))
    (tmp_path / "valid-meniscus.csv").unlink()
    assert "no exam is listed for 'meniscus'" in refusal(lambda: data(tmp_path, expected=None))


def test_it_has_no_other_columns(tmp_path):
    mrnet(tmp_path)
    for columns in ({"patient": "p"}, {"groups": ["g"]}, {"features": ["f"]}):
        assert "columns." in refusal(lambda columns=columns: data(tmp_path, columns=columns))


def test_the_shipped_card_is_valid_and_says_where_to_get_the_data(tmp_path, monkeypatch):
    monkeypatch.delenv("AUDITKIT_DATA", raising=False)
    shipped = read_data_card(CARD)
    with pytest.raises(AuditError, match=r"get MRNet-v1.0 from https://.*set AUDITKIT_DATA"):
        list_data(shipped)
    mrnet(tmp_path / "MRNet-v1.0")
    monkeypatch.setenv("AUDITKIT_DATA", str(tmp_path))
    assert [entry.split for entry in list_data(shipped).entries] == ["train", "train", "valid"]
