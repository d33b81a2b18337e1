import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn import metrics

from auditkit.errors import AuditError
from auditkit.metrics import (
    NotEvaluable,
    explanation_coverage,
    ground_truth_coverage,
    iou,
    top_fraction_mask,
)

SHAPES = npst.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=6)
PAIRS = SHAPES.flatmap(lambda shape: st.tuples(npst.arrays(bool, shape), npst.arrays(bool, shape)))


@settings(max_examples=50, deadline=None)
@given(PAIRS)
def test_coverages_are_precision_recall_and_jaccard_in_any_dimension(masks):
    heat, truth = masks
    flat = truth.reshape(-1), heat.reshape(-1)
    if heat.any():
        precision = metrics.precision_score(*flat, zero_division=0)
        assert explanation_coverage(heat, truth) == pytest.approx(precision)
    if truth.any():
        recall = metrics.recall_score(*flat, zero_division=0)
        assert ground_truth_coverage(heat, truth) == pytest.approx(recall)
    if heat.any() or truth.any():
        assert iou(heat, truth) == pytest.approx(metrics.jaccard_score(*flat, zero_division=0))


@pytest.mark.parametrize(
    ("metric", "heat", "truth", "reason"),
    [
        (explanation_coverage, 0, 1, "empty explanation"),
        (ground_truth_coverage, 1, 0, "empty ground truth"),
        (iou, 0, 0, "empty explanation and empty ground truth"),
    ],
)
def test_an_empty_denominator_is_not_evaluable(metric, heat, truth, reason):
    with pytest.raises(NotEvaluable) as caught:
        metric(np.full((2, 2), bool(heat)), np.full((2, 2), bool(truth)))
    assert caught.value.reason == reason


def test_masks_that_are_not_masks_are_refused():
    truth = np.ones((2, 2), dtype=bool)
    with pytest.raises(AuditError, match="Binarise"):
        iou(np.ones((2, 2)), truth)
    with pytest.raises(AuditError, match="equal shapes"):
        iou(np.ones((1, 2, 2), dtype=bool), truth)


HEATMAPS = npst.arrays(
    np.float64, npst.array_shapes(min_dims=2, max_dims=3, min_side=2), elements=st.integers(-3, 3)
)


@settings(max_examples=50, deadline=None)
@given(HEATMAPS, st.floats(0.3, 1), st.integers(0, 9), st.sampled_from(["positive", "absolute"]))
def test_top_fraction_keeps_the_exact_number_of_the_largest_pixels(heat, fraction, seed, signs):
    values = np.abs(heat) if signs == "absolute" else heat
    if values.min() == values.max() or (signs == "positive" and values.max() <= 0):
        with pytest.raises(NotEvaluable):
            top_fraction_mask(heat, fraction, signs)
        return
    for generator in (None, np.random.default_rng(seed)):
        mask = top_fraction_mask(heat, fraction, signs, generator)
        wanted = int(fraction * heat.size + 0.5)
        if signs == "positive":
            wanted = min(wanted, int((heat > 0).sum()))
            assert (heat[mask] > 0).all()
        assert mask.sum() == wanted
        assert mask.all() or values[mask].min() >= values[~mask & (values > -9)].max()


def test_ties_are_broken_by_the_seed_alone():
    heat = np.repeat([0.0, 1.0], 50).reshape(10, 10)
    first, again, other = (
        top_fraction_mask(heat, 0.1, tie_break=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()
    assert top_fraction_mask(heat, 0.1).reshape(-1).nonzero()[0].tolist() == list(range(50, 60))


@pytest.mark.parametrize(
    ("heat", "signs", "reason"),
    [
        ([[0.0, 0.0]], "positive", "all-zero heatmap"),
        ([[2.0, 2.0]], "positive", "constant heatmap"),
        ([[1.0, -1.0]], "absolute", "constant heatmap"),
        ([[-1.0, -2.0]], "positive", "heatmap without positive values"),
        ([[1.0, np.nan]], "positive", "heatmap with NaN or infinite values"),
        ([[1.0, np.inf]], "absolute", "heatmap with NaN or infinite values"),
    ],
)
def test_maps_that_cannot_be_ranked_are_not_evaluable(heat, signs, reason):
    with pytest.raises(NotEvaluable) as caught:
        top_fraction_mask(heat, 0.5, signs)
    assert caught.value.reason == reason


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.1, 0.01, float("nan")])
def test_fractions_that_keep_nothing_are_refused(fraction):
    with pytest.raises(AuditError, match="fraction"):
        top_fraction_mask(np.arange(20.0), fraction)
