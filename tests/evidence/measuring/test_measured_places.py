"""Colours, dark corners, the lesion and its shape: hand-made pictures with known answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import color, measure

from auditkit.evidence.measuring.colour import colour_planes
from auditkit.evidence.measuring.frame import dark_corners
from auditkit.evidence.measuring.lesion import anywhere, around, find_lesion
from auditkit.evidence.measuring.morphology import distance_to
from auditkit.evidence.measuring.seen import Seen
from auditkit.evidence.measuring.shape import asymmetry, border_irregularity

SIDE = 128
SKIN, MOLE = (215, 170, 150), (110, 70, 55)
Y, X = np.mgrid[:SIDE, :SIDE] + 0.5


def skin(colour=SKIN):
    return np.full((SIDE, SIDE, 3), colour, np.uint8)


def disc(radius, x=64.0, y=64.0):
    return (X - x) ** 2 + (Y - y) ** 2 <= radius**2


def painted(picture, mask, colour=MOLE):
    return np.where(mask[..., None], np.uint8(colour), picture)


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


def test_planes_are_those_of_scikit_image():
    picture = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    picture[0, :6] = [(0, 0, 0), (1, 0, 0), (0, 2, 0), (0, 0, 3), (255, 255, 255), (5, 5, 5)]
    planes = np.moveaxis(colour_planes(picture), 0, -1)
    assert np.allclose(planes[..., :3], color.rgb2lab(picture), atol=0.05)
    assert np.allclose(planes[..., [0, 3, 4]], color.rgb2luv(picture), atol=0.05)


def test_greys_have_no_chroma():
    greys = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(16, 16, 3)
    assert np.abs(colour_planes(greys)[1:]).max() < 1e-2


def test_corners_are_dark_and_hang_together_with_a_corner():
    lightness = np.full((SIDE, SIDE), 70, np.float32)
    outside = np.hypot(X - 64, Y - 64) > 70
    lightness[outside] = 4
    lightness[disc(20)] = 10  # a black lesion is no corner
    found = dark_corners(lightness)
    assert overlap(found, outside) > 0.95
    assert not found[disc(25)].any()
    assert not dark_corners(np.full((SIDE, SIDE), 70, np.float32)).any()


@pytest.mark.parametrize("radius", [8, 20, 40])
@pytest.mark.parametrize("annotated", [True, False])
def test_a_disc_is_found_where_it_is(radius, annotated):
    truth = disc(radius, 60, 70)
    search = around(disc(radius * 0.8, 60, 70)) if annotated else None
    lesion = Seen.of(painted(skin(), truth), search).lesion
    assert overlap(lesion, truth) > 0.9
    assert lesion.mean() == pytest.approx(truth.mean(), rel=0.05 if radius > 8 else 0.1)


def test_uneven_light_is_no_lesion():
    light = 0.5 + 0.5 * X / SIDE - 0.3 * ((X - 64) ** 2 + (Y - 64) ** 2) / 64**2
    shaded = (skin() * np.clip(light, 0.3, 1)[..., None]).astype(np.uint8)
    assert Seen.of(shaded, None).lesion is None
    truth = disc(20, 50, 60)
    dark = painted(skin(), truth) * np.clip(light, 0.3, 1)[..., None]
    assert overlap(Seen.of(dark.astype(np.uint8), None).lesion, truth) > 0.85


def test_plain_skin_has_no_lesion():
    noise = np.random.default_rng(1).normal(0, 4, (SIDE, SIDE, 3))
    noisy = np.clip(skin() + noise, 0, 255).astype(np.uint8)
    for picture in (skin(), noisy):
        assert Seen.of(picture, None).lesion is None
        assert Seen.of(picture, around(disc(20))).lesion is None


def test_what_lies_at_the_edge_is_not_the_lesion():
    truth = disc(15)
    picture = painted(painted(skin(), X > 118, (40, 60, 120)), truth)
    assert overlap(Seen.of(picture, None).lesion, truth) > 0.9


def test_an_annotation_says_which_of_two_lesions():
    left, right = disc(12, 35, 64), disc(15, 95, 64)
    picture = painted(skin(), left | right)
    for truth in (left, right):
        assert overlap(Seen.of(picture, around(truth)).lesion, truth) > 0.9


def test_hair_is_no_lesion():
    truth = disc(22)
    picture = painted(skin(), truth)
    for at in (20, 50, 60, 80, 100):
        picture[:, at : at + 2] = (25, 20, 18)
    assert overlap(Seen.of(picture, None).lesion, truth) > 0.93


def test_a_lesion_that_grows_is_followed():
    near = around(disc(15))
    areas = [Seen.of(painted(skin(), disc(r)), near).lesion.sum() for r in (12, 15, 20, 28)]
    assert areas == pytest.approx([disc(r).sum() for r in (12, 15, 20, 28)], rel=0.06)


def test_no_skin_no_lesion():
    planes = colour_planes(painted(skin(), disc(20)))[:3]
    everything = np.ones((SIDE, SIDE), bool)
    assert find_lesion(planes, everything, anywhere(SIDE)) is None
    assert find_lesion(planes, ~everything, around(everything)) is None


@pytest.mark.parametrize("radius", [6, 12, 30, 60])
def test_a_discs_border_is_regular_and_its_halves_match(radius):
    assert border_irregularity(disc(radius)) < 0.02
    assert asymmetry(disc(radius)) < 0.06


def test_a_squares_border_is_one_minus_pi_by_four_wherever_it_points():
    straight = (abs(X - 64) <= 30) & (abs(Y - 64) <= 30)
    turned = abs(X - 64) + abs(Y - 64) <= 30 * np.sqrt(2)
    for square in (straight, turned):
        assert border_irregularity(square) == pytest.approx(1 - np.pi / 4, abs=0.03)


def test_notches_make_the_border_irregular():
    angle, radius = np.arctan2(Y - 64, X - 64), np.hypot(X - 64, Y - 64)
    notched = [
        border_irregularity(radius <= 35 * (1 + a * np.sin(9 * angle))) for a in (0, 0.05, 0.1, 0.2)
    ]
    assert np.all(np.diff(notched) > 0.04)


def test_an_ellipse_is_symmetric_wherever_it_points():
    for turn in (0.0, 0.4, 1.1):
        along = (X - 64) * np.cos(turn) + (Y - 64) * np.sin(turn)
        across = (Y - 64) * np.cos(turn) - (X - 64) * np.sin(turn)
        assert asymmetry((along / 40) ** 2 + (across / 20) ** 2 <= 1) < 0.04


def test_a_triangle_folds_onto_five_sixths_of_itself():
    # An isosceles right triangle: symmetric about one axis; along the other, through the centre of
    # gravity at a third of the height, a trapezoid and a triangle that differ by 2/9 of the whole.
    triangle = (abs(X - 64) <= Y - 14) & (Y <= 114)
    assert asymmetry(triangle) == pytest.approx((0 + 2 / 9) / 2, abs=0.03)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 3), st.booleans())
def test_shape_does_not_depend_on_how_the_picture_lies(turns, mirrored):
    angle, radius = np.arctan2(Y - 64, X - 64), np.hypot(X - 60, Y - 68)
    region = radius <= 30 * (1 + 0.2 * np.sin(2 * angle) + 0.1 * np.cos(3 * angle))
    other = np.rot90(region[:, ::-1] if mirrored else region, turns)
    assert border_irregularity(other) == pytest.approx(border_irregularity(region), abs=1e-6)
    assert asymmetry(other) == pytest.approx(asymmetry(region), abs=0.01)


def test_distances_are_shares_of_the_side():
    mask = np.zeros((10, 10), bool)
    assert np.isinf(distance_to(mask)).all()
    mask[5, 5] = True
    assert distance_to(mask)[5, 8] == pytest.approx(0.3)


def test_perimeter_agrees_with_crofton():
    angle, radius = np.arctan2(Y - 64, X - 64), np.hypot(X - 64, Y - 64)
    region = radius <= 38 * (1 + 0.1 * np.sin(5 * angle))
    perimeter = measure.perimeter_crofton(region, 4)
    expected = 1 - 4 * np.pi * region.sum() / perimeter**2
    assert border_irregularity(region) == pytest.approx(expected, abs=0.03)
