"""The format `volumes`: a table of cases with a column per modality."""

import numpy as np
import pytest
from volume_world import cubes_card

from auditkit.data.load import list_data
from auditkit.data.volumes import VolumeData
from auditkit.data.volumes.regions import Boxes, Landmarks
from auditkit.errors import AuditError
from auditkit.evidence import Evidence, Settings
from auditkit.evidence.engine import Engine
from auditkit.evidence.store import Store
from auditkit.models.volumes import region_of, volumes_of
from data.cards import card, refusal

from .layouts import SPACE, ramp, row, save_nifti, save_npy, table, two_cases


def test_cases_are_records_with_volumes_as_stored(tmp_path):
    data = table(tmp_path, two_cases(tmp_path))
    assert isinstance(data, VolumeData)
    assert data.modalities == ("t1", "t2")
    assert not data.incomplete
    assert [(r.id, r.label, r.patient, r.annotated) for r in data.records] == [
        ("a", 1, "p", False),
        ("b", 0, "q", False),
    ]
    assert data.records[0].features == {"age": "50"}
    assert [dict(r.groups) for r in data.records] == [{"site": "x"}, {"site": "unknown"}]
    for index in range(2):
        found = data.volume(index)
        assert list(found) == ["t1", "t2"]
        assert (found["t1"] == ramp(2 * index)).all()
        assert (found["t2"] == ramp(2 * index + 1)).all()
        assert found["t1"].dtype == np.float32
        assert data.regions(index) is None


def test_a_model_is_given_the_modalities_in_its_own_order(tmp_path):
    save_npy(tmp_path / "m.npy", np.ones(SPACE, np.uint8))
    rows = [[*cells[:5], "m.npy", *cells[6:]] for cells in two_cases(tmp_path)]
    data = table(tmp_path, rows)
    card = cubes_card(tmp_path, modalities=["t2", "t1"], size=list(SPACE))
    first, second = volumes_of(card, data, 1)
    assert (first == ramp(3)).all()
    assert (second == ramp(2)).all()
    assert region_of(card, data, 1).shape == (2, *SPACE)


def test_evidence_sees_volumes_regions_and_what_is_missing(tmp_path):
    save_npy(tmp_path / "m.npy", (ramp() > 60).astype(np.uint8))
    rows = annotated(tmp_path, mask="m.npy")
    rows.insert(1, row(id="c", label="none", patient="r", t1="a1.npy"))
    data = table(tmp_path, rows)
    made = cubes_card(tmp_path, modalities=["t2", "t1"], size=list(SPACE))
    evidence = Evidence(made, data, Engine(Store(tmp_path / "store")), Settings(), model=None)
    assert evidence.n == 2
    assert list(evidence.incomplete) == ["modality t2 is missing"]
    assert list(evidence.patients) == ["p", "q"]
    assert (evidence.volume(1) == [ramp(3), ramp(2)]).all()
    assert (evidence.region(0) == np.stack([ramp() > 60] * 2)).all()
    assert evidence.region(1) is None


def test_ids_are_paths_without_a_column_of_them(tmp_path):
    data = table(tmp_path, two_cases(tmp_path), columns={"label": "label"})
    assert [record.id for record in data.records] == ["a1.npy", "b1.nii.gz"]
    assert [record.patient for record in data.records] == ["a1.npy", "b1.nii.gz"]


def test_pictures_are_refused(tmp_path):
    data = table(tmp_path, two_cases(tmp_path))
    for action in (data.image, data.mask):
        with pytest.raises(AuditError, match=r"t.csv:2: 'd' are volumes of t1, t2; pictures"):
            action(0)


def test_a_missing_modality_is_counted_and_no_record(tmp_path):
    rows = two_cases(tmp_path)
    rows += [
        row(id="c", label="tumour", patient="r", t1="a1.npy"),
        row(id="d", label="tumour", patient="s"),
    ]
    data = table(tmp_path, rows)
    assert [record.id for record in data.records] == ["a", "b"]
    reasons = [one.reason for one in data.incomplete]
    assert reasons == ["modality t2 is missing", "modalities t1, t2 are missing"]
    assert data.modalities == ("t1", "t2")
    assert (data.volume(1)["t1"] == ramp(2)).all()


