"""The artifact score: 1 for what a camera could have taken, larger for what generators leave behind."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from auditkit.colour import shift_luv_polar
from auditkit.data import load_data
from auditkit.metrics.artifact_score import LARGEST, artifact_scores
from auditkit.spec.data_card import DataCard

SIDE, COUNT = 128, 6


@pytest.fixture(scope="module")
def lesions():
    settings = {"n": COUNT, "seed": 8, "size": SIDE}
    card = {"data": "d", "task": "t", "format": "synthetic-dermoscopy", "with": settings}
    data = load_data(DataCard.model_validate(card))
    return [data.image(index) for index in range(COUNT)]


def scores(pictures, change):
    return np.array(
        [artifact_scores(change(one, i)[None], one)[0] for i, one in enumerate(pictures)]
    )


def bytes_of(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def checkers(amplitude, kind="both"):
    rows, columns = np.indices((SIDE, SIDE))
    phase = {"rows": rows, "columns": columns, "both": rows + columns}[kind]
    return amplitude * (-1.0) ** phase[..., None]


def droplet(seed, radius=6, height=90.0):
    """A bright ring with a dark middle, beside the lesion."""
    rng = np.random.default_rng(seed)
    corner = rng.choice([0.14, 0.86], size=2) * SIDE
    distance = np.hypot(*(np.indices((SIDE, SIDE)) - corner[:, None, None]))
    rim = np.exp(-(((distance - radius) / 1.5) ** 2))
    return (height * (rim - 0.7 * np.exp(-((distance / (0.6 * radius)) ** 2))))[..., None]


def test_a_picture_is_like_itself(lesions):
    for one in lesions:
        assert artifact_scores(np.stack([one, one]), one).tolist() == [1.0, 1.0]


def jpeg(picture, quality):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def test_saving_it_again_is_no_artifact(lesions):
    assert scores(lesions, lambda one, _: jpeg(one, 95)).max() < 1.3
    assert scores(lesions, lambda one, _: jpeg(one, 85)).max() < 1.7


@pytest.mark.parametrize("angle", [0.0, 90.0, 180.0, 270.0])
def test_a_shift_of_colour_is_no_artifact(lesions, angle):
    def moved(one, _):
        inputs = np.moveaxis(one, -1, 0)[None] / np.float32(255)
        return bytes_of(np.moveaxis(np.asarray(shift_luv_polar(inputs, angle, 20))[0], 0, -1) * 255)

    found = scores(lesions, moved)
    assert found.min() > 0.9
    assert found.max() < 1.35


def test_a_blur_is_no_artifact(lesions):
    def blurred(deviation):
        return lambda one, _: bytes_of(
            ndimage.gaussian_filter(one.astype(float), (*[deviation] * 2, 0))
        )

    assert scores(lesions, blurred(1)).max() <= 1.02
    assert scores(lesions, blurred(3)).max() <= 1.02


def test_noise_is_seen_as_detail_and_the_more_the_larger(lesions):
    def noisy(size):
        return lambda one, i: bytes_of(one + np.random.default_rng(i).normal(0, size, one.shape))

    levels = [scores(lesions, noisy(size)).mean() for size in (1, 4, 16)]
    assert levels == sorted(levels)
    assert levels[0] < 1.15
    assert levels[-1] > 2.5


@pytest.mark.parametrize("kind", ["rows", "columns", "both"])
def test_a_grid_of_two_pixels_is_seen_before_people_do(lesions, kind):
    assert scores(lesions, lambda one, _: bytes_of(one + checkers(2, kind))).min() > 2
    assert scores(lesions, lambda one, _: bytes_of(one + checkers(6, kind))).min() > 4


def test_a_grid_in_one_place_is_seen(lesions):
    rows, columns = np.indices((SIDE, SIDE)) - SIDE // 2
    local = np.exp(-(rows**2 + columns**2) / 2 / 15**2)[..., None]
    assert scores(lesions, lambda one, _: bytes_of(one + checkers(6) * local)).min() > 3


def test_a_coloured_grid_is_seen(lesions):
    """Red against green: their sum does not change."""
    colours = np.array([1.0, -1.0, 0.0])
    assert scores(lesions, lambda one, _: bytes_of(one + checkers(4) * colours)).min() > 2


def test_a_grid_counts_for_more_than_noise_of_the_same_energy(lesions):
    def noisy(one, i):
        return bytes_of(one + np.random.default_rng(i).normal(0, 4, one.shape))

    grid = scores(lesions, lambda one, _: bytes_of(one + checkers(4)))
    assert (grid > 1.8 * scores(lesions, noisy)).all()


def test_a_droplet_on_the_skin_is_seen(lesions):
    found = scores(lesions, lambda one, i: bytes_of(one + droplet(i)))
    assert np.median(found) > 2.5
    assert found.min() > 1.6


def test_larger_artifacts_score_higher(lesions):
    one = lesions[0]
    changed = [bytes_of(one + height * droplet(0, height=1.0)) for height in (20, 60, 120)]
    found = artifact_scores(np.stack(changed), one)
    assert (np.diff(found) > 0).all()


def test_it_is_the_same_after_mirroring_and_turning(lesions):
    one = lesions[1]
    changed = bytes_of(one + droplet(3) + checkers(3))
    plain = artifact_scores(changed[None], one)[0]
    for turned in (lambda x: x[:, ::-1], lambda x: x[::-1], np.rot90):
        again = artifact_scores(turned(changed)[None], turned(one))[0]
        assert again == pytest.approx(plain, rel=1e-4)


def test_it_is_the_score_of_each_picture_alone(lesions):
    one = lesions[2]
    changed = np.stack([bytes_of(one + checkers(k)) for k in (1, 3)])
    alone = [artifact_scores(each[None], one)[0] for each in changed]
    assert artifact_scores(changed, one).tolist() == alone


def test_a_flat_picture_with_the_strongest_grid_stays_below_the_bound():
    grey = np.full((SIDE, SIDE, 3), 128, np.uint8)
    grid = bytes_of(127.5 + checkers(127.5))
    found = artifact_scores(grid[None], grey)[0]
    assert 100 < found < LARGEST


@pytest.mark.parametrize("shape", [(8, 8), (16, 16), (31, 45), (224, 224)])
def test_any_size_has_a_score(shape):
    rng = np.random.default_rng(0)
    one = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    other = rng.integers(0, 256, (2, *shape, 3), dtype=np.uint8)
    assert artifact_scores(one[None], one).tolist() == [1.0]
    assert np.isfinite(artifact_scores(other, one)).all()
