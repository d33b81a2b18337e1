"""Permutation importance is exact over all permutations, and its interval is over patients."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from auditkit.errors import AuditError
from auditkit.metrics import (
    Block,
    drop_curve,
    effect,
    expected_accuracy,
    expected_auroc,
    importances,
    permutation_importance,
    sampled_importance,
    sampled_permutation,
    unseen_share,
)
from auditkit.stats import auroc_point, mean
from auditkit.stats.resampling import patient_weights

N = 7
LABELS = np.array([1, 0, 1, 1, 0, 0, 1])
PERMUTATIONS = np.array(list(itertools.permutations(range(N))))


def ties(seed, values, n=N):
    """Answers on a grid so coarse that many are equal, and own values that all occur."""
    rng = np.random.default_rng(seed)
    own = np.concatenate([np.arange(values), rng.integers(0, values, n - values)])
    return rng.integers(0, 4, (n, values)) / 4, rng.permutation(own)


def aurocs(labels, scores):
    """AUROC of every row (rows, n) from all pairs."""
    high, low = scores[:, labels == 1][:, :, None], scores[:, labels == 0][:, None, :]
    return ((high > low) + (high == low) / 2).mean(axis=(1, 2))


def all_permutations(answers, own):
    return answers[np.arange(N), own[PERMUTATIONS]]


@pytest.mark.parametrize("values", [1, 2, 3, 7])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_expected_auroc_is_the_mean_over_all_5040_permutations(values, seed):
    answers, own = ties(seed, values)
    every = aurocs(LABELS, all_permutations(answers, own))
    assert every.size == 5040
    assert expected_auroc(LABELS, answers, own) == pytest.approx(every.mean(), abs=1e-14)


@pytest.mark.parametrize("values", [1, 2, 3])
def test_the_expected_accuracy_is_the_mean_over_all_5040_permutations(values):
    answers, own = ties(5, values)
    right = (answers > 0.4).astype(float)
    every = all_permutations(right, own).mean(axis=1)
    assert expected_accuracy(right, own) == pytest.approx(every.mean(), abs=1e-14)


@pytest.mark.parametrize("values", [2, 3])
def test_the_closed_form_is_the_sum_over_pairs_of_values(values):
    rng = np.random.default_rng(1)
    n, labels = 60, rng.integers(0, 2, 60)
    own, answers = rng.integers(0, values, n), rng.normal(size=(n, values)).round(1)
    counts = np.bincount(own, minlength=values)
    total = 0.0
    for u, v in itertools.product(range(values), repeat=2):
        chance = counts[u] * (counts[v] - (u == v)) / (n * (n - 1))
        total += (
            chance * aurocs(labels, np.where(labels == 1, answers[:, u], answers[:, v])[None])[0]
        )
    assert expected_auroc(labels, answers, own) == pytest.approx(total, abs=1e-13)


def test_weights_are_images_drawn_several_times():
    answers, own = ties(3, 3, n=30)
    labels = np.arange(30) % 2
    weights = patient_weights(np.random.default_rng(0), 20, 30)
    found = expected_auroc(labels, answers, own, weights)
    for row, value in zip(weights, found, strict=True):
        drawn = np.repeat(np.arange(30), row.astype(int))
        again = expected_auroc(labels[drawn], answers[drawn], own[drawn])
        assert value == pytest.approx(again, abs=1e-13)
    right = (answers > 0.4).astype(float)
    accuracies = expected_accuracy(right, own, weights)
    drawn = np.repeat(np.arange(30), weights[0].astype(int))
    assert accuracies[0] == pytest.approx(expected_accuracy(right[drawn], own[drawn]), abs=1e-13)


def test_sampled_permutations_tend_to_the_expectation_from_the_same_answers():
    answers, own = ties(4, 2, n=40)
    labels = np.arange(40) % 2
    plain = answers[np.arange(40), own]
    drops = sampled_importance(labels, plain, answers, own, 2000)
    expected = auroc_point(labels, plain) - expected_auroc(labels, answers, own)
    error = drops.std(ddof=1) / np.sqrt(drops.size)
    assert abs(drops.mean() - expected) < 3.5 * error
    received = own[sampled_permutation(40, 0, 7)]
    seventh = auroc_point(labels, answers[np.arange(40), received])
    assert drops[7] == pytest.approx(auroc_point(labels, plain) - seventh)
    fewer = sampled_importance(labels, plain, answers, own, 5)
    assert (fewer == drops[:5]).all(), "more permutations leave the first ones alone"
    other = sampled_importance(labels, plain, answers, own, 5, seed=1)
    assert (other != fewer).any()


def test_repeats_are_averaged_as_metrics():
    rng = np.random.default_rng(0)
    labels, own = rng.integers(0, 2, 50), rng.integers(0, 2, 50)
    answers = rng.normal(size=(3, 50, 2))
    plain = answers[:, np.arange(50), own]
    found = permutation_importance(labels, plain, answers, own)
    each = [
        auroc_point(labels, p) - expected_auroc(labels, a, own)
        for p, a in zip(plain, answers, strict=True)
    ]
    assert found.value == pytest.approx(np.mean(each), abs=1e-12)
    drops = sampled_importance(labels, plain, answers, own, 3)
    single = [sampled_importance(labels, p, a, own, 3) for p, a in zip(plain, answers, strict=True)]
    assert drops == pytest.approx(np.mean(single, axis=0))


@pytest.mark.parametrize("metric", ["auroc", "accuracy"])
@pytest.mark.parametrize("values", [2, 3])
@pytest.mark.parametrize("taking_part", [0, 1, 2, 3, 5, 7])
def test_the_drop_curve_is_the_mean_over_all_subsets_and_their_permutations(
    metric, values, taking_part
):
    answers, own = ties(8, values)
    given_answers = answers > 0.4 if metric == "accuracy" else answers
    shown = []
    for subset in itertools.combinations(range(N), taking_part):
        for order in itertools.permutations(subset):
            received = own.copy()
            received[list(subset)] = own[list(order)]
            shown.append(given_answers[np.arange(N), received])
    rows = np.array(shown, dtype=float)
    every = aurocs(LABELS, rows) if metric == "auroc" else (rows == LABELS).mean(axis=1)
    (found,) = drop_curve(LABELS, given_answers, own, [taking_part / N], metric=metric)
    assert found == pytest.approx(every.mean(), abs=1e-13)


def test_the_drop_curve_goes_from_the_metric_as_it_is_to_the_expected_one():
    answers, own = ties(2, 3, n=50)
    labels = np.arange(50) % 2
    curve = drop_curve(labels, answers[None].repeat(2, axis=0), own, [0, 0.5, 1])
    assert curve[0] == pytest.approx(auroc_point(labels, answers[np.arange(50), own]), abs=1e-12)
    assert curve[2] == pytest.approx(expected_auroc(labels, answers, own), abs=1e-12)
    assert min(curve[0], curve[2]) <= curve[1] <= max(curve[0], curve[2])
    with pytest.raises(AuditError, match="between 0 and 1"):
        drop_curve(labels, answers, own, [1.2])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_only_the_order_of_answers_counts(seed, values):
    rng = np.random.default_rng(seed)
    answers, own = ties(seed, values, n=20)
    labels = np.arange(20) % 2
    found = expected_auroc(labels, answers, own)
    assert expected_auroc(labels, special.expit(3 * answers), own) == pytest.approx(
        found, abs=1e-13
    )
    assert expected_auroc(1 - labels, answers, own) == pytest.approx(1 - found, abs=1e-13)
    order = rng.permutation(20)
    moved = expected_auroc(labels[order], answers[order], own[order])
    assert moved == pytest.approx(found, abs=1e-13)


def planted(n=200, effects=(0.0, 0.5, 2.0), seed=0):
    """Scores that rest on concepts with these effects; labels follow the last one."""
    rng = np.random.default_rng(seed)
    own = rng.integers(0, 2, (n, len(effects)))
    labels = np.where(rng.random(n) < 0.85, own[:, -1], 1 - own[:, -1])
    rest = rng.normal(size=n)
    blocks = {}
    score = rest + own @ np.array(effects)
    for d, size in enumerate(effects):
        without = (score - size * own[:, d])[:, None]
        blocks[f"c{d}"] = Block(without + size * np.arange(2), own[:, d])
    return labels, score, blocks


def test_several_blocks_have_the_same_draws_as_one():
    labels, plain, blocks = planted(100)
    found = importances(labels, plain, blocks, seed=3)
    for name, block in blocks.items():
        single = permutation_importance(labels, plain, block.answers, block.own, seed=3)
        assert (single.value, single.low, single.high) == (
            found.estimates[name].value,
            found.estimates[name].low,
            found.estimates[name].high,
        )
        assert found.plain.value - found.permuted[name].value == pytest.approx(
            single.value, abs=1e-12
        )


def test_the_planted_concept_is_on_top_and_the_ignored_one_is_bounded():
    labels, plain, blocks = planted(400)
    found = importances(labels, plain, blocks)
    assert found.top.value == "c2"
    assert found.top.candidates == ("c2",)
    assert found.top.p_values["c0"] < 0.025
    assert found.rank_probabilities[2, 0] > 0.99
    assert found.rank_probabilities.sum(axis=0) == pytest.approx(1)
    assert found.rank_probabilities.sum(axis=1) == pytest.approx(1)
    ignored = found.estimates["c0"]
    assert ignored.value == 0.0, "without rounding"
    assert -0.03 < ignored.low < 0 < ignored.high < 0.03


def test_blocks_that_do_the_same_share_their_ranks_and_none_is_excluded():
    labels, plain, blocks = planted(100)
    twins = {"a": blocks["c2"], "b": blocks["c2"]}
    found = importances(labels, plain, twins)
    assert found.rank_probabilities == pytest.approx(np.full((2, 2), 0.5))
    assert found.top.candidates == ("a", "b")
    assert found.top.p_values == {"a": 1.0, "b": 1.0}


def test_images_that_could_not_be_evaluated_keep_candidates_possible():
    labels, plain, blocks = planted(200, effects=(1.0, 2.0))
    known = importances(labels, plain, blocks)
    assert known.top.candidates == ("c1",)
    lost = importances(labels, plain, blocks, missing=[0, 1] * 20)
    assert lost.top.candidates == ("c1", "c0")
    assert lost.top.p_values["c0"] > known.top.p_values["c0"]
    assert lost.estimates["c0"].low == known.estimates["c0"].low


def test_the_unseen_share_bounds_what_missing_images_change():
    answers, own = ties(0, 2, n=40)
    labels = np.arange(40) % 2
    kept = slice(0, 36)
    whole = expected_auroc(labels, answers, own)
    known = expected_auroc(labels[kept], answers[kept], own[kept])
    share = unseen_share("auroc", labels[kept], labels[36:])
    assert share == pytest.approx(1 - 18 * 18 * 36 * 35 / (20 * 20 * 40 * 39))
    assert (1 - share) * known <= whole <= (1 - share) * known + share
    assert unseen_share("auroc", labels, []) == 0
    plain = unseen_share("auroc", labels[kept], labels[36:], permuted=False)
    assert plain == pytest.approx(1 - 18 * 18 / (20 * 20))
    assert unseen_share("accuracy", labels[kept], labels[36:], permuted=False) == pytest.approx(0.1)


def test_the_interval_is_over_patients_and_not_over_permutations():
    labels, plain, blocks = planted(150)
    block = blocks["c2"]
    alone = permutation_importance(labels, plain, block.answers, block.own)
    thrice = np.repeat(np.arange(150), 3)
    answers = block.answers[thrice]
    copied = permutation_importance(
        labels[thrice], plain[thrice], answers, block.own[thrice], clusters=thrice
    )
    assert copied.clusters == 150
    width = (copied.high - copied.low) / (alone.high - alone.low)
    assert width == pytest.approx(1, abs=0.1), "copies of a patient's image add nothing"
    drops = sampled_importance(labels, plain, block.answers, block.own, 100)
    spread = drops.std(ddof=1) / np.sqrt(100)
    assert alone.high - alone.low > 5 * spread, "their standard error vanishes, that of images not"


def test_an_area_of_1_that_permuting_does_not_touch_keeps_its_uncertainty():
    labels = np.arange(40) % 2
    answers = np.stack([labels, labels + 0.5], axis=1) * 1.0
    answers[:, 1] = labels * 3.0
    own = np.arange(40) // 2 % 2
    found = permutation_importance(labels, answers[np.arange(40), own], answers, own)
    assert found.value == 0
    assert found.low < -0.1
    assert found.high > 0.1


def test_a_model_that_is_the_concept_falls_to_chance_with_limits():
    own = np.arange(40) % 2
    answers = np.tile([0.0, 1.0], (40, 1))
    found = permutation_importance(own, own, answers, own)
    assert found.value == pytest.approx(0.5)
    assert found.low < 0.5 < found.high
    assert found.method.count("exact bound") == 1


def test_one_side_that_never_varies_adds_its_own_bound():
    # As it is every pair is right, in every resample; permuted, some images change.
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    answers = np.stack([labels + 0.01 * np.arange(60), rng.normal(size=60)], axis=1)
    own = np.zeros(60, dtype=int)
    own[:20] = 1
    plain = labels + 0.01 * rng.random(60)
    found = permutation_importance(labels, plain, answers, own)
    assert "side that never varies" in found.method
    half = (1 - found.level) / 2
    for limit, side in ((found.low, found.p_above), (found.high, found.p_below)):
        assert side(limit) == pytest.approx(half, rel=1e-6)


def test_accuracy_compares_decisions_with_labels_of_any_number_of_classes():
    labels = np.array([0, 1, 2] * 20)
    own = np.array([0, 1] * 30)
    answers = np.stack([labels, np.zeros(60)], axis=1)  # at value 1 everything is called class 0
    plain = answers[np.arange(60), own]
    found = permutation_importance(labels, plain, answers, own, metric="accuracy")
    assert found.value == pytest.approx((plain == labels).mean() - (1 + 1 / 3) / 2)
    found = permutation_importance(
        labels, labels, np.stack([labels, labels], 1), own, metric="accuracy"
    )
    assert found.value == 0
    assert found.low < 0 < found.high


def test_the_effect_is_the_mean_change_and_needs_no_label():
    rng = np.random.default_rng(0)
    answers = rng.random((2, 30, 3))
    patients = np.arange(30) // 2
    found = effect(answers, patients)
    expected = mean((answers[:, :, 2] - answers[:, :, 0]).mean(axis=0), patients, bounds=(-1, 1))
    assert (found.value, found.low, found.clusters) == (expected.value, expected.low, 15)
    with pytest.raises(AuditError, match="needs two"):
        effect(answers[:, :, :1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros(10)}, "needs both classes"),
        ({"own": np.zeros(10, dtype=int)}, "one value, so there is nothing to permute"),
        ({"plain": np.full(10, np.nan)}, "NaN"),
        ({"answers": np.full((10, 2), np.nan)}, "10 of 10 images are NaN"),
        ({"own": np.arange(10)}, "from 0 to 1"),
        ({"own": np.arange(10) / 2}, "whole numbers"),
        ({"answers": np.zeros((9, 2))}, "expected \\(10, values\\)"),
        ({"clusters": np.zeros(10)}, "one patient"),
        ({"labels": np.eye(10)[0]}, "at most 1 % is tolerated"),
    ],
)
def test_what_cannot_be_asked_is_an_error_with_a_reason(change, message):
    rng = np.random.default_rng(0)
    fine = {
        "labels": np.arange(10) % 2,
        "plain": rng.random(10),
        "answers": rng.random((10, 2)),
        "own": np.arange(10) // 2 % 2,
    }
    permutation_importance(**fine)
    with pytest.raises(AuditError, match=message):
        permutation_importance(**{**fine, **change})


def test_nothing_to_permute_is_an_error():
    with pytest.raises(AuditError, match="no block"):
        importances([0, 1], [0.1, 0.2], {})


@pytest.mark.slow
def test_the_interval_covers_the_true_importance():
    def answers_of(n, rng):
        labels = rng.integers(0, 2, n)
        own = np.where(rng.random(n) < 0.7, labels, rng.integers(0, 2, n))
        score = labels + rng.normal(size=n)
        answers = score[:, None] + np.arange(2) + 0.3 * rng.normal(size=(n, 2))
        return labels, answers[np.arange(n), own], answers, own

    labels, plain, answers, own = answers_of(200_000, np.random.default_rng(0))
    true = auroc_point(labels, plain) - expected_auroc(labels, answers, own)
    runs = 300
    found = [
        permutation_importance(*answers_of(120, np.random.default_rng([1, run])), replicates=600)
        for run in range(runs)
    ]
    covered = np.mean([estimate.low <= true <= estimate.high for estimate in found])
    # Four standard errors round 0.95.
    assert 0.90 <= covered <= 0.995