def test_volumes_belong_to_their_records_behind_an_incomplete_case(tmp_path):
    rows = two_cases(tmp_path)
    data = table(tmp_path, [row(id="c", label="tumour", patient="r", t1="a1.npy"), *rows])
    assert [record.id for record in data.records] == ["a", "b"]
    assert [record.label for record in data.records] == [1, 0]
    assert (data.volume(0)["t1"] == ramp(0)).all()


def test_limit_and_split_choose_among_all_cases(tmp_path):
    rows = [[*cells[:8], "test", *cells[9:]] for cells in two_cases(tmp_path)]
    rows.insert(0, row(id="c", label="tumour", patient="r", t1="a1.npy", split="test"))
    rows.insert(0, row(id="e", label="tumour", patient="t", t2="a1.npy", split="train"))
    data = table(tmp_path, rows, split="test", limit=2)
    assert [record.id for record in data.records] == ["a"]
    assert [one.reason for one in data.incomplete] == ["modality t2 is missing"]


def test_nothing_but_incomplete_cases_is_an_error(tmp_path):
    rows = [row(id="c", label="tumour", patient="r", t1="a1.npy")]
    message = refusal(lambda: table(tmp_path, rows))
    assert "every case lacks a modality, the first: modality t2 is missing" in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"t2": "nowhere.npy"}, "t.csv:2: case 'a': t2 (*nowhere.npy) does not exist; correct the"),
        ({"t2": "../out.npy"}, "../out.npy lies outside the folder"),
        ({"t2": "/etc/passwd.npy"}, "/etc/passwd.npy lies outside the folder"),
        ({"t2": "a.mha"}, ".npy, .nii, .nii.gz was expected"),
        ({"t2": "link.npy"}, "link.npy lies outside the folder"),
        ({"mask": "nowhere.nii"}, "nowhere.nii cannot be read: No such file"),
        ({"label": ""}, "t.csv:2: the label is empty"),
        ({"label": "tumor"}, "unknown label 'tumor'; did you mean 'tumour'?"),
        ({"id": "b"}, "t.csv:3: id 'b' is already on line 2"),
        ({"patient": ""}, "t.csv:2: the patient is empty"),
    ],
)
def test_a_row_that_cannot_be_meant_is_refused(tmp_path, change, message):
    folder = tmp_path / "data"
    rows = two_cases(folder)
    save_npy(tmp_path / "out.npy", ramp())
    (folder / "link.npy").symlink_to(tmp_path / "out.npy")
    rows[0] = row(
        **{
            "id": "a",
            "label": "tumour",
            "patient": "p",
            "t1": "a1.npy",
            "t2": "a2.npy",
            **change,
        }
    )
    found = refusal(lambda: table(folder, rows, negative=["none"]))
    for part in message.split("*"):
        assert part in found


def test_columns_that_are_not_there_are_refused(tmp_path):
    rows = two_cases(tmp_path)
    kept = {"modalities": {"t1": "t1", "t2": "T-2"}}
    assert "there is no column 'T-2'" in refusal(lambda: table(tmp_path, rows, volumes=kept))
    kept = {"masks": {"t1": "mask1"}}
    assert "no column 'mask1'" in refusal(lambda: table(tmp_path, rows, volumes=kept))


def annotated(folder, **region):
    rows = two_cases(folder)
    rows[0] = row(
        id="a", label="tumour", patient="p", t1="a1.npy", t2="a2.npy", site="x", age="50", **region
    )
    return rows


def test_a_mask_is_the_region_of_all_modalities(tmp_path):
    labels = (ramp(kind=np.int16) % 4).astype(np.uint8)
    save_npy(tmp_path / "m.npy", labels)
    data = table(tmp_path, annotated(tmp_path, mask="m.npy"))
    assert [record.annotated for record in data.records] == [True, False]
    found = data.regions(0)
    assert list(found) == ["t1", "t2"]
    for mask in found.values():
        assert mask.dtype == bool
        assert (mask == (labels != 0)).all()
    chosen = table(tmp_path, annotated(tmp_path, mask="m.npy"), volumes={"region": [3, 1]})
    assert (chosen.regions(0)["t2"] == np.isin(labels, [1, 3])).all()


