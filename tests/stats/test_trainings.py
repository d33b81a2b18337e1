"""Trainings and patients as two samples: coverage by simulation, and what the formulas say by hand."""

import numpy as np
import pytest
import scipy.stats

from auditkit.errors import AuditError
from auditkit.stats.inputs import cluster_images
from auditkit.stats.rank_agreement import kendall_tau_b, rank_agreement
from auditkit.stats.rank_stability import rank_stability
from auditkit.stats.trainings import mean_over_trainings, sd_over_trainings

BOUNDS = (-1.0, 1.0)
TRUTH = 0.1


def simulated(rng, between, patients, both, n=60, k=5):
    """Values (n, K) of patients and trainings, whose mean is TRUTH."""
    own, of_training = patients * rng.normal(size=(n, 1)), between * rng.normal(size=k)
    return TRUTH + of_training + own + both * rng.normal(size=(n, k))


def drawn_of(rng, values, count=300):
    """Means of resampled patients, (B, K)."""
    n = len(values)
    return rng.multinomial(n, np.full(n, 1 / n), size=count) @ values / n


@pytest.mark.parametrize(
    ("between", "patients", "both"),
    [(0.0, 0.2, 0.2), (0.03, 0.2, 0.2), (0.1, 0.2, 0.2), (0.03, 0.0, 0.2), (0.03, 0.3, 0.05)],
)
def test_the_mean_covers_whichever_part_is_the_larger(between, patients, both):
    rng, groups = np.random.default_rng(1), cluster_images(None, 60)
    hits, runs = 0, 250
    for _ in range(runs):
        values = simulated(rng, between, patients, both)
        drawn = drawn_of(rng, values)
        found = mean_over_trainings(values.mean(axis=0), drawn, groups, bounds=BOUNDS)
        hits += found.low <= TRUTH <= found.high
    # 95 % less four standard errors; and not so wide that it says nothing.
    assert 0.895 <= hits / runs <= 0.995


def test_pooling_trainings_and_patients_covers_too_seldom():
    """What the house rule forbids: K n observations as independent ones."""
    rng, groups, hits, own = np.random.default_rng(2), cluster_images(None, 60), 0, 0
    for _ in range(200):
        values = simulated(rng, 0.1, 0.2, 0.1)
        half = 1.97 * values.std(ddof=1) / np.sqrt(values.size)
        hits += abs(values.mean() - TRUTH) <= half
        found = mean_over_trainings(values.mean(0), drawn_of(rng, values), groups, bounds=BOUNDS)
        own += found.low <= TRUTH <= found.high
    assert hits / 200 < 0.6
    assert own / 200 > 0.9


def test_the_mean_without_trainings_that_differ_is_that_of_patients():
    rng, groups = np.random.default_rng(3), cluster_images(None, 60)
    values = np.repeat(0.2 * rng.normal(size=(60, 1)), 4, axis=1)
    found = mean_over_trainings(values.mean(0), drawn_of(rng, values, 4000), groups, bounds=BOUNDS)
    error = values[:, 0].std(ddof=1) / np.sqrt(60)
    assert (found.high - found.low) / 2 == pytest.approx(2.0 * error, rel=0.05)


def test_the_mean_without_patients_that_matter_is_students():
    values, groups = [0.1, 0.3, 0.2, 0.25], cluster_images(None, 60)
    found = mean_over_trainings(values, np.tile(values, (50, 1)), groups, bounds=BOUNDS)
    low, high = scipy.stats.t.interval(0.95, 3, np.mean(values), scipy.stats.sem(values))
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))
    test = scipy.stats.ttest_1samp(values, 0.0, alternative="greater")
    assert found.p_above(0.0) == pytest.approx(test.pvalue, rel=0.02)
    assert found.p_below(0.0) == 1.0


def test_interval_and_p_values_agree():
    rng, groups = np.random.default_rng(4), cluster_images(None, 60)
    values = simulated(rng, 0.03, 0.2, 0.2)
    found = mean_over_trainings(values.mean(0), drawn_of(rng, values), groups, bounds=BOUNDS)
    assert found.p_above(found.low) == pytest.approx(0.025, abs=1e-6)
    assert found.p_below(found.high) == pytest.approx(0.025, abs=1e-6)


def test_equal_values_keep_an_interval():
    groups = cluster_images(None, 60)
    found = mean_over_trainings([0.2] * 5, np.full((50, 5), 0.2), groups, bounds=BOUNDS)
    # As if one of five trainings might differ: the exact bound.
    share = 1 - 0.025 ** (1 / 5)
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == (
        pytest.approx(0.2 - share * 1.2),
        pytest.approx(0.2 + share * 0.8),
    )


def test_resamples_without_a_class_are_tolerated_up_to_one_in_a_hundred():
    groups, drawn = cluster_images(None, 60), np.random.default_rng(0).normal(size=(200, 3)) * 0.1
    drawn[:2, 1] = np.nan
    mean_over_trainings([0.1, 0.2, 0.3], drawn, groups, bounds=BOUNDS)
    drawn[2, 0] = np.nan
    with pytest.raises(AuditError, match="3 of 200 resamples"):
        mean_over_trainings([0.1, 0.2, 0.3], drawn, groups, bounds=BOUNDS)


def test_one_training_has_neither_mean_nor_deviation():
    groups = cluster_images(None, 60)
    with pytest.raises(AuditError, match="two or more"):
        mean_over_trainings([0.1], np.full((9, 1), 0.1), groups, bounds=BOUNDS)
    with pytest.raises(AuditError, match="two or more"):
        sd_over_trainings([0.1], groups)


