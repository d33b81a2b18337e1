import math

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
from sklearn.metrics import brier_score_loss

from auditkit.stats import brier, mean, proportion


def test_mean_of_independent_images_is_the_one_sample_t_interval():
    values = np.random.default_rng(0).normal(size=30)
    estimate = mean(values)
    oracle = scipy.stats.ttest_1samp(values, 0.1, alternative="greater")
    interval = scipy.stats.ttest_1samp(values, 0).confidence_interval()
    assert (estimate.low, estimate.high) == pytest.approx((interval.low, interval.high))
    assert estimate.p_above(0.1) == pytest.approx(oracle.pvalue)
    assert estimate.p_below(0.1) == pytest.approx(1 - oracle.pvalue)


def test_mean_of_clustered_images_matches_statsmodels():
    generator = np.random.default_rng(1)
    clusters = generator.integers(12, size=80)
    values = generator.normal(size=80) + generator.normal(size=12)[clusters]
    count = np.unique(clusters).size
    options = {"groups": clusters, "use_correction": True, "df_correction": True}
    fit = sm.OLS(values, np.ones(80)).fit(cov_type="cluster", cov_kwds=options, use_t=True)
    # statsmodels' factor for a regression with one column is G/(G-1) (n-1)/(n-1).
    assert fit.df_resid_inference == count - 1
    estimate = mean(values, clusters)
    assert (estimate.low, estimate.high) == pytest.approx(tuple(fit.conf_int()[0]))


def test_images_of_one_patient_widen_the_interval():
    patients = np.random.default_rng(2).normal(size=20)
    values, clusters = np.repeat(patients, 10), np.repeat(np.arange(20), 10)
    independent, clustered = mean(values), mean(values, clusters)
    # Ten copies of a patient carry no more than the patient.
    single = mean(patients)
    assert clustered.low == pytest.approx(single.low)
    assert clustered.high - clustered.low > 3 * (independent.high - independent.low)
    hits = values > 0.5
    assert proportion(hits, clusters).high > proportion(hits).high


def test_equal_values_get_the_bound_of_no_deviating_patient():
    estimate = mean([0.0] * 50, bounds=(0.0, 1.0))
    assert (estimate.low, estimate.high) == (0.0, pytest.approx(1 - 0.025 ** (1 / 50)))
    signed = mean([0.0] * 50, bounds=(-1.0, 3.0))
    assert signed.high == pytest.approx(3 * estimate.high)
    assert signed.low == pytest.approx(-estimate.high)
    assert "equal" in estimate.method


def test_equal_values_of_unknown_range_say_so():
    estimate = mean([0.1] * 7)
    assert (estimate.low, estimate.high) == (0.1, 0.1)
    assert "range unknown" in estimate.method


def test_patients_that_cancel_exactly_are_no_certainty():
    estimate = mean([0.0, 1.0] * 10, np.repeat(np.arange(10), 2))
    reach = scipy.stats.t.ppf(0.975, 9) * math.sqrt(0.25 / 19)
    assert estimate.high - estimate.value == pytest.approx(reach)


def test_bounds_clip_the_interval():
    estimate = mean([0.0, 0.0, 0.0, 1.0], bounds=(0.0, 1.0))
    assert estimate.low == 0.0
    assert estimate.p_above(-0.001) == 0.0
    assert mean([0.0, 0.0, 0.0, 1.0]).low < 0


def test_brier_matches_sklearn():
    generator = np.random.default_rng(3)
    labels, probabilities = generator.random(50) < 0.4, generator.random(50)
    expected = brier_score_loss(labels, probabilities)
    assert brier(labels, probabilities).value == pytest.approx(expected)


@pytest.mark.parametrize("hits", [0, 1, 7, 29, 30])
def test_proportion_of_independent_images_is_clopper_pearson(hits):
    estimate = proportion([True] * hits + [False] * (30 - hits))
    oracle = scipy.stats.binomtest(hits, 30)
    interval = oracle.proportion_ci(method="exact")
    assert (estimate.low, estimate.high) == pytest.approx((interval.low, interval.high))
    greater = scipy.stats.binomtest(hits, 30, 0.2, alternative="greater").pvalue
    less = scipy.stats.binomtest(hits, 30, 0.2, alternative="less").pvalue
    assert (estimate.p_above(0.2), estimate.p_below(0.2)) == pytest.approx((greater, less))


def test_clustered_proportion_is_korn_and_graubard():
    generator = np.random.default_rng(4)
    clusters = np.repeat(np.arange(20), 5)
    hits = generator.random(100) < generator.beta(0.5, 1.0, size=20)[clusters]
    share = hits.mean()
    design = {"groups": clusters, "use_correction": True}
    fit = sm.OLS(hits * 1.0, np.ones(100)).fit(cov_type="cluster", cov_kwds=design)
    effect = fit.bse[0] ** 2 / (share * (1 - share) / 100)
    assert effect > 1.5
    quantiles = scipy.stats.t.ppf(0.975, [99, 19])
    trials = 100 / effect * (quantiles[0] / quantiles[1]) ** 2
    successes = share * trials
    low = scipy.stats.beta.ppf(0.025, successes, trials - successes + 1)
    high = scipy.stats.beta.ppf(0.975, successes + 1, trials - successes)
    estimate = proportion(hits, clusters)
    assert (estimate.low, estimate.high) == pytest.approx((low, high))


def test_images_of_a_patient_that_differ_are_not_worth_more_than_independent_ones():
    hits, clusters = np.tile([True, False], 20), np.repeat(np.arange(20), 2)
    aware, unaware = proportion(hits, clusters), proportion(hits)
    assert aware.high > unaware.high


def test_no_event_counts_patients_and_not_images():
    clusters = np.repeat(np.arange(15), 4)
    assert proportion([False] * 60, clusters).high == pytest.approx(proportion([0] * 15).high)


def test_one_patient_with_most_images_counts_less_than_its_share():
    clusters = np.array([0] * 90 + list(range(1, 11)))
    assert proportion([False] * 100, clusters).high > 0.9  # 100^2 / (90^2 + 10) = 1.2 patients


@pytest.mark.parametrize("patients", [10, 30])
def test_coverage_of_clustered_intervals(patients):
    generator = np.random.default_rng(patients)
    clusters = np.repeat(np.arange(patients), 4)
    held_mean = held_proportion = naive = 0
    for _ in range(400):
        shared = generator.normal(size=patients)[clusters]
        values = shared + generator.normal(size=clusters.size)
        share = generator.beta(1, 4, size=patients)[clusters]
        hits = generator.random(clusters.size) < share
        estimate, proportions, unaware = (
            mean(values, clusters),
            proportion(hits, clusters),
            mean(values),
        )
        held_mean += estimate.low <= 0 <= estimate.high
        held_proportion += proportions.low <= 0.2 <= proportions.high
        naive += unaware.low <= 0 <= unaware.high
    assert 0.92 <= held_mean / 400 <= 0.98
    assert held_proportion / 400 >= 0.94
    assert naive / 400 < 0.88