def test_each_modality_may_have_a_grid_and_a_mask_of_its_own(tmp_path):
    rows = annotated(tmp_path, box="m2.npy", landmarks="m1.npy")
    save_npy(tmp_path / "a2.npy", ramp(space=(2, 3, 3)))
    save_npy(tmp_path / "m1.npy", ramp() > 50)
    save_npy(tmp_path / "m2.npy", ramp(space=(2, 3, 3)) > 9)
    columns = {"id": "id", "mask": "mask"}
    kept = {"masks": {"t1": "landmarks", "t2": "box"}}
    data = table(tmp_path, rows, columns=columns, volumes=kept)
    found = data.regions(0)
    assert (found["t1"] == (ramp() > 50)).all()
    assert (found["t2"] == (ramp(space=(2, 3, 3)) > 9)).all()
    assert data.regions(1) is None
    # The mask of all is for modalities without one.
    rows = annotated(tmp_path, mask="m1.npy", box="m2.npy")
    save_npy(tmp_path / "a2.npy", ramp(space=(2, 3, 3)))
    mixed = table(tmp_path, rows, columns=columns, volumes={"masks": {"t2": "box"}})
    assert {name: mask.shape for name, mask in mixed.regions(0).items()} == {
        "t1": SPACE,
        "t2": (2, 3, 3),
    }
    half = annotated(tmp_path, box="m2.npy")
    message = refusal(lambda: table(tmp_path, half, columns=columns, volumes=kept))
    assert "case 'a': t1 has no region, but t2 has one; annotate each modality or none" in message


def test_a_mask_of_another_grid_names_the_case_and_both_shapes(tmp_path):
    save_npy(tmp_path / "m.npy", np.ones((4, 5, 7), np.uint8))
    data = table(tmp_path, annotated(tmp_path, mask="m.npy"))
    message = refusal(lambda: data.regions(0))
    assert "t.csv:2: case 'a': t1 has 4 x 5 x 6 voxels, its mask" in message
    assert "m.npy has 4 x 5 x 7" in message


def test_modalities_of_two_grids_cannot_share_one_mask(tmp_path):
    rows = annotated(tmp_path, mask="m.npy")
    save_npy(tmp_path / "m.npy", np.ones(SPACE, np.uint8))
    save_npy(tmp_path / "a2.npy", ramp(space=(2, 3, 3)))
    message = refusal(lambda: table(tmp_path, rows).regions(0))
    assert "case 'a': t2 has 2 x 3 x 3 voxels, its mask" in message
    assert "4 x 5 x 6" in message


def test_a_mask_whose_header_lies_elsewhere_is_refused(tmp_path):
    rows = two_cases(tmp_path)
    rows[1] = row(
        id="b", label="none", patient="q", t1="b1.nii.gz", t2="b2.nii", mask="m.nii", site="x"
    )
    save_nifti(tmp_path / "m.nii", np.ones(SPACE, np.uint8))
    assert table(tmp_path, rows).regions(1)["t1"].all()
    save_nifti(tmp_path / "m.nii", np.ones(SPACE, np.uint8), np.diag([1.0, -1, 1, 1]))
    message = refusal(lambda: table(tmp_path, rows).regions(1))
    assert "case 'b': t1 and its mask" in message
    assert "their headers place them differently" in message


def test_boxes_are_half_open_along_the_stored_axes(tmp_path):
    data = table(tmp_path, annotated(tmp_path, box="1,2,3, 3,4,6; 0,0,0,1,1,1"))
    expected = np.zeros(SPACE, bool)
    expected[1:3, 2:4, 3:6] = expected[0, 0, 0] = True
    for mask in data.regions(0).values():
        assert (mask == expected).all()


