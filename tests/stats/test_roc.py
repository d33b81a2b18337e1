import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from auditkit.stats import auroc, auroc_point, roc_curve
from auditkit.stats.roc import weighted_auroc

LABELLED = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40).filter(
    lambda rows: len({label for label, _ in rows}) == 2
)


@settings(max_examples=50, deadline=None)
@given(LABELLED)
def test_area_and_curve_match_sklearn_with_ties(rows):
    labels, scores = (np.array(column) for column in zip(*rows, strict=True))
    assert auroc_point(labels, scores) == pytest.approx(metrics.roc_auc_score(labels, scores))
    false_positive, true_positive, _ = metrics.roc_curve(labels, scores, drop_intermediate=False)
    ours = roc_curve(labels, scores)
    np.testing.assert_allclose(ours[0], false_positive)
    np.testing.assert_allclose(ours[1], true_positive)


@settings(max_examples=50, deadline=None)
@given(LABELLED, st.integers(0, 100))
def test_weighted_area_counts_an_image_as_often_as_its_weight(rows, seed):
    labels, scores = (np.array(column) for column in zip(*rows, strict=True))
    order = np.argsort(scores, kind="stable")
    labels, scores = labels[order], scores[order]
    weights = np.random.default_rng(seed).integers(1, 4, size=labels.size)
    area = weighted_auroc(labels.astype(float), scores.astype(float))(weights[np.newaxis] * 1.0)
    repeated = metrics.roc_auc_score(np.repeat(labels, weights), np.repeat(scores, weights))
    assert area[0] == pytest.approx(repeated)


def _delong_by_pairs(labels, scores):
    positive, negative = scores[labels == 1], scores[labels == 0]
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    variance = wins.mean(1).var(ddof=1) / positive.size + wins.mean(0).var(ddof=1) / negative.size
    return wins.mean(), np.sqrt(variance)


def test_delong_interval_is_symmetric_on_the_logit_scale():
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], [35, 25])
    scores = np.round(generator.normal(size=60) + labels, 1)  # with ties
    area, error = _delong_by_pairs(labels, scores)
    reach = scipy.stats.norm.ppf(0.975) * error / (area * (1 - area))
    estimate = auroc(labels, scores)
    limits = scipy.special.expit(scipy.special.logit(area) + np.array([-reach, reach]))
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((area, *limits))


@pytest.mark.parametrize(("positives", "negatives"), [(5, 40), (40, 5), (12, 12)])
def test_perfect_separation_is_never_certainty(positives, negatives):
    labels = np.repeat([1, 0], [positives, negatives])
    best, worst = auroc(labels, labels), auroc(labels, -labels)
    limit = 0.025 ** (1 / min(positives, negatives))
    assert (best.low, best.high) == (pytest.approx(limit), 1.0)
    assert (worst.low, worst.high) == (0.0, pytest.approx(1 - limit))


def test_perfect_separation_counts_patients():
    labels, clusters = np.repeat([1, 0], [20, 20]), np.repeat(np.arange(8), 5)
    assert auroc(labels, labels, clusters).low == pytest.approx(0.025 ** (1 / 4))
    # Five patients with images of both classes make two pairs of different patients.
    mixed = np.tile(np.arange(5), 8)
    assert auroc(labels, labels, mixed).low == pytest.approx(0.025 ** (1 / 2))


def test_scores_that_are_all_equal_are_no_proof_of_chance():
    estimate = auroc(np.repeat([0, 1], 10), np.zeros(20))
    assert estimate.value == 0.5
    assert estimate.high == pytest.approx(0.5 + 0.5 * (1 - 0.025**0.1))


def test_one_image_per_patient_is_the_independent_case():
    generator = np.random.default_rng(1)
    labels, scores = np.tile([0, 1], 20), generator.normal(size=40)
    alone, named = auroc(labels, scores), auroc(labels, scores, generator.permutation(40))
    assert named == alone


def test_copies_of_a_patient_add_nothing():
    generator = np.random.default_rng(2)
    labels, scores = np.tile([0, 1], 25), generator.normal(size=50) + np.tile([0, 1], 25)
    clusters = np.repeat(np.arange(50), 6)
    single = auroc(labels, scores)
    clustered = auroc(np.repeat(labels, 6), np.repeat(scores, 6), clusters)
    unaware = auroc(np.repeat(labels, 6), np.repeat(scores, 6))
    assert (clustered.low, clustered.high) == pytest.approx((single.low, single.high), abs=0.02)
    assert clustered.high - clustered.low > 2 * (unaware.high - unaware.low)


@pytest.mark.parametrize(
    ("area", "positives", "negatives", "images"),
    [(0.8, 20, 20, 1), (0.95, 15, 60, 1), (0.9, 15, 30, 3)],
)
def test_coverage_of_the_interval(area, positives, negatives, images):
    generator = np.random.default_rng(3)
    labels = np.repeat([1, 0], [positives, negatives])
    clusters = np.repeat(np.arange(labels.size), images)
    labels, distance = np.repeat(labels, images), np.sqrt(2) * scipy.stats.norm.ppf(area)
    held, runs = 0, 300
    for seed in range(runs):
        shared = generator.normal(size=clusters[-1] + 1)[clusters] * np.sqrt(0.5)
        noise = generator.normal(size=labels.size) * np.sqrt(0.5)
        estimate = auroc(
            labels, shared + noise + distance * labels, clusters, seed=seed, replicates=299
        )
        held += estimate.low <= area <= estimate.high
    assert 0.91 <= held / runs <= 0.985
