"""What a planned sample will say of a proportion: held to simulated samples."""

import numpy as np
import pytest

from auditkit.errors import AuditError
from auditkit.stats import proportion
from auditkit.stats.expected import expected_half_width, smallest_above


@pytest.mark.parametrize(("p", "n"), [(0.0, 40), (0.05, 40), (0.3, 25), (1.0, 30)])
def test_the_expected_half_width_is_that_of_samples(p, n):
    generator = np.random.default_rng(0)
    found = [proportion(generator.random(n) < p) for _ in range(300)]
    widths = [(one.high - one.low) / 2 for one in found]
    assert expected_half_width(p, n) == pytest.approx(np.mean(widths), rel=0.03)


@pytest.mark.parametrize(("bound", "n"), [(0.0, 50), (0.1, 80), (0.5, 40)])
def test_the_smallest_proportion_clears_the_bound_with_its_power(bound, n):
    p = smallest_above(bound, n, power=0.8)
    generator = np.random.default_rng(0)
    cleared = [proportion(generator.random(n) < p).low > bound for _ in range(600)]
    assert np.mean(cleared) == pytest.approx(0.8, abs=0.05)


def test_a_design_effect_is_a_smaller_sample():
    assert expected_half_width(0.1, 200, design_effect=2) == expected_half_width(0.1, 100)
    assert smallest_above(0.1, 200, design_effect=2) == smallest_above(0.1, 100)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: expected_half_width(1.1, 10), "within"),
        (lambda: expected_half_width(0.1, 0), "at least"),
        (lambda: expected_half_width(0.1, 10, level=1.0), "confidence level"),
        (lambda: smallest_above(0.1, 10, design_effect=0.5), "design effect"),
        (lambda: smallest_above(0.5, 2), "no proportion"),
    ],
)
def test_a_sample_that_cannot_be_planned_is_refused(call, message):
    with pytest.raises(AuditError, match=message):
        call()
