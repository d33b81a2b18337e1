"""Hair, rulers and sharpness: drawn lines, drawn ticks, blurred pictures."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import morphology

from auditkit.evidence.measuring.hair import beside, hair_of, thin_and_dark, without_hair
from auditkit.evidence.measuring.morphology import black_hat, disc, line, long_parts, opened
from auditkit.evidence.measuring.ruler import ruler_of
from auditkit.evidence.measuring.sharpness import sharpness_of

SIDE = 128
NOWHERE = np.zeros((SIDE, SIDE), bool)
Y, X = np.mgrid[:SIDE, :SIDE] + 0.5


def skin(level=190):
    return np.full((SIDE, SIDE), level, np.uint8)


def stroke(angle, *, length=80, width=2.0, x=64, y=64, bend=0.0):
    along = (X - x) * np.cos(angle) + (Y - y) * np.sin(angle)
    across = (Y - y) * np.cos(angle) - (X - x) * np.sin(angle) - bend * along**2
    return (abs(along) <= length / 2) & (abs(across) <= width / 2)


def found_in(picture):
    return hair_of(thin_and_dark(picture), NOWHERE)


@pytest.mark.parametrize("angle", np.linspace(0, np.pi, 9)[:-1])
def test_a_drawn_hair_is_found_in_any_direction(angle):
    hair = stroke(angle)
    found = found_in(np.where(hair, np.uint8(40), skin()))
    assert (found & hair).sum() > 0.9 * hair.sum()
    assert not (found & ~hair).any()


def test_a_bent_hair_is_found():
    hair = stroke(0.3, bend=0.003, width=2.5)
    assert (found_in(np.where(hair, np.uint8(40), skin())) & hair).sum() > 0.7 * hair.sum()


def test_more_hairs_more_hair():
    picture, shares = skin(), []
    for at in (10, 40, 70, 100):
        picture[:, at : at + 2] = 40
        shares.append(float(found_in(picture).mean()))
    assert shares == pytest.approx([2 * k / SIDE for k in (1, 2, 3, 4)])


@pytest.mark.parametrize(
    "picture",
    [
        skin(),
        np.where(stroke(0.2, length=15), np.uint8(40), skin()),  # as short as a tick
        np.where(stroke(0.2, width=14), np.uint8(40), skin()),  # as wide as a finger
        np.where(stroke(0.2), np.uint8(175), skin()),  # a faint crease
        np.where(stroke(0.2), np.uint8(255), skin()),  # a bright line
        np.where(X < 50, np.uint8(60), skin()),  # an edge
        np.where((X % 12 - 6) ** 2 + (Y % 12 - 6) ** 2 < 6, np.uint8(60), skin()),  # dots
    ],
)
def test_what_is_no_hair_is_not_found(picture):
    assert not found_in(picture).any()


def test_hair_is_not_looked_for_in_dark_corners():
    picture = np.where(stroke(0.0), np.uint8(40), skin())
    assert not hair_of(thin_and_dark(picture), ~NOWHERE).any()


def test_black_hat_is_the_closing_along_lines_of_scikit_image():
    grey = np.random.default_rng(0).integers(0, 256, (40, 40)).astype(np.uint8)
    lines = [np.eye(5, dtype=np.uint8), np.eye(5, dtype=np.uint8)[::-1]]
    straight = np.zeros((7, 7), np.uint8)
    straight[3] = 1
    # A diagonal of 7 pixels' length has 5 pixels.
    lines += [straight, straight.T]
    closed = np.max([morphology.closing(grey, footprint) for footprint in lines], axis=0)
    inner = np.s_[8:-8, 8:-8]
    assert np.array_equal(black_hat(grey, 7)[inner], (closed - grey)[inner])


def test_opening_is_that_of_scipy():
    mask = np.random.default_rng(0).random((40, 40)) < 0.8
    for steps in (line(5, 0.7), disc(2.0)):
        footprint = np.zeros((5, 5), bool)
        for row, column in steps:
            footprint[row + 2, column + 2] = True
        assert np.array_equal(opened(mask, steps), ndimage.binary_opening(mask, footprint))


def test_lines_are_as_long_in_every_direction():
    for angle in np.linspace(0, np.pi, 17):
        rows, columns = np.array(line(25, angle)).T
        assert np.hypot(np.ptp(rows) + 1, np.ptp(columns) + 1) == pytest.approx(25, abs=2)
        assert (np.array(line(25, angle)) == -np.array(line(25, angle))[::-1]).all()


def test_long_parts_need_the_whole_length():
    mask = NOWHERE.copy()
    mask[20, 10:34] = mask[40, 10:36] = True
    found = long_parts(mask, 25)
    assert not found[20].any()
    assert found[40].sum() == 26


def test_hair_is_filled_with_what_is_beside_it():
    slope = np.stack([X, Y, X + Y]).astype(np.float32)
    hair = stroke(0.8)
    dirty = np.where(hair, np.float32(-50), slope)
    assert np.abs(without_hair(dirty, hair) - slope).max() < 4
    assert np.array_equal(without_hair(dirty, hair)[:, ~beside(hair)], slope[:, ~beside(hair)])
    assert without_hair(dirty, NOWHERE) is dirty


def ruled(period=8, depth=10, level=40, first=0, last=SIDE, at=0):
    picture = skin(200)
    for along in range(first, last, period):
        picture[at : at + depth, along : along + 2] = level
    return picture


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("period", [5, 8, 13])
def test_ticks_along_an_edge_are_their_length_times_contrast(turns, period):
    assert ruler_of(np.rot90(ruled(period), turns)) == pytest.approx(160 / 255, rel=0.06)


def test_a_shorter_a_fainter_and_a_set_back_ruler():
    assert ruler_of(ruled(last=64)) == pytest.approx(0.5 * 160 / 255, rel=0.06)
    assert ruler_of(ruled(level=160)) == pytest.approx(40 / 255, rel=0.06)
    assert ruler_of(ruled(at=12)) == pytest.approx(160 / 255, rel=0.06)
    assert ruler_of(ruled(at=60)) == 0


def test_every_fifth_tick_may_be_longer():
    picture = ruled()
    for along in range(0, SIDE, 40):
        picture[:20, along : along + 2] = 40
    assert ruler_of(picture) == pytest.approx(160 / 255, rel=0.06)


def test_marks_at_unequal_distances_or_too_few_are_no_ruler():
    generator = np.random.default_rng(3)
    for _ in range(20):
        picture = skin(200)
        for along in np.sort(generator.choice(SIDE - 2, 14, replace=False)):
            picture[:10, along : along + 2] = 40
        assert ruler_of(picture) < 0.25
    assert ruler_of(ruled(last=48)) == 0  # six ticks
    assert ruler_of(ruled(last=56)) > 0  # seven


def test_noise_and_hair_are_no_ruler():
    noise = np.random.default_rng(0).normal(200, 8, (SIDE, SIDE))
    assert ruler_of(np.clip(noise, 0, 255).astype(np.uint8)) == 0
    hairs = np.logical_or.reduce(
        [stroke(a, x=20 + 9 * a, length=120) for a in (0.3, 1.2, 1.5, 1.9)]
    )
    assert ruler_of(np.where(hairs, np.uint8(40), skin())) == 0


def test_a_blurred_picture_is_less_sharp():
    texture = np.random.default_rng(0).normal(60, 5, (SIDE, SIDE)).astype(np.float32)
    blurred = [ndimage.gaussian_filter(texture, sigma) for sigma in (0.01, 0.5, 1, 2)]
    found = [sharpness_of(own, ~NOWHERE) for own in blurred]
    assert np.all(np.diff(found) < -0.3)
    assert sharpness_of(np.full((SIDE, SIDE), 60, np.float32), ~NOWHERE) == -6


def test_sharpness_of_white_noise_is_twenty_times_its_variance_less_the_tail():
    noise = np.random.default_rng(0).normal(50, 3, (SIDE, SIDE)).astype(np.float32)
    # The Laplacian 4 x - (four others) of independent values has 20 times their variance; without the tenth
    # beyond 1.645 standard deviations, a normal distribution has 0.623 of its variance.
    assert 10 ** sharpness_of(noise, ~NOWHERE) == pytest.approx(20 * 9 * 0.623, rel=0.05)


def test_an_edge_hardly_counts_as_sharpness():
    noise = np.random.default_rng(0).normal(60, 2, (SIDE, SIDE)).astype(np.float32)
    paper = noise + np.float32(30) * (X > 100)
    assert sharpness_of(paper, ~NOWHERE) == pytest.approx(sharpness_of(noise, ~NOWHERE), abs=0.05)
