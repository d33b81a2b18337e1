"""Two groups compared: known formulae, brute force, honest bounds and coverage."""

import numpy as np
import pytest
from scipy import stats as reference
from scipy.special import expit, logit

from auditkit.errors import AuditError
from auditkit.stats import auroc, mean
from auditkit.stats.inputs import cluster_images
from auditkit.stats.sources import from_sources, mean_source
from auditkit.stats.two_groups import (
    difference_sources,
    group_difference,
    group_superiority,
    pooled,
)

RNG = np.random.default_rng(1)
X, Y = np.round(RNG.normal(1, 1, 30), 1), np.round(RNG.normal(0, 2, 12), 1)
FIRST, VALUES = np.repeat([1, 0], [30, 12]), np.concatenate([X, Y])
UNIT = np.clip(expit(VALUES), 0, 1)


def test_superiority_counts_pairs():
    wins = (X[:, None] > Y).mean() + (X[:, None] == Y).mean() / 2
    assert group_superiority(FIRST, VALUES).value == pytest.approx(wins)
    swapped = group_superiority(1 - FIRST, VALUES)
    found = group_superiority(FIRST, VALUES)
    assert (1 - swapped.high, 1 - swapped.low) == pytest.approx((found.low, found.high))


def test_superiority_is_the_auroc_of_the_values():
    assert group_superiority(FIRST, VALUES).value == pytest.approx(auroc(FIRST, VALUES).value)


def test_p_values_are_at_least_those_of_brunner_and_munzel():
    # Theirs is on the plain scale, ours on the logit: equal standard errors at the value itself.
    found = group_superiority(FIRST, VALUES)
    given = reference.brunnermunzel(Y, X)
    distance = (found.value - 0.5) / given.statistic
    slope = 1 / (found.value * (1 - found.value))
    variances = [
        np.var(reference.rankdata(VALUES)[g == FIRST] - reference.rankdata(own), ddof=1)
        / other**2
        / k
        for g, own, k, other in ((1, X, 30, 12), (0, Y, 12, 30))
    ]
    assert abs(distance) == pytest.approx(np.sqrt(sum(variances)))
    degrees = sum(variances) ** 2 / (variances[0] ** 2 / 29 + variances[1] ** 2 / 11)
    reach = reference.t.ppf(0.975, degrees) * abs(distance) * slope
    low, high = expit(logit(found.value) - reach), expit(logit(found.value) + reach)
    assert found.low <= low + 1e-9
    assert found.high >= high - 1e-9
    assert found.low == pytest.approx(low) or found.high == pytest.approx(high)


def test_interval_and_p_values_belong_together():
    for found in (group_superiority(FIRST, VALUES), group_difference(FIRST, UNIT)):
        assert found.p_above(found.low) == pytest.approx(0.025, abs=1e-6)
        assert found.p_below(found.high) == pytest.approx(0.025, abs=1e-6)


def test_complete_separation_has_an_open_bound_and_no_interval_of_a_point():
    found = group_superiority([1] * 20 + [0] * 3, np.arange(23)[::-1])
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.025 ** (1 / 3))
    equal = group_superiority([1] * 5 + [0] * 5, np.ones(10))
    assert equal.low < 0.5 < equal.high


@pytest.mark.parametrize("wrong", [0, 1])
def test_fewer_than_two_patients_in_a_group_are_refused(wrong):
    first = np.arange(20) >= wrong
    for compare in (group_superiority, group_difference):
        with pytest.raises(AuditError, match="at least two"):
            compare(first, np.linspace(0, 1, 20))
    with pytest.raises(AuditError, match="at least two"):
        group_difference(np.arange(20) >= 5, np.linspace(0, 1, 20), [7] * 5 + [*range(100, 115)])


def test_difference_has_welchs_interval():
    found = group_difference(FIRST, UNIT)
    own, other = UNIT[FIRST == 1], UNIT[FIRST == 0]
    welch = reference.ttest_ind(own, other, equal_var=False).confidence_interval()
    assert found.value == pytest.approx(own.mean() - other.mean())
    assert (found.low, found.high) == pytest.approx((welch.low, welch.high))


