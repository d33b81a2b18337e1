"""What the report's browser is given."""

import re
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as npst
from PIL import Image, ImageDraw

from auditkit.checks.aligned import Aligned
from auditkit.checks.alignment import alignment
from auditkit.checks.coverages import SCORES, Coverages
from auditkit.checks.galleries import telling
from auditkit.checks.thumbnails import outline, small_heatmap, small_picture
from auditkit.spec.declarations.alignment import Alignment, Cuts
from auditkit.spec.methods import parse_method

from .aligned_evidence import planted

KINDS = ["equal", "inside", "around", "beside", "half", "zero"] * 8
RIGHT = np.arange(48) < 24


def galleries(**parameters):
    more = {"groups": {"site": np.where(np.arange(48) % 2, "a", "b")}}
    more["maps"] = {"gradcam": planted(KINDS, RIGHT).maps["gradient"][::-1]}
    evidence = planted(KINDS, RIGHT, **more)
    asked = {"methods": ["gradient", "gradcam"], "binarise": {"rule": "nonzero"}}
    return alignment(evidence, Alignment.model_validate(asked | parameters)).galleries


def test_every_image_is_there_under_every_method_with_its_scores_and_facets():
    (gallery,) = galleries(by=["site"])
    assert gallery.scores == SCORES
    assert gallery.facets == ["label", "prediction", "decision", "case", "site", "method"]
    assert len(gallery.items) == 96
    for item in gallery.items:
        assert set(item.scores) == set(SCORES)
        assert set(item.facets) == set(gallery.facets)
        index = int(item.image_id[1:])
        assert item.facets["label"] == ("benign", "malignant")[index % 2]
        assert (item.facets["label"] == item.facets["prediction"]) == RIGHT[index]
        assert item.facets["decision"] == ("right" if RIGHT[index] else "wrong")
        assert item.facets["site"] == ("a" if index % 2 else "b")
        if item.facets["method"] == "gradient":
            zero = KINDS[index] == "zero"
            assert item.note == ("all-zero heatmap" if zero else "")
            assert (item.facets["case"] == "not evaluable") == zero
            assert (item.heatmap == b"") == zero
            assert all((score is None) == zero for score in item.scores.values())
    pictures = {item.image_id: item.picture for item in gallery.items}
    assert all(item.picture is pictures[item.image_id] for item in gallery.items[1::2])


def test_one_method_needs_no_facet_and_none_asked_for_is_none():
    assert "method" not in galleries(methods=["gradient"])[0].facets
    assert galleries(gallery=0) == []


def test_a_bound_keeps_the_extremes_of_every_quadrant_and_what_could_not_be_evaluated():
    (gallery,) = galleries(methods=["gradient"], gallery=8)
    kinds = [(KINDS[int(i.image_id[1:])], i.facets["decision"]) for i in gallery.items]
    assert kinds == [
        (kind, decision)
        for kind in ("beside", "equal", "half", "zero")
        for decision in ("right", "wrong")
    ]
    assert "40 images are left out" in gallery.caption
    (more,) = galleries(methods=["gradient"], gallery=30)
    assert [item.image_id for item in more.items][:8] == [i.image_id for i in gallery.items]
    assert len({item.image_id for item in more.items}) == 30


def test_the_most_extreme_of_low_and_high_coverage_come_first_in_turn():
    coverage = np.array([0.9, 0.7, 1.0, 0.1, 0.0, 0.2, np.nan, 0.5])
    reasons = tuple("why" if np.isnan(value) else "" for value in coverage)
    found = Coverages(dict.fromkeys(SCORES, coverage), reasons)
    method = parse_method("gradient")
    one = Aligned.of(method, found, np.ones(8, bool), Cuts())
    assert telling([one], 8) == [4, 2, 7, 6, 3, 0, 5, 1]
    assert telling([one, one], 3) == [4, 2, 7]


def test_small_pictures_are_small():
    picture = np.random.default_rng(0).integers(0, 256, (300, 200, 3)).astype(np.uint8)
    assert Image.open(BytesIO(small_picture(picture))).size == (85, 128)
    kept = np.asarray(Image.open(BytesIO(small_picture(picture[:90, :90]))))
    np.testing.assert_array_equal(kept, picture[:90, :90])


def test_small_heatmaps_are_transparent_where_nothing_is_and_80_percent_where_most_is():
    heat = np.zeros((8, 8), np.float32)
    heat[0, :4], heat[7, 7] = -3.0, 1.5
    shown = np.asarray(Image.open(BytesIO(small_heatmap(heat))))
    assert shown.shape == (8, 8, 4)
    assert shown[0, 0, 3] == 204
    assert shown[7, 7, 3] == 102
    assert shown[3, 3, 3] == 0
    assert Image.open(BytesIO(small_heatmap(np.ones((224, 100), np.float32)))).size == (64, 64)
    broken = heat.copy()
    broken[4, 4] = np.nan
    assert small_heatmap(broken) == small_heatmap(heat)
    assert small_heatmap(np.full((4, 4), np.nan, np.float32)) == b""


def points(path):
    loops = re.findall(r"M([^Z]*)Z", path)
    return [[tuple(map(int, p.split())) for p in loop.split("L")] for loop in loops]


def drawn(path, shape):
    """The path filled by the even-odd rule, at the mask's size."""
    inside = np.zeros((1000, 1000), bool)
    for loop in points(path):
        image = Image.new("1", (1000, 1000))
        if len(loop) > 2:
            ImageDraw.Draw(image).polygon(loop, fill=1)
        inside ^= np.asarray(image)
    rows, columns = ((np.arange(side) + 0.5) * 1000 / side for side in shape)
    return inside[np.ix_(rows.astype(int), columns.astype(int))]


@settings(max_examples=40, deadline=None)
@given(npst.arrays(bool, npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6)))
def test_an_outline_encloses_the_mask_islands_holes_and_corners_included(cells):
    mask = np.kron(cells, np.ones((4, 4), bool))
    path = outline(mask)
    assert re.fullmatch(r"(M\d+ \d+(L\d+ \d+)+Z)*", path)
    np.testing.assert_array_equal(drawn(path, mask.shape), mask)


def test_an_outline_of_a_large_mask_is_short_and_near():
    rows, columns = np.mgrid[:600, :500]
    mask = ((rows - 300) / 200) ** 2 + ((columns - 200) / 150) ** 2 < 1
    path = outline(mask)
    assert len(path) < 1000
    found = drawn(path, mask.shape)
    assert (found & mask).sum() / (found | mask).sum() > 0.97


def test_nothing_annotated_has_no_outline():
    assert outline(np.zeros((9, 9), bool)) == ""
    assert points(outline(np.ones((9, 9), bool))) == [[(0, 0), (1000, 0), (1000, 1000), (0, 1000)]]


@pytest.mark.parametrize("most", [1, 7, 40])
def test_the_choice_of_images_is_a_function_of_the_scores_alone(most):
    first, second = (galleries(gallery=most)[0] for _ in range(2))
    assert [item.image_id for item in first.items] == [item.image_id for item in second.items]
    assert len({item.image_id for item in first.items}) == most


def test_a_group_column_does_not_hide_a_facet():
    kinds = ["equal"] * 4
    evidence = planted(kinds, [True] * 4, groups={"case": np.array(["x", "y", "x", "y"])})
    parameters = Alignment(methods=["gradient"], by=["case"], min_group=2)
    (gallery,) = alignment(evidence, parameters).galleries
    assert gallery.items[0].facets["case (group)"] in "xy"
    assert gallery.items[0].facets["case"] == "human aligned"
