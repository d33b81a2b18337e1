"""A mean difference by a standard deviation: by hand, against numerical derivatives, and by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from auditkit.errors import AuditError
from auditkit.stats import mean
from auditkit.stats.standardised import standardised_mean

WIDE, MOST = (-1e6, 1e6), 1e3
D, X = np.array([1.0, 3.0, 2.0, 6.0]), np.array([4.0, 6.0, 8.0, 2.0])


def of(differences, reference, clusters=None, **given_):
    return standardised_mean(differences, reference, clusters, bounds=WIDE, most=MOST, **given_)


def ratio(weights, differences, reference):
    """The ratio as a function of weights, with the sample's own factor n / (n - 1)."""
    share = weights / weights.sum()
    centre = share @ reference
    return (
        share
        @ differences
        / np.sqrt(share @ (reference - centre) ** 2 * differences.size / (differences.size - 1))
    )


def jackknifed_reach(differences, reference, clusters):
    """Of t with the infinitesimal jackknife's error, and the degrees of freedom of its variance."""
    step, names = 1e-6, np.unique(clusters)
    ends = [
        [ratio(1 + sign * step * (clusters == name), differences, reference) for sign in (1, -1)]
        for name in names
    ]
    slopes = np.array([(up - down) / (2 * step) for up, down in ends])
    count = names.size
    degrees = min(count - 1, 2 * count / (scipy_stats.kurtosis(slopes, fisher=False) - 1))
    error = np.sqrt(count / (count - 1) * (slopes**2).sum())
    return scipy_stats.t.ppf(0.975, degrees) * error


def test_the_ratio_by_hand():
    assert of(D, X).value == pytest.approx(3 / np.sqrt(20 / 3))


@pytest.mark.parametrize("images", [1, 3])
def test_the_interval_is_that_of_the_infinitesimal_jackknife(images):
    rng, patients = np.random.default_rng(1), 40
    clusters = np.repeat(np.arange(patients), images)
    reference = rng.uniform(size=clusters.size)
    differences = 0.3 * reference + np.repeat(rng.uniform(size=patients), images)
    found = of(differences, reference, clusters)
    reach = jackknifed_reach(differences, reference, clusters)
    assert found.high - found.value == pytest.approx(reach, rel=1e-4)
    assert found.value - found.low == pytest.approx(reach, rel=1e-4)


@given(st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_units_and_origin_do_not_matter(unit, origin):
    plain, changed = of(D, X), of(unit * D, unit * X + origin)
    assert changed.value == pytest.approx(plain.value)
    assert (changed.low, changed.high) == pytest.approx((plain.low, plain.high))


def test_copies_of_a_patients_image_add_no_knowledge():
    rng = np.random.default_rng(2)
    differences, reference = rng.normal(1, 1, 60), rng.normal(size=60)
    alone = of(differences, reference)
    copied = of(np.repeat(differences, 50), np.repeat(reference, 50), np.repeat(np.arange(60), 50))
    assert copied.high - copied.low == pytest.approx(alone.high - alone.low, rel=0.02)


def test_equal_differences_have_the_exact_bound_of_the_mean():
    reference = np.array([1.0, 2.0, 3.0] * 5)
    deviation = reference.std(ddof=1)
    found = standardised_mean(np.zeros(15), reference, bounds=(-4.0, 4.0), most=MOST)
    plain = mean(np.zeros(15), bounds=(-4.0, 4.0))
    assert found.value == 0
    assert (found.low, found.high) == pytest.approx((plain.low / deviation, plain.high / deviation))
    assert found.low < 0 < found.high
    assert found.p_above(found.low) == pytest.approx(0.025)


def test_images_without_variation_give_a_reason():
    with pytest.raises(AuditError, match="no standard deviation"):
        of(D, np.full(4, 0.1))


def test_a_ratio_beyond_all_measure_gives_a_reason():
    with pytest.raises(AuditError, match="hardly differ"):
        of(D, np.array([1.0, 1.0, 1.0, 1.0001]))


def test_one_patient_is_refused():
    with pytest.raises(AuditError, match="one patient"):
        of(D, X, ["a"] * 4)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_truth_is_covered_as_often_as_the_level_says(level):
    rng, hits, runs = np.random.default_rng(3), 0, 600
    clusters = np.repeat(np.arange(50), 2)
    for _ in range(runs):
        own = rng.normal(size=(50, 1, 2)) + rng.normal(size=(50, 2, 2))
        reference, noise = (own / np.sqrt(2)).reshape(100, 2).T
        found = of(1 + 0.5 * noise, reference, clusters, level=level)
        hits += found.low <= 1 <= found.high
    assert abs(hits / runs - level) < 0.035
