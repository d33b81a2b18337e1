"""Synthetic dermoscopy: every picture is its own, and only what was changed changes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from skimage.color import rgb2luv
from skimage.measure import label as components
from sklearn.metrics import roc_auc_score

from auditkit.data.synthetic.dermoscopy import (
    ATTRIBUTES,
    malignancy_logit,
    render,
    sample_case,
    with_attribute,
)
from auditkit.data.synthetic.noise import View, smooth_noise, stream
from auditkit.data.synthetic.scene import FULL_TINT, colour_cast, srgb
from auditkit.errors import AuditError

SHAPE = {"size", "border_irregularity", "asymmetry"}
LESION = [name for name, known in ATTRIBUTES.items() if known.kind == "lesion"]
ACQUISITION = [name for name, known in ATTRIBUTES.items() if known.kind == "acquisition"]


@pytest.fixture(scope="module")
def population():
    return [sample_case(11, index) for index in range(6000)]


def column(cases, name):
    return np.array([case.attributes[name] for case in cases])


def test_twenty_attributes_are_documented():
    assert len(ATTRIBUTES) == 20
    assert len(LESION) == 11
    assert all(known.meaning and known.low < known.high for known in ATTRIBUTES.values())


def test_same_seed_and_index_give_the_same_picture_and_another_index_another():
    image, mask = render(sample_case(3, 5), 64)
    again, mask_again = render(sample_case(3, 5), 64)
    other, _ = render(sample_case(3, 6), 64)
    other_seed, _ = render(sample_case(4, 5), 64)
    np.testing.assert_array_equal(image, again)
    np.testing.assert_array_equal(mask, mask_again)
    assert (image != other).mean() > 0.5
    assert (image != other_seed).mean() > 0.5


def test_a_picture_does_not_depend_on_order_or_on_the_others():
    forward = [render(sample_case(3, index), 32)[0] for index in range(4)]
    backward = [render(sample_case(3, index), 32)[0] for index in reversed(range(4))]
    np.testing.assert_array_equal(forward, backward[::-1])


def test_image_and_mask_have_the_promised_shape_and_type():
    image, mask = render(sample_case(3, 0), 48)
    assert image.shape == (48, 48, 3)
    assert image.dtype == np.uint8
    assert mask.shape == (48, 48)
    assert mask.dtype == np.bool_


def test_a_larger_rendering_shows_the_same_scene():
    case = sample_case(3, 2)
    (small, small_mask), (large, large_mask) = render(case, 64), render(case, 128)
    pooled = large.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.abs(pooled - small).mean() < 6.0
    assert abs(small_mask.mean() - large_mask.mean()) < 0.01


def test_masks_are_one_piece_of_sensible_area_and_darker_than_the_skin():
    darker = 0
    for index in range(60):
        case = sample_case(8, index)
        for name in ("hair", "ruler", "dark_corner", "gel_bubble"):
            case = with_attribute(case, name, 0.0)
        image, mask = render(case, 64)
        assert 0.03 < mask.mean() < 0.6
        assert components(mask).max() == 1
        darker += image[mask].mean() < image[~mask].mean()
    assert darker >= 54


@pytest.mark.parametrize("name", sorted(set(ATTRIBUTES) - SHAPE))
def test_only_shape_attributes_move_the_mask(name):
    case = sample_case(3, 9)
    low = render(with_attribute(case, name, ATTRIBUTES[name].low), 64)
    high = render(with_attribute(case, name, ATTRIBUTES[name].high), 64)
    np.testing.assert_array_equal(low[1], high[1])
    assert (low[0] != high[0]).any()


@pytest.mark.parametrize("name", sorted(SHAPE))
def test_shape_attributes_move_the_mask(name):
    case = sample_case(3, 9)
    low = render(with_attribute(case, name, 0.0), 64)[1]
    high = render(with_attribute(case, name, 1.0), 64)[1]
    assert (low != high).any()


def test_hair_leaves_every_pixel_beside_a_hair_untouched():
    case = with_attribute(sample_case(3, 9), "hair", 0.0)
    bald, hairy = render(case)[0], render(with_attribute(case, "hair", 0.3))[0]
    changed = (bald != hairy).any(axis=-1)
    assert 0.01 < changed.mean() < 0.25
    assert hairy[changed].mean() < bald[changed].mean()


@pytest.mark.parametrize("name", sorted(set(LESION) - SHAPE - {"redness"}))
def test_pigment_attributes_leave_the_skin_untouched(name):
    case = sample_case(3, 14)
    low = render(with_attribute(case, name, ATTRIBUTES[name].low))[0]
    high, mask = render(with_attribute(case, name, ATTRIBUTES[name].high))
    row, column_ = np.nonzero(mask)
    centre = row.mean(), column_.mean()
    distance = np.hypot(*(np.indices(mask.shape) - np.array(centre)[:, None, None]))
    far = distance > 1.25 * distance[mask].max()
    assert far.sum() > 1000
    np.testing.assert_array_equal(low[far], high[far])


def test_tint_is_a_shift_of_u_star_alone():
    light = np.random.default_rng(0).uniform(0.15, 0.6, (3, 16, 16)).astype(np.float32)
    before, after = (
        rgb2luv(np.moveaxis(srgb(colour_cast(value, light)), 0, -1)) for value in (0.0, 0.5)
    )
    np.testing.assert_allclose(
        after - before, np.broadcast_to([0.0, FULL_TINT / 2, 0.0], before.shape), atol=0.05
    )


def test_changing_one_attribute_changes_nothing_else_of_the_case():
    case = sample_case(3, 9)
    changed = with_attribute(case, "tint", 0.25)
    assert changed.attributes == {**case.attributes, "tint": 0.25}
    assert (changed.label, changed.patient, changed.seed, changed.index) == (
        case.label,
        case.patient,
        case.seed,
        case.index,
    )


def test_label_is_independent_of_every_acquisition_attribute(population):
    labels = [case.label for case in population]
    for name in ACQUISITION:
        # Four standard errors of an AUROC of .5 at these counts.
        assert abs(roc_auc_score(labels, column(population, name)) - 0.5) < 0.03, name


def test_prevalence_is_about_two_fifths(population):
    assert abs(np.mean([case.label for case in population]) - 0.4) < 0.03


def test_true_severity_separates_with_label_noise(population):
    labels = np.array([case.label for case in population])
    logits = np.array([malignancy_logit(case.attributes) for case in population])
    assert 0.90 < roc_auc_score(labels, logits) < 0.94
    # Calibrated: the labels are Bernoulli draws of the stated probability.
    assert abs(labels.mean() - expit(logits).mean()) < 0.02


def test_border_and_asymmetry_contribute_little(population):
    case = population[0].attributes
    spans = {
        name: abs(
            malignancy_logit({**case, name: ATTRIBUTES[name].high})
            - malignancy_logit({**case, name: ATTRIBUTES[name].low})
        )
        for name in LESION
    }
    assert spans["border_irregularity"] + spans["asymmetry"] < 0.1 * sum(spans.values())


def test_attributes_stay_in_their_ranges_and_reach_most_of_them(population):
    for name, known in ATTRIBUTES.items():
        values = column(population, name)
        assert values.min() >= known.low, name
        assert values.max() <= known.high, name
        assert np.ptp(values) > 0.85 * (known.high - known.low), name


def test_tint_follows_the_label_only_when_asked():
    coupled = [sample_case(11, index, tint_follows_label=1.0) for index in range(1500)]
    labels = [case.label for case in coupled]
    assert 0.93 < roc_auc_score(labels, column(coupled, "tint")) < 0.995
    for index in range(20):
        plain = sample_case(11, index).attributes
        assert {**coupled[index].attributes, "tint": plain["tint"]} == plain


def test_cases_without_an_option_are_those_that_were_drawn_before_there_was_one():
    ruled = [index for index in range(40) if sample_case(2026, index).attributes["ruler"] > 0]
    assert ruled == [1, 4, 11, 13, 15, 35, 36, 37]
    kept = sample_case(2026, 4, images_per_patient=2).attributes
    known = {"ruler": 0.926568758029, "hair": 0.0, "skin_tone": 0.650228696329}
    known |= {"brightness": 0.459134295184, "tint": 0.082243755996}
    assert {name: kept[name] for name in known} == pytest.approx(known)


def test_rulers_lie_beside_benign_lesions_only_when_asked_and_change_nothing_else():
    coupled = [sample_case(11, index, rulers_in_benign=0.5) for index in range(1500)]
    labels, ruled = np.array([case.label for case in coupled]), column(coupled, "ruler") > 0
    assert not ruled[labels == 1].any()
    assert 0.45 < ruled[labels == 0].mean() < 0.55
    plain = [sample_case(11, index) for index in range(1500)]
    assert 0.17 < (column(plain, "ruler") > 0).mean() < 0.23
    for one, other in zip(coupled[:50], plain[:50], strict=True):
        assert with_attribute(one, "ruler", other.attributes["ruler"]) == other


def test_images_of_one_patient_share_skin_and_device_but_not_the_lesion():
    cases = [sample_case(11, index, images_per_patient=4) for index in range(2000)]
    assert len({case.patient for case in cases}) == 500
    assert cases[0].patient == cases[3].patient != cases[4].patient

    def shared(name):
        values = column(cases, name).reshape(-1, 4)
        return np.corrcoef(values[:, 0], values[:, 3])[0, 1]

    assert shared("skin_tone") > 0.95
    assert shared("tint") > 0.6
    assert shared("colour_temperature") > 0.6
    assert abs(shared("hair")) < 0.2
    severity = np.array([malignancy_logit(case.attributes) for case in cases]).reshape(-1, 4)
    assert 0.05 < np.corrcoef(severity[:, 0], severity[:, 3])[0, 1] < 0.5


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 10**6))
def test_any_seed_and_index_can_be_drawn(seed, index):
    case = sample_case(seed, index)
    assert case.label in (0, 1)
    assert math.isfinite(malignancy_logit(case.attributes))
    assert render(case, 16)[0].std() > 0


def test_smooth_noise_has_unit_variance_everywhere():
    fields = smooth_noise(stream(1, 0, "test"), View(24), 5, 4000)
    np.testing.assert_allclose(fields.std(axis=0), 1.0, atol=0.06)
    np.testing.assert_allclose(fields.mean(axis=0), 0.0, atol=0.07)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((-1, 0), {}),
        ((0, -1), {}),
        ((0, 0), {"images_per_patient": 0}),
        ((0, 0), {"tint_follows_label": 1.5}),
        ((0, 0), {"rulers_in_benign": -0.5}),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, options):
    with pytest.raises(AuditError, match="out of range"):
        sample_case(*arguments, **options)


def test_unknown_attributes_and_values_out_of_range_are_refused():
    case = sample_case(0, 0)
    with pytest.raises(AuditError, match="no attribute 'pinkness'"):
        with_attribute(case, "pinkness", 0.5)
    with pytest.raises(AuditError, match="from -1 to 1"):
        with_attribute(case, "tint", 1.5)
    with pytest.raises(AuditError, match="from 0 to 1"):
        with_attribute(case, "hair", float("nan"))
