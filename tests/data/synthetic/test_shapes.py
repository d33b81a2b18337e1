"""Synthetic shapes: six concepts that can be set exactly, in places of their own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label as components

from auditkit.data import load_data
from auditkit.data.captions import caption
from auditkit.data.synthetic.shapes import (
    PLACES,
    SHAPES,
    Shape,
    ShapesCase,
    coverage,
    render_shapes,
    sample_shapes,
    shapes_label,
)
from auditkit.errors import AuditError
from auditkit.evidence.interventions import generated
from auditkit.spec.catalogue import read_data_card
from auditkit.spec.data_card import DataCard

CARD = Path(__file__).parents[3] / "fixtures" / "data" / "shapes.data.yaml"
ALL, NONE = dict.fromkeys(SHAPES, "1"), dict.fromkeys(SHAPES, "0")


@pytest.fixture(scope="module")
def shapes():
    return load_data(read_data_card(CARD))


def small(**changes):
    concepts = [{"name": name} for name in SHAPES]
    given = {"data": "d", "task": "t", "format": "synthetic-shapes", "concepts": concepts}
    return load_data(DataCard.model_validate({**given, "with": {"n": 6, "seed": 3, **changes}}))


def test_six_shapes_are_there_independently_in_half_of_the_pictures(shapes):
    there = np.array([[r.concepts[name] == "1" for name in SHAPES] for r in shapes.records])
    # Four standard errors at 500 pictures.
    assert np.abs(there.mean(axis=0) - 0.5).max() < 0.09
    correlation = np.corrcoef(there.T) - np.eye(6)
    assert np.abs(correlation).max() < 0.18


def test_pictures_and_captions_say_the_same(shapes):
    for index in range(40):
        record, picture = shapes.records[index], shapes.image(index)
        told = [name for name in SHAPES if name in caption(shapes.card, record)]
        assert told == [name for name in SHAPES if record.concepts[name] == "1"]
        assert components((picture > 127).any(axis=-1)).max() == len(told)
        for name in told:
            # The centre of what is drawn in the shape's colour lies in the place that is told.
            mask = shapes.concept_mask(index, name)
            row, column = (axis.mean() for axis in np.nonzero(mask))
            place = PLACES[int(row * 3 / 32) * 3 + int(column * 3 / 32)]
            assert f"{name} {place}" in caption(shapes.card, record)
            channel = ("red", "green", "blue").index(name.split()[0])
            assert (picture[mask][:, channel] > 127).all()
            assert np.delete(picture[mask], channel, axis=1).max() == 0


def test_a_picture_without_shapes_is_blank(shapes):
    empty = next(i for i, r in enumerate(shapes.records) if set(r.concepts.values()) == {"0"})
    assert caption(shapes.card, shapes.records[empty]) == "blank"
    assert shapes.image(empty).max() == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 10**6), st.sampled_from([32, 48, 128]))
def test_shapes_never_overlap_and_never_touch(seed, index, size):
    case = sample_shapes(seed, index)
    covered = [
        coverage(shape, circle=name.endswith("circle"), size=size) > 0
        for name, shape in case.shapes.items()
    ]
    assert np.sum(covered, axis=0).max() == 1
    assert len({shape.place for shape in case.shapes.values()}) == 6
    for shape in case.shapes.values():
        assert 0 <= shape.x - shape.half_width < shape.x + shape.half_width <= 1
        assert 0 <= shape.y - shape.half_height < shape.y + shape.half_height <= 1


def test_coverage_is_the_area_of_the_shape():
    circle = Shape(4, 0.51, 0.48, 4.2 / 32, 4.2 / 32)
    area = coverage(circle, circle=True, size=32).sum()
    assert area == pytest.approx(np.pi * 4.2**2, rel=0.01)
    rectangle = Shape(4, 0.507, 0.489, 4.3 / 32, 2.6 / 32)
    area = coverage(rectangle, circle=False, size=32).sum()
    assert area == pytest.approx(4 * 4.3 * 2.6, rel=1e-6)


def test_sizes_are_those_of_the_paper_scaled():
    for index in range(100):
        for name, shape in sample_shapes(1, index).shapes.items():
            if name.endswith("circle"):
                assert 3.6 <= shape.half_width * 32 <= 4.8
                assert shape.half_height == shape.half_width
            else:
                assert 4.0 <= shape.half_width * 32 <= 4.9
                assert 2.2 <= shape.half_height * 32 <= 3.4


def test_setting_a_concept_changes_that_shape_and_nothing_else(shapes):
    for index in range(10):
        whole = shapes.with_concepts(index, ALL).astype(int)
        for name in SHAPES:
            without = shapes.with_concepts(index, {**ALL, name: "0"}).astype(int)
            case = shapes.case(index)
            alone = render_shapes(
                ShapesCase(case.shapes, {**dict.fromkeys(SHAPES, False), name: True}), 32
            )
            np.testing.assert_array_equal(whole - without, alone)


def test_setting_concepts_to_what_they_are_changes_nothing(shapes):
    for index in range(10):
        np.testing.assert_array_equal(
            shapes.with_concepts(index, shapes.records[index].concepts), shapes.image(index)
        )
        assert shapes.with_concepts(index, NONE).max() == 0


def test_an_unknown_shape_or_value_is_refused(shapes):
    with pytest.raises(AuditError, match="no shape 'red circles'; did you mean 'red circle'"):
        shapes.with_concepts(0, {"red circles": "1"})
    with pytest.raises(AuditError, match=r"'red circle' was set to '2'; 0 .* or 1"):
        shapes.with_concepts(0, {"red circle": "2"})
    with pytest.raises(AuditError, match="no shape 'sofa'"):
        shapes.concept_mask(0, "sofa")


def test_masks_are_where_the_picture_is_lit(shapes):
    for index in range(10):
        record, picture = shapes.records[index], shapes.image(index)
        masks = {name: shapes.concept_mask(index, name) for name in SHAPES}
        assert {name: mask is not None for name, mask in masks.items()} == {
            name: value == "1" for name, value in record.concepts.items()
        }
        union = np.zeros((32, 32), bool)
        for mask in masks.values():
            union |= False if mask is None else mask
        np.testing.assert_array_equal(union, (picture > 127).any(axis=-1))
        assert shapes.mask(index) is None


def test_labels_follow_the_weights():
    three = dict.fromkeys(SHAPES, False) | dict.fromkeys(SHAPES[:3], True)
    assert shapes_label(three, None) == 0
    assert shapes_label({**three, SHAPES[3]: True}, None) == 1
    assert shapes_label(three, [3.0, 0.0, 0.0, 2.0, 0.0, 0.0]) == 1
    assert shapes_label(three, [2.0, 0.0, 0.0, 3.0, 0.0, 0.0]) == 0
    weights = [2.0, 0.5, 0.5, 1.0, 0.0, 0.25]
    found = small(weights=weights, n=50)
    for record in found.records:
        total = sum(
            w for w, name in zip(weights, SHAPES, strict=True) if record.concepts[name] == "1"
        )
        assert record.label == (total > 4.25 / 2)


def test_labels_without_weights_count_the_shapes(shapes):
    for record in shapes.records:
        there = list(record.concepts.values()).count("1")
        assert record.label == (there > 3)
    assert {record.label for record in shapes.records} == {0, 1}


def test_a_picture_depends_on_its_seed_index_and_size_only(shapes):
    same = small(seed=7, size=32)
    for index in range(6):
        np.testing.assert_array_equal(same.image(index), shapes.image(index))
        assert same.records[index].digest == shapes.records[index].digest
    kinds = [same, small(seed=8, size=32), small(seed=7, size=64)]
    assert len({record.digest for data in kinds for record in data.records}) == 18
    assert (same.image(0) != kinds[1].image(0)).any()


def test_a_larger_rendering_shows_the_same_scene():
    near, far = small(size=64), small(size=32)
    for index in range(6):
        pooled = near.image(index).reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
        assert np.abs(pooled - far.image(index)).mean() < 1.0


def test_cards_ask_only_for_what_the_generator_knows():
    given = {"data": "d", "task": "t", "format": "synthetic-shapes", "with": {"n": 2, "seed": 1}}
    for asked, name in (
        ({"concepts": [{"name": "red circles"}]}, "'red circles'; did you mean 'red circle'"),
        ({"captions": {"text": "description"}}, "'description'"),
    ):
        with pytest.raises(AuditError, match=f"the generator knows no {name}"):
            load_data(DataCard.model_validate({**given, **asked}))


def test_shapes_cannot_be_redrawn_with_dermoscopic_attributes(shapes):
    with pytest.raises(AuditError, match="'shapes' cannot redraw its pictures"):
        generated(shapes)


def test_a_case_is_drawn_from_what_is_there_alone(shapes):
    case = shapes.case(0)
    moved = {name: replace(shape, x=0.5) for name, shape in case.shapes.items()}
    nowhere = dict.fromkeys(SHAPES, False)
    drawn = [render_shapes(ShapesCase(found, nowhere), 32) for found in (case.shapes, moved)]
    assert max(picture.max() for picture in drawn) == 0
