"""Pieces that can be checked by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from auditkit.benchmarking.agreements import comparable
from auditkit.benchmarking.figures import five_numbers, shown_targets
from auditkit.benchmarking.gathering import truth
from auditkit.benchmarking.recipe import Recipe
from auditkit.benchmarking.targets import (
    Permuted,
    Redrawn,
    best_threshold,
    median_labels,
    random_weights,
)
from auditkit.data.dataset import Record
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard


def test_weights_are_uniform_and_belong_to_a_target_whatever_the_number_of_targets():
    many = random_weights(400, 6, seed=3)
    np.testing.assert_array_equal(many[:5], random_weights(5, 6, seed=3))
    assert not np.array_equal(many[:5], random_weights(5, 6, seed=4))
    assert many.min() >= 0
    assert many.max() <= 1
    np.testing.assert_allclose(np.quantile(many, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.03)


def test_presence_is_that_of_the_checks():
    """A category without a value 0 is absent at its first value."""
    concepts = [{"name": "sex", "values": ["M", "F"]}, {"name": "age", "values": ["1", "0", "2"]}]
    card = {"data": "d", "task": "t", "format": "table", "file": "x.csv", "concepts": concepts}
    told = [("M", "0"), ("F", "1"), ("F", "2")]
    records = [
        Record(f"i{i}", f"d{i}", 0, f"p{i}", concepts={"sex": sex, "age": age})
        for i, (sex, age) in enumerate(told)
    ]
    present = truth(DataCard.model_validate(card), records, ["age", "sex"])
    assert present.tolist() == [[0, 0], [1, 1], [1, 1]]


def test_labels_exceed_the_median():
    present = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [1, 1]])
    assert median_labels(present, np.array([1.0, 2.0])).tolist() == [0, 0, 0, 1, 1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=4, max_size=30))
def test_the_threshold_is_that_of_the_largest_difference_of_rates(pairs):
    labels, scores = np.array(pairs).T
    scores = scores / 7
    if labels.min() == labels.max():
        return
    false, true, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    difference = (true - false)[1:]
    # Of equally good thresholds, up to rounding, the first is the largest.
    expected = thresholds[1:][np.argmax(difference > difference.max() - 1e-9)]
    assert best_threshold(labels, scores) == expected


def test_weighted_answers_are_those_of_a_linear_model():
    rng = np.random.default_rng(0)
    answers = rng.random((2, 5, 3, 4))
    own = np.array([0, 1, 2, 0, 1])
    redrawn = Redrawn(
        rng.random((2, 5, 4)), {"a": Permuted([("0",), ("1",), ("2",)], own, answers)}
    )
    weights = np.array([1.0, -2.0, 0.5, 0.0])
    found = redrawn.weighted(weights)
    np.testing.assert_allclose(found.permuted["a"].answers, (answers * weights).sum(-1))
    one = redrawn.only([2]).weighted(np.ones(1))
    np.testing.assert_allclose(one.plain, redrawn.plain[..., 2])


def test_concepts_that_nobody_knows_are_left_out_before_targets():
    oracle = np.ones((3, 3))
    method = np.array([[1, np.nan, 2], [3, np.nan, np.nan], [4, np.nan, 5]])
    assert comparable(oracle, method) == ([0, 2], [0, 2])


def test_five_numbers_are_those_of_matplotlib():
    from matplotlib.cbook import boxplot_stats

    values = np.concatenate([np.random.default_rng(2).normal(size=50), [6.0, -7.0]])
    five, beyond = five_numbers(values)
    (reference,) = boxplot_stats(values)
    wanted = [reference[key] for key in ("whislo", "q1", "med", "q3", "whishi")]
    np.testing.assert_allclose(five, wanted)
    np.testing.assert_allclose(beyond, np.sort(reference["fliers"]))


def test_four_targets_are_shown_each_once():
    shown = shown_targets(100, 0)
    assert len(set(shown)) == 4
    assert shown_targets(2, 0) == [0, 1]
    assert shown != shown_targets(100, 1)


@pytest.mark.parametrize("wrong", [{"images": 3}, {"permutations": 0}, {"heatmaps": -1}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(AuditError, match="or more was expected"):
        Recipe(**wrong)
