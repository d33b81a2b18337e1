"""Synthetic clinical photographs: the same cases as in dermoscopy, seen from further away."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label as components

from auditkit.data.synthetic.clinical import render_clinical
from auditkit.data.synthetic.dermoscopy import ATTRIBUTES, render, sample_case, with_attribute
from auditkit.data.synthetic.noise import View, axis, smooth_noise, stream

SHAPE = {"size", "border_irregularity", "asymmetry"}
LESION = {name for name, known in ATTRIBUTES.items() if known.kind == "lesion"}
CLUTTER = ("hair", "ruler", "dark_corner", "gel_bubble")


def plain(case):
    """The case without anything that lies over the lesion."""
    for name in CLUTTER:
        case = with_attribute(case, name, 0.0)
    return case


def ends(case, name, size=128):
    """The pictures with an attribute at its lowest and its highest value."""
    known = ATTRIBUTES[name]
    return [
        render_clinical(with_attribute(case, name, value), size)[0].astype(int)
        for value in (known.low, known.high)
    ]


def test_image_and_mask_have_the_promised_shape_and_type():
    image, mask = render_clinical(sample_case(3, 0), 48)
    assert image.shape == (48, 48, 3)
    assert image.dtype == np.uint8
    assert mask.shape == (48, 48)
    assert mask.dtype == np.bool_


def test_same_seed_and_index_give_the_same_picture_and_another_index_another():
    image, mask = render_clinical(sample_case(3, 5), 64)
    again, mask_again = render_clinical(sample_case(3, 5), 64)
    np.testing.assert_array_equal(image, again)
    np.testing.assert_array_equal(mask, mask_again)
    assert (image != render_clinical(sample_case(3, 6), 64)[0]).mean() > 0.5
    assert (image != render_clinical(sample_case(4, 5), 64)[0]).mean() > 0.5


def test_a_larger_rendering_shows_the_same_scene():
    case = sample_case(3, 2)
    (small, small_mask), (large, large_mask) = (render_clinical(case, size) for size in (64, 128))
    pooled = large.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.abs(pooled - small).mean() < 8.0
    assert abs(small_mask.mean() - large_mask.mean()) < 0.01


def test_the_lesion_has_a_third_to_half_of_its_radius_in_dermoscopy():
    for index in range(20):
        near, far = (
            draw(sample_case(8, index), 128)[1].sum() for draw in (render, render_clinical)
        )
        # A lesion that the dermatoscope's edge crops is larger than its mask.
        assert 0.33 < np.sqrt(far / near) < 0.56


def test_masks_are_one_piece_within_the_picture_and_darker_than_the_skin_around():
    darker = 0
    for index in range(40):
        image, mask = render_clinical(plain(sample_case(8, index)), 64)
        assert components(mask).max() == 1
        assert not mask[[0, -1]].any()
        assert not mask[:, [0, -1]].any()
        darker += image[mask].mean() < image[~mask].mean()
    assert darker >= 36


@pytest.mark.parametrize("name", sorted(ATTRIBUTES))
def test_every_attribute_shows_and_only_shape_attributes_move_the_mask(name):
    case, known = sample_case(3, 9), ATTRIBUTES[name]
    (low, low_mask), (high, high_mask) = (
        render_clinical(with_attribute(case, name, value), 128) for value in (known.low, known.high)
    )
    assert (low != high).any()
    assert (low_mask != high_mask).any() == (name in SHAPE)


@pytest.mark.parametrize("name", sorted(LESION - SHAPE - {"redness"}))
def test_pigment_attributes_leave_the_skin_untouched(name):
    case = sample_case(3, 14)
    low, high = ends(case, name)
    mask = render_clinical(case)[1]
    rows, columns = np.nonzero(mask)
    centre = np.array([rows.mean(), columns.mean()])[:, None, None]
    distance = np.hypot(*(np.indices(mask.shape) - centre))
    far = distance > 1.35 * distance[mask].max()
    assert far.sum() > 5000
    np.testing.assert_array_equal(low[far], high[far])


def test_fine_structures_show_less_than_under_the_dermatoscope():
    for name in ("network", "globules"):
        case = plain(sample_case(3, 14))
        low, high = ends(case, name)
        mask = render_clinical(case)[1]
        near = [
            render(with_attribute(case, name, value))[0].astype(int)[render(case)[1]]
            for value in (0.0, 1.0)
        ]
        assert np.abs(high - low)[mask].mean() < 0.6 * np.abs(near[1] - near[0]).mean(), name


def test_darkness_and_colours_still_show():
    for index in range(5):
        case = plain(sample_case(8, index))
        mask = render_clinical(case)[1]
        light, dark = ends(case, "darkness")
        assert dark[mask].mean() < light[mask].mean() - 15
        one, six = ends(case, "colours")
        assert np.abs(six - one)[mask].mean() > 8


def test_hair_glare_sticker_and_background_touch_only_their_own_place():
    case = sample_case(3, 9)
    for name, most in (("hair", 0.2), ("gel_bubble", 0.4), ("ruler", 0.25), ("dark_corner", 0.6)):
        low, high = ends(case, name)
        changed = (low != high).any(axis=-1).mean()
        assert 0.005 < changed < most, name


def test_where_the_body_ends_the_lesion_stays_in_sight():
    for index in range(20):
        case = plain(sample_case(8, index))
        image, mask = render_clinical(case)
        cropped = render_clinical(with_attribute(case, "dark_corner", 1.0))[0]
        lost = np.abs(cropped.astype(int) - image)[mask].max(axis=-1) > 60
        assert lost.mean() < 0.1


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 10**6))
def test_any_seed_and_index_can_be_drawn(seed, index):
    assert render_clinical(sample_case(seed, index), 32)[0].std() > 0


def test_zoom_shows_the_same_noise_smaller_and_moved():
    near = smooth_noise(stream(1, 0, "test"), View(64), 5)[0]
    far = smooth_noise(stream(1, 0, "test"), View(128, 0.5, 0.25, -0.25), 5)[0]
    # At zoom .5 the thing's 64 pixels fill half of 128, moved by 16 pixels right and up.
    np.testing.assert_allclose(far[16:80, 48:112], near, atol=1e-5)
    np.testing.assert_allclose(View(128, 0.5, 0.25).x[48:112], axis(64), atol=1e-6)
