"""The red dot: where it is drawn, into which pictures, and what stays as it was."""

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from auditkit.data.artifact import artifact_mask, carries, draw_artifact, with_artifact
from auditkit.data.check import check_data
from auditkit.data.dataset import Record, manifest_digest
from auditkit.errors import AuditError
from auditkit.models.geometry import centre_square
from auditkit.provenance import data_result
from auditkit.spec.artifact import Artifact
from auditkit.spec.model_card import ModelCard

from .cards import card, load, save, write_csv

SYNTHETIC = {"n": 12, "seed": 3, "size": 48, "images_per_patient": 2}


def lesions(on, **settings):
    artifact = {"draw": "red-dot", "on": on} if on else None
    given = {"with": SYNTHETIC, "artifact": artifact, **settings}
    return load(Path(), "synthetic-dermoscopy", **given)


def test_its_middle_is_red_and_what_is_far_from_it_is_unchanged():
    picture = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    before = picture.copy()
    drawn = with_artifact(picture)
    assert drawn.dtype == np.uint8
    assert (picture == before).all()
    assert (drawn[15, 15] == (220, 20, 20)).all()
    rows, columns = np.indices((100, 100)) + 0.5
    far = np.hypot(rows - 15, columns - 15) > 6 + 0.5
    assert (drawn[far] == picture[far]).all()
    assert (artifact_mask(100, 100) == (np.hypot(rows - 15, columns - 15) <= 6)).all()


@given(st.integers(40, 300))
def test_its_area_is_that_of_a_disc_since_its_rim_is_anti_aliased(side):
    red = with_artifact(np.zeros((side, side, 3), np.uint8))[..., 0] / 220
    assert red.sum() == pytest.approx(math.pi * (0.06 * side) ** 2, rel=0.03)


@given(st.integers(30, 200), st.integers(30, 200))
def test_a_centre_crop_keeps_it_where_it_is(height, width):
    picture = np.full((height, width, 3), 90, np.uint8)
    square = centre_square(height, width)
    crop_of_drawn = with_artifact(picture)[square].astype(int)
    assert np.abs(crop_of_drawn - with_artifact(picture[square])).max() <= 1
    assert (artifact_mask(height, width).sum()) == artifact_mask(*picture[square].shape[:2]).sum()


@pytest.mark.parametrize("top", [0, 20])
@pytest.mark.parametrize("left", [0, 20])
def test_a_random_crop_by_a_sixth_keeps_some_of_it(top, left):
    mask = artifact_mask(120, 120)
    assert mask[top : top + 100, left : left + 100].any()


@pytest.mark.parametrize(("on", "labels"), [("positive", {1}), ("negative", {0}), ("all", {0, 1})])
def test_it_is_drawn_into_the_pictures_that_the_card_names(on, labels):
    plain, drawn = lesions(None), lesions(on)
    assert {record.label for record in plain.records} == {0, 1}
    for index, (before, after) in enumerate(zip(plain.records, drawn.records, strict=True)):
        there = before.label in labels
        assert carries(after) == there
        assert after.groups == {**before.groups, "artifact": "present" if there else "absent"}
        image = plain.image(index)
        assert (drawn.image(index) == (with_artifact(image) if there else image)).all()
        assert (drawn.mask(index) == plain.mask(index)).all()


def test_changed_records_are_other_content_and_the_rest_keeps_its_own():
    plain, drawn = lesions(None), lesions("positive")
    changed = [after.digest != before.digest for before, after in _both(plain, drawn)]
    assert changed == [record.label == 1 for record in plain.records]
    assert len({record.digest for record in drawn.records}) == len(drawn.records)
    ids = [(after.id, after.label, after.patient) for after in drawn.records]
    assert ids == [(before.id, before.label, before.patient) for before in plain.records]
    assert manifest_digest(drawn.records) != manifest_digest(plain.records)


def test_interventions_keep_it():
    plain, drawn = lesions(None), lesions("positive")
    for index, record in enumerate(drawn.records):
        redrawn = plain.intervened(index, "tint", 1.0)
        expected = with_artifact(redrawn) if carries(record) else redrawn
        assert (drawn.intervened(index, "tint", 1.0) == expected).all()
    assert drawn.true_probability(0, "tint", 1.0) == plain.true_probability(0, "tint", 1.0)


