import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from auditkit.errors import AuditError
from auditkit.stats import balanced_accuracy, proportion
from auditkit.stats.recalls import weighted_recalls

DECIDED = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=50).filter(
    lambda rows: len({label for label, _ in rows}) > 1
)


@settings(max_examples=50, deadline=None)
@given(DECIDED)
def test_value_matches_sklearn_for_any_number_of_classes(rows):
    labels, decisions = (np.array(column) for column in zip(*rows, strict=True))
    found = balanced_accuracy(labels, labels == decisions)
    recalls = [(decisions == labels)[labels == c].mean() for c in np.unique(labels)]
    assert found.value == pytest.approx(np.mean(recalls))
    if set(decisions) <= set(labels):  # sklearn warns of decisions for classes without images
        assert found.value == pytest.approx(balanced_accuracy_score(labels, decisions))
    assert 0 <= found.low <= found.value <= found.high <= 1


@settings(max_examples=30, deadline=None)
@given(DECIDED, st.integers(0, 100))
def test_weighted_value_counts_an_image_as_often_as_its_weight(rows, seed):
    labels, decisions = (np.array(column) for column in zip(*rows, strict=True))
    right = (labels == decisions).astype(float)
    weights = np.random.default_rng(seed).integers(1, 4, size=labels.size)
    statistic = weighted_recalls(labels.astype(float), right)
    repeated = balanced_accuracy(np.repeat(labels, weights), np.repeat(right, weights))
    assert statistic(weights[np.newaxis] * 1.0)[0] == pytest.approx(repeated.value)


def test_limits_are_recovered_from_those_of_the_parts():
    labels, right = np.repeat([0, 1], [60, 40]), np.tile([1, 1, 1, 0], 25)
    parts = [proportion(right[labels == c]) for c in (0, 1)]
    below = np.sqrt(sum((part.value - part.low) ** 2 for part in parts)) / 2
    found = balanced_accuracy(labels, right)
    assert found.low == pytest.approx(found.value - below)
    assert found.p_above(found.low) == pytest.approx(0.025)
    assert found.p_below(found.high) == pytest.approx(0.025)


@pytest.mark.parametrize("shared", [False, True])
def test_no_mistake_is_never_certainty(shared):
    labels = np.tile([0, 1], 20)
    patients = np.arange(40) // 2 if shared else np.arange(40)
    found = balanced_accuracy(labels, np.ones(40), patients)
    # 20 of 20 right in each class; patients with both classes may fail in both together.
    reach = (1 - 0.025 ** (1 / 20)) * (1 if shared else np.sqrt(0.5))
    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx(1 - reach)


def test_a_class_without_mistakes_keeps_its_uncertainty():
    labels = np.repeat([1, 0], [5, 1000])
    right = np.concatenate([np.ones(5), np.tile([1, 1, 1, 0], 250)])
    found = balanced_accuracy(labels, right)
    assert found.value - found.low > (1 - 0.025 ** (1 / 5)) / 2


def test_copies_of_a_patients_images_tell_nothing_new():
    generator = np.random.default_rng(0)
    labels, right = generator.integers(0, 2, 60), generator.random(60) < 0.8
    single = balanced_accuracy(labels, right)
    ids = np.repeat(np.arange(60), 4)
    copied = balanced_accuracy(np.repeat(labels, 4), np.repeat(right, 4), ids)
    assert copied.low <= single.low + 0.005
    assert copied.high >= single.high - 0.005


def test_the_interval_covers_with_several_images_of_a_patient():
    generator = np.random.default_rng(1)
    patients, covered = np.arange(120) // 4, []
    for _ in range(200):
        labels = generator.random(120) < 0.4
        easy = np.repeat(generator.random(30) < 0.5, 4)
        right = generator.random(120) < np.where(easy, 0.9, 0.6)  # 0.75 in both classes
        found = balanced_accuracy(labels, right, patients)
        covered.append(found.low <= 0.75 <= found.high)
    assert np.mean(covered) > 0.9


def test_one_class_has_no_balance():
    with pytest.raises(AuditError, match="at least two classes"):
        balanced_accuracy([1, 1], [1, 0])
    with pytest.raises(AuditError, match="one patient"):
        balanced_accuracy([1, 0], [1, 0], [3, 3])
