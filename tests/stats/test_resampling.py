import math

import numpy as np
import pytest
import scipy.stats

from auditkit.errors import AuditError
from auditkit.stats import bootstrap
from auditkit.stats import resampling as module


def _mean_of(values):
    return lambda weights: weights @ values / weights.sum(axis=1)


def test_bootstrap_of_a_mean_agrees_with_scipy():
    values = np.random.default_rng(0).exponential(size=200)
    ours = bootstrap(_mean_of(values), None, 200, seed=0)
    oracle = scipy.stats.bootstrap((values,), np.mean, method="percentile", rng=1)
    theirs = oracle.confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_the_seed_decides_everything_and_the_chunks_nothing(monkeypatch):
    values = np.random.default_rng(0).normal(size=50)
    clusters = np.arange(50) // 2
    first = bootstrap(_mean_of(values), clusters, 50, seed=3)
    other = bootstrap(_mean_of(values), clusters, 50, seed=4)
    monkeypatch.setattr(module, "_CELLS_PER_CHUNK", 50 * 7)
    again = bootstrap(_mean_of(values), clusters, 50, seed=3)
    assert (again.low, again.high) == pytest.approx((first.low, first.high), abs=1e-12)
    assert other.low != first.low


def test_images_of_a_patient_are_drawn_together():
    clusters = np.repeat([7, 3, 5], 4)

    def statistic(weights):
        blocks = weights.reshape(-1, 3, 4)
        assert (blocks == blocks[:, :, :1]).all()
        assert (weights.sum(axis=1) == 12).all()
        return weights[:, 0]

    bootstrap(statistic, clusters, 12, seed=0)


def test_few_patients_set_no_limit():
    values = np.array([0.1, 0.4, 0.7])
    estimate = bootstrap(_mean_of(values), None, 3, seed=0, bounds=(0.0, 1.0))
    assert (estimate.low, estimate.high) == (0.0, 1.0)
    assert bootstrap(_mean_of(values), None, 3, seed=0).high == math.inf


def test_undefined_replicates_are_counted_against_the_interval():
    values = np.random.default_rng(0).normal(size=100)

    def sometimes(lost):
        left = [lost]

        def statistic(weights):
            result = weights @ values / weights.sum(axis=1)
            if result.size > 1:  # not the estimate itself
                result[: left[0]] = np.nan
                left[0] -= int(np.isnan(result).sum())
            return result

        return statistic

    clean = bootstrap(_mean_of(values), None, 100, seed=0)
    holed = bootstrap(sometimes(18), None, 100, seed=0)
    assert holed.low < clean.low
    assert holed.high > clean.high
    assert "18 of them undefined" in holed.method
    with pytest.raises(AuditError, match="40 of 2000"):
        bootstrap(sometimes(40), None, 100, seed=0)


def test_replicates_without_variation_are_no_certainty():
    estimate = bootstrap(lambda w: w.sum(axis=1) / 20, None, 20, seed=0, bounds=(0.0, 2.0))
    assert estimate.high == pytest.approx(1 + (1 - 0.025 ** (1 / 20)))


@pytest.mark.parametrize("patients", [8, 25])
def test_coverage_with_few_patients(patients):
    generator = np.random.default_rng(patients)
    clusters = np.repeat(np.arange(patients), 3)
    held = 0
    for seed in range(300):
        values = generator.normal(size=patients)[clusters] + generator.normal(size=clusters.size)
        estimate = bootstrap(_mean_of(values), clusters, clusters.size, seed=seed, replicates=999)
        held += estimate.low <= 0 <= estimate.high
    assert 0.92 <= held / 300 <= 0.985


def test_percentiles_are_expanded_for_few_patients():
    values = np.random.default_rng(0).normal(size=9)
    drawn = []

    def statistic(weights):
        drawn.append(weights @ values / weights.sum(axis=1))
        return drawn[-1]

    estimate = bootstrap(statistic, None, 9, seed=0)
    # Hesterberg 2015: the level of a percentile interval that does what Student's t does.
    tail = scipy.stats.norm.cdf(scipy.stats.t.ppf(0.025, 8) * math.sqrt(9 / 8))
    limits = np.quantile(drawn[1], [tail, 1 - tail])
    assert (estimate.low, estimate.high) == pytest.approx(limits, abs=0.02)
    assert estimate.low < np.quantile(drawn[1], 0.02)
