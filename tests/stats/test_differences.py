"""Paired differences of AUROCs, the choice of the smallest, and their limits."""

import numpy as np
import pytest

from auditkit.errors import AuditError
from auditkit.stats import Choice, ScorePair, auroc_difference, auroc_differences, auroc_point
from auditkit.stats.choice import smallest
from auditkit.stats.differences import Resampled
from auditkit.stats.inputs import cluster_images
from auditkit.stats.roc import auroc_influence


def scores(n=200, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    shared = labels + rng.normal(size=n)
    return labels, shared + 0.5 * rng.normal(size=n), shared + 0.8 * rng.normal(size=n)


def test_the_difference_agrees_with_delongs_test():
    # DeLong's variance of a paired difference, from the structural components of both areas.
    labels, first, second = scores(400)
    y = labels.astype(float)
    found = auroc_difference(labels, first, second)
    influence = auroc_influence(y, first) - auroc_influence(y, second)
    error = np.sqrt((influence**2).sum())
    value = auroc_point(labels, first) - auroc_point(labels, second)
    assert found.value == pytest.approx(value)
    assert found.low == pytest.approx(value - 1.96 * error, abs=0.2 * error)
    assert found.high == pytest.approx(value + 1.96 * error, abs=0.2 * error)


def test_many_pairs_have_the_same_draws_as_one():
    labels, first, second = scores()
    patients = np.arange(200) // 2
    pairs = {
        "a": ScorePair(labels, first, second),
        "b": ScorePair(1 - labels, second, np.stack([first, second])),
    }
    found = auroc_differences(pairs, patients, seed=4)
    for key, pair in pairs.items():
        single = auroc_difference(pair.labels, pair.first, pair.second, patients, seed=4)
        assert (found[key].value, found[key].low) == (single.value, single.low)
    repeats = (auroc_point(1 - labels, second) - auroc_point(1 - labels, first)) / 2
    assert found["b"].value == pytest.approx(repeats)
    with pytest.raises(AuditError, match="of the same images"):
        auroc_differences({**pairs, "c": ScorePair(labels[:9], first[:9], second[:9])})


def test_the_same_scores_differ_by_exactly_0_with_room_on_both_sides():
    labels, first, _ = scores(60)
    found = auroc_difference(labels, first, 2 * first)
    assert found.value == 0
    assert found.low == pytest.approx(-found.high)
    assert 0.05 < found.high < 0.2  # 1 - 0.025^(1/m) of about 30 pairs


def test_two_areas_of_1_are_not_known_to_be_equal():
    labels = np.arange(40) % 2
    found = auroc_difference(labels, labels, 3 * labels)
    assert (found.value, found.low) == (0, pytest.approx(-(1 - 0.025 ** (1 / 20))))


def test_an_area_of_1_widens_the_side_on_which_it_may_be_less():
    labels, first, _ = scores(80)
    perfect = labels + 0.1
    over, under = auroc_difference(labels, perfect, first), auroc_difference(labels, first, perfect)
    assert "never varies" in over.method
    assert over.value == pytest.approx(1 - auroc_point(labels, first))
    # The other side has the limits of a bootstrap of the area that varies, within the table's steps.
    bootstrap = auroc_difference(labels, perfect + 1e-3 * np.arange(80), first)
    assert over.high == pytest.approx(bootstrap.high, abs=0.01)
    assert over.low < over.value - (1 - 0.025 ** (1 / 40))
    assert (under.low, under.high) == pytest.approx((-over.high, -over.low), abs=2e-3)


def resampled(value, spread, seed):
    drawn = value + spread * np.random.default_rng(seed).normal(size=1999)
    return Resampled(value, drawn, 100.0)


def test_only_what_may_be_smallest_stays():
    groups = cluster_images(None, 100)
    quantities = {
        "far": resampled(0.9, 0.01, 0),
        "near": resampled(0.52, 0.01, 1),
        "least": resampled(0.5, 0.01, 2),
    }
    found = smallest(quantities, groups)
    assert found.value == "least"
    assert found.candidates == ("least", "near")
    assert found.p_values["least"] == 1
    assert found.p_values["far"] < 0.025 < found.p_values["near"]
    assert (found.n, found.clusters) == (100, 100)


def test_what_was_not_seen_must_be_beaten_too():
    groups = cluster_images(None, 100)
    quantities = {"a": resampled(0.5, 0.01, 0), "b": resampled(0.6, 0.01, 1)}
    assert smallest(quantities, groups).candidates == ("a",)
    # A tenth unseen: 0.9 * 0.1 does not exceed 0.1.
    assert smallest(quantities, groups, unseen=0.1).candidates == ("a", "b")
    assert smallest(quantities, groups, unseen=0.02).candidates == ("a",)
    assert smallest(quantities, groups, unseen=1.0).candidates == ("a", "b")


def test_the_true_smallest_is_rarely_excluded():
    # Six equal quantities: whoever leads by chance, each must stay with probability 0.975 or more. Without
    # the correction for its five rivals one in ten goes.
    groups, excluded = cluster_images(None, 200), 0
    for run in range(60):
        rng = np.random.default_rng(run)
        observed = rng.normal(0.5, 0.01, 6)
        quantities = {
            str(i): Resampled(value, value + 0.01 * rng.normal(size=500), 200.0)
            for i, value in enumerate(observed)
        }
        excluded += 6 - len(smallest(quantities, groups).candidates)
    assert excluded <= 60 * 6 * 0.05


def test_a_choice_is_consistent():
    groups = cluster_images(None, 100)
    only = smallest({"a": resampled(0.5, 0.1, 0)}, groups)
    assert (only.candidates, only.p_values) == (("a",), {"a": 1.0})
    with pytest.raises(AuditError, match="nothing to choose"):
        smallest({}, groups)
    with pytest.raises(AuditError, match="expected itself"):
        Choice("a", ("b",), {"a": 1.0, "b": 1.0}, 5, 5, "made up")
