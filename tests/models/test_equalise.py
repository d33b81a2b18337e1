"""Histogram equalisation: OpenCV's values, and gradients that follow the picture."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from auditkit.errors import AuditError
from auditkit.models.equalise import equalise, equalise_exact


def smooth(shape, generator, low=25, high=220):
    """Low frequencies with a little noise, low to high."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] / shape[0]
    waves = [
        np.sin(2 * np.pi * (a * rows + b * columns) + c)
        for a, b, c in zip(*generator.uniform(-1.5, 1.5, (3, 4)), strict=True)
    ]
    field = np.sum(waves, 0) + generator.normal(0, 0.02, shape)
    return low + (high - low) * (field - field.min()) / np.ptp(field)


def with_black_corner(picture):
    """About 7 % of the pixels black, as in dermoscopy."""
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    return np.where(rows + columns < 0.37 * picture.shape[0], 0, picture)


def pictures(count, *, corner, seed=0, size=96):
    generator = np.random.default_rng(seed)
    found = [[smooth((size, size), generator) for _ in range(3)] for _ in range(count)]
    found = [[with_black_corner(c) for c in channels] for channels in found] if corner else found
    return np.rint(np.array(found)).astype(np.uint8)


def tensor_of(levels, dtype=torch.float32):
    return torch.from_numpy(np.asarray(levels, np.float64) / 255).to(dtype)


def opencv(levels):
    cv2 = pytest.importorskip("cv2")
    flat = levels.reshape(-1, *levels.shape[-2:])
    return np.stack([cv2.equalizeHist(plane) for plane in flat]).reshape(levels.shape)


def ramp_port(plane):
    """The published port: 21 knots, ramps of 10 levels, a stretch before and after."""
    values = plane.astype(np.float64)
    values = 255 * (values - values.min()) / (np.ptp(values) + 1e-5)
    knots = np.linspace(0, 255, 21)
    sums = [np.clip(0.1 * np.maximum(5 + knot - values, 0), 0, 1).mean() for knot in knots]
    found = np.where(np.isin(values, knots), 0, np.interp(values, knots, sums))
    return 255 * (found - found.min()) / (np.ptp(found) + 1e-5)


def test_hand_worked_levels():
    picture = np.array([[10, 10], [20, 30]], np.uint8)[..., None]
    assert equalise_exact(picture)[..., 0].tolist() == [[0, 0], [128, 255]]
    soft = equalise(tensor_of(picture.transpose(2, 0, 1)[None]))
    assert soft.flatten().tolist() == pytest.approx([0, 0, 0.5, 1])


@settings(max_examples=60, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))))
def test_bytes_are_equalised_bit_for_bit_as_by_opencv(picture):
    expected = opencv(picture.transpose(2, 0, 1)).transpose(1, 2, 0)
    assert (equalise_exact(picture) == expected).all()


