"""The Mann-Whitney test against enumeration and scipy."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, rankdata

from auditkit.errors import AuditError
from auditkit.stats.rank_sum import rank_sum

VALUES = st.lists(st.integers(0, 4), min_size=1, max_size=5)


@settings(max_examples=60)
@given(VALUES, VALUES)
def test_exact_p_is_the_share_of_divisions_with_ties(first, second):
    values = np.array([*first, *second], float)
    ranks, m = rankdata(values), len(first)
    seen = ranks[:m].sum()
    sums = [ranks[list(chosen)].sum() for chosen in combinations(range(values.size), m)]
    found = rank_sum(first, second)
    assert found.method == "exact"
    assert found.p_value == pytest.approx(np.mean(np.array(sums) >= seen - 1e-9))
    pairs = [(x > y) + (x == y) / 2 for x in first for y in second]
    assert found.statistic == pytest.approx(sum(pairs))


@pytest.mark.parametrize(("m", "n"), [(62, 12), (4, 30), (20, 20)])
def test_without_ties_it_is_scipys_exact_test(m, n):
    rng = np.random.default_rng([m, n])
    x, y = rng.normal(0.4, 1, m), rng.normal(0, 1, n)
    given_ = mannwhitneyu(x, y, alternative="greater", method="exact")
    found = rank_sum(x, y)
    assert (found.statistic, found.method) == (given_.statistic, "exact")
    assert found.p_value == pytest.approx(given_.pvalue, rel=1e-9)


def test_many_values_use_the_approximation_corrected_for_ties():
    rng = np.random.default_rng(0)
    x, y = rng.integers(1, 9, 900).astype(float), rng.integers(0, 9, 800).astype(float)
    given_ = mannwhitneyu(x, y, alternative="greater", method="asymptotic")
    found = rank_sum(x, y)
    assert found.method == "normal approximation"
    assert found.p_value == pytest.approx(given_.pvalue, rel=1e-9)


def test_equal_values_tell_nothing():
    assert rank_sum([1.0, 1.0], [1.0, 1.0, 1.0]).p_value == 1.0


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(AuditError, match="first"):
        rank_sum([np.nan], [1.0])