def test_difference_from_a_tiny_group_has_the_wider_of_welchs_and_students():
    found = group_difference(FIRST[:34], UNIT[:34])
    own, other = UNIT[:30], UNIT[30:34]
    welch, student = (
        reference.ttest_ind(own, other, equal_var=equal).confidence_interval()
        for equal in (False, True)
    )
    assert found.low == pytest.approx(min(welch.low, student.low))
    assert found.high == pytest.approx(max(welch.high, student.high))


def test_group_that_looks_constant_by_chance_does_not_narrow_the_interval():
    values = np.concatenate([np.linspace(0.2, 0.9, 40), [0.500, 0.501]])
    first = np.repeat([1, 0], [40, 2])
    found = group_difference(first, values)
    own, other = values[:40], values[40:]
    student = reference.ttest_ind(own, other).confidence_interval()
    assert (found.low, found.high) == pytest.approx((student.low, student.high))


def test_group_without_variation_adds_its_exact_bound():
    values = np.concatenate([np.linspace(0.2, 0.9, 40), np.full(5, 1.0)])
    first = np.repeat([1, 0], [40, 5])
    found = group_difference(first, values)
    bound = 0.025 ** (1 / 5)
    below = found.value - found.low
    # The constant group may be lower than 1, so that the difference may be larger.
    assert found.high - found.value > (1 - bound) * 0.99
    assert below < 0.2
    both = group_difference(first, np.where(first == 1, 1.0, 0.0))
    assert both.high == 1.0
    assert both.low < 0.6


def test_equal_images_of_a_patient_count_once():
    patients = np.arange(42)
    for compare in (group_superiority, group_difference):
        once = compare(FIRST, UNIT, patients)
        twice = compare(np.repeat(FIRST, 2), np.repeat(UNIT, 2), np.repeat(patients, 2))
        assert (twice.low, twice.high) == pytest.approx((once.low, once.high), rel=0.02)
        assert twice.clusters == 42


def test_patient_in_both_groups_is_paired():
    level = RNG.normal(size=40)
    values = expit(np.concatenate([level, level - 0.3 + 0.05 * RNG.normal(size=40)]))
    first, patients = np.repeat([1, 0], 40), np.tile(np.arange(40), 2)
    groups = cluster_images(patients, 80)
    sources = difference_sources(first.astype(float), values, groups, (0.0, 1.0))
    paired = from_sources(0.0, sources, groups, bounds=(-1.0, 1.0))
    apart = group_difference(first, values)
    assert paired.high - paired.low < (apart.high - apart.low) / 3


def test_one_source_is_the_mean():
    patients = np.repeat(np.arange(14), 3)
    groups = cluster_images(patients, 42)
    source = mean_source(UNIT, np.ones(42, bool), groups, (0.0, 1.0))
    found = from_sources(float(UNIT.mean()), [source], groups, bounds=(0.0, 1.0))
    plain = mean(UNIT, patients, bounds=(0.0, 1.0))
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))


def test_pooled_has_the_t_tests_standard_error():
    groups = cluster_images(None, 33)
    sources = difference_sources(FIRST[:33].astype(float), UNIT[:33], groups, (0.0, 1.0))
    tail = pooled(0.0, sources, groups)
    own, other = UNIT[:30], UNIT[30:33]
    given = reference.ttest_ind(own, other)
    assert (own.mean() - other.mean()) / tail.standard_error == pytest.approx(given.statistic)
    assert tail.degrees == given.df


@pytest.mark.parametrize(("wrong", "shift"), [(3, 0.0), (8, 1.0)])
def test_intervals_cover_the_truth(wrong, shift):
    rng = np.random.default_rng(3)
    superior, apart = reference.norm.cdf(shift / np.sqrt(2)), 0.0
    large = expit(rng.normal(shift, 1, 400_000)), expit(rng.normal(0, 1, 400_000))
    apart = large[0].mean() - large[1].mean()
    first, hits = np.repeat([1, 0], [40, wrong]), []
    for _ in range(250):
        values = expit(np.concatenate([rng.normal(shift, 1, 40), rng.normal(0, 1, wrong)]))
        one, other = group_superiority(first, values), group_difference(first, values)
        hits.append((one.low <= superior <= one.high, other.low <= apart <= other.high))
    covered = np.mean(hits, axis=0)
    assert (covered > 0.91).all()
