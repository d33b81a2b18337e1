"""Spearman's rho against scipy, and its interval."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from auditkit.errors import AuditError
from auditkit.stats.rank_correlation import spearman, weighted_spearman

RNG = np.random.default_rng(2)
X = np.round(RNG.normal(size=40), 1)
Y = np.round(0.6 * X + RNG.normal(size=40), 1)


def test_rho_is_scipys_with_ties():
    assert spearman(X, Y).value == pytest.approx(spearmanr(X, Y).statistic)


@given(st.lists(st.integers(0, 3), min_size=40, max_size=40))
def test_weights_are_copies(weights):
    chosen = np.repeat(np.arange(40), weights)
    found = weighted_spearman(X, Y)(np.array([weights], float))[0]
    if chosen.size < 2 or np.ptp(X[chosen]) == 0 or np.ptp(Y[chosen]) == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(spearmanr(X[chosen], Y[chosen]).statistic)


def test_only_ranks_matter():
    found, other = spearman(X, Y), spearman(np.exp(X), Y**3)
    assert (found.value, found.low, found.high) == (other.value, other.low, other.high)


def test_perfect_agreement_has_a_bound_and_no_point():
    found = spearman(np.arange(12.0), np.arange(12.0) ** 2)
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0 < found.low < 0.95
    assert spearman(np.arange(12.0), -np.arange(12.0)).value == -1.0


def test_patients_are_the_units():
    patients = np.arange(40)
    once = spearman(X, Y, patients)
    many = spearman(np.repeat(X, 4), np.repeat(Y, 4), np.repeat(patients, 4))
    assert many.high - many.low == pytest.approx(once.high - once.low, rel=0.05)
    assert (many.n, many.clusters) == (160, 40)


def test_constant_values_and_few_images_are_refused():
    with pytest.raises(AuditError, match="constant"):
        spearman(np.ones(10), np.arange(10.0))
    with pytest.raises(AuditError, match="4 images"):
        spearman(np.arange(4.0), np.arange(4.0))


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_interval_covers_the_truth(rho):
    rng = np.random.default_rng(5)
    true, hits = 6 / np.pi * np.arcsin(rho / 2), []
    for _ in range(150):
        x = rng.normal(size=50)
        y = rho * x + np.sqrt(1 - rho**2) * rng.normal(size=50)
        found = spearman(x, y, replicates=400)
        hits.append(found.low <= true <= found.high)
    assert np.mean(hits) > 0.9
