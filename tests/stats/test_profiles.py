"""Correlations of profiles: by hand where there is no noise, and of what lies beneath it where there is."""

import numpy as np
import pytest

from auditkit.errors import AuditError
from auditkit.stats.inputs import cluster_images
from auditkit.stats.profiles import profile_correlation

PATIENTS = 50


def resampled(rng, changes, draws=300):
    """(B, K, m) means of resampled patients, of changes (n, K, m)."""
    n = len(changes)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=draws) / n
    return np.tensordot(weights, changes, 1)


def correlated(changes, rng, draws=300):
    groups = cluster_images(None, len(changes))
    return profile_correlation(changes.mean(axis=0), resampled(rng, changes, draws), groups)


def test_without_noise_it_is_the_mean_of_the_correlations():
    values = np.random.default_rng(0).normal(size=(4, 9))
    found = profile_correlation(values, np.tile(values, (50, 1, 1)), cluster_images(None, 20))
    table = np.corrcoef(values)
    assert found.value == pytest.approx(table[np.triu_indices(4, 1)].mean())
    assert (
        found.low < found.value < found.high
    )  # 20 patients without a deviation are not all patients


def test_the_noise_that_is_taken_off_is_that_of_spearmans_correction():
    """Noise of one standard error apart in each training: r S_jk / (S_jj - V), with V known by hand."""
    values = np.array([[2.0, 0.0, -2.0, 1.0], [1.0, 1.0, -2.0, 2.0]])
    noise = np.array([1.0, -1.0, 1.0, -1.0]) * 0.3
    # Independent between trainings: all four combinations of signs.
    drawn = np.stack([values + np.array([[a], [b]]) * noise for a in (-1, 1) for b in (-1, 1)] * 25)
    found = profile_correlation(values, drawn, cluster_images(None, 10**6))
    covariance, own = np.cov(values), noise.var(ddof=1)
    expected = covariance[0, 1] / np.sqrt((covariance[0, 0] - own) * (covariance[1, 1] - own))
    assert found.value == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shared", [0.0, 0.7])
def test_the_correlation_beneath_the_noise_is_covered(shared):
    rng, hits, errors, runs = np.random.default_rng(1), 0, [], 120
    for _ in range(runs):
        base = 0.8 * rng.normal(size=12)
        true = base + 0.6 * rng.normal(size=(3, 12))
        truth = np.corrcoef(true)[np.triu_indices(3, 1)].mean()
        common = rng.normal(size=(PATIENTS, 1, 12))
        apart = rng.normal(size=(PATIENTS, 3, 12))
        changes = true + np.sqrt(shared) * common + np.sqrt(1 - shared) * apart
        found = correlated(changes, rng)
        hits += found.low <= truth <= found.high
        errors.append(found.value - truth)
    assert hits / runs > 0.87
    assert abs(np.mean(errors)) < 0.02


def test_one_training_twice_correlates_perfectly_however_noisy():
    rng = np.random.default_rng(2)
    changes = np.repeat(rng.normal(0.5, 1.0, (PATIENTS, 1, 8)) * np.arange(8), 2, axis=1)
    assert correlated(changes, rng).value == pytest.approx(1.0)


def test_profiles_that_are_noise_give_a_reason():
    rng = np.random.default_rng(3)
    with pytest.raises(AuditError, match="no profile"):
        correlated(rng.normal(size=(PATIENTS, 3, 12)), rng)


def test_equal_quantities_give_a_reason():
    with pytest.raises(AuditError, match="no profile"):
        correlated(np.ones((PATIENTS, 3, 12)), np.random.default_rng(4))


def test_two_quantities_are_too_few():
    with pytest.raises(AuditError, match="2 quantities"):
        correlated(np.ones((PATIENTS, 3, 2)), np.random.default_rng(4))


def test_one_training_is_refused():
    with pytest.raises(AuditError, match="two trainings"):
        correlated(np.ones((PATIENTS, 1, 5)), np.random.default_rng(4))


def test_undefined_resamples_are_counted():
    values = np.random.default_rng(5).normal(size=(2, 5))
    drawn = np.tile(values, (100, 1, 1))
    drawn[:2, 0, 0] = np.nan
    with pytest.raises(AuditError, match="2 of 100 resamples"):
        profile_correlation(values, drawn, cluster_images(None, 20))
