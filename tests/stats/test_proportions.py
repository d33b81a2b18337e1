"""Clopper-Pearson intervals of images that come in clusters."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.stats import proportion

LAYOUTS = {
    "size 1": np.arange(30),
    "size 2": np.repeat(np.arange(15), 2),
    "mixed": np.repeat(np.arange(12), [1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 6, 8]),
    "one large": np.repeat(np.arange(11), [20] + [1] * 10),
    "two patients": np.repeat([0, 1], [3, 4]),
}


def _intervals(clusters, order):
    hits = np.zeros(clusters.size, dtype=bool)
    estimates = [proportion(hits, clusters)]
    for image in order:
        hits[image] = True
        estimates.append(proportion(hits, clusters))
    return np.array([(e.low, e.value, e.high) for e in estimates])


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_limit_falls_when_an_event_is_added(layout, data):
    clusters = LAYOUTS[layout]
    order = data.draw(st.permutations(range(clusters.size)))
    intervals = _intervals(clusters, order)
    assert np.diff(intervals, axis=0).min() > -1e-9
    assert (np.diff(intervals) >= 0).all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_limit_falls_when_whole_patients_are_filled_first(layout):
    clusters = LAYOUTS[layout]
    images = np.arange(clusters.size)
    for order in (images, images[::-1]):
        assert np.diff(_intervals(clusters, order), axis=0).min() > -1e-9


def test_a_few_events_do_not_beat_none():
    intervals = _intervals(np.repeat(np.arange(500), 2), [0, 2, 4])
    kish = 1 - 0.025 ** (1 / 500)
    assert intervals[:3, 2] == pytest.approx(kish)
    assert intervals[3, 2] > intervals[2, 2] + 1e-3
    assert intervals[1, 0] == pytest.approx(1 - 0.975 ** (1 / 1000), rel=0.02)


def test_events_and_failures_are_mirror_images():
    clusters, generator = LAYOUTS["mixed"], np.random.default_rng(0)
    for share in (0.05, 0.4, 0.9):
        hits = generator.random(clusters.size) < share
        one, other = proportion(hits, clusters), proportion(~hits, clusters)
        assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-9)


def test_many_events_keep_the_interval_of_korn_and_graubard():
    generator = np.random.default_rng(1)
    clusters = np.repeat(np.arange(200), 2)
    hits = generator.random(400) < np.repeat(generator.beta(2, 3, size=200), 2)
    share, sums = hits.mean(), np.bincount(clusters, hits - hits.mean())
    variance = 200 / 199 * (sums**2).sum() / 400**2
    trials = share * (1 - share) / variance
    trials *= (scipy.stats.t.ppf(0.975, 399) / scipy.stats.t.ppf(0.975, 199)) ** 2
    low = scipy.stats.beta.ppf(0.025, share * trials, (1 - share) * trials + 1)
    high = scipy.stats.beta.ppf(0.975, share * trials + 1, (1 - share) * trials)
    estimate = proportion(hits, clusters)
    assert (estimate.low, estimate.high) == pytest.approx((low, high))


@pytest.mark.parametrize("ids", [None, np.arange(40)])
def test_independent_images_get_the_exact_interval(ids):
    for count in range(41):
        estimate = proportion(np.arange(40) < count, ids)
        exact = scipy.stats.binomtest(count, 40).proportion_ci(method="exact")
        assert (estimate.low, estimate.high) == pytest.approx((exact.low, exact.high))


@pytest.mark.parametrize("sizes", [[2] * 50, [1, 2, 3, 4, 5] * 8])
@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.9])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
def test_coverage_of_clustered_images(sizes, correlation, share):
    # An image copies its patient's draw with probability sqrt(correlation), else it is drawn anew.
    generator = np.random.default_rng(7)
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    runs, covered = 400, 0
    for _ in range(runs):
        patient = (generator.random(len(sizes)) < share)[clusters]
        copied = generator.random(clusters.size) < np.sqrt(correlation)
        hits = np.where(copied, patient, generator.random(clusters.size) < share)
        estimate = proportion(hits, clusters)
        covered += estimate.low <= share <= estimate.high
    # At a true coverage of 0.95, fewer than 0.92 of 400 intervals cover once in 200 times.
    assert covered / runs >= 0.92
