"""Items of a heatmap study: what is shown of a case, blinded methods, what the model is said to say."""

import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from volume_world import cubes_evidence

from auditkit.checks.pictures import coloured
from auditkit.errors import AuditError
from auditkit.spec.study import StudyPlan
from auditkit.study.building import heatmaps as building
from auditkit.study.building.slices import MOST_PIXELS, photograph, spread, tiles

GAUSSIAN = {"method": "gaussian-map"}
OCCLUSION = {"method": "occlusion", "window": 0.5, "stride": 0.5, "baseline": "black"}


def plan(methods=(GAUSSIAN, OCCLUSION), practice=2, **given):
    return StudyPlan.model_validate(
        {
            "study": "s",
            "title": "t",
            "task": "t",
            "kind": "heatmaps",
            "data": "cubes",
            "models": ["bright"],
            "question": "Which class is this?",
            "heatmaps": {"methods": list(methods), **given},
            "experts": [{"expert": "ann"}],
            "practice": practice,
        }
    )


@given(st.data())
def test_slices_are_distinct_in_order_and_span_what_there_is(data):
    count = data.draw(st.integers(1, 40))
    first = data.draw(st.integers(0, count - 1))
    last = data.draw(st.integers(first, count - 1))
    columns = data.draw(st.integers(1, count))
    volume = np.zeros((2, count, 2, 2), np.float32)
    volume[1, [first, last], 0, 0] = 5
    chosen = spread(volume - 1000, columns)
    assert len(chosen) == columns
    assert all(0 <= one < count for one in chosen)
    assert all(one < other for one, other in itertools.pairwise(chosen))
    inside = [one for one in chosen if first <= one <= last]
    assert len(inside) == min(columns, last - first + 1)
    if 1 < columns <= last - first + 1:
        assert (chosen[0], chosen[-1]) == (first, last)
        steps = np.diff(chosen)
        assert steps.max() - steps.min() <= 1


def test_an_empty_volume_is_shown_from_end_to_end():
    assert spread(np.zeros((1, 9, 2, 2), np.float32), 3) == [0, 4, 8]


def test_every_tile_is_its_slice_of_its_modality():
    volume = np.random.default_rng(0).uniform(1, 2, (3, 10, 5, 7)).astype(np.float32)
    volume[:, 0] = 0
    volume[2] *= 100  # another range: each modality has a window of its own
    picture, _, _ = tiles(volume, 4).pictures(np.zeros((15, 28), np.uint8))
    assert picture.shape == (15, 28, 3)
    for row in range(3):
        inside = np.sort(volume[row][volume[row] > 0])
        low, high = np.percentile(inside, 1), np.percentile(inside, 99)
        for column, place in enumerate((1, 4, 6, 9)):
            shown = picture[5 * row : 5 * row + 5, 7 * column : 7 * column + 7, 0] / 255
            expected = np.clip((volume[row, place] - low) / (high - low), 0, 1)
            np.testing.assert_allclose(shown, expected, atol=0.003)


def test_the_heatmap_lies_where_its_slice_lies_in_colours_of_its_magnitude():
    volume = np.ones((2, 6, 4, 4), np.float32)
    case = tiles(volume, 6)
    heat = np.zeros_like(volume)
    heat[1, 3, 2, 1] = -8.0
    image, map_, overlay = case.pictures(case.strength(heat))
    lit = np.argwhere((map_ != coloured(np.zeros(1))[0]).any(axis=-1))
    assert lit.tolist() == [[4 + 2, 3 * 4 + 1]]
    assert (map_[6, 13] == coloured(np.ones(1))[0]).all()
    unlit = np.ones(image.shape[:2], bool)
    unlit[6, 13] = False
    assert (overlay[unlit] == image[unlit]).all()
    assert (overlay[6, 13] != image[6, 13]).any()


@pytest.mark.parametrize("scale", [1000.0, -0.001])
def test_neither_range_nor_sign_of_a_map_can_be_seen(scale):
    random = np.random.default_rng(1)
    volume, heat = random.uniform(size=(2, 2, 5, 6, 6)).astype(np.float32)
    case = tiles(volume, 5)
    assert (case.strength(heat) == case.strength(scale * heat)).all()
    square = photograph(random.integers(0, 255, (6, 6, 3), np.uint8))
    assert (square.strength(heat[0, 0]) == square.strength(scale * heat[0, 0])).all()


@pytest.mark.parametrize("heat", [np.zeros((4, 4)), np.full((4, 4), np.nan), np.full((4, 4), 3.0)])
def test_a_map_that_says_nothing_is_dark(heat):
    case = photograph(np.full((4, 4, 3), 9, np.uint8))
    assert not case.strength(heat).any()


