"""BraTS 2020 in the layout of its training part."""

from pathlib import Path

import numpy as np
import pytest

from auditkit.data.load import list_data
from auditkit.errors import AuditError
from auditkit.spec.catalogue import read_data_card
from data.cards import card, load, refusal, write_csv

from .layouts import MAPPING, SPACE, brats, ramp, save_nifti

CARD = Path(__file__).parents[3] / "fixtures" / "data" / "brats-2020.data.yaml"


def data(folder, expected=3, **settings):
    return load(folder, "brats", None, folder=".", expected=expected, **settings)


def case(folder, number, kind):
    name = f"BraTS20_Training_{number:03d}"
    return folder / name / f"{name}_{kind}"


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii"])
def test_cases_are_read_as_published(tmp_path, suffix):
    found = data(brats(tmp_path, suffix=suffix))
    assert [(r.id[-3:], r.label) for r in found.records] == [("001", 1), ("002", 0), ("003", 1)]
    assert found.modalities == ("t1", "t1c", "t2", "flair")
    volumes = found.volume(1)
    for place, name in enumerate(found.modalities):
        assert (volumes[name] == ramp(4 + place)).all()
    for mask in found.regions(2).values():
        assert mask.shape == SPACE
        assert mask.sum() == 3
    assert [dict(r.features) for r in found.records] == [
        {"Age": "60.463"},
        {"Age": ""},
        {"Age": ""},
    ]
    assert [r.patient for r in found.records] == [r.id for r in found.records]


def test_the_region_can_be_some_labels(tmp_path):
    found = data(brats(tmp_path), volumes={"region": [1, 4]})
    assert [place.tolist() for place in found.regions(0)["t2"].nonzero()] == [
        [1, 2],
        [2, 2],
        [3, 3],
    ]


def test_modalities_can_be_chosen_and_renamed(tmp_path):
    found = data(brats(tmp_path), volumes={"modalities": {"fluid": "flair", "t1ce": "t1ce"}})
    assert found.modalities == ("fluid", "t1ce")
    assert (found.volume(0)["fluid"] == ramp(3)).all()
    assert (found.volume(0)["t1ce"] == ramp(1)).all()
    kept = {"modalities": {"t1c": "t1c"}}
    message = refusal(lambda: data(brats(tmp_path), volumes=kept))
    assert "format 'brats' has no 't1c'; did you mean 't1ce'?" in message


def test_missing_files_are_incomplete_cases(tmp_path):
    brats(tmp_path)
    case(tmp_path, 1, "t1ce.nii.gz").unlink()
    for path in (tmp_path / "BraTS20_Training_003").iterdir():
        path.unlink()
    found = data(tmp_path)
    assert [record.id[-3:] for record in found.records] == ["002"]
    assert [one.reason for one in found.incomplete] == [
        "modality t1c is missing",
        "modalities t1, t1c, t2, flair are missing",
    ]


def test_a_case_without_a_mask_is_not_annotated(tmp_path):
    brats(tmp_path)
    case(tmp_path, 2, "seg.nii.gz").unlink()
    found = data(tmp_path)
    assert [record.annotated for record in found.records] == [True, False, True]
    assert found.regions(1) is None


def test_the_mask_that_a_widespread_copy_names_otherwise_is_found(tmp_path):
    brats(tmp_path, suffix=".nii")
    own = tmp_path / "BraTS20_Training_003" / "W39_1998.09.19_Segm.nii"
    case(tmp_path, 3, "seg.nii").rename(own)
    assert data(tmp_path).regions(2)["t1"].sum() == 3


