"""Corruptions do to a picture what they say, at any size, and the same again."""

import numpy as np
import pytest

from auditkit.data.corruptions import corrupted, mark_place
from auditkit.data.synthetic.dermoscopy import render, sample_case
from auditkit.evidence.measuring.traces import TRACES, traces_of
from auditkit.spec.corruptions import CORRUPTIONS, Blur, Jpeg, Mark, Noise, Resize

PICTURE, LESION = render(sample_case(3, 1), 128)
WIDE = np.ascontiguousarray(PICTURE[:96])


def far(one, other):
    return float(np.abs(one.astype(float) - other).mean())


@pytest.mark.parametrize("kind", CORRUPTIONS.values())
@pytest.mark.parametrize("picture", [PICTURE, WIDE, PICTURE[:1, :1]])
def test_size_and_type_stay_and_the_picture_given_is_not_touched(kind, picture):
    before = picture.copy()
    after = corrupted(picture, kind(), 5)
    assert after.shape == picture.shape
    assert after.dtype == np.uint8
    np.testing.assert_array_equal(picture, before)
    np.testing.assert_array_equal(corrupted(picture, kind(), 5), after)


@pytest.mark.parametrize(
    ("weak", "strong"),
    [
        (Jpeg(quality=90), Jpeg(quality=20)),
        (Resize(scale=0.9), Resize(scale=0.2)),
        (Blur(sigma=0.005), Blur(sigma=0.05)),
        (Noise(sigma=0.01), Noise(sigma=0.1)),
        (Mark(size=0.05), Mark(size=0.2)),
    ],
)
def test_stronger_corruptions_move_a_picture_further(weak, strong):
    little, much = (far(corrupted(PICTURE, one, 0), PICTURE) for one in (weak, strong))
    assert 0 < little < much


def test_noise_alone_depends_on_the_seed_and_has_its_standard_deviation():
    grey = np.full((200, 200, 3), 128, np.uint8)
    one, other = (corrupted(grey, Noise(sigma=0.02), seed) for seed in (1, 2))
    assert (one != other).any()
    assert (one.astype(float) - 128).std() == pytest.approx(0.02 * 255, rel=0.02)
    assert (one.astype(float) - 128).mean() == pytest.approx(0, abs=0.1)
    for kind in (Jpeg, Resize, Blur, Mark):
        np.testing.assert_array_equal(corrupted(PICTURE, kind(), 1), corrupted(PICTURE, kind(), 2))


@pytest.mark.parametrize("corner", ["top-left", "top-right", "bottom-left", "bottom-right"])
def test_a_mark_is_one_square_in_its_corner_and_nothing_else_changes(corner):
    given = Mark(size=0.25, corner=corner, colour=[1, 2, 3])
    marked = corrupted(WIDE, given, 0)
    changed = (marked != WIDE).any(axis=-1)
    rows, columns = mark_place(96, 128, given)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (24, 24)
    assert (marked[rows, columns] == (1, 2, 3)).all()
    changed[rows, columns] = False
    assert not changed.any()
    assert rows.start == (8 if corner.startswith("top") else 64)
    assert columns.start == (8 if corner.endswith("left") else 96)


def test_a_blur_is_as_wide_as_the_picture_is_large():
    dot = [np.zeros((size, size, 3), np.uint8) for size in (101, 201)]
    for picture in dot:
        picture[len(picture) // 2, len(picture) // 2] = 255
        picture[:, len(picture) // 2] = 255
    spreads = []
    for picture in dot:
        line = corrupted(picture, Blur(sigma=0.03), 0)[3, :, 0].astype(float)
        at = np.arange(len(line)) - len(line) // 2
        spreads.append(np.sqrt((line * at**2).sum() / line.sum()))
    assert spreads[0] == pytest.approx(0.03 * 101, rel=0.15)
    assert spreads[1] / spreads[0] == pytest.approx(201 / 101, rel=0.1)


def test_each_trace_follows_its_own_cause():
    plain = dict(zip(TRACES, traces_of(PICTURE, LESION, 0.06), strict=True))

    def moved(corruption):
        found = traces_of(corrupted(PICTURE, corruption, 0), LESION, 0.06)
        return {name: value - plain[name] for name, value in zip(TRACES, found, strict=True)}

    assert moved(Jpeg(quality=30))["trace.blocks"] > 0.5
    assert abs(moved(Blur())["trace.blocks"]) < 0.1
    assert moved(Mark())["trace.corner"] > 10
    assert moved(Mark(colour=[0, 0, 0]))["trace.corner"] < -10
    assert abs(moved(Mark(corner="bottom-right"))["trace.corner"]) < 1e-6
    assert moved(Noise(sigma=0.05))["trace.skin"] > 0.5
    assert moved(Blur(sigma=0.02))["trace.skin"] < 0


@pytest.mark.parametrize("mask", [None, np.zeros((128, 128), bool), np.ones((128, 128), bool)])
def test_where_no_skin_is_known_its_trace_is_not_a_number(mask):
    found = dict(zip(TRACES, traces_of(PICTURE, mask, 0.06), strict=True))
    assert np.isnan(found["trace.skin"])
    assert np.isfinite([found["trace.blocks"], found["trace.corner"]]).all()


def test_traces_of_a_uniform_picture_are_finite():
    grey = np.full((64, 64, 3), 90, np.uint8)
    mask = np.zeros((64, 64), bool)
    mask[30:34, 30:34] = True
    assert traces_of(grey, mask, 0.06) == pytest.approx([0.0, 0.0, 0.0], abs=1e-3)