def test_large_slices_become_smaller_all_alike():
    volume = np.random.default_rng(2).uniform(size=(2, 3, 400, 300)).astype(np.float32)
    case = tiles(volume, 2)
    size = (2 * MOST_PIXELS, 2 * round(300 * MOST_PIXELS / 400))
    assert case.shown.shape == size
    assert {one.shape for one in case.pictures(case.strength(volume))} == {(*size, 3)}


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    return cubes_evidence(tmp_path_factory.mktemp("cubes"), n=8)


def test_every_case_has_every_method_and_practice_is_on_other_cases(evidence):
    asked = plan(images=3)
    assert building.images_needed(asked) == 5
    entries = building.heatmap_entries(asked, evidence)
    counting = {(one.image, one.method) for one in entries if not one.practice}
    methods = ("gaussian-map", "occlusion")
    assert counting == {(f"case{i}", method) for i in range(3) for method in methods}
    assert len(entries) == 6 + 2
    practice = {one.image: one.method for one in entries if one.practice}
    assert practice == {"case3": "gaussian-map", "case4": "occlusion"}


def test_where_no_case_is_left_practice_has_random_maps(evidence):
    entries = building.heatmap_entries(plan(), evidence)
    practice = {one.image: one.method for one in entries if one.practice}
    assert practice == {"case0": "random-map", "case1": "random-map"}
    assert len(entries) == 2 * 8 + 2


def test_pictures_of_a_study_have_one_size_and_fit_its_layout(evidence):
    layout = building.layout_of(evidence)
    assert (layout.rows, layout.columns, layout.names) == (2, 8, ("t1c", "flair"))
    entries = building.heatmap_entries(plan(images=2), evidence)
    pictures = [picture for one in entries for picture in one.pictures()]
    assert {one.shape for one in pictures} == {(2 * 8, 8 * 8, 3)}
    assert {one.dtype for one in pictures} == {np.dtype(np.uint8)}
    # One case is one picture, whichever the method, and its heatmaps differ.
    first = [one.pictures() for one in entries if one.image == "case0"]
    assert (first[0][0] == first[1][0]).all()
    assert (first[0][1] != first[1][1]).any()


def test_the_model_is_said_to_say_what_it_decided_with_its_probability(evidence):
    entries = building.heatmap_entries(plan(images=4, practice=0), evidence)
    told = {one.image: one.told for one in entries}
    assert building.classes_of(evidence) == ("low", "high")
    for index in range(4):
        t1c = evidence.data.volume(index)["t1c"]
        logit = 4 * (float(t1c[evidence.data.cube].mean()) - 1)
        probability = 1 / (1 + np.exp(-abs(logit)))
        percent = 100 * probability
        assert told[f"case{index}"] == {
            "prediction": "high" if logit > 0 else "low",
            "probability": "over 99 %" if percent > 99 else f"{percent:.0f} %",
        }
    # Nothing that an expert is told names a method.
    assert not any(name in json.dumps(told) for name in ("gaussian", "occlusion"))


def test_of_several_classes_the_decided_one_is_told_and_not_the_label():
    # `scores` has the probability of the label there, here that of class 0.
    asked = SimpleNamespace(
        two_class=False,
        classes=["a", "b", "c"],
        scores=lambda: SimpleNamespace(score=np.array([0.2, 0.1]), decision=np.array([1, 2])),
        answers=lambda: np.array([[0.2, 0.7, 0.1], [0.1, 0.3, 0.6]]),
        probabilities=lambda raw: raw,
    )
    assert building._told(asked) == [
        {"prediction": "b", "probability": "70 %"},
        {"prediction": "c", "probability": "60 %"},
    ]


def test_classes_without_names_are_refused():
    card = SimpleNamespace(path="m.model.yaml", model="m")
    with pytest.raises(AuditError, match=r"nobody can predict one; name them in 'output.classes'"):
        building.classes_of(SimpleNamespace(classes=None, card=card))


def test_a_method_that_cannot_be_asked_is_refused_before_anything_is_written(evidence):
    # What decides is a mean: there is no convolution that Grad-CAM could look at.
    with pytest.raises(AuditError, match="gradcam cannot be asked of 'bright'"):
        building.heatmap_entries(plan(methods=["gradcam"], images=1), evidence)


def named(*classes):
    card = SimpleNamespace(path="m.model.yaml", model="m")
    return building.classes_of(SimpleNamespace(classes=classes, card=card))


def test_classes_are_composed_as_forms_send_them():
    assert named("na\u0308vus", "other") == ("n\u00e4vus", "other")


@pytest.mark.parametrize("name", ["", " a", "a\tb", "x" * 201])
def test_classes_that_nobody_can_predict_are_refused(name):
    with pytest.raises(AuditError, match=r"m\.model\.yaml: nobody can predict"):
        named("b", name)


def test_classes_that_look_the_same_are_refused():
    with pytest.raises(AuditError, match="look the same"):
        named("na\u0308vus", "n\u00e4vus")
