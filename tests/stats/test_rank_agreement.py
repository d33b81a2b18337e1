import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from auditkit.errors import AuditError
from auditkit.stats import kendall_tau_b, rank_agreement

SEVEN = st.lists(st.integers(0, 4), min_size=7, max_size=7)


@given(SEVEN, SEVEN)
def test_tau_b_is_scipys_with_ties(first, second):
    oracle = scipy.stats.kendalltau(first, second).statistic
    if np.isnan(oracle):
        with pytest.raises(AuditError, match="same mean"):
            kendall_tau_b(first, second)
    else:
        assert kendall_tau_b(first, second) == pytest.approx(oracle)


def planted(n, k=5, noise=0.3, seed=0, order=1):
    return (
        np.random.default_rng(seed).normal(scale=noise, size=(n, k)) + np.linspace(0, 1, k)[::order]
    )


def test_agreement_is_that_of_the_mean_values():
    first, second = planted(20, noise=2), planted(25, noise=2, seed=1)
    found = rank_agreement(first, second, range(20), range(20, 45))
    oracle = scipy.stats.kendalltau(first.mean(axis=0), second.mean(axis=0)).statistic
    assert found.value == pytest.approx(oracle)
    assert found.low <= found.value <= found.high
    assert (found.n, found.clusters) == (45, 45)


def test_known_orders_worked_by_hand():
    """Two sets of three treatments; the last two differ by less than their noise in the second set."""
    first = np.array([[3.0, 2.0, 1.0]] * 8)
    second = np.array([[3.0, 1.0, 1.1], [3.0, 1.2, 1.0]] * 4)
    found = rank_agreement(first, second, range(8), range(8, 16))
    # Pairs (1, 2) and (1, 3) agree; (2, 3) is open: (2 - 1) / 3 to (2 + 1) / 3.
    assert found.value == 1
    assert (found.low, found.high) == (pytest.approx(1 / 3), pytest.approx(1.0))
    assert found.p_above(0.3) < 0.025 < found.p_above(0.4)


def test_order_that_unseen_blocks_could_turn_is_not_known():
    ranked = np.array([[3.0, 2.0, 1.0]] * 8)
    for unseen, low in (((0.0, 0.9), 1.0), ((0.0, 1.5), -1 / 3), ((2.0, 0.0), -1.0)):
        found = rank_agreement(ranked, ranked, range(8), range(8, 16), unseen=unseen)
        assert (found.value, found.low, found.high) == (1, pytest.approx(low), 1)
    # Noise and what was not seen add up: 0.25 alone is known, and so is it less 0.1.
    noisy = planted(40, noise=0.1)
    for unseen, low in ((0.1, 1.0), (0.24, 0.2)):
        found = rank_agreement(noisy, noisy, range(40), range(40), unseen=(unseen, unseen))
        # Of ten pairs the four neighbours are open: (6 - 4) / 10.
        assert found.low == pytest.approx(low)


def test_same_ranking_agrees_and_its_reverse_does_not():
    first = planted(40, noise=0.1)
    same = rank_agreement(first, planted(40, noise=0.1, seed=1), range(40), range(40, 80))
    assert (same.value, same.low, same.high) == (1, 1, 1)
    turned = planted(40, noise=0.1, seed=1, order=-1)
    reverse = rank_agreement(first, turned, range(40), range(40, 80))
    assert (reverse.value, reverse.low, reverse.high) == (-1, -1, -1)


@pytest.mark.parametrize("order", [1, -1])
def test_noisy_rankings_do_not_lose_the_truth(order):
    found = [
        rank_agreement(
            planted(10, noise=1, seed=seed),
            planted(10, noise=1, seed=1000 + seed, order=order),
            range(10),
            range(10, 20),
            replicates=200,
        )
        for seed in range(100)
    ]
    assert np.mean([estimate.low <= order <= estimate.high for estimate in found]) >= 0.95


def test_interval_and_p_values_agree():
    first, second = planted(25, k=6, noise=0.4), planted(25, k=6, noise=0.4, seed=1)
    found = rank_agreement(first, second, range(25), range(25, 50))
    assert -1 < found.low < found.high
    for t in np.linspace(-1.05, 1.05, 43):
        assert (found.low > t) == (found.p_above(t) <= 0.025)
        assert (found.high < t) == (found.p_below(t) <= 0.025)


def test_patients_in_both_sets_are_drawn_for_both():
    first = planted(30, noise=0.5)
    shared = rank_agreement(first, first, range(30), range(30))
    apart = rank_agreement(first, first, range(30), range(30, 60))
    assert (shared.clusters, apart.clusters) == (30, 60)
    assert apart.low <= shared.low


def test_few_patients_who_are_all_alike_show_nothing():
    found = rank_agreement([[1, 2, 3]] * 3, [[1, 2, 3]] * 3, range(3), range(3), replicates=50)
    assert (found.value, found.low, found.high) == (1, -1, 1)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (np.ones((9, 3)), planted(9, 3), "same mean"),
        (planted(6, 3), planted(6, 4), "same ones in the same order"),
        (planted(1, 3), planted(6, 3), "at least two blocks"),
        (np.full((6, 3), np.nan), planted(6, 3), "not finite"),
    ],
)
def test_what_has_no_ranking_is_refused_with_its_reason(first, second, message):
    with pytest.raises(AuditError, match=message):
        rank_agreement(first, second, range(len(first)), range(100, 100 + len(second)))
