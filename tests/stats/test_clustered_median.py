import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.stats import median
from auditkit.stats.clustered_median import clustered_median, weighted_median

RNG = np.random.default_rng(6)
VALUES = np.round(RNG.random(30), 2)


@given(st.lists(st.integers(0, 3), min_size=30, max_size=30))
def test_weights_are_copies(weights):
    if sum(weights):
        found = weighted_median(VALUES)(np.array([weights], float))[0]
        assert found == pytest.approx(np.median(np.repeat(VALUES, weights)))


def test_single_images_of_patients_have_the_sign_tests_interval():
    found, plain = clustered_median(VALUES, np.arange(30)), median(VALUES)
    assert (found.value, found.low, found.high) == (plain.value, plain.low, plain.high)


def test_patients_are_the_units():
    found = clustered_median(np.repeat(VALUES, 5), np.repeat(np.arange(30), 5), bounds=(0, 1))
    plain = median(VALUES)
    assert found.value == pytest.approx(plain.value)
    assert found.high - found.low > 0.6 * (plain.high - plain.low)
