import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import color

from auditkit.colour import (
    luv_to_srgb,
    shift_luv,
    shift_luv_polar,
    srgb_to_luv,
)
from auditkit.errors import AuditError
from auditkit.spec.declarations.colour_shift import DIRECTIONS as NAMED_DIRECTIONS

# sRGB of mid grey (128) moved by 20: an independent implementation of the published shift.
MID_GREY = {
    0: (153, 120, 126),
    45: (145, 124, 109),
    90: (128, 130, 103),
    135: (107, 135, 113),
    180: (95, 136, 130),
    225: (105, 132, 146),
    270: (128, 125, 151),
    315: (147, 120, 143),
}
CUBE = np.stack(np.meshgrid(*[np.linspace(0, 1, 18)] * 3, indexing="ij")).reshape(3, 54, 108)
TYPES = [np.float32, np.float64, torch.float32, torch.float64]


def _as(kind, array):
    if isinstance(kind, torch.dtype):
        return torch.tensor(array, dtype=kind)
    return array.astype(kind)


def _grey(level):
    return np.full((3, 1, 1), level / 255)


def _eight_bit(image):
    return tuple(np.round(255 * np.asarray(image)).astype(int).reshape(3))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("angle", MID_GREY)
def test_mid_grey_moves_where_the_angle_says(angle, kind):
    assert _eight_bit(shift_luv_polar(_as(kind, _grey(128)), angle, 20.0)) == MID_GREY[angle]


def test_named_directions_lead_to_their_colour():
    moved = {
        name: _eight_bit(shift_luv_polar(_grey(128), a, 20.0))
        for name, a in NAMED_DIRECTIONS.items()
    }
    for name, strong, weak in [
        ("pink", 0, 1), ("orange", 0, 2), ("yellow", 1, 2), ("green", 1, 0),
        ("teal", 2, 0), ("blue", 2, 1), ("magenta", 0, 1),
    ]:  # fmt: skip
        assert moved[name][strong] > moved[name][weak] + 20
    # CSS pink lies at angle 0 by computation.
    _, u, v = srgb_to_luv(np.array([255, 192, 203]).reshape(3, 1, 1) / 255).reshape(3)
    assert math.degrees(math.atan2(v, u)) == pytest.approx(0.7, abs=0.2)


@pytest.mark.parametrize("kind", TYPES)
def test_luv_matches_skimage(kind):
    ours = np.asarray(srgb_to_luv(_as(kind, CUBE)), dtype=np.float64)
    # skimage rounds its matrix to six digits and its white to five.
    np.testing.assert_allclose(ours, color.rgb2luv(CUBE, channel_axis=0), atol=0.05)
    back = np.asarray(luv_to_srgb(_as(kind, ours)), dtype=np.float64)
    np.testing.assert_allclose(back, CUBE, atol=2e-5 if "32" in str(kind) else 1e-6)


def test_shift_matches_skimage_where_it_is_displayable():
    luv = color.rgb2luv(CUBE, channel_axis=0)
    moved = luv + np.array([0.0, 12.0, -16.0]).reshape(3, 1, 1)
    theirs = color.luv2rgb(moved, channel_axis=0)
    displayable = ((theirs > 0.001) & (theirs < 0.999)).all(axis=0)
    assert displayable.sum() > 2000
    ours = shift_luv(CUBE, 12.0, -16.0)
    np.testing.assert_allclose(ours[:, displayable], theirs[:, displayable], atol=5e-4)


@pytest.mark.parametrize("kind", TYPES)
def test_greys_have_no_colour(kind):
    ramp = np.broadcast_to(np.linspace(0, 1, 256).reshape(1, 16, 16), (3, 16, 16))
    luv = np.asarray(srgb_to_luv(_as(kind, ramp)))
    assert np.abs(luv[1:]).max() < (2e-4 if "32" in str(kind) else 1e-10)


