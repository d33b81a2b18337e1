"""The published code's removal, worked by hand and against its definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from auditkit.errors import AuditError
from auditkit.metrics import NotEvaluable
from auditkit.metrics.clinical_xai_2022 import (
    published_map,
    published_rank_map,
    published_thresholds,
    published_unimportant,
)


@settings(max_examples=80, deadline=None)
@given(
    arrays.arrays(np.float64, (2, 3, 4), elements=st.sampled_from([-1.0, 0.0, 0.0, 0.5, 1, 2])),
    st.integers(1, 12),
)
def test_a_voxel_is_gone_as_soon_as_it_reaches_the_quantile_of_what_is_not_zero(heat, steps):
    if heat.max() <= 0:
        with pytest.raises(NotEvaluable):
            published_map(heat)
        return
    positive = published_map(heat)
    thresholds = published_thresholds(positive, steps)
    ranks = published_rank_map(positive, thresholds)
    for step in range(1, steps + 1):
        cut = np.quantile(positive[np.nonzero(positive)], max(1 - step / steps, 0))
        assert ((ranks < step) == (positive >= cut)).all()


def test_a_half_zero_map_loses_five_of_ten_at_a_hundred_percent():
    heat = np.array([0.0, 0, 0, 0, 0, 1, 2, 3, 4, 5])
    ranks = published_rank_map(heat, published_thresholds(heat, 5))
    assert [(ranks < step).sum() for step in range(6)] == [0, 1, 2, 3, 4, 5]


def test_ties_go_at_once():
    heat = np.array([2.0, 2, 2, 2, 2, 1, 1, 1, 1, 1])
    ranks = published_rank_map(heat, published_thresholds(heat, 10))
    # Already the first tenth removes half.
    assert [(ranks < step).sum() for step in (1, 2, 4, 10)] == [5, 5, 5, 10]


def test_a_permutation_with_the_maps_thresholds_removes_as_many():
    generator = np.random.default_rng(0)
    heat = np.where(generator.random(500) < 0.6, 0, generator.random(500))
    thresholds = published_thresholds(heat)
    own = published_rank_map(heat, thresholds)
    permuted = published_rank_map(generator.permutation(heat), thresholds)
    assert np.bincount(own).tolist() == np.bincount(permuted).tolist()
    assert (own != permuted).any()


def test_negative_heat_counts_as_none_and_unimportant_is_the_lowest_twentieth():
    positive = published_map([-5.0, -1, 0, 3])
    assert positive.tolist() == [0, 0, 0, 3]
    assert published_unimportant(np.arange(1.0, 101)).sum() == 5
    assert published_unimportant(positive).tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("heat", "reason"),
    [
        ([0.0, 0.0], "heatmap without positive values"),
        ([-1.0, 0.0], "heatmap without positive values"),
        ([1.0, np.inf], "heatmap with NaN or infinite values"),
    ],
)
def test_maps_without_a_threshold_are_not_evaluable(heat, reason):
    with pytest.raises(NotEvaluable) as caught:
        published_map(heat)
    assert caught.value.reason == reason
    with pytest.raises(AuditError):
        published_thresholds(np.ones(3), 0)
