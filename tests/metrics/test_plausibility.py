"""FP and MSFI against brute force, hand-worked values and what the published code does."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from auditkit.errors import AuditError
from auditkit.metrics import NotEvaluable
from auditkit.metrics.plausibility import (
    EMPTY_ANNOTATION,
    dilated,
    feature_portion,
    modality_portions,
    modality_weights,
    msfi,
    msfi_gradient,
    msfi_range,
    widened_as_published,
)
from auditkit.metrics.plausibility_estimates import (
    ModalityImportance,
    msfi_difference,
    msfi_mean,
)
from auditkit.stats import mean
from auditkit.stats.two_groups import group_difference

RNG = np.random.default_rng(0)
TUMOUR = np.zeros((4, 6, 6, 5), bool)
TUMOUR[:, 1:4, 2:5, 1:3] = True
T1, T1C, T2, FLAIR = range(4)


def oracle(modality):
    heat = np.zeros(TUMOUR.shape)
    heat[modality] = TUMOUR[modality]
    return heat


def brute_msfi(heat, mask, phi):
    """Eqs. 2 to 4, voxel by voxel."""
    total = weight = 0.0
    for m in range(len(heat)):
        inside = outside = 0.0
        for index in np.ndindex(heat[m].shape):
            value = max(heat[m][index], 0.0)
            inside, outside = (
                (inside + value, outside) if mask[m][index] else (inside, outside + value)
            )
        counted = max(phi[m], 0.0)
        weight += counted
        if inside + outside > 0:
            total += counted * inside / (inside + outside)
    return total / weight


def test_oracle_on_the_modality_that_alone_counts_has_msfi_one_and_on_another_zero():
    assert msfi(oracle(T1C), TUMOUR, [0, 1, 0, 0]) == 1.0
    assert msfi(oracle(FLAIR), TUMOUR, [0, 1, 0, 0]) == 0.0


def test_oracle_with_estimated_importance_has_the_modalitys_weight():
    phi = [0.02, 0.36, -0.01, 0.1]
    assert msfi(oracle(T1C), TUMOUR, phi) == pytest.approx(0.36 / 0.48)
    assert msfi(oracle(FLAIR), TUMOUR, phi) == pytest.approx(0.1 / 0.48)
    assert msfi(oracle(T2), TUMOUR, phi) == 0.0


def test_oracle_on_every_modality_has_msfi_and_fp_one():
    heat = np.where(TUMOUR, 0.3, -2.0)
    assert msfi(heat, TUMOUR, [0.1, 0.7, 0.1, 0.1]) == pytest.approx(1.0)
    assert feature_portion(heat, TUMOUR) == 1.0


@given(
    arrays(np.float64, (3, 2, 3), elements=st.floats(-5, 5)),
    arrays(np.bool_, (3, 2, 3)),
    st.lists(st.floats(-1, 1), min_size=3, max_size=3),
)
def test_msfi_is_that_of_the_equations_voxel_by_voxel(heat, mask, phi):
    heat = np.round(heat, 3)
    if heat.max() <= 0 or not mask.any() or max(phi) <= 1e-3:
        return
    found = msfi(heat, mask, phi)
    assert found == pytest.approx(brute_msfi(heat, mask, phi), abs=1e-12)
    assert 0 <= found <= 1 + 1e-12


def test_fp_pools_modalities_and_msfi_does_not():
    heat, mask = np.array([[9.0, 1.0], [0.0, 1.0]]), np.array([[True, False], [True, False]])
    assert feature_portion(heat, mask) == pytest.approx(9 / 11)
    assert msfi(heat, mask, [1, 1]) == pytest.approx((0.9 + 0) / 2)


def test_one_modality_has_msfi_equal_to_fp():
    heat, mask = RNG.normal(size=(1, 5, 5)), RNG.random((1, 5, 5)) < 0.3
    assert msfi(heat, mask, [0.4]) == pytest.approx(feature_portion(heat, mask))


def test_negative_heat_does_not_count():
    heat, mask = RNG.normal(size=(2, 6, 6)), RNG.random((2, 6, 6)) < 0.3
    without = np.maximum(heat, 0)
    assert feature_portion(heat, mask) == feature_portion(without, mask)
    assert msfi(heat, mask, [1, 2]) == msfi(without, mask, [1, 2])


@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e300])
def test_unit_of_the_heat_does_not_matter(unit):
    heat, mask = np.array([[[1.0, 3.0]], [[2.0, 2.0]]]), np.array([[[True, False]]] * 2)
    assert msfi(unit * heat, mask, [1, 1]) == pytest.approx(0.375)
    assert feature_portion(unit * heat, mask) == pytest.approx(3 / 8)


def test_modality_without_positive_heat_contributes_zero_and_is_told():
    heat = np.array([[[1.0, 1.0]], [[-1.0, 0.0]]])
    mask = np.array([[[True, False]]] * 2)
    portions, silent = modality_portions(heat, mask)
    assert portions.tolist() == [0.5, 0.0]
    assert silent.tolist() == [False, True]
    assert msfi(heat, mask, [1, 1]) == 0.25


@pytest.mark.parametrize(
    ("heat", "mask", "reason"),
    [
        (np.zeros((1, 2, 2)), np.ones((1, 2, 2), bool), "without positive"),
        (-np.ones((1, 2, 2)), np.ones((1, 2, 2), bool), "without positive"),
        (np.full((1, 2, 2), np.nan), np.ones((1, 2, 2), bool), "NaN"),
        (np.ones((1, 2, 2)), np.zeros((1, 2, 2), bool), EMPTY_ANNOTATION),
    ],
)
def test_what_has_no_portion_is_not_evaluable(heat, mask, reason):
    for scored in (feature_portion, modality_portions, lambda h, m: msfi(h, m, [1])):
        with pytest.raises(NotEvaluable, match=reason):
            scored(heat, mask)


def test_mask_of_another_grid_is_refused():
    with pytest.raises(AuditError, match=r"\(1, 2, 2\), annotation \(1, 4, 4\)"):
        feature_portion(np.ones((1, 2, 2)), np.ones((1, 4, 4), bool))
    with pytest.raises(AuditError, match="bool"):
        feature_portion(np.ones((1, 2, 2)), np.ones((1, 2, 2)))


def test_weights_that_leave_nothing_are_refused():
    with pytest.raises(AuditError, match="no modality has an importance above 0"):
        modality_weights([0.0, -0.1])
    with pytest.raises(AuditError, match="equally important"):
        modality_weights([0.2, 0.2], "glioma-2022")
    with pytest.raises(AuditError, match="negative"):
        modality_weights([0.2, -0.1], "knee-2022")


def published_msfi(portions, phi, minmax):
    """What `compute_mfsi` of the published code does to one row."""
    scaled = (phi - phi.min()) / (phi.max() - phi.min()) if minmax else phi * (1 / phi.max())
    return (portions * scaled).sum() / scaled.sum()


@pytest.mark.parametrize(("compat", "minmax"), [("glioma-2022", True), ("knee-2022", False)])
def test_compat_follows_the_published_weights_and_widening(compat, minmax):
    heat, mask = np.maximum(RNG.normal(size=(3, 40, 40, 2)), 0), np.zeros((3, 40, 40, 2), bool)
    mask[:, 18:21, 18:22, 1] = True
    phi = np.array([0.3, 0.05, 0.12])
    wide = mask.copy()
    if minmax:
        for m in range(3):
            for plane in range(2):
                structure = np.ones((20, 20))
                wide[m, :, :, plane] = ndimage.binary_dilation(mask[m, :, :, plane], structure)
    portions = np.array([h[w].sum() / h.sum() for h, w in zip(heat, wide, strict=True)])
    assert msfi(heat, mask, phi, compat) == pytest.approx(published_msfi(portions, phi, minmax))


def test_published_widening_of_a_plane_is_a_square_of_twenty_pixels():
    pixel = np.zeros((1, 50, 50), bool)
    pixel[0, 25, 25] = True
    found = widened_as_published(pixel)
    assert found.sum() == 400
    assert found[0].any(axis=0).sum() == 20


def test_dilation_reaches_so_many_pixels_in_every_direction_and_no_other_modality():
    mask = RNG.random((2, 9, 8, 7)) < 0.02
    expected = np.stack([ndimage.binary_dilation(m, np.ones((5, 5, 5))) for m in mask])
    assert (dilated(mask, 2) == expected).all()
    assert dilated(mask, 0) is mask


@pytest.mark.parametrize("compat", [None, "glioma-2022", "knee-2022"])
@pytest.mark.parametrize("phi", [[0.3, 0.1, 0.02], [0.25, 0.31, 0.1]])
def test_gradient_is_that_of_finite_differences(compat, phi):
    portions, step = np.array([0.7, 0.2, 0.5]), 1e-6
    numeric = [
        (
            portions @ modality_weights(phi + step * np.eye(3)[m], compat)
            - portions @ modality_weights(phi - step * np.eye(3)[m], compat)
        )
        / (2 * step)
        for m in range(3)
    ]
    assert msfi_gradient(phi, portions, compat) == pytest.approx(numeric, abs=1e-6)


def test_gradient_of_a_modality_that_does_not_count_is_zero():
    assert msfi_gradient([0.3, -0.1], [0.2, 0.9]).tolist() == [0.0, 0.0]


def drawn(n=60):
    portions = RNG.beta(2, 3, size=(n, 3))
    per_case = RNG.choice([-0.5, 0.0, 0.5, 1.0], size=(n, 3), p=[0.1, 0.3, 0.3, 0.3])
    return portions, ModalityImportance(per_case.mean(axis=0), per_case)


def test_given_importance_leaves_the_plain_mean_and_welchs_difference():
    portions, estimated = drawn()
    given_ = ModalityImportance(estimated.phi)
    weights = modality_weights(given_.phi)
    rows, right = np.ones(60, bool), np.arange(60) % 4 > 0
    found, plain = msfi_mean(portions, rows, given_), mean(portions @ weights, bounds=(0, 1))
    assert (found.value, found.low, found.high) == (plain.value, plain.low, plain.high)
    apart, welch = (
        msfi_difference(portions, right, rows, given_),
        group_difference(right, portions @ weights),
    )
    assert apart.value == pytest.approx(welch.value)
    assert (apart.low, apart.high) == pytest.approx((welch.low, welch.high))


def test_error_of_the_estimated_importance_is_that_of_the_jackknife():
    portions, estimated = drawn()
    rows, n = np.ones(60, bool), 60
    found = msfi_mean(portions, rows, estimated)

    def value(kept):
        weights = modality_weights(estimated.per_case[kept].mean(axis=0))
        return portions[kept].mean(axis=0) @ weights

    left_out = np.array([value(np.arange(n) != i) for i in range(n)])
    jackknife = np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())
    half = (found.high - found.low) / 2
    assert half / 2.0 == pytest.approx(jackknife, rel=0.06)
    fixed = msfi_mean(portions, rows, ModalityImportance(estimated.phi))
    assert found.high - found.low > fixed.high - fixed.low


def test_images_without_a_score_do_not_reach_the_mean():
    portions, estimated = drawn()
    rows = np.arange(60) < 50
    damaged = portions.copy()
    damaged[50:] = np.nan
    clean, found = msfi_mean(portions, rows, estimated), msfi_mean(damaged, rows, estimated)
    assert found == clean
    right = np.arange(60) % 3 > 0
    first, second = (
        msfi_difference(given_, right, rows, estimated) for given_ in (portions, damaged)
    )
    assert first == second


def test_oracle_with_estimated_importance_still_has_an_interval():
    _, estimated = drawn()
    oracle_portions = np.zeros((60, 3))
    oracle_portions[:, 0] = 1.0
    found = msfi_mean(oracle_portions, np.ones(60, bool), estimated)
    assert found.value == pytest.approx(modality_weights(estimated.phi)[0])
    assert found.low < found.value < found.high


def test_too_few_wrong_decisions_are_a_reason():
    portions, estimated = drawn()
    for wrong in (0, 1):
        right = np.arange(60) >= wrong
        with pytest.raises(AuditError, match="at least two"):
            msfi_difference(portions, right, np.ones(60, bool), estimated)


def test_patients_with_equal_images_count_once():
    portions, estimated = drawn(30)
    twice = ModalityImportance(estimated.phi, np.repeat(estimated.per_case, 2, axis=0))
    once = msfi_mean(portions, np.ones(30, bool), estimated)
    found = msfi_mean(
        np.repeat(portions, 2, axis=0), np.ones(60, bool), twice, np.repeat(np.arange(30), 2)
    )
    assert (found.low, found.high) == pytest.approx((once.low, once.high))


@pytest.mark.parametrize("seed", range(20))
def test_weights_of_unseen_cases_reach_the_ends_of_the_range_and_no_further(seed):
    rng = np.random.default_rng(seed)
    count, unseen = int(rng.integers(2, 5)), float(rng.uniform(0, 0.4))
    phi, portions = rng.uniform(-0.3, 0.6, count), rng.uniform(-1, 1, count)
    phi[0] = 0.5
    low, high = msfi_range(phi, portions, unseen)
    inside = [rng.uniform(-1, 1, count) for _ in range(300)]
    corners = [np.array(corner) for corner in product((-1.0, 1.0), repeat=count)]
    reached = []
    for other in (*inside, *corners):
        moved = (1 - unseen) * phi + unseen * other
        if moved.max() > 0:
            reached.append(modality_weights(moved) @ portions)
    assert (min(reached), max(reached)) == (pytest.approx(low), pytest.approx(high))


def test_published_weights_of_unseen_cases_may_be_anything():
    portions = [0.2, 0.9, 0.4]
    for compat in ("glioma-2022", "knee-2022"):
        assert msfi_range([0.5, 0.3, 0.1], portions, 0.01, compat) == (0.2, 0.9)
