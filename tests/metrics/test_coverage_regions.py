import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from auditkit.errors import AuditError
from auditkit.metrics import (
    NotEvaluable,
    explanation_coverage,
    explanation_region,
    relevance_mass,
    top_fraction_mask,
    truth_of,
)
from auditkit.metrics.coverage import descending_order
from auditkit.spec.postprocess import Deviations, Nonzero, ShareOfMaximum, TopShare

RULES = [TopShare(share=0.3), ShareOfMaximum(share=0.5), Deviations(count=1), Nonzero()]
MAPS = npst.arrays(
    np.float64, npst.array_shapes(min_dims=2, max_dims=3, min_side=2), elements=st.integers(-4, 4)
)


@settings(max_examples=100, deadline=None)
@given(MAPS, st.floats(0.25, 0.99), st.none() | st.integers(0, 9))
def test_the_hottest_pixels_are_the_first_of_a_full_sort_ties_included(heat, share, seed):
    """Regions do not change with how they are found: a sort of all pixels is the reference."""
    if heat.min() == heat.max() or heat.max() <= 0:
        return
    count = min(int(np.floor(share * heat.size + 0.5)), int((heat > 0).sum()))
    generators = [None if seed is None else np.random.default_rng(seed) for _ in range(2)]
    expected = np.zeros(heat.size, bool)
    expected[descending_order(heat.reshape(-1), generators[0])[:count]] = True
    found = top_fraction_mask(heat, share, "positive", generators[1])
    np.testing.assert_array_equal(found.reshape(-1), expected)


def test_rules_worked_by_hand():
    heat = np.array([[-3.0, 0.0, 1.0], [2.0, 4.0, 2.0]])
    # Mean 1, population standard deviation sqrt(28 / 6) = 2.160; of magnitudes 2 and 1.291.
    expected = {
        ("top", "positive"): [4.0],
        ("top", "absolute"): [-3.0, 4.0],
        ("threshold", "positive"): [2.0, 2.0, 4.0],
        ("threshold", "absolute"): [-3.0, 2.0, 2.0, 4.0],
        ("deviations", "positive"): [4.0],
        ("deviations", "absolute"): [4.0],
        ("nonzero", "positive"): [1.0, 2.0, 2.0, 4.0],
        ("nonzero", "absolute"): [-3.0, 1.0, 2.0, 2.0, 4.0],
    }
    shares = {"positive": 0.2, "absolute": 0.4}
    for (rule, signs), values in expected.items():
        chosen = next(each for each in RULES if each.rule == rule)
        if rule == "top":
            chosen = TopShare(share=shares[signs])
        region = explanation_region(heat, chosen, signs)
        assert sorted(heat[region].tolist()) == values, (rule, signs)


@settings(max_examples=50, deadline=None)
@given(MAPS.filter(lambda heat: heat.min() < heat.max() and heat.max() > 0))
def test_deviations_agree_with_the_published_order_of_steps(heat):
    """Min-max scaling, then mean plus one deviation; only pixels above 0 are evidence for a class."""
    scaled = (heat - heat.min()) / (heat.max() - heat.min())
    bound = scaled.mean() + scaled.std()
    found = explanation_region(heat, Deviations(count=1.0))
    sure = np.abs(scaled - bound) > 1e-9
    np.testing.assert_array_equal(found[sure], ((scaled >= bound) & (heat > 0))[sure])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.rule)
@pytest.mark.parametrize(
    ("heat", "reason"),
    [
        (np.zeros((2, 2)), "all-zero heatmap"),
        (np.ones((2, 2)), "constant heatmap"),
        (-np.arange(4.0), "heatmap without positive values"),
        (np.array([np.nan, 1.0]), "heatmap with NaN or infinite values"),
    ],
)
def test_every_rule_and_the_mass_refuse_maps_that_say_nothing(rule, heat, reason):
    with pytest.raises(NotEvaluable) as caught:
        explanation_region(heat, rule)
    assert caught.value.reason == reason
    with pytest.raises(NotEvaluable) as caught:
        relevance_mass(heat, np.ones(heat.shape, bool))
    assert caught.value.reason == reason


def test_far_deviations_leave_an_empty_region_which_has_no_coverage():
    region = explanation_region(np.arange(4.0), Deviations(count=9))
    assert not region.any()
    with pytest.raises(NotEvaluable, match="empty explanation"):
        explanation_coverage(region, np.ones(4, bool))


def test_relevance_mass_worked_by_hand():
    heat, truth = np.array([3.0, 1.0, -4.0]), np.array([True, False, True])
    assert relevance_mass(heat, truth) == 0.75
    assert relevance_mass(heat, truth, "absolute") == 7 / 8
    with pytest.raises(NotEvaluable, match="empty ground truth"):
        relevance_mass(heat, np.zeros(3, bool))
    with pytest.raises(AuditError, match="equal shapes"):
        relevance_mass(heat, np.ones(2, bool))


@settings(max_examples=50, deadline=None)
@given(MAPS, st.data())
def test_relevance_mass_of_a_two_level_map_is_explanation_coverage(heat, data):
    levels = (heat > 0).astype(float)
    truth = data.draw(npst.arrays(bool, heat.shape))
    if levels.min() == levels.max() or not truth.any():
        return
    expected = explanation_coverage(levels > 0, truth)
    assert relevance_mass(levels, truth) == pytest.approx(expected)
    other = relevance_mass(levels, ~truth) if not truth.all() else 0.0
    assert relevance_mass(levels, truth) + other == pytest.approx(1.0)


def test_one_annotation_counts_in_every_modality_and_each_may_have_its_own():
    truth = np.array([[True, False, False]])
    heat = np.array([[[9.0, 1.0, 0.0]], [[0.0, 5.0, 0.0]]])
    there = truth_of(truth, heat.shape)
    assert there.shape == heat.shape
    assert relevance_mass(heat, there) == 9 / 15
    np.testing.assert_array_equal(truth_of(there, heat.shape), there)
    volume = np.zeros((2, 3, 3, 3), bool)
    assert truth_of(volume[0], volume.shape).shape == volume.shape
    with pytest.raises(AuditError, match="modalities"):
        truth_of(truth, (3, 1))
