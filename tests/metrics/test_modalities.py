"""Modality Shapley values against orders of arrival, and MI correlation against scipy."""

from itertools import permutations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from auditkit.errors import AuditError
from auditkit.metrics import NotEvaluable
from auditkit.metrics.modalities import (
    AGNOSTIC,
    NO_HEAT,
    NOT_FINITE,
    mi_correlation,
    modality_shapley,
    modality_shares,
    modality_sums,
    shapley_weights,
)

MODALITIES = st.integers(1, 5)
VALUES = MODALITIES.flatmap(lambda m: arrays(np.float64, 2**m, elements=st.floats(0, 1)))


def over_orders(values):
    """The mean over all orders of arrival of what a modality adds when it arrives."""
    count = len(values).bit_length() - 1
    total, orders = np.zeros(count), list(permutations(range(count)))
    for order in orders:
        present = 0
        for m in order:
            total[m] += values[present | 1 << m] - values[present]
            present |= 1 << m
    return total / len(orders)


@given(VALUES)
def test_shapley_values_are_the_mean_over_orders_of_arrival(values):
    np.testing.assert_allclose(modality_shapley(values), over_orders(values), atol=1e-12)


@given(VALUES)
def test_shapley_values_add_up_to_all_minus_none(values):
    assert modality_shapley(values).sum() == pytest.approx(values[-1] - values[0], abs=1e-12)


@given(VALUES)
def test_two_shapley_values_of_a_share_differ_by_one_at_most(values):
    # What bounds by how much cases that are missing can turn a ranking.
    found = modality_shapley(values)
    assert np.ptp(found) <= 1 + 1e-12


@given(VALUES, st.floats(0.1, 3), st.floats(-1, 1))
def test_shapley_values_scale_and_forget_a_constant(values, scale, shift):
    moved = modality_shapley(scale * values + shift)
    np.testing.assert_allclose(moved, scale * modality_shapley(values), atol=1e-10)


@given(MODALITIES)
def test_shapley_value_is_a_difference_of_two_averages(count):
    having, lacking = shapley_weights(count)
    np.testing.assert_allclose([having.sum(axis=0), lacking.sum(axis=0)], 1.0)
    assert having.min() >= 0
    assert lacking.min() >= 0
    for m in range(count):
        lacks = np.array([not subset >> m & 1 for subset in range(2**count)])
        assert not having[lacks, m].any()
        assert not lacking[~lacks, m].any()


def test_a_modality_that_adds_nothing_has_nothing_and_symmetric_ones_share():
    # An exclusive or of modalities 0 and 1; modality 2 tells nothing.
    values = [float((c & 1) and (c >> 1 & 1)) for c in range(8)]
    assert modality_shapley(values).tolist() == [0.5, 0.5, 0.0]


def test_many_resamples_at_once_and_undefined_ones_stay_undefined():
    values = np.random.default_rng(0).random((5, 8))
    values[2, 3] = np.nan
    found = modality_shapley(values)
    np.testing.assert_allclose(found[4], modality_shapley(values[4]))
    assert np.isnan(found[2]).all()
    assert np.isfinite(np.delete(found, 2, axis=0)).all()


@pytest.mark.parametrize("values", [[1.0], 1.0, [1.0, 2.0, 3.0], [0.0, np.inf]])
def test_other_numbers_of_subsets_are_refused(values):
    with pytest.raises(AuditError):
        modality_shapley(values)


@given(st.integers(3, 5), st.randoms(use_true_random=False))
def test_mi_correlation_is_that_of_scipy(count, random):
    phi = [random.choice([0.1, 0.2, 0.3, 0.4]) for _ in range(count)]
    shares = [random.choice([0.1, 0.2, 0.3, 0.4]) for _ in range(count)]
    if len(set(phi)) > 1 and len(set(shares)) > 1:
        oracle = scipy.stats.kendalltau(phi, shares).statistic
        assert mi_correlation(phi, shares) == pytest.approx(oracle, abs=1e-12)


def test_no_heatmap_of_four_modalities_can_be_significant():
    # What the docstring says of the smallest p-value, 2 / M!.
    p_value = scipy.stats.kendalltau([1, 2, 3, 4], [1, 2, 3, 4], method="exact").pvalue
    assert p_value == pytest.approx(2 / 24)
    assert p_value > 0.05


def test_sums_are_of_positive_heat_over_any_axes():
    heat = np.random.default_rng(0).normal(size=(3, 4, 5, 6)).astype(np.float32)
    expected = [sum(v for v in m.ravel().tolist() if v > 0) for m in heat]
    np.testing.assert_allclose(modality_sums(heat), expected, rtol=1e-6)
    np.testing.assert_allclose(modality_shares(heat), expected / np.sum(expected), atol=1e-8)


def test_a_map_drawn_once_for_all_modalities_has_no_correlation_and_says_so():
    one = np.random.default_rng(0).normal(size=(1, 8, 8, 8)).astype(np.float32)
    with pytest.raises(NotEvaluable) as why:
        mi_correlation([0.3, 0.2, 0.1, 0.0], modality_shares(np.repeat(one, 4, axis=0)))
    assert why.value.reason == AGNOSTIC


@pytest.mark.parametrize(
    ("heat", "reason"),
    [
        (np.zeros((2, 3, 3)), NO_HEAT),
        (np.full((2, 3, 3), -1.0), NO_HEAT),
        (np.array([[np.nan, 1.0], [0.0, 0.0]]), NOT_FINITE),
        (np.array([[-np.inf, 1.0], [0.0, 0.0]]), NOT_FINITE),
    ],
)
def test_maps_without_sums_say_why(heat, reason):
    with pytest.raises(NotEvaluable) as why:
        modality_shares(heat)
    assert why.value.reason == reason


def test_equal_importances_are_no_ranking():
    with pytest.raises(AuditError, match="no ranking"):
        mi_correlation([0.1, 0.1], [0.4, 0.6])
