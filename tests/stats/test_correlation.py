import numpy as np
import pytest
import scipy.stats

from auditkit.stats import pearson_r


def _correlated(n, seed=0):
    x = np.random.default_rng(seed).normal(size=n)
    return x, x + np.random.default_rng(seed + 100).normal(size=n)


def test_independent_images_match_scipy():
    x, y = _correlated(25)
    oracle = scipy.stats.pearsonr(x, y)
    interval = oracle.confidence_interval(0.9)
    estimate = pearson_r(x, y, level=0.9)
    assert estimate.value == pytest.approx(oracle.statistic)
    assert (estimate.low, estimate.high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("unit", [1e-200, 1.0, 1e150])
def test_units_do_not_matter(unit):
    x, y = _correlated(25)
    assert pearson_r(unit * x, y).value == pytest.approx(pearson_r(x, y).value)


def test_perfect_correlation_has_an_honest_bound():
    x = np.arange(20.0)
    estimate = pearson_r(x, 3 - 0.1 * x)
    # Ten concordant pairs: P(concordant) >= 0.025 ** 0.1 = 0.69150, and
    # sin(pi (0.69150 - 0.5)) = sin(0.60162) = 0.56598.
    assert (estimate.low, estimate.high) == (-1.0, pytest.approx(-0.56598, abs=1e-4))
    assert estimate.p_below(0.0) == pytest.approx(0.5**10)


def test_the_bound_of_a_perfect_correlation_holds_when_pairs_agree_by_luck():
    # At the limit, ten pairs of a bivariate normal agree in 2.5 % of samples.
    generator = np.random.default_rng(0)
    rho = -pearson_r(np.arange(20.0), -np.arange(20.0)).high
    x, e = generator.normal(size=(2, 20_000, 20))
    y = rho * x + np.sqrt(1 - rho**2) * e
    agree = ((x[:, ::2] - x[:, 1::2]) * (y[:, ::2] - y[:, 1::2]) > 0).all(axis=1)
    assert agree.mean() == pytest.approx(0.025, abs=0.005)


def test_copies_of_a_patient_add_nothing():
    x, y = _correlated(60)
    clusters = np.repeat(np.arange(60), 5)
    single, unaware = pearson_r(x, y), pearson_r(np.repeat(x, 5), np.repeat(y, 5))
    clustered = pearson_r(np.repeat(x, 5), np.repeat(y, 5), clusters)
    assert (clustered.low, clustered.high) == pytest.approx((single.low, single.high), abs=0.05)
    low, middle, high = np.arctanh([clustered.low, clustered.value, clustered.high])
    assert high - middle == pytest.approx(middle - low)
    assert clustered.high - clustered.low > 1.7 * (unaware.high - unaware.low)