def test_landmarks_are_balls(tmp_path):
    rows = annotated(tmp_path, landmarks="1,2,3; 3,0,0")
    found = table(tmp_path, rows, volumes={"radius": 2}).regions(0)["t2"]
    for place in np.ndindex(SPACE):
        distances = [
            sum((a - b) ** 2 for a, b in zip(place, p, strict=True)) for p in ((1, 2, 3), (3, 0, 0))
        ]
        assert found[place] == (min(distances) <= 4)
    assert table(tmp_path, rows, volumes={"radius": 0}).regions(0)["t1"].sum() == 2


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ({"box": "1,2,3"}, "box '1,2,3' is not x0,y0,z0,x1,y1,z1 in whole voxels"),
        ({"box": "0,0,0,1,1,7"}, "is not x0,y0,z0,x1,y1,z1 within 4 x 5 x 6 voxels"),
        ({"box": "2,0,0,2,1,1"}, "within 4 x 5 x 6"),
        ({"box": "-1,0,0,2,1,1"}, "within 4 x 5 x 6"),
        ({"box": "a,b"}, "in whole voxels"),
        ({"landmarks": "1,2"}, "landmark '1,2' is not one number per axis"),
        ({"landmarks": "1,2,6"}, "landmark '1,2,6' does not lie within 4 x 5 x 6 voxels"),
        ({"landmarks": "1.5,2,3"}, "in whole voxels"),
    ],
)
def test_regions_that_do_not_fit_are_refused(tmp_path, region, message):
    data = table(tmp_path, annotated(tmp_path, **region))
    found = refusal(lambda: data.regions(0))
    assert found.startswith(f"{tmp_path}/t.csv:2: case 'a': t1")
    assert message in found


def test_boxes_and_landmarks_are_of_two_axes_too():
    assert Boxes("0,1,1,3").draw((2, 4), "a").tolist() == [[False, True, True, False], [False] * 4]
    assert Landmarks("0,1", 0).draw((1, 2), "a").tolist() == [[False, True]]


def digests(folder, **settings):
    return [record.digest for record in table(folder, **settings).records]


def test_the_digest_changes_with_any_file_and_with_the_region_rule(tmp_path):
    rows = annotated(tmp_path, mask="m.npy")
    save_npy(tmp_path / "m.npy", (ramp(kind=np.int16) % 4).astype(np.uint8))
    seen = {digests(tmp_path, rows=rows)[0]}

    def changed(**given):
        found = digests(tmp_path, **{"rows": rows, **given})
        assert found[0] not in seen
        seen.add(found[0])
        return found

    other = digests(tmp_path, rows=rows)[1]
    changed(volumes={"region": [1]})
    changed(volumes={"region": [1, 2]})
    assert digests(tmp_path, rows=rows, volumes={"region": [2, 1]})[0] in seen
    changed(volumes={"modalities": {"t2": "t1", "t1": "t2"}})
    changed(volumes={"modalities": {"t1": "t1", "t3": "t2"}})
    changed(rows=annotated(tmp_path))
    changed(rows=annotated(tmp_path, box="0,0,0,1,1,1"))
    changed(rows=annotated(tmp_path, box="0,0,0,1,1,2"))
    changed(rows=annotated(tmp_path, landmarks="0,0,0"))
    changed(rows=annotated(tmp_path, landmarks="0,0,0"), volumes={"radius": 5})
    save_npy(tmp_path / "a2.npy", ramp(9))
    assert changed()[1] == other
    save_npy(tmp_path / "m.npy", np.ones(SPACE, np.uint8))
    assert changed()[1] == other


def test_the_same_files_have_the_same_digest_elsewhere(tmp_path):
    found = [digests(tmp_path / name, rows=two_cases(tmp_path / name)) for name in ("x", "y")]
    # Gzip writes the time; the .npy case is equal.
    assert found[0][0] == found[1][0]


def test_a_damaged_volume_names_case_and_file(tmp_path):
    data = table(tmp_path, two_cases(tmp_path))
    (tmp_path / "b1.nii.gz").write_bytes(b"nothing")
    message = refusal(lambda: data.volume(1))
    assert message.startswith(f"{tmp_path}/t.csv:3: case 'b': t1 {tmp_path}/b1.nii.gz cannot be")


def test_a_case_is_no_picture(tmp_path):
    table(tmp_path, two_cases(tmp_path))
    kept = {"modalities": {"t1": "t1", "t2": "t2"}}
    entry = list_data(card(tmp_path, "volumes", file="t.csv", volumes=kept)).entries[0]
    with pytest.raises(AuditError, match="is a case of volumes; a picture was expected"):
        entry.picture.open()
