from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from auditkit.stats import brier_parts, calibration_error, reliability_bins

ROWS = st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=60)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(1, 12))
def test_the_parts_add_up_to_the_brier_score(rows, bins):
    labels, probabilities = (np.array(column) for column in zip(*rows, strict=True))
    parts = brier_parts(labels, probabilities, bins)
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within
    assert total == pytest.approx(np.mean((probabilities - labels) ** 2))
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0


def test_parts_by_hand():
    labels, probabilities = [0, 0, 0, 1, 1, 1, 1, 0], [0.5] * 4 + [1.0] * 4
    parts = brier_parts(labels, probabilities, bins=2)
    # Observed shares 1/4 and 3/4: (0.25^2 + 0.25^2) / 2, and as far from 1/2.
    assert parts.reliability == pytest.approx(0.0625)
    assert parts.resolution == pytest.approx(0.0625)
    assert parts.uncertainty == 0.25
    assert parts.within == pytest.approx(0)
    assert brier_score_loss(labels, probabilities) == pytest.approx(0.25)


def test_bins_are_those_of_the_calibration_error():
    generator = np.random.default_rng(0)
    probabilities = np.round(generator.random(200), 2)
    labels = generator.random(200) < probabilities**2
    found = reliability_bins(labels, probabilities, 10)
    assert sum(part.observed.n for part in found) == 200
    gaps = [part.observed.n / 200 * abs(part.mean - part.observed.value) for part in found]
    expected = calibration_error(labels, probabilities, 10, replicates=100).value
    assert sum(gaps) == pytest.approx(expected)
    ends = [(part.low, part.high) for part in found]
    assert all(high < low for (_, high), (low, _) in pairwise(ends))


def test_equal_probabilities_are_one_bin():
    found = reliability_bins([0, 1, 1], [0.7] * 3, 10)
    assert [(part.mean, part.observed.n) for part in found] == [(pytest.approx(0.7), 3)]