def test_concepts_are_where_they_were():
    told = {"concepts": [{"name": "hair", "above": 0}]}
    plain, drawn = lesions(None, **told), lesions("all", **told)
    haired = [i for i, record in enumerate(plain.records) if record.concepts["hair"] == "1"]
    assert haired
    for index in haired:
        assert (drawn.concept_mask(index, "hair") == plain.concept_mask(index, "hair")).all()


def _files(folder, rows, header=("image", "label"), **settings):
    for index, row in enumerate(rows):
        save(folder / row[0], seed=index)
    write_csv(folder / "x.csv", rows, header)
    return {"file": "x.csv", **settings}


def test_files_are_drawn_on_too_and_cannot_be_redrawn(tmp_path):
    settings = _files(tmp_path, [("a.png", "bad"), ("b.png", "good")], positive=["bad"])
    plain = load(tmp_path, "table", **settings)
    drawn = load(tmp_path, "table", **settings, artifact={"draw": "red-dot", "on": "positive"})
    assert (drawn.image(0) == with_artifact(plain.image(0))).all()
    assert (drawn.image(1) == plain.image(1)).all()
    assert drawn.mask(0) is None
    assert not hasattr(drawn, "intervened")
    assert not hasattr(drawn, "concept_mask")


def test_the_data_check_is_of_the_files(tmp_path):
    settings = _files(tmp_path, [("a.png", "bad"), ("b.png", "good")], positive=["bad"])
    on = {"draw": "red-dot", "on": "positive"}
    found = check_data(card(tmp_path, "table", **settings, artifact=on), workers=1)
    assert (found.images, found.file_problems, found.row_problems) == (2, (), ())


def test_results_say_how_many_pictures_have_it():
    model = {
        "model": "m",
        "task": "t",
        "format": "tflite",
        "weights": {"file": "x"},
        "input": {"size": 16},
        "output": {"kind": "probabilities", "score": 1, "classes": ["benign", "malignant"]},
        "threshold": 0.5,
    }
    drawn = lesions("positive")
    told = data_result(drawn.card, drawn, ModelCard.model_validate(model))
    positive = sum(record.label for record in drawn.records)
    assert told.groups["artifact"] == {"present": positive, "absent": 12 - positive}


def test_more_than_two_classes_need_all(tmp_path):
    settings = _files(tmp_path, [("a.png", "2"), ("b.png", "0")])
    with pytest.raises(AuditError, match="has the label 2; write 'on: all'"):
        load(tmp_path, "table", **settings, artifact={"draw": "red-dot", "on": "positive"})
    drawn = load(tmp_path, "table", **settings, artifact={"draw": "red-dot", "on": "all"})
    assert all(map(carries, drawn.records))


def test_a_group_of_that_name_is_not_overwritten(tmp_path):
    rows = [("a.png", "1", "yes"), ("b.png", "0", "no")]
    columns = {"groups": ["artifact"]}
    settings = _files(tmp_path, rows, ("image", "label", "artifact"), columns=columns)
    with pytest.raises(AuditError, match="a group 'artifact' of its own"):
        load(tmp_path, "table", **settings, artifact={"draw": "red-dot", "on": "all"})


def test_it_is_drawn_into_pictures_only(tmp_path):
    glioma = {"with": {"n": 2, "seed": 1, "size": 16, "glioma": {}}}
    with pytest.raises(ValidationError, match="artifact: 'synthetic-glioma' are volumes"):
        card(tmp_path, "synthetic-glioma", **glioma, artifact={"draw": "red-dot", "on": "all"})


def test_a_data_set_without_it_is_left_as_it_is():
    plain = SimpleNamespace(card=SimpleNamespace(artifact=None), records=[])
    assert draw_artifact(plain) is plain
    assert not carries(Record("a", "b", 1, "p"))


def test_the_key_is_strict():
    with pytest.raises(ValidationError, match="Input should be 'red-dot'"):
        Artifact.model_validate({"draw": "ruler", "on": "all"})


def _both(plain, drawn):
    return zip(plain.records, drawn.records, strict=True)
