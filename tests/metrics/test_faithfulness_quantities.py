"""Faithfulness of one heatmap: against captum, scipy, brute force and hand-worked values."""

import numpy as np
import pytest
import torch
from captum.metrics import infidelity as captum_infidelity
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr

from auditkit.errors import AuditError
from auditkit.metrics import NotEvaluable
from auditkit.metrics.faithfulness import (
    ALIKE_CHANGES,
    ALIKE_SUMS,
    NO_CHANGE,
    ONE_UNIT,
    ZERO_SUMS,
    curve_areas,
    infidelity,
    places_of,
    random_subset,
    sensitivity_n,
    unit_means,
)

RNG = np.random.default_rng(0)
floats = st.floats(-100, 100, allow_nan=False).map(lambda x: round(x, 3))
vectors = st.lists(st.tuples(floats, floats), min_size=2, max_size=12)


def test_infidelity_is_captums_with_the_best_scaling():
    weights, inputs = torch.randn(1, 12), torch.randn(1, 12)
    masks = torch.rand(40, 12) < 0.4
    attributions = weights * inputs + 0.3 * torch.randn(1, 12)

    def answer(x):
        return torch.tanh(x @ weights.T)[:, 0]

    def perturb(x):
        return masks.float(), x * ~masks

    theirs = captum_infidelity(
        answer, perturb, inputs, attributions, n_perturb_samples=40, normalize=True
    )
    sums = (masks * attributions).sum(dim=1)
    changes = answer(inputs) - answer(inputs * ~masks)
    found = infidelity(sums.numpy(), changes.numpy()) * float(changes.square().mean())
    assert found == pytest.approx(float(theirs), rel=1e-4)


def test_infidelity_is_the_least_of_all_scalings_that_keep_signs():
    for _ in range(20):
        sums, changes = RNG.standard_normal(15), RNG.standard_normal(15)
        scalings = np.linspace(0, 10, 20_001)[:, None]
        least = ((scalings * sums - changes) ** 2).mean(axis=1).min() / (changes**2).mean()
        assert infidelity(sums, changes) == pytest.approx(least, abs=1e-6)


def test_a_map_of_the_wrong_sign_is_no_better_than_zeros():
    assert infidelity([1.0, 2.0], [-1.0, -2.0]) == 1
    assert infidelity([1.0, 2.0], [3.0, 6.0]) == pytest.approx(0, abs=1e-12)


@given(vectors, st.floats(1e-3, 1e3))
def test_a_unit_changes_neither_infidelity_nor_sensitivity(pairs, scale):
    sums, changes = np.array(pairs).T
    for quantity in (infidelity, sensitivity_n):
        try:
            one = quantity(sums, changes)
        except NotEvaluable:
            continue
        assert quantity(scale * sums, changes) == pytest.approx(one, abs=1e-6)
        assert quantity(sums, scale * changes) == pytest.approx(one, abs=1e-6)
        low = 0 if quantity is infidelity else -1
        assert low <= one <= 1


def test_sensitivity_n_is_pearsons_correlation():
    for size in (2, 5, 50):
        sums, changes = RNG.standard_normal((2, size))
        assert sensitivity_n(sums, changes) == pytest.approx(pearsonr(sums, changes)[0])


@pytest.mark.parametrize(
    ("quantity", "sums", "changes", "reason"),
    [
        (infidelity, [1.0, 2.0], [0.0, 0.0], NO_CHANGE),
        (infidelity, [0.0, 0.0], [1.0, 2.0], ZERO_SUMS),
        (sensitivity_n, [1.0, 2.0], [0.0, 0.0], NO_CHANGE),
        (sensitivity_n, [1.0, 2.0], [0.3, 0.3], ALIKE_CHANGES),
        (sensitivity_n, [0.1 + 0.2, 0.3], [1.0, 2.0], ALIKE_SUMS),
    ],
)
def test_what_cannot_be_asked_has_a_reason(quantity, sums, changes, reason):
    with pytest.raises(NotEvaluable, match=reason):
        quantity(sums, changes)


def test_values_that_are_not_finite_are_refused():
    for quantity in (infidelity, sensitivity_n):
        with pytest.raises(AuditError, match="NaN"):
            quantity([np.nan, 1.0], [1.0, 2.0])
        with pytest.raises(AuditError, match="subsets"):
            quantity([1.0, 2.0], [1.0, 2.0, 3.0])


def test_areas_are_trapezoids_over_the_shares_really_removed():
    shares = np.array([[0, 0.1, 0.4, 0.4, 1.0]])
    values = RNG.random((1, 5))
    assert curve_areas(shares, values)[0] == pytest.approx(np.trapezoid(values[0], shares[0]))
    assert curve_areas(shares, np.full((1, 5), 0.7))[0] == pytest.approx(0.7)


@pytest.mark.parametrize("shares", [[[0.1, 1.0]], [[0.0, 0.9]], [[0.0, 0.6, 0.5, 1.0]], [0.0, 1.0]])
def test_shares_that_do_not_rise_from_0_to_1_are_refused(shares):
    with pytest.raises(AuditError):
        curve_areas(shares, np.ones(np.shape(shares)))


def test_every_subset_of_a_size_is_equally_likely():
    generator = np.random.default_rng(1)
    seen = np.zeros((4, 4))
    for _ in range(6000):
        chosen = np.flatnonzero(random_subset(4, 0.5, generator))
        seen[chosen[0], chosen[1]] += 1
    counts = seen[np.triu_indices(4, 1)]
    assert counts.sum() == 6000
    assert np.abs(counts - 1000).max() < 130  # 4.5 standard deviations


@given(st.integers(2, 50), st.floats(0.001, 0.999))
def test_a_subset_is_neither_empty_nor_everything(units, share):
    count = int(random_subset(units, share, np.random.default_rng(0)).sum())
    assert 1 <= count <= units - 1
    assert abs(count - share * units) <= 0.5 or count in (1, units - 1)


def test_one_unit_has_no_subsets():
    with pytest.raises(NotEvaluable, match=ONE_UNIT):
        random_subset(1, 0.5, np.random.default_rng(0))


def test_units_are_means_and_places_by_brute_force():
    units = RNG.integers(-1, 5, (2, 3, 4)).astype(np.int32)
    units.flat[:5] = range(5)
    heatmap = RNG.standard_normal((2, 3, 4))
    means = [heatmap[units == unit].mean() for unit in range(5)]
    assert unit_means(heatmap, units) == pytest.approx(means)
    chosen = RNG.random((7, 5)) < 0.5
    found = places_of(chosen, units)
    for row in range(7):
        assert np.array_equal(found[row], np.isin(units, np.flatnonzero(chosen[row])))
