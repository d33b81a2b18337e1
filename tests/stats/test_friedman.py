import math
from itertools import permutations, product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from auditkit.errors import AuditError
from auditkit.stats import block_means, block_ranks, concordance, critical_difference, friedman


def scores(n=12, k=5, seed=0, ties=False):
    values = np.random.default_rng(seed).normal(size=(n, k)) + np.arange(k) / 3
    return np.round(values) if ties else values


@pytest.mark.parametrize("ties", [False, True])
def test_chi_square_is_scipys_with_its_correction_for_ties(ties):
    values = scores(ties=ties)
    oracle = scipy.stats.friedmanchisquare(*values.T)
    found = friedman(block_ranks(values))
    assert found.statistic == pytest.approx(oracle.statistic)
    assert found.p_value == pytest.approx(oracle.pvalue)


def test_f_of_iman_and_davenport_worked_by_hand():
    """Mean ranks 1, 7/3, 8/3: chi^2 = 4.667, F = 2 * 4.667 / (3 * 2 - 4.667) = 7."""
    found = friedman([[1, 2, 3], [1, 2, 3], [1, 3, 2]])
    assert found.mean_ranks.tolist() == pytest.approx([1, 7 / 3, 8 / 3])
    assert found.kendall_w == pytest.approx(7 / 9)
    assert found.f_statistic == pytest.approx(7.0)
    assert found.f_p_value == pytest.approx(scipy.stats.f.sf(7, 2, 4))


@pytest.mark.parametrize("third", [[1, 3, 2], [1, 2.5, 2.5], [2, 3, 1]])
def test_permutation_p_value_is_that_of_all_permutations(third):
    observed = np.array([[1, 2, 3], [1, 2, 3], third, [1, 2, 3]])
    found = friedman(observed)
    # The first block may stay as it is, by symmetry.
    others = product(*(list(permutations(block)) for block in observed[1:]))
    spread = [((np.array([observed[0], *rest]).mean(axis=0) - 2) ** 2).sum() for rest in others]
    exact = np.mean(np.array(spread) >= ((observed.mean(axis=0) - 2) ** 2).sum() - 1e-9)
    assert found.permutation_p_value == pytest.approx(exact, abs=4 * np.sqrt(exact / 9999))


def test_blocks_that_all_agree_have_the_p_value_of_their_chance():
    found = friedman([[1, 2, 3]] * 4)
    assert found.f_statistic == math.inf
    assert found.f_p_value == pytest.approx(1 / 6**3)
    assert found.permutation_p_value == pytest.approx(1 / 6**3, abs=0.003)
    assert found.kendall_w == pytest.approx(1)


def test_smallest_value_is_best_where_small_is_good():
    values = [[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]]
    assert block_ranks(values, larger_is_better=False).tolist() == [[1, 2, 3], [3, 2, 1]]
    assert block_ranks(values).tolist() == [[3, 2, 1], [1, 2, 3]]


def test_values_that_differ_by_rounding_are_tied():
    assert block_ranks([[0.1 + 0.2, 0.3], [1.0, 2.0]]).tolist() == [[1.5, 1.5], [2, 1]]


@pytest.mark.parametrize(
    ("k", "tabulated"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)]
)
def test_critical_difference_has_the_quantiles_of_demsars_table(k, tabulated):
    n = 14
    found = critical_difference(k, n)
    assert found / math.sqrt(k * (k + 1) / (6 * n)) == pytest.approx(tabulated, abs=0.001)


def test_critical_difference_of_demsars_example():
    """Section 3.2.2 of JMLR 7:1-30: 4 classifiers, 14 data sets, CD 1.25 at 5 % and 1.12 at 10 %."""
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, alpha=0.10) == pytest.approx(1.12, abs=0.005)


@pytest.mark.parametrize("ties", [False, True])
def test_concordance_is_the_mean_spearman_correlation_of_two_blocks(ties):
    values = np.round(scores(n=9)) if ties else scores(n=9)
    values = values[np.ptp(values, axis=1) > 0]
    ranks = block_ranks(values)
    pairs = [(i, j) for i in range(len(ranks)) for j in range(i)]
    # Blocks with many ties have shorter rankings and weigh less.
    lengths = np.linalg.norm(ranks - 3, axis=1)
    rho = [scipy.stats.spearmanr(ranks[i], ranks[j]).statistic for i, j in pairs]
    weights = [lengths[i] * lengths[j] for i, j in pairs]
    found = concordance(ranks)
    assert found.value == pytest.approx(np.average(rho, weights=weights))
    if not ties:
        n = len(ranks)
        assert found.value == pytest.approx((n * friedman(ranks).kendall_w - 1) / (n - 1))


def test_concordance_has_a_reproducible_interval_over_blocks():
    ranks = block_ranks(scores(n=30))
    found = concordance(ranks)
    assert -1 <= found.low < found.value < found.high <= 1
    assert found.n == found.clusters == 30
    assert concordance(ranks) == found


def test_blocks_that_rank_at_random_are_not_said_to_agree():
    rng = np.random.default_rng(0)
    lows = [
        concordance(block_ranks(rng.normal(size=(12, 5))), replicates=200).low for _ in range(200)
    ]
    assert np.mean(np.array(lows) > 0) <= 0.025


def test_concordance_of_blocks_that_agree_has_no_interval_of_one_point():
    found = concordance([[1, 2, 3]] * 10)
    assert found.value == 1
    assert found.low == pytest.approx(1 - 2 * (1 - 0.025 ** (1 / 10)))
    assert found.high == 1


def test_agreement_of_very_few_blocks_is_not_bounded():
    with pytest.raises(AuditError, match="5 or more"):
        concordance([[1, 2, 3]] * 4)


def test_patients_count_once():
    values = np.array([[1.0, 5.0], [3.0, 5.0], [4.0, 1.0]])
    assert block_means(values, ["b", "b", "a"]).tolist() == [[4.0, 1.0], [2.0, 5.0]]


@pytest.mark.parametrize(
    ("ranks", "message"),
    [
        ([[2, 2, 2]] * 5, "tied in every block"),
        ([[1, 2, 3]], "at least two blocks"),
        ([[1], [1]], "at least two treatments"),
        ([[1, 2], [np.nan, 1]], "not finite"),
    ],
)
@pytest.mark.parametrize("function", [friedman, concordance])
def test_what_cannot_be_ranked_is_refused_with_its_reason(function, ranks, message):
    with pytest.raises(AuditError, match=message):
        function(ranks)


def test_critical_difference_needs_something_to_differ():
    with pytest.raises(AuditError, match="at least two of each"):
        critical_difference(3, 1)


@settings(max_examples=30)
@given(arrays(float, (6, 4), elements=st.integers(0, 3).map(float)), st.permutations(range(4)))
def test_order_of_treatments_and_blocks_changes_nothing(values, order):
    ranks = block_ranks(values)
    assert np.allclose(ranks.sum(axis=1), 10)
    try:
        found = friedman(ranks)
    except AuditError:
        assert (ranks == 2.5).all()
        return
    moved = friedman(block_ranks(values[::-1][:, order]))
    assert moved.statistic == pytest.approx(found.statistic)
    assert moved.mean_ranks == pytest.approx(found.mean_ranks[list(order)])
    assert 0 <= found.kendall_w <= 1
    assert 0 <= found.f_p_value <= 1
    assert 0 < found.permutation_p_value <= 1