@settings(max_examples=60, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_at_whole_levels_the_differentiable_one_is_opencv_before_rounding(plane):
    found = 255 * equalise(tensor_of(plane)[None, None])[0, 0].numpy()
    assert np.abs(found - opencv(plane)).max() < 0.501


@pytest.mark.parametrize("corner", [False, True])
def test_it_is_as_close_as_rounding_allows_where_the_published_port_is_not(corner):
    levels = pictures(3, corner=corner)
    expected = opencv(levels).astype(float)
    found = 255 * equalise(tensor_of(levels)).numpy()
    port = np.array([[ramp_port(plane) for plane in picture] for picture in levels])
    assert np.abs(found - expected).mean() < 0.26
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9999
    assert (np.rint(found) == expected).all()
    assert np.abs(port - expected).mean() > (5 if corner else 0.5)


def test_a_picture_between_levels_is_close_to_opencv_on_the_rounded_one():
    generator = np.random.default_rng(3)
    plane = with_black_corner(smooth((96, 96), generator))
    found = 255 * equalise(tensor_of(plane)[None, None])[0, 0].numpy()
    expected = opencv(np.rint(plane).astype(np.uint8))
    assert np.abs(found - expected).mean() < 1
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9999


@pytest.mark.parametrize("level", [0, 1, 77, 254, 255])
def test_a_constant_channel_stays(level):
    x = torch.full((2, 3, 5, 4), level / 255, requires_grad=True)
    found = equalise(x)
    found.sum().backward()
    assert torch.allclose(found, x, atol=1e-7)
    assert x.grad.isfinite().all()
    assert (equalise_exact(np.full((4, 5, 3), level, np.uint8)) == level).all()


def test_rounding_noise_on_a_constant_channel_is_not_stretched():
    x = 0.4 + 1e-6 * torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert (equalise(x) - x).abs().max() < 1e-3


@pytest.mark.parametrize(
    "make",
    [
        lambda g: torch.rand(2, 3, 8, 8, generator=g),
        lambda g: torch.randint(0, 256, (2, 3, 8, 8), generator=g) / 255,
        lambda g: torch.randint(0, 2, (2, 3, 8, 8), generator=g).float(),
        lambda g: torch.rand(1, 1, 1, 1, generator=g),
        lambda g: torch.rand(2, 3, 8, 8, generator=g) * 3 - 1,
        lambda g: torch.full((1, 2, 3, 3), 12.75 / 255),
    ],
)
def test_values_lie_between_0_and_1_and_gradients_are_finite(make):
    x = make(torch.Generator().manual_seed(0)).requires_grad_()
    found = equalise(x)
    found.square().sum().backward()
    assert 0 <= found.min() <= found.max() <= 1
    assert x.grad.isfinite().all()


def test_order_is_kept():
    x = torch.rand(1, 2, 12, 12, generator=torch.Generator().manual_seed(1))
    found = equalise(x)
    order = x.flatten(2).argsort(2)
    assert (found.flatten(2).gather(2, order).diff(dim=2) >= 0).all()


def test_images_of_a_batch_do_not_influence_each_other(monkeypatch):
    monkeypatch.setattr("auditkit.models.equalise._PIXELS_AT_ONCE", 200)
    x = torch.rand(3, 2, 9, 9, generator=torch.Generator().manual_seed(2))
    together = equalise(x)
    assert all(torch.equal(equalise(x[n : n + 1]), together[n : n + 1]) for n in range(3))


@pytest.mark.parametrize("corner", [False, True])
def test_gradients_foretell_what_opencv_does_to_a_slightly_changed_picture(corner):
    generator = np.random.default_rng(5)
    levels = pictures(2, corner=corner, seed=5, size=128)
    x = tensor_of(levels, torch.float64).requires_grad_()
    before = opencv(levels).astype(float)
    foretold, happened = [], []
    for _ in range(8):
        weight, change = (
            np.array([[smooth((128, 128), generator, -1, 1) for _ in range(3)] for _ in range(2)])
            for _ in range(2)
        )
        change = np.where(levels == 0, 0, 3 * change)
        (gradient,) = torch.autograd.grad((equalise(x) * torch.from_numpy(weight)).sum(), x)
        moved = np.clip(np.rint(levels + change), 0, 255).astype(np.uint8)
        foretold.extend((gradient.numpy() * change).sum((2, 3)).ravel())
        happened.extend(((opencv(moved) - before) * weight).sum((2, 3)).ravel())
    assert np.corrcoef(foretold, happened)[0, 1] > 0.95
    assert np.polyfit(happened, foretold, 1)[0] == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(3, 4, 4),
        torch.zeros(1, 3, 4, 4, dtype=torch.uint8),
        torch.zeros(0, 3, 4, 4),
        torch.full((1, 1, 2, 2), torch.nan),
        torch.full((1, 1, 2, 2), torch.inf),
    ],
)
def test_what_is_no_picture_is_refused(x):
    with pytest.raises(AuditError, match="equalisation was given"):
        equalise(x)


@pytest.mark.parametrize("shape", [(4, 4), (0, 4, 3)])
def test_bytes_of_another_shape_are_refused(shape):
    with pytest.raises(AuditError, match="expected uint8"):
        equalise_exact(np.zeros(shape, np.uint8))
