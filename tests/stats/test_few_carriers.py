"""The wider of two intervals, where few patients carry an estimate."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from auditkit.stats import bootstrap, mean
from auditkit.stats.few_carriers import for_few_carriers, in_two_classes
from auditkit.stats.inputs import cluster_images

BOUNDS = (-1.0, 1.0)


def _both(y, clusters=None):
    groups = cluster_images(clusters, y.size)
    plain = mean(y, clusters, bounds=BOUNDS)
    return plain, for_few_carriers(plain, (y - y.mean()) / y.size, groups, BOUNDS)


def _carried(n, touched, rng):
    return np.where(rng.random(n) < touched, rng.uniform(0.1, 0.4, n), 0.0)


def test_degrees_of_freedom_are_those_of_the_sample_variance():
    y = _carried(60, 0.1, np.random.default_rng(1))
    plain, wide = _both(y)
    kurtosis = scipy_stats.kurtosis(y, fisher=False)
    error = scipy_stats.sem(y)
    expected = scipy_stats.t.interval(0.95, 2 * 60 / (kurtosis - 1), y.mean(), error)
    assert (wide.low, wide.high) == pytest.approx(expected)
    assert wide.high - wide.low > 1.05 * (plain.high - plain.low)


def test_values_without_tails_keep_their_interval():
    y = np.tile([-0.2, 0.2], 20)  # kurtosis 1: the variance is known as well as it can be
    plain, wide = _both(y)
    assert (wide.low, wide.high) == pytest.approx((plain.low, plain.high))


def test_p_values_belong_to_the_wider_interval():
    y = _carried(60, 0.1, np.random.default_rng(2))
    _, wide = _both(y)
    assert wide.p_above(wide.low) == pytest.approx(0.025)
    assert wide.p_below(wide.high) == pytest.approx(0.025)
    drawn = bootstrap(lambda w: w @ y / w.sum(axis=1), None, 60, seed=0, bounds=BOUNDS)
    hull = for_few_carriers(drawn, (y - y.mean()) / 60, cluster_images(None, 60), BOUNDS)
    assert hull.low <= drawn.low
    assert hull.high >= drawn.high
    for t in np.linspace(-0.1, 0.2, 31):
        assert (hull.low > t) == (hull.p_above(t) < 0.025)
        assert (hull.high < t) == (hull.p_below(t) < 0.025)


def test_patients_not_images_carry():
    y = np.repeat(_carried(30, 0.2, np.random.default_rng(3)), 3)
    clusters = np.repeat(np.arange(30), 3)
    aware, unaware = _both(y, clusters)[1], _both(y)[1]
    assert aware.high - aware.low > 1.5 * (unaware.high - unaware.low)
    alone = _both(y[::3])[1]
    assert (aware.low, aware.high) == pytest.approx((alone.low, alone.high))


def test_nothing_to_widen_is_left_as_it_is():
    groups = cluster_images(None, 5)
    found = mean([0.3] * 5, bounds=BOUNDS)
    assert for_few_carriers(found, np.zeros(5), groups, BOUNDS) is found


def test_six_of_sixty_are_covered_where_t_alone_falls_short():
    missed = np.zeros(2)
    for run in range(600):
        y = _carried(60, 0.1, np.random.default_rng([7, run]))
        if y.any():
            missed += [not e.low <= 0.025 <= e.high for e in _both(y)]
    assert missed[0] > 0.08 * 600
    assert missed[1] < 0.08 * 600


def sides(first, second):
    """Influences of a mean over pairs, with sum 0 in each class; its estimate without an interval."""
    influence = np.concatenate(
        [(np.asarray(one, float) - np.mean(one)) / len(one) for one in (first, second)]
    )
    positive = np.arange(influence.size) < len(first)
    groups = cluster_images(None, influence.size)
    point = mean(np.linspace(-1e-9, 1e-9, influence.size))
    return point, influence, positive, groups


def test_a_class_without_carriers_is_not_taken_to_be_certain():
    carriers = [0.5] * 3 + [0.0] * 27
    both = in_two_classes(*sides(carriers, carriers), BOUNDS)
    one = in_two_classes(*sides(carriers, [0.0] * 30), BOUNDS)
    assert one.high == pytest.approx(both.high, rel=0.02)
    assert one.high > 1.3 * for_few_carriers(*_without_classes(carriers, [0.0] * 30), BOUNDS).high


def test_fewer_patients_of_a_class_are_taken_to_add_more():
    carriers = [0.5] * 3 + [0.0] * 37
    few, many = (in_two_classes(*sides([0.0] * n, carriers), BOUNDS).high for n in (10, 40))
    # Variances 1/40 + 1/10 and 1/40 + 1/40, with the same degrees of freedom.
    assert few / many == pytest.approx((5 / 2) ** 0.5, rel=0.05)


def test_classes_that_all_carry_have_the_interval_of_all():
    rng = np.random.default_rng(0)
    given = rng.random(30), 3 * rng.random(30)
    found = in_two_classes(*sides(*given), BOUNDS)
    oracle = for_few_carriers(*_without_classes(*given), BOUNDS)
    assert (found.low, found.high) == (oracle.low, oracle.high)


def _without_classes(first, second):
    point, influence, _, groups = sides(first, second)
    return point, influence, groups
