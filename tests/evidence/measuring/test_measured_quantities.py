"""All quantities of a picture and its counterfactuals: hand-made differences, and true attributes."""

import numpy as np
import pytest
from skimage import color

from auditkit.data.load import load_data
from auditkit.evidence.measuring import REASONS, measure
from auditkit.evidence.measuring.quantities import COVERED, NO_LESION, NO_SKIN, NOT_LIT, UNKNOWN
from auditkit.metrics import NotEvaluable
from auditkit.spec.data_card import DataCard
from auditkit.spec.measured import QUANTITIES

SIDE = 64
SKIN, MOLE = (215, 170, 150), (110, 70, 55)
Y, X = np.mgrid[:SIDE, :SIDE] + 0.5
LESION = (X - 32) ** 2 + (Y - 32) ** 2 <= 12**2


def drawn(lesion=LESION, mole=MOLE, skin=SKIN):
    return np.where(lesion[..., None], np.uint8(mole), np.uint8(skin))


def lab(colour):
    return color.rgb2lab(np.uint8(colour).reshape(1, 1, 3)).reshape(3)


def reason_of(values, name):
    return values[name].reason if isinstance(values[name], NotEvaluable) else ""


def test_every_quantity_is_measured_and_within_its_bounds():
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    for picture in (drawn(), noise, np.zeros_like(noise), np.full_like(noise, 255)):
        for mask in (LESION, None):
            values = measure([picture, picture[::-1]], mask, 0.06)
            for one in values:
                assert set(one) == set(QUANTITIES)
                for name, value in one.items():
                    low, high = QUANTITIES[name].bounds
                    if isinstance(value, NotEvaluable):
                        assert value.reason in REASONS
                        assert isinstance(values[0][name], NotEvaluable)
                    else:
                        assert low <= value <= high


def test_uniform_colours_are_what_they_are():
    (values,) = measure([drawn()], LESION, 0.06)
    for axis, of_skin, of_mole in zip("Lab", lab(SKIN), lab(MOLE), strict=True):
        assert values[f"background.{axis}"] == pytest.approx(of_skin, abs=0.05)
        assert values[f"lesion.{axis}"] == pytest.approx(of_mole, abs=0.05)
    assert values["lesion.contrast"] == pytest.approx(lab(SKIN)[0] - lab(MOLE)[0], abs=0.1)
    assert values["lesion.redness"] == pytest.approx(lab(MOLE)[1] - lab(SKIN)[1], abs=0.1)
    assert values["lesion.area"] == pytest.approx(LESION.mean(), rel=0.05)
    assert values["hair"] == values["ruler"] == values["dark_corners"] == 0
    assert values["lesion.blue_white"] == 0
    brightness = LESION.mean() * lab(MOLE)[0] + (1 - LESION.mean()) * lab(SKIN)[0]
    assert values["brightness"] == pytest.approx(brightness, abs=0.05)


def test_two_colours_spread_and_a_blue_half_is_blue_white():
    two = drawn()
    two[LESION & (X > 32)] = (110, 125, 160)
    one, other = measure([drawn(), two], LESION, 0.06)
    assert other["lesion.colour_spread"] > one["lesion.colour_spread"] + 5
    assert other["lesion.blue_white"] == pytest.approx(0.5, abs=0.1)


