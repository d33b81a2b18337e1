import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from auditkit.errors import AuditError
from auditkit.stats import median


def test_limits_are_order_statistics_worked_by_hand():
    """n = 8: one value outside each end has the chance 9 / 2^8 = 0.035 > 0.025, none 1 / 2^8."""
    found = median([8.0, 1.0, 2.0, 7.0, 3.0, 6.0, 4.0, 5.0])
    assert (found.value, found.low, found.high) == (4.5, 1.0, 8.0)


@pytest.mark.parametrize("n", [6, 9, 17, 40])
def test_limits_are_scipys_quantile_test(n):
    values = np.random.default_rng(n).exponential(size=n)
    found = median(values)
    # scipy's interval is a one-sided test at each end, open by one order statistic at most.
    oracle = scipy.stats.quantile_test(values, q=0, p=0.5).confidence_interval(0.95)
    assert (found.low, found.high) == (oracle.low, oracle.high)
    above = scipy.stats.quantile_test(values, q=1.0, p=0.5, alternative="greater").pvalue
    assert found.p_above(1.0) == pytest.approx(above)


def test_few_values_set_no_limit():
    found = median([1.0, 2.0, 3.0, 4.0, 5.0], bounds=(0.0, math.inf))
    assert (found.value, found.low, found.high) == (3.0, 0.0, math.inf)


def test_equal_values_are_their_own_limits():
    found = median([2.0] * 8)
    assert (found.low, found.high) == (2.0, 2.0)
    assert found.p_above(1.9) == found.p_below(2.1) == pytest.approx(1 / 256)
    assert found.p_above(2.0) == found.p_below(2.0) == 1


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.integers(-1, 10))
def test_interval_and_p_values_agree(values, threshold):
    found = median([float(value) for value in values])
    assert (found.low > threshold) == (found.p_above(threshold) <= 0.025)
    assert (found.high < threshold) == (found.p_below(threshold) <= 0.025)


def test_interval_keeps_its_level_for_skewed_times():
    rng = np.random.default_rng(0)
    found = [median(rng.lognormal(sigma=2, size=8)) for _ in range(1000)]
    assert np.mean([e.low <= 1 <= e.high for e in found]) > 0.95


def test_nothing_has_no_median():
    with pytest.raises(AuditError, match="at least one"):
        median([])
