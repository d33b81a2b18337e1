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


def _generator(seed=0):
    return np.random.default_rng(seed)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(0, 99))
def test_cells_are_removed_by_falling_mean(height, width, cell, seed):
    heat = _generator(seed).normal(size=(height, width))
    rows, columns = grid_shape((height, width), cell)
    means = [
        heat[r * cell : (r + 1) * cell, c * cell : (c + 1) * cell].mean()
        for r in range(rows)
        for c in range(columns)
    ]
    if len(means) == 1:
        with pytest.raises(NotEvaluable):
            removal_order(heat, cell, _generator())
        return
    order = removal_order(heat, cell, _generator())
    assert order.tolist() == np.argsort(means)[::-1].tolist()


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(0, 99))
def test_every_step_removes_whole_cells_and_the_last_one_everything(height, width, cell, seed):
    rows, columns = grid_shape((height, width), cell)
    order = random_order(rows * columns, _generator(seed))
    counts, fractions = removal_steps(order.size)
    before = np.zeros((height, width), dtype=bool)
    for count in counts:
        mask = removed_mask(order, count, cell, (height, width))
        assert (before <= mask).all()
        assert mask[::cell, ::cell].sum() == count
        assert (mask == np.kron(mask[::cell, ::cell], np.ones((cell, cell)))[:height, :width]).all()
        before = mask
    assert before.all()
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 50))
def test_steps_rise_strictly_and_report_the_realised_share(cells, steps):
    counts, fractions = removal_steps(cells, steps)
    assert counts.size == min(cells, steps) + 1
    assert (np.diff(counts) > 0).all()
    np.testing.assert_array_equal(fractions, counts / cells)
    ideal = np.linspace(0, cells, counts.size)
    assert np.abs(counts - ideal).max() <= 0.5 + 1e-9


def test_ties_fall_in_an_order_that_only_the_seed_decides():
    heat = np.zeros((6, 6))
    heat[0, 0] = 1
    first, again, other = (removal_order(heat, 1, _generator(seed)) for seed in (1, 1, 2))
    assert (first == again).all()
    assert first[0] == other[0] == 0
    assert (first != other).any()


def test_smaller_cells_at_the_edge_tie_with_the_rest():
    # Means of 49 and of 35 such pixels differ by rounding, which must not make an order.
    heat = np.full((19, 19), 0.06440677966101695)
    heat[0, 0] = 5.0
    lasts = {removal_order(heat, 7, _generator(seed))[-1] for seed in range(60)}
    assert lasts == set(range(1, 9))


@pytest.mark.parametrize(
    ("heat", "cell", "reason"),
    [
        (np.zeros((4, 4)), 1, "all-zero heatmap"),
        (np.full((4, 4), 0.3), 2, "constant heatmap"),
        (np.tile(np.eye(2), (2, 2)), 2, "constant heatmap"),
        (np.array([[1.0, np.nan]]), 1, "heatmap with NaN or infinite values"),
    ],
)
def test_maps_without_an_order_are_not_evaluable(heat, cell, reason):
    with pytest.raises(NotEvaluable) as caught:
        removal_order(heat, cell, _generator())
    assert caught.value.reason == reason


def test_a_random_order_is_uniform():
    generator = _generator()
    first = np.bincount([random_order(5, generator)[0] for _ in range(5000)], minlength=5)
    assert (np.abs(first - 1000) < 150).all()


@pytest.mark.parametrize(
    "ask",
    [
        lambda: removal_order(np.zeros((2, 2, 2)), 1, _generator()),
        lambda: removal_order(np.eye(3), 0, _generator()),
        lambda: removal_rank_map(np.array([0, 1, 1, 3]), 1, (2, 2)),
        lambda: removal_rank_map(np.arange(3), 1, (2, 2)),
        lambda: removal_steps(0),
        lambda: removal_steps(5, 0),
        lambda: random_order(0, _generator()),
        lambda: grid_shape((0, 5), 1),
    ],
)
def test_what_does_not_fit_the_grid_is_refused(ask):
    with pytest.raises(AuditError):
        ask()
