"""Extremes of several quantities, and association between categories."""

import numpy as np
import pytest
import scipy.stats

from auditkit.errors import AuditError
from auditkit.stats import (
    Estimate,
    association,
    auroc,
    auroc_difference,
    extreme,
    mean,
    replicates_for,
)
from auditkit.stats.tails import StudentTail


def normal(value, error=0.1, level=0.95, n=50):
    tail = StudentTail(value, error)
    low, high = tail.interval((1 - level) / 2)
    return Estimate(value, low, high, level, n, n - 5, "normal", tail)


def test_the_largest_has_the_largest_upper_limit_and_a_corrected_lower_one():
    estimates = [normal(0.1), normal(0.5, n=40), normal(0.2, error=0.3)]
    found = extreme(estimates, "largest")
    assert found.value == 0.5
    assert found.high == pytest.approx(max(e.high for e in estimates))
    assert found.low == pytest.approx(0.5 + 0.1 * scipy.stats.norm.ppf(0.025 / 3), abs=1e-9)
    assert (found.n, found.clusters) == (40, 35)
    assert found.p_below(0.9) == pytest.approx(max(e.p_below(0.9) for e in estimates))
    assert found.p_above(0.3) == pytest.approx(3 * min(e.p_above(0.3) for e in estimates))


def test_the_smallest_is_the_mirror_image_of_the_largest():
    values = [0.1, 0.5, 0.2]
    least = extreme([normal(v) for v in values], "smallest")
    most = extreme([normal(-v) for v in values], "largest")
    mirrored = (-least.value, -least.high, -least.low)
    assert mirrored == pytest.approx((most.value, most.low, most.high), abs=1e-9)


def test_absolute_values_have_two_sides():
    found = extreme([normal(-0.5), normal(0.1)], "largest", absolute=True)
    assert found.value == 0.5
    assert found.high == pytest.approx(0.5 + 1.96 * 0.1, abs=1e-4)
    assert found.low == pytest.approx(0.5 + 0.1 * scipy.stats.norm.ppf(0.025 / 4), abs=1e-9)
    near = extreme([normal(0.01), normal(-0.02)], "largest", absolute=True)
    assert near.low == 0, "nothing says that any differs from 0"
    assert near.high == pytest.approx(0.02 + 1.96 * 0.1, abs=1e-4)
    assert near.p_above(-0.1) == 0


@pytest.mark.parametrize("count", [30, 100])
def test_enough_resamples_leave_many_quantities_a_corrected_limit(count):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 120)
    seen, blind = labels + rng.normal(0, 0.3, 120), rng.normal(0, 1, 120)

    def gap(replicates):
        return auroc_difference(labels, seen, blind, replicates=replicates)

    few = extreme([gap(2000)] * count, "largest", absolute=True)
    enough = extreme([gap(replicates_for(count))] * count, "largest", absolute=True)
    assert few.low == 0
    assert 0.2 < enough.low < enough.value


def test_one_quantity_is_its_own_extreme():
    one = auroc([0, 0, 0, 1, 1, 1] * 5, np.arange(30) % 7)
    for kind in ("largest", "smallest"):
        found = extreme([one], kind)
        ends = (found.value, found.low, found.high)
        assert ends == pytest.approx((one.value, one.low, one.high), abs=1e-9)


def test_exact_bounds_at_the_end_of_a_range_stay():
    perfect = auroc(np.arange(40) % 2, np.arange(40) % 2)
    found = extreme([perfect, perfect], "smallest")
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(perfect.low)
    unvaried = mean([0.0] * 50, bounds=(0.0, 1.0))
    assert extreme([unvaried], "largest").low == 0.0


def test_a_limit_that_no_data_set_is_infinite():
    few = mean([1.0, 2.0])
    assert extreme([few] * 3, "largest").high == pytest.approx(few.high)
    with pytest.raises(AuditError, match="at one level"):
        extreme([], "largest")
    with pytest.raises(AuditError, match="at one level"):
        extreme([normal(0.1), normal(0.1, level=0.9)], "largest")


def test_the_upper_limit_of_a_largest_covers():
    rng, below, above = np.random.default_rng(0), 0, 0
    true = np.array([0.0, 0.3, 0.3])
    for _ in range(300):
        found = extreme([normal(v) for v in rng.normal(true, 0.1)], "largest")
        below += found.high < 0.3
        above += found.low > 0.3
    assert below <= 300 * 0.025 + 4
    assert above <= 300 * 0.025 + 4


def table(counts):
    counts = np.array(counts)
    cells = np.repeat(np.arange(counts.size), counts.ravel())
    return cells // counts.shape[1], cells % counts.shape[1]


@pytest.mark.parametrize("counts", [[[30, 10], [15, 45]], [[20, 5, 10], [10, 30, 25]]])
def test_association_is_cramers_v_with_bergsmas_correction(counts):
    first, second = table(counts)
    n, (rows, columns) = first.size, np.shape(counts)
    plain = scipy.stats.contingency.association(np.array(counts), method="cramer", correction=False)
    squared = plain**2 * (min(rows, columns) - 1) - (rows - 1) * (columns - 1) / (n - 1)
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1))
    found = association(first, second)
    assert found.value == pytest.approx(np.sqrt(squared / (least - 1)))
    assert 0 < found.low < found.value < found.high < 1
    names = np.array(["x", "y", "z"])
    assert association(names[second], names[first]).value == pytest.approx(found.value)


def test_independent_properties_have_a_limit_and_no_evidence():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 2, 300), rng.integers(0, 3, 300)
    found = association(first, second)
    assert found.low == 0
    assert found.high < 0.25
    assert found.p_above(0.05) > 0.025


def test_images_of_a_patient_are_no_evidence_of_their_own():
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 3, 60), rng.integers(0, 3, 60)
    patients = np.repeat(np.arange(60), 5)
    found = association(first[patients], second[patients], patients)
    alone = association(first[patients], second[patients])
    assert found.low == 0
    assert found.high - found.low > alone.high - alone.low


def test_what_determines_the_other_is_not_known_to_do_so_always():
    first, second = table([[30, 0], [0, 30]])
    found = association(first, second)
    assert (found.value, found.high) == (1, 1)
    assert found.low < 0.95


def test_one_value_goes_together_with_nothing():
    with pytest.raises(AuditError, match="second: all images have one value"):
        association([0, 1, 0], [1, 1, 1])
    with pytest.raises(AuditError, match="at most 1 % is tolerated"):
        association([0] * 40 + [1], [0, 1] * 20 + [1])
    with pytest.raises(AuditError, match="as many"):
        association([0, 1], [0, 1, 0])