def test_columns_of_both_tables_and_added_ones_can_be_used(tmp_path):
    brats(tmp_path)
    rows = [["HGG", "a", "", "NA", "", f"BraTS20_Training_00{i}", "test"] for i in (1, 3)]
    rows.append(["LGG", "", "", "", "", "BraTS20_Training_002", "train"])
    write_csv(tmp_path / "name_mapping.csv", rows, [*MAPPING, "part"])
    columns = {"split": "part", "groups": ["TCGA_TCIA_subject_ID", "Extent_of_Resection"]}
    found = data(tmp_path, columns={**columns, "features": ["Survival_days"]}, split="test")
    assert [record.id[-3:] for record in found.records] == ["001", "003"]
    assert dict(found.records[0].groups) == {
        "TCGA_TCIA_subject_ID": "unknown",
        "Extent_of_Resection": "GTR",
    }
    assert [r.features["Survival_days"] for r in found.records] == ["289", ""]
    message = refusal(lambda: data(tmp_path, columns={"groups": ["parts"]}))
    assert "there is no column 'parts'; did you mean 'part'?" in message
    assert "columns.mask" in refusal(lambda: data(tmp_path, columns={"mask": "x"}))


def test_it_can_be_read_without_the_table_of_survival(tmp_path):
    brats(tmp_path)
    (tmp_path / "survival_info.csv").unlink()
    found = data(tmp_path)
    assert dict(found.records[0].features) == {}
    assert "no column 'Age'" in refusal(lambda: data(tmp_path, columns={"features": ["Age"]}))


def test_the_published_number_of_cases_is_expected(tmp_path):
    message = refusal(lambda: data(brats(tmp_path), expected=None))
    assert "369 were expected by the published data set (HGG: 2 of 293, LGG: 1 of 76)" in message


def test_a_mask_of_another_grid_is_refused(tmp_path):
    brats(tmp_path)
    save_nifti(case(tmp_path, 2, "seg.nii.gz"), np.ones((3, 3, 3), np.uint8))
    message = refusal(lambda: data(tmp_path).regions(1))
    assert "case 'BraTS20_Training_002': t1 has 4 x 5 x 6 voxels, its mask" in message


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["HGG", "", "", "", "", "../x"], "lies outside the folder"),
        (["HGG", "", "", "", "", "/etc"], "lies outside the folder"),
        (["", "", "", "", "", "BraTS20_Training_009"], "the label is empty"),
        (["HG", "", "", "", "", "BraTS20_Training_009"], "unknown label 'HG'"),
        (["HGG", "", "", "", "", "BraTS20_Training_001"], "is already on line"),
    ],
)
def test_rows_that_cannot_be_meant_are_refused(tmp_path, cells, message):
    brats(tmp_path)
    rows = [["HGG", "", "", "", "", "BraTS20_Training_001"]]
    rows += [["LGG", "", "", "", "", "BraTS20_Training_002"], cells]
    write_csv(tmp_path / "name_mapping.csv", rows, MAPPING)
    settings = {"positive": ["HGG"], "negative": ["LGG"]}
    assert message in refusal(lambda: data(tmp_path, **settings))


def test_another_table_is_refused(tmp_path):
    brats(tmp_path)
    write_csv(tmp_path / "name_mapping.csv", [["HGG", "x"]], ["Grade", "BraTS_2019_subject_ID"])
    assert "there is no column 'BraTS_2020_subject_ID'" in refusal(lambda: data(tmp_path))
    missing = card(tmp_path, "brats", folder="elsewhere")
    with pytest.raises(AuditError, match=r"get BraTS 2020 from https://.*name_mapping.csv"):
        list_data(missing)


def test_the_shipped_card_is_valid_and_says_where_to_get_the_data(tmp_path, monkeypatch):
    monkeypatch.delenv("AUDITKIT_DATA", raising=False)
    shipped = read_data_card(CARD)
    with pytest.raises(AuditError, match=r"get BraTS 2020 from https://.*set AUDITKIT_DATA"):
        list_data(shipped)
    brats(tmp_path / "MICCAI_BraTS2020_TrainingData")
    monkeypatch.setenv("AUDITKIT_DATA", str(tmp_path))
    assert [entry.label for entry in list_data(shipped).entries] == ["HGG", "LGG", "HGG"]
