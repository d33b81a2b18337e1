from itertools import product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from auditkit.errors import AuditError
from auditkit.stats import holm, signed_ranks, superiority


def enumerated(differences):
    """Two-sided p-value over all signs of the differences other than 0."""
    apart = np.array([d for d in differences if d != 0])
    ranks = scipy.stats.rankdata(np.abs(apart))
    sums = [ranks[np.array(signs) > 0].sum() for signs in product((-1, 1), repeat=apart.size)]
    found = ranks[apart > 0].sum()
    return min(1.0, 2 * min(np.mean(sums <= found + 1e-9), np.mean(sums >= found - 1e-9)))


@pytest.mark.parametrize("n", [6, 20, 50])
def test_exact_p_value_is_scipys_without_ties(n):
    differences = np.random.default_rng(n).normal(0.3, size=n)
    found = signed_ranks(differences)
    oracle = scipy.stats.wilcoxon(differences, method="exact")
    assert found.method == "exact"
    assert found.p_value == pytest.approx(oracle.pvalue)


def test_exact_p_value_holds_with_ties_where_tables_do_not():
    differences = [1, 1, -1, 2, 2, 3, 0, 4, -2]
    assert signed_ranks(differences).p_value == pytest.approx(enumerated(differences))


@given(st.lists(st.integers(-3, 4), min_size=1, max_size=9))
def test_exact_p_value_is_that_of_all_signs(differences):
    found = signed_ranks(differences)
    if any(differences):
        assert found.p_value == pytest.approx(enumerated(differences))
    else:
        assert (found.n, found.p_value) == (0, 1.0)


def test_many_differences_use_scipys_approximation_with_its_correction_for_ties():
    differences = np.random.default_rng(0).integers(-4, 6, size=90)
    oracle = scipy.stats.wilcoxon(differences, method="asymptotic", correction=False)
    found = signed_ranks(differences)
    assert found.method == "normal approximation"
    assert found.n == np.count_nonzero(differences)
    assert found.p_value == pytest.approx(oracle.pvalue)


def test_differences_apart_by_rounding_are_tied():
    assert signed_ranks([0.3 - 0.2, 0.2 - 0.1, -0.3]).p_value == signed_ranks([1, 1, -3]).p_value


def test_holm_over_pairs_is_that_of_statsmodels():
    rng = np.random.default_rng(3)
    p = [signed_ranks(rng.normal(0.2 * i, size=15)).p_value for i in range(6)]
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_superiority_is_clopper_pearson_over_patients():
    differences = np.array([1.0] * 14 + [-1.0] * 6)
    found = superiority(differences)
    oracle = scipy.stats.binomtest(14, 20).proportion_ci(method="exact")
    assert found.value == 0.7
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high))
    assert found.p_above(0.5) == pytest.approx(
        scipy.stats.binomtest(14, 20, alternative="greater").pvalue
    )


def test_equal_methods_are_superior_in_half_of_the_patients():
    found = superiority(np.zeros(30))
    assert found.value == 0.5
    assert found.low < 0.5 < found.high


def test_superiority_keeps_its_level_with_ties():
    rng = np.random.default_rng(5)
    draws = rng.choice([-1, 0, 1], size=(1000, 25), p=[0.2, 0.3, 0.5])
    found = [superiority(row) for row in draws]
    assert np.mean([e.low <= 0.65 <= e.high for e in found]) > 0.95


def test_one_patient_is_not_enough():
    with pytest.raises(AuditError, match="at least two"):
        superiority([1.0])
    with pytest.raises(AuditError, match="NaN"):
        signed_ranks([1.0, np.nan])
