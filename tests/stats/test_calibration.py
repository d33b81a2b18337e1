import numpy as np
import pytest
import statsmodels.api as sm

from auditkit.stats import calibration_error, calibration_intercept, calibration_slope


def _images(n, seed=0, scale=1.0, shift=0.0):
    generator = np.random.default_rng(seed)
    logits = 2 * generator.normal(size=n)
    truth = 1 / (1 + np.exp(-(scale * logits + shift)))
    return generator.random(n) < truth, 1 / (1 + np.exp(-logits)), logits


def test_error_of_equal_mass_bins_by_hand():
    labels, probabilities = [0, 1, 1, 1, 0, 1], [0.1, 0.3, 0.5, 0.7, 0.9, 0.9]
    # Bins of two: |0.5 - 0.2|, |1 - 0.6|, |0.5 - 0.9|, each a third of the images.
    value = calibration_error(labels, probabilities, bins=3).value
    assert value == pytest.approx((0.3 + 0.4 + 0.4) / 3)


def test_equal_probabilities_share_a_bin():
    labels = np.tile([0, 1], 10)
    assert calibration_error(labels, np.full(20, 0.5), bins=4).value == pytest.approx(0.0)


def test_a_calibrated_model_is_not_called_miscalibrated():
    above = 0
    for seed in range(60):
        labels, probabilities, _ = _images(200, seed)
        estimate = calibration_error(labels, probabilities, replicates=199)
        assert estimate.value > 0.02  # the bias that the lower limit has to survive
        above += estimate.low > 1e-3
    assert above <= 4


def test_a_miscalibrated_model_is_found_and_bounded():
    labels, probabilities, _ = _images(3000, shift=1.0)
    population, means, _ = _images(100_000, seed=9, shift=1.0)
    truth = calibration_error(population, means, replicates=40, level=0.5).value
    estimate = calibration_error(labels, probabilities)
    assert 0.08 < estimate.low < truth < estimate.high < 0.2


def test_slope_and_intercept_match_statsmodels():
    labels, probabilities, logits = _images(300, scale=0.6, shift=0.4)
    clusters = np.random.default_rng(4).integers(40, size=300)
    groups = {"groups": clusters, "use_correction": False}
    correction = np.sqrt(40 / 39)
    both = sm.GLM(labels * 1.0, sm.add_constant(logits), sm.families.Binomial())
    fit = both.fit(cov_type="cluster", cov_kwds=groups)
    slope = calibration_slope(labels, probabilities, clusters)
    assert slope.value == pytest.approx(fit.params[1])
    assert slope.tail.standard_error == pytest.approx(fit.bse[1] * correction)
    offset = sm.GLM(labels * 1.0, np.ones(300), sm.families.Binomial(), offset=logits)
    fit = offset.fit(cov_type="cluster", cov_kwds=groups)
    intercept = calibration_intercept(labels, probabilities, clusters)
    assert intercept.value == pytest.approx(fit.params[0])
    assert intercept.tail.standard_error == pytest.approx(fit.bse[0] * correction)
    assert slope.high < 1
    assert intercept.low > 0


def test_saturated_probabilities_stay_finite():
    labels, probabilities, _ = _images(100)
    probabilities[:3] = [0.0, 1.0, 1.0]
    assert np.isfinite(calibration_slope(labels, probabilities).high)
    assert np.isfinite(calibration_intercept(labels, probabilities).high)


def test_copies_of_a_patient_widen_every_interval():
    labels, probabilities, _ = _images(80, scale=0.5)
    clusters = np.repeat(np.arange(80), 4)
    y, p = np.repeat(labels, 4), np.repeat(probabilities, 4)
    for estimator in (calibration_slope, calibration_intercept):
        aware, unaware = estimator(y, p, clusters), estimator(y, p)
        single = estimator(labels, probabilities)
        assert aware.low == pytest.approx(single.low)
        assert aware.high - aware.low > 1.8 * (unaware.high - unaware.low)
    aware, unaware = calibration_error(y, p, 10, clusters), calibration_error(y, p, 10)
    assert aware.high > unaware.high
