"""The kernel inception distance against loops, scikit-learn, and what must not change it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import polynomial_kernel as reference_kernel

from auditkit.errors import AuditError
from auditkit.metrics.kernel_distance import (
    kernel_distance,
    kernel_distance_margin,
    polynomial_kernel,
)


def features(n, d=6, seed=0, shift=0.0):
    return np.maximum(np.random.default_rng(seed).normal(size=(n, d)) + shift, 0)


def looped(x, y, mine, theirs):
    """The definition, one pair at a time."""

    def mean(a, b, owners, others):
        values = [
            (float(p @ q) / len(p) + 1) ** 3
            for p, g in zip(a, owners, strict=True)
            for q, h in zip(b, others, strict=True)
            if g != h
        ]
        return math.fsum(values) / len(values)

    return mean(x, x, mine, mine) + mean(y, y, theirs, theirs) - 2 * mean(x, y, mine, theirs)


def test_the_kernel_is_scikit_learns():
    x, y = features(7), features(5, seed=1)
    expected = reference_kernel(x, y, degree=3, gamma=1 / 6, coef0=1)
    assert np.allclose(polynomial_kernel(x, y), expected)


def test_of_independent_pictures_it_is_equation_4():
    """No patient has two pictures, and the sets share none: nothing is left out but i = j."""
    x, y = features(9), features(7, seed=1, shift=0.3)
    xx, yy, xy = (
        reference_kernel(a, b, degree=3, gamma=1 / 6, coef0=1) for a, b in ((x, x), (y, y), (x, y))
    )
    m, n = len(x), len(y)
    expected = (xx.sum() - np.trace(xx)) / (m * (m - 1)) + (yy.sum() - np.trace(yy)) / (n * (n - 1))
    expected -= 2 * xy.mean()
    found = kernel_distance(x, y, range(m), range(m, m + n), replicates=50)
    assert found.value == pytest.approx(expected, rel=1e-12)


def test_pairs_of_one_patient_are_left_out():
    x, y = features(12), features(12, seed=1, shift=0.3)
    patients = np.array([0, 0, 0, 1, 1, 2, 3, 3, 4, 5, 6, 6])
    found = kernel_distance(x, y, patients, replicates=50)
    assert found.value == pytest.approx(looped(x, y, patients, patients), rel=1e-12)
    assert found.n == 12
    assert found.clusters == 7
    others = patients + 3
    apart = kernel_distance(x, y, patients, others, replicates=50)
    assert apart.value == pytest.approx(looped(x, y, patients, others), rel=1e-12)


def test_a_resample_is_the_distance_of_the_patients_drawn():
    """Against copies of pictures: a patient drawn twice makes no pair with himself."""
    x, y = features(10), features(10, seed=1, shift=0.3)
    patients = np.repeat(np.arange(5), 2)
    found = kernel_distance(x, y, patients, replicates=3, seed=4)
    tail = found.tail.tail
    generator = np.random.default_rng(4)
    drawn = [np.bincount(row, minlength=5) for row in generator.integers(5, size=(3, 5))]
    expected = []
    for counts in drawn:
        rows = np.repeat(np.arange(10), counts[patients])
        expected.append(looped(x[rows], y[rows], patients[rows], patients[rows]))
    assert np.allclose(tail.replicates, np.sort(expected), rtol=1e-10)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 40))
def test_neither_order_nor_blocks_change_it(seed, rows):
    rng = np.random.default_rng(seed)
    x, y = features(24, seed=seed), features(24, seed=seed + 1, shift=0.2)
    patients = rng.integers(0, 5, 24)
    patients[:5] = np.arange(5)
    one = kernel_distance(x, y, patients, replicates=40)
    order = rng.permutation(24)
    other = kernel_distance(x[order], y[order], patients[order], replicates=40, rows=rows)
    for a, b in ((one.value, other.value), (one.low, other.low), (one.high, other.high)):
        assert a == pytest.approx(b, rel=1e-9, abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_it_is_symmetric_and_pictures_do_not_differ_from_themselves(seed):
    x, y = features(15, seed=seed), features(15, seed=seed + 1)
    patients = np.arange(15) // 2
    one, other = (kernel_distance(*pair, patients, replicates=30) for pair in ((x, y), (y, x)))
    assert one.value == pytest.approx(other.value, rel=1e-9, abs=1e-9)
    assert kernel_distance(x, x, patients, replicates=30).value == 0


def test_the_same_pictures_have_no_interval_of_width_zero():
    x = features(20)
    found = kernel_distance(x, x.copy(), replicates=100)
    longest = max((row @ row / 6 + 1) ** 3 for row in x)
    assert found.high == pytest.approx(4 * longest * (1 - 0.025 ** (1 / 20)))
    assert found.low < 0 < found.high
    # Numbers so large that rounding alone is far from 0.
    large = kernel_distance(1e4 * x, 1e4 * x[:, ::-1][:, ::-1], replicates=100)
    assert "no variation" in large.method


def test_halves_of_one_set_do_not_differ_and_a_shift_is_seen():
    x = features(120)
    patients = np.arange(120) // 2
    first = patients % 2 == 0
    halves = kernel_distance(x[first], x[~first], patients[first], patients[~first])
    assert halves.low < 0 < halves.high
    shifted = kernel_distance(x[first], x[~first] + 0.5, patients[first], patients[~first])
    assert shifted.low > 0


def test_it_is_unbiased_where_pictures_are_made_from_the_real_ones():
    """Counting a picture with what was made from it would give less than 0 for the same pictures."""
    rng = np.random.default_rng(3)
    values = []
    for _ in range(300):
        latent = rng.normal(size=(8, 3))
        made = latent + 0.1 * rng.normal(size=(8, 3))
        values.append(kernel_distance(latent, made, replicates=2, level=0.5).value)
    error = np.std(values) / np.sqrt(len(values))
    # N(0, I) against N(0, 1.01 I): the kernel's expectations differ by less than 1e-3.
    assert abs(np.mean(values)) < 3 * error + 1e-3


def test_the_margin_is_the_difference_with_what_is_shared_taken_out():
    x = features(40)
    near, far = x + 0.05, x + 0.5
    margin = kernel_distance_margin(x, far, near)
    one, other = kernel_distance(x, far), kernel_distance(x, near)
    assert margin.value == pytest.approx(one.value - other.value, rel=1e-9)
    assert margin.low > 0
    again = kernel_distance_margin(x, near, far)
    assert again.value == pytest.approx(-margin.value, rel=1e-9)
    same = kernel_distance_margin(x, near, near)
    assert same.value == 0
    assert same.low < 0 < same.high


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (([[1.0]] * 6, [[1.0, 2.0]] * 6), "one network"),
        (([[1.0]] * 6, [[math.nan]] * 6), "6 of 6 pictures are NaN"),
        (([[1.0]] * 6, [[1.0]] * 5), "patient ids"),
        (([[1.0]] * 4, [[1.0]] * 4), "4 patients"),
        (([[1.0]] * 6, [[1.0]] * 6, [0, 0, 1, 1, 2, 2]), "3 patients"),
        (([1.0, 2.0], [1.0, 2.0]), "shape"),
    ],
)
def test_what_cannot_be_compared_is_refused(given, message):
    with pytest.raises(AuditError, match=message):
        kernel_distance(*given)
