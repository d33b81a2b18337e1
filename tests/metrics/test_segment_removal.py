import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.errors import AuditError
from auditkit.metrics import (
    NotEvaluable,
    random_order,
    removal_order,
    removal_rank_map,
    segment_order,
    segment_rank_map,
)


def _segments(seed, count, shape=(7, 9)):
    generator = np.random.default_rng(seed)
    numbers = generator.integers(0, count, size=shape)
    return np.unique(numbers, return_inverse=True)[1].reshape(shape)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 99), st.integers(2, 12))
def test_superpixels_go_by_falling_mean_and_whole_before_the_next(seed, count):
    segments = _segments(seed, count)
    heat = np.random.default_rng(seed).normal(size=segments.shape)
    order = segment_order(heat, segments, np.random.default_rng(0))
    means = [heat[segments == s].mean() for s in range(segments.max() + 1)]
    assert order.tolist() == np.argsort(means)[::-1].tolist()
    ranks = segment_rank_map(segments, order)
    assert np.sort(ranks, axis=None).tolist() == list(range(segments.size))
    ends = [ranks[segments == s] for s in order]
    for earlier, later in itertools.pairwise(ends):
        assert earlier.max() < later.min()


def test_squares_as_superpixels_go_as_cells_do():
    heat = np.random.default_rng(3).normal(size=(8, 8))
    cells = np.arange(4).reshape(2, 2).repeat(4, axis=0).repeat(4, axis=1)
    order = segment_order(heat, cells, np.random.default_rng(0))
    assert order.tolist() == removal_order(heat, 4, np.random.default_rng(0)).tolist()
    by_cell = removal_rank_map(order, 4, (8, 8))
    assert (segment_rank_map(cells, order) // 16 == by_cell).all()


def test_a_map_that_is_constant_over_superpixels_has_no_order():
    segments = _segments(1, 3)
    with pytest.raises(NotEvaluable, match="constant"):
        segment_order(np.ones(segments.shape), segments, np.random.default_rng(0))
    with pytest.raises(AuditError, match="permutation of"):
        segment_rank_map(segments, random_order(2, np.random.default_rng(0)))