@pytest.mark.parametrize("kind", TYPES)
def test_exact_black_stays_black_and_nothing_is_nan(kind):
    dark = np.concatenate([CUBE * 0, CUBE / 255, CUBE * 20 / 255, CUBE * 1e-30, CUBE], axis=1)
    for angle in range(0, 360, 15):
        moved = np.asarray(shift_luv_polar(_as(kind, dark), angle, 20.0))
        assert np.isfinite(moved).all()
        assert moved.min() >= 0
        assert moved.max() <= 1
        assert (moved[:, :54] == 0).all()


def test_dark_pixels_speckle_as_documented():
    assert _eight_bit(shift_luv(_grey(20), 20.0, 0.0)) == (52, 0, 14)
    assert _eight_bit(shift_luv(_grey(1), 20.0, 0.0)) == (47, 0, 0)


@pytest.mark.parametrize("level", range(1, 20))
def test_near_black_never_turns_bright(level):
    # The plain formula has its pole here: grey 12 towards blue would become (37, 0, 255).
    for angle in range(0, 360, 10):
        assert max(_eight_bit(shift_luv_polar(_grey(level), angle, 20.0))) < 85


@settings(deadline=None)
@given(st.floats(0, 360), st.floats(0, 20), st.integers(0, 99))
def test_lightness_is_kept_where_the_colour_is_displayable(angle, radius, seed):
    image = np.random.default_rng(seed).uniform(0.4, 0.6, size=(2, 3, 4, 5))
    before, moved = srgb_to_luv(image), shift_luv_polar(image, angle, radius)
    inside = (moved > 0).all(axis=1) & (moved < 1).all(axis=1)
    after = np.moveaxis(srgb_to_luv(moved), 1, -1)[inside]
    offset = after - np.moveaxis(before, 1, -1)[inside]
    turn = math.radians(angle)
    expected = (0.0, radius * math.cos(turn), radius * math.sin(turn))
    np.testing.assert_allclose(offset, np.broadcast_to(expected, offset.shape), atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_are_finite_everywhere(dtype):
    image = torch.tensor(CUBE, dtype=dtype)
    image = torch.cat([image, image / 255, image * 0], dim=1).requires_grad_()
    for angle in (0, 100, 200, 300):
        (gradient,) = torch.autograd.grad(shift_luv_polar(image, angle, 20.0).sum(), image)
        assert torch.isfinite(gradient).all()
    assert gradient.abs().max() > 0


def test_gradients_are_right():
    generator = torch.Generator().manual_seed(0)
    image = 0.4 + 0.2 * torch.rand((2, 3, 2, 2), generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: shift_luv(x, 10.0, -5.0), image.requires_grad_())


@pytest.mark.parametrize("kind", TYPES)
def test_type_shape_and_input_are_kept(kind):
    image = _as(kind, np.random.default_rng(0).random((2, 4, 3, 5, 6)))
    before = image.copy() if isinstance(image, np.ndarray) else image.clone()
    moved = shift_luv(image, 20.0, 0.0)
    assert type(moved) is type(image)
    assert (moved.dtype, moved.shape) == (image.dtype, image.shape)
    assert (image == before).all()


def test_results_do_not_depend_on_the_batch():
    images = torch.rand((9, 3, 8, 8), generator=torch.Generator().manual_seed(1))
    whole = shift_luv(images, 20.0, 0.0)
    single = torch.stack([shift_luv(image, 20.0, 0.0) for image in images])
    assert (whole - single).abs().max() < 1e-6


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((3, 4, 4), dtype=np.uint8),
        torch.zeros((3, 4, 4), dtype=torch.float16),
        np.zeros((4, 4, 3)),
        np.zeros((3, 4)),
        [[[0.0]], [[0.0]], [[0.0]]],
    ],
)
def test_what_is_not_an_image_is_refused(image):
    with pytest.raises(AuditError, match="expected"):
        shift_luv(image, 1.0, 1.0)


def test_an_infinite_shift_is_refused():
    with pytest.raises(AuditError, match="finite"):
        shift_luv(_grey(9), math.inf, 0.0)
