import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from auditkit.errors import AuditError
from auditkit.stats import (
    auroc,
    holm,
    proportion,
    required_n_auroc,
    required_n_mean,
    required_n_proportion,
)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_matches_statsmodels(p_values):
    expected = multipletests(p_values, method="holm")[1]
    np.testing.assert_allclose(holm(p_values), expected, atol=1e-12)


def test_holm_of_nothing_is_nothing():
    assert holm([]).size == 0


@pytest.mark.parametrize("distance", [0.01, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("power", [0.8, 0.9])
def test_mean_sample_size_matches_statsmodels(distance, power):
    # statsmodels also counts rejections on the wrong side, which are negligible here.
    expected = TTestPower().solve_power(distance, power=power, alpha=0.05)
    assert required_n_mean(2.0, 1.0, 1.0 + 2.0 * distance, power=power) == math.ceil(expected)


@pytest.mark.parametrize(
    ("expected", "margin"), [(0.02, 0.05), (0.95, 0.9), (0.0, 0.1), (1.0, 0.97)]
)
def test_proportion_sample_size_reaches_its_power(expected, margin):
    n = required_n_proportion(expected, margin)
    below = expected < margin

    def power(size):
        counts = np.arange(size + 1)
        chance = scipy.stats.binom.pmf(counts, size, expected)
        likely = counts[chance > 1e-12]
        estimates = [proportion(np.arange(size) < count) for count in likely]
        passed = [e.high < margin if below else e.low > margin for e in estimates]
        return chance[likely] @ passed

    assert power(n) >= 0.9
    assert power(n - 1) < 0.9


def test_auroc_sample_size_reaches_its_power_in_simulation():
    area, bound = 0.85, 0.75
    n = required_n_auroc(area, bound, prevalence=0.4)
    generator = np.random.default_rng(0)
    labels = np.arange(n) < round(0.4 * n)
    distance = math.sqrt(2) * scipy.stats.norm.ppf(area)
    scores = generator.normal(size=(300, n)) + distance * labels
    power = np.mean([auroc(labels, row).low > bound for row in scores])
    assert power == pytest.approx(0.9, abs=0.06)


def test_clusters_multiply_the_sample_size():
    assert required_n_mean(1.0, 0.0, 0.5, design_effect=2.5) == 110
    assert required_n_proportion(0.0, 0.05, design_effect=2.0) == 144
    one, three = (required_n_auroc(0.9, 0.8, 0.5, design_effect=d) for d in (1.0, 3.0))
    assert three == 3 * one


def test_rare_positives_cost_images():
    assert required_n_auroc(0.9, 0.8, 0.05) > 3 * required_n_auroc(0.9, 0.8, 0.5)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: required_n_mean(1.0, 0.5, 0.5),
        lambda: required_n_mean(0.0, 0.0, 0.5),
        lambda: required_n_mean(1.0, 0.0, 1e-6),
        lambda: required_n_proportion(0.5, 0.50001),
        lambda: required_n_proportion(1.5, 0.5),
        lambda: required_n_auroc(1.0, 0.8, 0.5),
        lambda: required_n_auroc(0.9, 0.8, 0.5, power=1.0),
        lambda: required_n_mean(1.0, 0.0, 0.5, design_effect=0.5),
    ],
)
def test_impossible_questions_are_refused(ask):
    with pytest.raises(AuditError):
        ask()
