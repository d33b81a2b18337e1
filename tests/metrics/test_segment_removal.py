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
    segment_rank_map,
)
from auditkit.metrics.removal import cell_units, segment_units


def _segments(seed, count, shape=(2, 5, 4, 3)):
    generator = np.random.default_rng(seed)
    numbers = generator.integers(0, count, size=shape)
    return np.unique(numbers, return_inverse=True)[1].reshape(shape)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 99), st.integers(2, 12), st.floats(0.3, 1))
def test_superpixels_go_by_falling_mean_and_whole_before_the_next(seed, count, share):
    segments = _segments(seed, count)
    generator = np.random.default_rng(seed)
    support = generator.random(segments.shape) < share
    heat = generator.normal(size=segments.shape)
    units = segment_units(segments, support)
    order = removal_order(heat, units, np.random.default_rng(0))
    means = [heat[units == s].mean() for s in range(units.max() + 1)]
    assert order.tolist() == np.argsort(means)[::-1].tolist()
    ranks = segment_rank_map(units, order)
    assert np.sort(ranks[support]).tolist() == list(range(support.sum()))
    assert (ranks[~support] == support.sum()).all()
    ends = [ranks[units == s] for s in order]
    for earlier, later in itertools.pairwise(ends):
        assert earlier.max() < later.min()


def test_superpixels_without_support_are_no_units():
    segments = np.array([[[0, 1], [2, 2]]])
    support = np.array([[[True, False], [True, True]]])
    assert segment_units(segments, support).tolist() == [[[0, -1], [1, 1]]]
    assert segment_units(segments).tolist() == segments.tolist()


def test_squares_as_superpixels_go_as_cells_do():
    heat = np.random.default_rng(3).normal(size=(1, 8, 8))
    cells = cell_units((1, 8, 8), 4)
    order = removal_order(heat, segment_units(cells), np.random.default_rng(0))
    assert order.tolist() == removal_order(heat, cells, np.random.default_rng(0)).tolist()
    by_cell = removal_rank_map(cells, order)
    assert (segment_rank_map(cells, order) // 16 == by_cell).all()


def test_a_map_that_is_constant_over_superpixels_has_no_order():
    units = segment_units(_segments(1, 3))
    with pytest.raises(NotEvaluable, match="constant"):
        removal_order(np.ones(units.shape), units, np.random.default_rng(0))
    with pytest.raises(AuditError, match="permutation of"):
        segment_rank_map(units, random_order(2, np.random.default_rng(0)))
