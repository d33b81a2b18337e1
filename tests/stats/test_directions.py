"""Directions of mean vectors against a reference, and responses in directions that are estimates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multivariate import test_mvmean as reference_test

from auditkit.errors import AuditError
from auditkit.stats import mean
from auditkit.stats.directions import interpolated, mean_direction, response_towards

CIRCLE = np.arange(16) * 22.5


def cosines(angles, best, strength=1.0):
    """(n, angles): each image responds most towards its own best angle."""
    return strength * np.cos(np.deg2rad(np.asarray(angles) - np.reshape(best, (-1, 1))))


def spread(rng, n, degrees, length=1.0, noise=0.05):
    angle = np.deg2rad(degrees)
    return length * np.array([np.cos(angle), np.sin(angle)]) + noise * rng.normal(size=(n, 2))


def test_the_test_is_hotellings():
    vectors = np.random.default_rng(0).normal([0.3, 0.1], [1.0, 0.5], (30, 2))
    expected = reference_test(vectors, np.zeros(2)).pvalue
    assert mean_direction(vectors).p_value == pytest.approx(expected)


def test_copies_of_a_patients_vectors_add_no_knowledge():
    vectors = np.random.default_rng(0).normal([0.3, 0.1], 1.0, (30, 2))
    alone = mean_direction(vectors)
    copied = mean_direction(np.repeat(vectors, 3, axis=0), np.repeat(np.arange(30), 3))
    assert copied.p_value == pytest.approx(alone.p_value)
    assert (copied.n, copied.patients, copied.degrees) == (90, 30, alone.degrees)
    assert mean_direction(np.repeat(vectors, 3, axis=0)).p_value < 0.5 * alone.p_value


def test_a_mean_of_nothing_is_found_as_often_as_the_level_says():
    rng = np.random.default_rng(1)
    found = [mean_direction(rng.normal(size=(12, 2))).p_value <= 0.05 for _ in range(1000)]
    assert 0.03 < np.mean(found) < 0.07


@pytest.mark.parametrize(("degrees", "expected"), [(359.7, 0), (0.4, 0), (90.0, 90), (225.6, 226)])
def test_directions_are_whole_degrees_from_0_to_359(degrees, expected):
    vectors = spread(np.random.default_rng(2), 20, degrees, noise=0.0)
    assert mean_direction(vectors).degrees == expected


def test_vectors_without_variation_need_patients_to_be_believed():
    few, many = (mean_direction(np.tile([1.0, 0.0], (n, 1))).p_value for n in (5, 6))
    assert (few, many) == (2 / 2**5, 2 / 2**6)
    assert mean_direction(np.zeros((9, 2))).p_value == 1


def test_two_patients_have_no_direction():
    with pytest.raises(AuditError, match="2 patients"):
        mean_direction(np.ones((4, 2)), ["a", "a", "b", "b"])


@given(st.integers(4, 33), st.floats(-400, 400), st.integers(0, 2**32 - 1))
def test_interpolation_is_the_discrete_fourier_series(count, degrees, seed):
    curve = np.random.default_rng(seed).normal(size=count)
    terms, harmonics = np.fft.fft(curve) / count, np.fft.fftfreq(count, 1 / count)
    # Of the last harmonic of an even number, its cosine alone is known.
    last = harmonics == -count / 2
    waves = np.exp(1j * harmonics * np.deg2rad(degrees))
    waves = np.where(last, waves.real, waves)
    expected = (terms * waves).sum().real
    assert interpolated(curve[None], np.array([degrees]))[0] == pytest.approx(expected, abs=1e-7)


def test_interpolation_goes_through_what_it_is_given():
    curve = np.random.default_rng(3).normal(size=7)
    angles = np.arange(7) * 360 / 7
    found = interpolated(np.tile(curve, (7, 1)), angles)
    assert found == pytest.approx(curve)
    assert interpolated(curve[None], np.array([360.0]))[0] == pytest.approx(curve[0])


def test_a_certain_direction_leaves_the_interval_of_a_mean():
    rng, patients = np.random.default_rng(4), np.repeat(np.arange(40), 2)
    best = rng.normal(30, 20, 80)
    vectors = np.tile(spread(rng, 1, 30, noise=0.0), (80, 1)) + 1e-9 * rng.normal(size=(80, 2))
    exact = cosines([30.0], best)[:, 0] * 0.5
    direction = mean_direction(vectors, patients)
    found = response_towards(direction, exact, 0.5 * cosines(CIRCLE, best), vectors, patients)
    plain = mean(exact, patients, bounds=(-1.0, 1.0))
    assert found.value == pytest.approx(plain.value)
    assert found.high - found.low == pytest.approx(plain.high - plain.low, rel=0.2)


def test_an_uncertain_direction_is_part_of_the_interval():
    """All images respond alike, so that the direction is all that is uncertain: sin of its error."""
    rng = np.random.default_rng(5)
    vectors = spread(rng, 100, 0, noise=0.5)
    direction = mean_direction(vectors)
    best = np.full(100, 90.0)  # steepest where the vectors point
    exact = cosines([float(direction.degrees)], best)[:, 0]
    found = response_towards(direction, exact, cosines(CIRCLE, best), vectors)
    error = vectors[:, 1].std(ddof=1) / 10
    assert found.high - found.low == pytest.approx(2 * 1.98 * error, rel=0.1)
    assert (
        mean(exact, bounds=(-1.0, 1.0)).high < 0.6 * found.high + 0.4
    )  # the exact bound of equal values


def test_images_without_a_vector_still_respond():
    rng = np.random.default_rng(6)
    vectors = spread(rng, 60, 0)
    vectors[::3] = np.nan
    known = np.isfinite(vectors).all(axis=1)
    direction = mean_direction(vectors[known])
    exact = np.where(known, 0.2, 0.5)
    found = response_towards(direction, exact, np.tile(exact[:, None], (1, 16)), vectors)
    assert found.value == pytest.approx(0.3)
    assert found.n == 60


def test_a_mean_of_0_has_no_direction():
    vectors = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    with pytest.raises(AuditError, match="no direction"):
        response_towards(mean_direction(vectors), np.zeros(4), np.zeros((4, 8)), vectors)


def test_the_truth_is_covered_where_a_direction_taken_as_known_misses_it():
    rng, hits, runs = np.random.default_rng(7), np.zeros(2), 150
    best, truth = 70.0, np.cos(np.deg2rad(70.0)) * 0.3
    for _ in range(runs):
        vectors = spread(rng, 40, 0, noise=1.0)
        direction = mean_direction(vectors)
        strength = 0.3 + 0.05 * rng.normal(size=(40, 1))
        exact = cosines([float(direction.degrees)], np.full(40, best), strength)[:, 0]
        curves = cosines(CIRCLE, np.full(40, best), strength)
        found = response_towards(direction, exact, curves, vectors, replicates=400)
        plain = mean(exact)
        hits += [found.low <= truth <= found.high, plain.low <= truth <= plain.high]
    # 95 % less four standard errors.
    assert hits[0] / runs > 0.88
    assert hits[1] / runs < 0.5