def test_a_mesh_is_texture():
    mesh = drawn()
    mesh[LESION & ((X.astype(int) // 2 + Y.astype(int) // 2) % 2 > 0)] = (130, 85, 65)
    one, other = measure([drawn(), mesh], LESION, 0.06)
    assert other["lesion.texture"] > one["lesion.texture"] + 3


def test_a_halo_of_the_lesion_belongs_to_neither():
    halo = drawn()
    distance = np.hypot(X - 32, Y - 32) - 12
    halo[(distance > 0) & (distance < 3)] = (255, 0, 0)
    plain, other = measure([drawn(), halo], LESION, 0.06)
    for name in ("background.a", "background.u", "lesion.a", "lesion.L"):
        assert other[name] == pytest.approx(plain[name], abs=0.05)
    _, leaking = measure([drawn(), halo], LESION, 0.0)
    assert leaking["background.a"] == pytest.approx(plain["background.a"], abs=0.05)  # a median


def test_hair_and_dark_corners_of_one_picture_count_in_none():
    hairy, cornered = drawn(), drawn()
    hairy[:, 20:22] = hairy[:, 40:42] = 20
    cornered[np.hypot(X - 32, Y - 32) > 36] = 3
    noise = np.random.default_rng(0).integers(0, 6, (SIDE, SIDE, 3)).astype(np.uint8)
    values = measure([one + noise for one in (drawn(), hairy, cornered)], LESION, 0.06)
    for name in ("background.L", "background.a", "lesion.L", "lesion.a", "sharpness"):
        assert values[1][name] == pytest.approx(values[0][name], abs=0.05)
        assert values[2][name] == pytest.approx(values[0][name], abs=0.05)
    assert values[1]["hair"] > 0.04
    assert values[2]["dark_corners"] == pytest.approx(
        (np.hypot(X - 32, Y - 32) > 36).mean(), abs=0.02
    )


def test_places_are_those_of_the_annotation_and_shapes_those_of_each_picture():
    larger = drawn((X - 32) ** 2 + (Y - 32) ** 2 <= 15**2)
    one, other = measure([drawn(), larger], LESION, 0.06)
    assert other["lesion.L"] == pytest.approx(one["lesion.L"], abs=0.05)
    assert other["lesion.area"] / one["lesion.area"] == pytest.approx((15 / 12) ** 2, rel=0.06)


def test_without_annotation_the_lesion_of_the_image_itself_stands_in():
    changed = drawn(mole=(60, 40, 30))
    with_it = measure([drawn(), changed], LESION, 0.06)
    without = measure([drawn(), changed], None, 0.06)
    for one, other in zip(with_it, without, strict=True):
        for name in QUANTITIES:
            assert other[name] == pytest.approx(one[name], abs=0.02)


def test_reasons():
    plain = drawn(mole=SKIN)
    image, other = measure([drawn(), plain], LESION, 0.06)
    assert reason_of(image, "lesion.area") == reason_of(other, "lesion.area") == NO_LESION
    assert not reason_of(other, "background.L")
    (nothing,) = measure([plain], None, 0.06)
    assert reason_of(nothing, "background.a") == reason_of(nothing, "lesion.contrast") == UNKNOWN
    assert not reason_of(nothing, "brightness")
    (whole,) = measure([drawn()], np.ones_like(LESION), 0.06)
    assert reason_of(whole, "background.L") == reason_of(whole, "lesion.L") == NO_SKIN
    dot = np.zeros_like(LESION)
    dot[30:32, 30:32] = True
    (small,) = measure([drawn()], dot, 0.06)
    assert reason_of(small, "lesion.L") == COVERED
    assert not reason_of(small, "background.L")
    comb = np.full((128, 128, 3), 200, np.uint8)
    comb[np.arange(128) % 5 < 2] = comb[:, :2] = 0
    (nowhere,) = measure([comb], None, 0.06)
    assert reason_of(nowhere, "brightness") == reason_of(nowhere, "sharpness") == NOT_LIT


def test_the_order_of_counterfactuals_does_not_matter():
    pictures = [drawn(), drawn(mole=(60, 40, 30)), drawn(skin=(190, 150, 140))]
    one = measure(pictures, LESION, 0.06)
    other = measure([pictures[0], pictures[2], pictures[1]], LESION, 0.06)
    assert one == [other[0], other[2], other[1]]


DATA = load_data(
    DataCard.model_validate(
        {
            "data": "lesions",
            "task": "melanoma",
            "format": "synthetic-dermoscopy",
            "with": {"n": 12, "seed": 11, "size": 96},
        }
    )
)


@pytest.mark.parametrize(
    ("attribute", "low", "high", "name", "sign"),
    [
        ("tint", -0.5, 0.5, "background.a", 1),
        ("skin_tone", 0.1, 0.6, "background.L", -1),
        ("darkness", 0.2, 0.9, "lesion.contrast", 1),
        ("redness", 0.0, 1.0, "lesion.redness", 1),
        ("size", 0.2, 0.7, "lesion.area", 1),
        ("hair", 0.2, 0.8, "hair", 1),
        ("ruler", 0.3, 1.0, "ruler", 1),
        ("dark_corner", 0.2, 1.0, "dark_corners", 1),
    ],
)
def test_true_attributes_move_what_measures_them(attribute, low, high, name, sign):
    for index in range(3):
        redrawn = [DATA.intervened(index, attribute, value) for value in (low, high)]
        _, lower, higher = measure([DATA.image(index), *redrawn], DATA.mask(index), 0.06)
        assert sign * (higher[name] - lower[name]) > 0
