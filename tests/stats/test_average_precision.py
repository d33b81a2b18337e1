import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from auditkit.errors import AuditError
from auditkit.stats import average_precision, precision_recall_curve
from auditkit.stats.average_precision import PerfectPrecisionTail
from auditkit.stats.ranking import weighted_average_precision

LABELLED = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40).filter(
    lambda rows: len({label for label, _ in rows}) == 2
)


@settings(max_examples=50, deadline=None)
@given(LABELLED)
def test_average_and_curve_match_sklearn_with_ties(rows):
    labels, scores = (np.array(column) for column in zip(*rows, strict=True))
    statistic = weighted_average_precision(labels.astype(float), scores.astype(float))
    expected = metrics.average_precision_score(labels, scores)
    assert statistic(np.ones((1, labels.size)))[0] == pytest.approx(expected)
    recall, precision = precision_recall_curve(labels, scores)
    theirs = metrics.precision_recall_curve(labels, scores)
    # Theirs runs from the lowest threshold and adds the point (0, 1).
    np.testing.assert_allclose(precision[::-1], theirs[0][:-1])
    np.testing.assert_allclose(recall[::-1], theirs[1][:-1])
    by_steps = np.sum(np.diff(recall, prepend=0) * precision)
    assert by_steps == pytest.approx(expected)


@settings(max_examples=50, deadline=None)
@given(LABELLED, st.integers(0, 100))
def test_weighted_average_counts_an_image_as_often_as_its_weight(rows, seed):
    labels, scores = (np.array(column) for column in zip(*rows, strict=True))
    weights = np.random.default_rng(seed).integers(0, 4, size=labels.size)
    weights[np.argmax(labels)] += 1  # a positive is left
    average = weighted_average_precision(labels.astype(float), scores.astype(float))(
        weights[np.newaxis] * 1.0
    )
    repeated = metrics.average_precision_score(
        np.repeat(labels, weights), np.repeat(scores, weights)
    )
    assert average[0] == pytest.approx(repeated)


def _lesions(generator, n):
    labels = (generator.random(n) < 0.3).astype(float)
    return labels, generator.normal(size=n) + 1.2 * labels


def test_the_interval_covers_the_average_of_a_large_sample():
    generator = np.random.default_rng(0)
    truth = metrics.average_precision_score(*_lesions(generator, 400_000))
    intervals = [
        average_precision(*_lesions(generator, 150), seed=i, replicates=200) for i in range(150)
    ]
    covered = np.mean([found.low <= truth <= found.high for found in intervals])
    assert covered > 0.9  # 0.95 less three standard errors of 150 repetitions


def test_copies_of_a_patients_images_tell_nothing_new():
    labels, scores = _lesions(np.random.default_rng(1), 80)
    single = average_precision(labels, scores, np.arange(80))
    copied = average_precision(np.repeat(labels, 5), np.repeat(scores, 5), np.repeat(range(80), 5))
    assert copied.value == pytest.approx(single.value)
    assert (copied.low, copied.high) == pytest.approx((single.low, single.high), abs=0.02)
    assert (copied.n, copied.clusters) == (400, 80)


def test_the_order_of_the_images_does_not_matter():
    labels, scores = _lesions(np.random.default_rng(2), 60)
    turned = average_precision(labels[::-1], scores[::-1])
    assert average_precision(labels, scores) == turned


@pytest.mark.parametrize(("positives", "negatives"), [(5, 95), (20, 20), (60, 6)])
def test_complete_separation_is_never_certainty(positives, negatives):
    labels = np.repeat([1, 0], [positives, negatives])
    found = average_precision(labels, labels)
    assert (found.value, found.high) == (1, 1)
    assert 0 < found.low < 1
    assert found.p_above(found.low) == pytest.approx(0.025)
    assert found.p_above(found.low / 2) < 0.025


def test_fewer_images_or_positives_say_less_of_complete_separation():
    lows = [
        average_precision(np.repeat([1, 0], counts), np.repeat([1, 0], counts)).low
        for counts in ([5, 95], [20, 80], [40, 60])
    ]
    assert lows == sorted(lows)


@pytest.mark.parametrize("prevalence", [0.05, 0.3, 0.8])
def test_no_curve_of_that_area_has_a_smaller_average(prevalence):
    generator = np.random.default_rng(0)
    recall = (np.arange(2000) + 0.5) / 2000
    tail = PerfectPrecisionTail(prevalence, pairs=1)
    for power in generator.uniform(0.1, 10, size=40):
        false = generator.uniform(0.05, 1) * recall**power
        right = prevalence * recall
        average = (right / (right + (1 - prevalence) * false)).mean()
        # One pair: the limit at `half` is the least average with an area of `half`.
        assert average >= tail.low(1 - false.mean()) - 1e-9


def test_a_score_that_knows_nothing_has_the_prevalence():
    found = average_precision(np.repeat([1, 0], [30, 70]), np.full(100, 0.4))
    assert found.value == pytest.approx(0.3)
    assert found.low < 0.3 < found.high


@pytest.mark.parametrize(
    ("labels", "clusters", "message"),
    [
        ([1, 1, 1], None, "both classes"),
        ([1, 0, 0], [1, 1, 1], "one patient"),
        ([0, 1, *[0] * 20], None, "resamples"),
    ],
)
def test_what_cannot_be_estimated_is_refused(labels, clusters, message):
    with pytest.raises(AuditError, match=message):
        average_precision(labels, np.linspace(0, 1, len(labels)), clusters)
