import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.errors import AuditError
from auditkit.metrics import (
    NotEvaluable,
    grid_shape,
    random_order,
    removal_order,
    removal_rank_map,
    removal_steps,
    removed_mask,
)
from auditkit.metrics.removal import NO_SUPPORT, cell_units, removed_shares, unit_sizes

# One or two modalities of one to three spatial axes.
SHAPES = st.integers(1, 3).flatmap(
    lambda axes: st.tuples(st.integers(1, 2), *[st.integers(1, 7)] * axes)
)


def _generator(seed=0):
    return np.random.default_rng(seed)


def _brute_cells(shape, cell, support):
    """Voxels of each cell that has any of the support, by modality and place."""
    found = {}
    for voxel in np.ndindex(*shape):
        if support[voxel]:
            key = (voxel[0], *(place // cell for place in voxel[1:]))
            found.setdefault(key, []).append(voxel)
    return [found[key] for key in sorted(found)]


@settings(max_examples=60, deadline=None)
@given(SHAPES, st.integers(1, 4), st.integers(0, 99), st.floats(0.1, 1))
def test_units_are_the_cells_of_each_modality_with_any_support(shape, cell, seed, share):
    support = _generator(seed).random(shape) < share
    units = cell_units(shape, cell, support)
    cells = _brute_cells(shape, cell, support)
    assert ((units == -1) == ~support).all()
    assert unit_sizes(units).tolist() == [len(voxels) for voxels in cells]
    for number, voxels in enumerate(cells):
        assert {int(units[voxel]) for voxel in voxels} == {number}
    if support.all():
        assert (units == cell_units(shape, cell)).all()


@settings(max_examples=60, deadline=None)
@given(SHAPES, st.integers(1, 4), st.integers(0, 99), st.floats(0.3, 1))
def test_units_are_removed_by_falling_mean_over_the_support(shape, cell, seed, share):
    generator = _generator(seed)
    support = generator.random(shape) < share
    heat = generator.normal(size=shape)
    cells = _brute_cells(shape, cell, support)
    units = cell_units(shape, cell, support)
    if len(cells) < 2:
        with pytest.raises(NotEvaluable):
            removal_order(heat, units, _generator())
        return
    means = [np.mean([heat[voxel] for voxel in voxels]) for voxels in cells]
    assert removal_order(heat, units, _generator()).tolist() == np.argsort(means)[::-1].tolist()


@settings(max_examples=50, deadline=None)
@given(SHAPES, st.integers(1, 4), st.integers(0, 99), st.floats(0.3, 1))
def test_every_step_removes_whole_cells_and_the_last_one_the_support(shape, cell, seed, share):
    support = _generator(seed).random(shape) < share
    if not support.any():
        return
    units = cell_units(shape, cell, support)
    order = random_order(int(units.max()) + 1, _generator(seed))
    counts, _ = removal_steps(order.size)
    ranks = removal_rank_map(units, order)
    fractions = removed_shares(ranks, counts, int(support.sum()))
    before = np.zeros(shape, dtype=bool)
    for count, fraction in zip(counts, fractions, strict=True):
        mask = removed_mask(ranks, count)
        assert (before <= mask).all()
        assert set(np.unique(units[mask])) == set(order[:count])
        assert not mask[~support].any()
        assert fraction == mask.sum() / support.sum()
        before = mask
    assert (before == support).all()
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 50))
def test_steps_are_the_nearest_whole_numbers(cells, steps):
    counts, fractions = removal_steps(cells, steps)
    assert counts.size == steps + 1
    np.testing.assert_array_equal(fractions, counts / cells)
    assert np.abs(counts - np.linspace(0, cells, counts.size)).max() <= 0.5 + 1e-9


def test_hottest_modality_goes_first_whatever_its_place():
    heat = np.zeros((3, 4, 4))
    heat[1] += 5
    heat[2, :2, :2] += 9
    order = removal_order(heat, cell_units(heat.shape, 2), _generator())
    assert order[0] == 8
    assert set(order[1:5]) == {4, 5, 6, 7}