def test_the_deviation_is_chi_square_on_the_same_patients():
    rng, groups, hits = np.random.default_rng(5), cluster_images(None, 60), 0
    for _ in range(1000):
        values = simulated(rng, 0.03, 0.3, 0.2).mean(axis=0)
        found = sd_over_trainings(values, groups)
        hits += found.low <= np.sqrt(0.03**2 + 0.2**2 / 60) <= found.high
    assert hits / 1000 == pytest.approx(0.95, abs=0.028)


def test_the_deviation_by_hand():
    values, groups = [0.1, 0.2, 0.4], cluster_images(None, 60)
    found = sd_over_trainings(values, groups)
    s = np.std(values, ddof=1)
    low, high = s * np.sqrt(2 / scipy.stats.chi2.ppf([0.975, 0.025], 2))
    assert (found.value, found.low) == (pytest.approx(s), pytest.approx(low))
    assert found.high == pytest.approx(min(high, 1.0))
    assert found.p_above(found.low) == pytest.approx(0.025)
    assert found.p_above(0.0) == 0.0
    assert found.p_below(2.0) == 0.0


def test_equal_trainings_leave_any_deviation_possible():
    found = sd_over_trainings([0.2, 0.2, 0.2], cluster_images(None, 60))
    assert (found.value, found.low, found.high) == (0.0, 0.0, 1.0)
    assert found.p_below(0.5) == 1.0


def ranked(rng, means, spread, n=60, trainings=3):
    """Per patient, training and method: a mean, and noise that all trainings share in part."""
    shared = rng.normal(size=(n, 1, len(means)))
    own = rng.normal(size=(n, trainings, len(means)))
    return np.array(means) + spread * (shared + own)


def stability_of(rng, values, **more):
    n = len(values)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=1000)
    drawn = np.einsum("bi,ikm->bkm", weights, values) / n
    return rank_stability(values.mean(axis=0), drawn, cluster_images(None, n), **more)


def test_one_clear_ranking_is_stable():
    found = stability_of(np.random.default_rng(0), ranked(np.random.default_rng(0), [3, 2, 1], 0.2))
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)


def test_stability_is_the_mean_over_pairs_of_trainings():
    rng = np.random.default_rng(1)
    values = ranked(rng, [3, 2, 1, 0], 0.2)
    values[:, 2] = values[:, 2, ::-1]  # the third training has the ranking turned
    found = stability_of(rng, values)
    assert found.value == pytest.approx((1 - 1 - 1) / 3)
    assert (found.low, found.high) == (pytest.approx(-1 / 3), pytest.approx(-1 / 3))


def test_orders_that_are_not_known_leave_room():
    rng = np.random.default_rng(2)
    values = ranked(rng, [3.0, 1.0, 1.0], 0.3)
    found = stability_of(rng, values)
    # Two of three pairs are known to agree in all trainings, the third may go either way.
    assert (found.low, found.high) == (pytest.approx(1 / 3), pytest.approx(1.0))
    assert found.low <= found.value <= found.high


def test_two_trainings_of_the_same_patients_are_rank_agreement():
    rng = np.random.default_rng(3)
    values = ranked(rng, [0.6, 0.4, 0.2, 0.0], 0.4, trainings=2)
    ids = [f"p{i}" for i in range(60)]
    oracle = rank_agreement(values[:, 0], values[:, 1], ids, ids)
    found = stability_of(rng, values)
    assert found.value == pytest.approx(oracle.value)
    assert (found.low, found.high) == (pytest.approx(oracle.low), pytest.approx(oracle.high))


def test_stability_holds_its_level_where_trainings_agree_in_truth():
    rng, misses = np.random.default_rng(4), 0
    for _ in range(200):
        found = stability_of(rng, ranked(rng, [0.3, 0.2, 0.1, 0.0], 0.3, n=30))
        misses += not found.low <= 1.0 <= found.high
    assert misses <= 16  # 5 % of 200, and two standard errors


def test_images_that_are_missing_make_orders_unknown():
    rng = np.random.default_rng(5)
    values = ranked(rng, [0.3, 0.2, 0.1], 0.01)
    assert stability_of(rng, values, unseen=0.05).low == 1.0
    assert stability_of(rng, values, unseen=0.15).low == pytest.approx(-1 / 3)


def test_ties_of_a_whole_training_are_no_ranking():
    values = np.zeros((60, 2, 3))
    values[:, 0] = [3, 2, 1]
    with pytest.raises(AuditError, match="no ranking"):
        stability_of(np.random.default_rng(0), values)


@pytest.mark.parametrize("shape", [(1, 3), (2, 1)])
def test_fewer_than_two_of_either_is_refused(shape):
    with pytest.raises(AuditError, match="two or more"):
        rank_stability(np.ones(shape), np.ones((9, *shape)), cluster_images(None, 9))


def test_mean_of_pairs_by_hand():
    values = np.array([[3.0, 2.0, 1.0], [3.0, 1.0, 2.0], [1.0, 2.0, 3.0]])
    drawn = np.tile(values, (99, 1, 1))
    expected = np.mean([kendall_tau_b(values[k], values[j]) for k, j in ((0, 1), (0, 2), (1, 2))])
    found = rank_stability(values, drawn, cluster_images(None, 10))
    assert found.value == pytest.approx(expected)
