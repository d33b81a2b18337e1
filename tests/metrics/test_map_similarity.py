"""Rank correlation of two heatmaps: against scipy, and exactly 1 for equal maps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from auditkit.errors import AuditError
from auditkit.metrics import NotEvaluable
from auditkit.metrics.map_similarity import map_similarity

RNG = np.random.default_rng(0)
maps = st.lists(st.integers(-4, 4), min_size=3, max_size=30).filter(
    lambda m: len({abs(v) for v in m}) > 1
)


@given(maps, st.randoms())
def test_it_is_scipys_with_ties(values, random):
    other = values[:]
    random.shuffle(other)
    first, second = np.array(values, float), np.array(other, float)
    for signs, change in (("signed", lambda m: m), ("absolute", np.abs)):
        wanted = spearmanr(change(first), change(second))[0]
        assert map_similarity(first, second, signs) == pytest.approx(wanted, abs=1e-12)


@given(maps)
def test_equal_maps_are_exactly_alike(values):
    first = np.array(values, np.float32)
    assert map_similarity(first, first.copy()) == 1
    assert map_similarity(first, 3 * first, "signed") == 1
    assert map_similarity(first, -first, "signed") == -1
    assert map_similarity(first, -first, "absolute") == 1


def test_places_outside_the_support_make_no_maps_alike():
    support = np.zeros((2, 30, 30), bool)
    support[:, :10, :10] = True
    first, second = (np.where(support, RNG.standard_normal(support.shape), 0) for _ in range(2))
    assert map_similarity(first, second) > 0.7
    inside = spearmanr(np.abs(first[support]), np.abs(second[support]))[0]
    assert map_similarity(first, second, support=support) == pytest.approx(inside)
    assert abs(inside) < 0.25


@pytest.mark.parametrize("values", [[0.0, 0.0], [1.0, 1.0], [1.0, np.nan]])
def test_maps_without_ranks_have_a_reason(values):
    with pytest.raises(NotEvaluable):
        map_similarity(values, [1.0, 2.0])
    with pytest.raises(NotEvaluable):
        map_similarity([1.0, 2.0], values)


def test_other_shapes_are_refused():
    with pytest.raises(AuditError, match="one shape"):
        map_similarity([1.0, 2.0], [1.0, 2.0, 3.0])