def test_ties_fall_in_an_order_that_only_the_seed_decides():
    heat = np.zeros((1, 6, 6))
    heat[0, 0, 0] = 1
    units = cell_units(heat.shape, 1)
    first, again, other = (removal_order(heat, units, _generator(seed)) for seed in (1, 1, 2))
    assert (first == again).all()
    assert first[0] == other[0] == 0
    assert (first != other).any()


def test_smaller_cells_at_the_edge_tie_with_the_rest():
    # Means of 49 and of 35 such pixels differ by rounding, which must not make an order.
    heat = np.full((1, 19, 19), 0.06440677966101695)
    heat[0, 0, 0] = 5.0
    units = cell_units(heat.shape, 7)
    lasts = {removal_order(heat, units, _generator(seed))[-1] for seed in range(60)}
    assert lasts == set(range(1, 9))


@pytest.mark.parametrize(
    ("heat", "cell", "reason"),
    [
        (np.zeros((1, 4, 4)), 1, "all-zero heatmap"),
        (np.full((2, 4, 4, 4), 0.3), 2, "constant heatmap"),
        (np.tile(np.eye(2), (1, 2, 2)), 2, "constant heatmap"),
        (np.array([[[1.0, np.nan]]]), 1, "heatmap with NaN or infinite values"),
    ],
)
def test_maps_without_an_order_are_not_evaluable(heat, cell, reason):
    with pytest.raises(NotEvaluable) as caught:
        removal_order(heat, cell_units(heat.shape, cell), _generator())
    assert caught.value.reason == reason


def test_a_map_that_is_constant_over_the_support_has_no_order():
    heat = np.array([[[1.0, 1.0, 7.0]]])
    support = np.array([[[True, True, False]]])
    with pytest.raises(NotEvaluable, match="constant"):
        removal_order(heat, cell_units(heat.shape, 1, support), _generator())
    with pytest.raises(NotEvaluable) as caught:
        removal_order(heat, cell_units(heat.shape, 1, ~support & support), _generator())
    assert caught.value.reason == NO_SUPPORT


def test_a_random_order_is_uniform():
    generator = _generator()
    first = np.bincount([random_order(5, generator)[0] for _ in range(5000)], minlength=5)
    assert (np.abs(first - 1000) < 150).all()


def test_maps_of_independent_values_are_ordered_as_the_random_baseline_is():
    # What centres the random map's delta-AUPC on 0: every order is equally probable.
    units = cell_units((1, 3, 2), 2, np.array([[[True, True], [True, False], [True, True]]]))
    generator = _generator(1)
    orders = list(itertools.permutations(range(int(units.max()) + 1)))
    counts = dict.fromkeys(orders, 0)
    for _ in range(600):
        values = generator.random(2)[units.clip(0)]
        counts[tuple(removal_order(values, units, generator).tolist())] += 1
    assert len(orders) == 2
    assert max(counts.values()) < 360


@pytest.mark.parametrize(
    "ask",
    [
        lambda: removal_order(np.zeros((2, 2, 2)), cell_units((1, 2, 2), 1), _generator()),
        lambda: cell_units((1, 3, 3), 0),
        lambda: cell_units((1, 2, 2), 1, np.ones((2, 2), bool)),
        lambda: cell_units((1, 2, 2), 1, np.ones((1, 2, 2))),
        lambda: removal_rank_map(cell_units((1, 2, 2), 1), np.array([0, 1, 1, 3])),
        lambda: removal_rank_map(cell_units((1, 2, 2), 1), np.arange(3)),
        lambda: removal_steps(0),
        lambda: removal_steps(5, 0),
        lambda: random_order(0, _generator()),
        lambda: grid_shape((0, 5), 1),
        lambda: grid_shape((), 1),
    ],
)
def test_what_does_not_fit_the_grid_is_refused(ask):
    with pytest.raises(AuditError):
        ask()
