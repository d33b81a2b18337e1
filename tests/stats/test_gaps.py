from itertools import pairwise

import numpy as np
import pytest
import scipy.stats

from auditkit.errors import AuditError
from auditkit.stats import auroc, compare_groups, proportion, replicate_groups
from auditkit.stats.inputs import cluster_images
from auditkit.stats.ranking import weighted_auroc
from auditkit.stats.reaches import STEPS, reaches
from auditkit.stats.recalls import weighted_proportion


def compare(hits, patients=None, replicates=400):
    """Groups of 0s and 1s compared by their shares."""
    n = sum(len(group) for group in hits)
    starts = np.cumsum([0, *(len(group) for group in hits)])
    members = [np.arange(a, b) for a, b in pairwise(starts)]
    owners = np.arange(n) if patients is None else np.concatenate(patients)
    clusters = cluster_images(owners, n)
    functions = [[weighted_proportion(np.ones(len(h)), np.asarray(h, float))] for h in hits]
    drawn = replicate_groups(functions, members, clusters, replicates=replicates)[0]
    there = [set(owners[rows].tolist()) for rows in members]
    shared = np.array([[bool(a & b) for b in there] for a in there])
    estimates = [proportion(h, owners[rows]) for h, rows in zip(hits, members, strict=True)]
    return compare_groups(estimates, drawn, shared, patients=clusters.count), estimates


def share(successes, n):
    return np.repeat([1.0, 0.0], [successes, n - successes])


def draw(generator, areas, n, images):
    """Groups of patients, with labels and scores of a binormal model with these AUROCs."""
    shifts = np.sqrt(2) * scipy.stats.norm.ppf(areas)
    groups = []
    for shift in shifts:
        labels = (generator.random(n) < 0.35).astype(float)
        patient = np.repeat(generator.normal(size=n // images), images)
        noise = generator.normal(size=n)
        noise = noise if images == 1 else np.sqrt(0.4) * patient + np.sqrt(0.6) * noise
        groups.append((labels, noise + shift * labels))
    return groups


def compare_areas(groups, images, replicates=240):
    sizes = [labels.size for labels, _ in groups]
    patients = np.concatenate([i * 10_000 + np.arange(n) // images for i, n in enumerate(sizes)])
    ends = np.cumsum([0, *sizes])
    members = [np.arange(a, b) for a, b in pairwise(ends)]
    clusters = cluster_images(patients, patients.size)
    drawn = replicate_groups(
        [[weighted_auroc(*group)] for group in groups], members, clusters, replicates=replicates
    )[0]
    estimates = [
        auroc(*group, patients[rows], replicates=replicates)
        for group, rows in zip(groups, members, strict=True)
    ]
    apart = np.eye(len(groups), dtype=bool)
    return compare_groups(estimates, drawn, apart, patients=clusters.count)


@pytest.mark.parametrize("images", [1, 2])
def test_equal_groups_are_covered_where_the_plain_maximum_claims_a_gap(images):
    generator = np.random.default_rng(images)
    found = [compare_areas(draw(generator, [0.8] * 4, 120, images), images) for _ in range(80)]
    covered = np.mean([gaps.largest.low == 0 for gaps in found])
    assert covered > 0.87  # 0.95 less three standard errors of 80 repetitions
    assert np.mean([gaps.largest.value for gaps in found]) > 0.06  # the true gap is 0
    rejected = np.mean([min(pair.p_adjusted for pair in gaps.pairs) < 0.05 for gaps in found])
    assert rejected < 0.13


def test_a_planted_gap_is_found_and_covered():
    generator = np.random.default_rng(3)
    areas = [0.85, 0.85, 0.70, 0.85]
    found = [compare_areas(draw(generator, areas, 400, 1), 1) for _ in range(40)]
    assert np.mean([gaps.largest.low > 0 for gaps in found]) > 0.9
    assert np.mean([gaps.largest.low <= 0.15 <= gaps.largest.high for gaps in found]) > 0.9
    assert np.mean([gaps.worst == 2 for gaps in found]) > 0.95
    assert np.mean([gaps.worst_low <= 0.70 for gaps in found]) > 0.9


def test_the_interval_of_the_largest_gap_is_that_of_the_pairs():
    gaps, _ = compare([share(45, 50), share(30, 50), share(38, 50)])
    assert gaps.largest.value == pytest.approx(0.3)
    assert gaps.largest.low == pytest.approx(max(0, *(pair.low for pair in gaps.pairs)))
    assert gaps.largest.high == pytest.approx(max(pair.high for pair in gaps.pairs))
    assert [(pair.first, pair.second) for pair in gaps.pairs] == [(0, 1), (0, 2), (2, 1)]
    assert gaps.worst == 1


def test_p_values_belong_to_the_interval():
    gaps, _ = compare([share(45, 50), share(30, 50), share(38, 50)])
    found = gaps.largest
    assert 0 < found.low < found.value < found.high < 1
    assert found.p_above(found.low + 1e-6) > 0.025 >= found.p_above(found.low - 1e-6)
    assert found.p_below(found.high - 1e-6) > 0.025 >= found.p_below(found.high + 1e-6)
    assert found.p_above(-0.1) == 0
    assert found.p_below(1.1) == 0


def test_two_large_groups_give_the_ordinary_test_of_two_proportions():
    gaps, _ = compare([share(820, 1000), share(780, 1000)])
    pooled = np.sqrt(0.82 * 0.18 / 1000 + 0.78 * 0.22 / 1000)
    expected = 2 * scipy.stats.norm.sf(0.04 / pooled)
    assert gaps.pairs[0].p_value == pytest.approx(expected, rel=0.15)  # Clopper-Pearson is wider
    assert gaps.pairs[0].p_value > expected


def test_more_groups_widen_the_limits_of_the_same_pair():
    few, _ = compare([share(45, 50), share(30, 50)])
    many, _ = compare([share(45, 50), share(30, 50), *[share(40, 50)] * 6])
    assert many.largest.value == few.largest.value
    assert many.largest.low < few.largest.low
    assert many.pairs[0].p_value == pytest.approx(few.pairs[0].p_value)
    assert many.pairs[0].p_adjusted > few.pairs[0].p_adjusted


def test_groups_without_a_mistake_keep_their_uncertainty():
    gaps, estimates = compare([np.ones(30), np.ones(30), np.ones(30)])
    assert (gaps.largest.value, gaps.largest.low) == (0, 0)
    assert gaps.largest.high > 1 - estimates[0].low
    assert gaps.worst_low < estimates[0].low
    assert all(pair.p_adjusted == 1 for pair in gaps.pairs)


def test_groups_of_the_same_patients_are_compared_within_patients():
    generator = np.random.default_rng(0)
    easy = generator.random(150) < 0.6
    first = easy | (generator.random(150) < 0.1)
    second = easy & (generator.random(150) < 0.95)
    paired, _ = compare([first, second], [np.arange(150), np.arange(150)])
    apart, _ = compare([first, second], [np.arange(150), 150 + np.arange(150)])
    assert paired.pairs[0].low > apart.pairs[0].low
    assert paired.pairs[0].p_value < apart.pairs[0].p_value


def test_resamples_share_their_patients():
    """The same patient in two groups: what a resample does to one, it does to the other."""
    patients = np.arange(40)
    values = np.random.default_rng(0).random(40) < 0.5
    function = weighted_proportion(np.ones(40), values.astype(float))
    clusters = cluster_images(np.concatenate([patients, patients]), 80)
    members = [np.arange(40), np.arange(40, 80)]
    drawn = replicate_groups([[function], [function]], members, clusters, replicates=50)
    np.testing.assert_array_equal(drawn[0, :, 0], drawn[0, :, 1])
    assert drawn[0].std() > 0


def test_undefined_resamples_are_no_nan():
    labels = np.repeat([1.0, 0.0], [3, 27])
    scores = np.random.default_rng(0).random(30) + 0.3 * labels
    groups = [(labels, scores), (labels, scores[::-1].copy())]
    gaps = compare_areas(groups, 1)
    assert np.isfinite([gaps.largest.low, gaps.largest.high, gaps.worst_low]).all()


@pytest.mark.parametrize("estimate", [proportion(share(29, 30)), proportion(np.ones(12))])
def test_reaches_are_the_limits_at_every_level(estimate):
    below, above = reaches(estimate, (0.0, 1.0))
    for level in (0.8, 0.95, 0.999):
        quantile = scipy.stats.norm.ppf((1 + level) / 2)
        hits = share(round(estimate.value * estimate.n), estimate.n)
        limits = proportion(hits, level=level)
        low, high = (np.interp(quantile, STEPS, side) for side in (below, above))
        assert estimate.value - low == pytest.approx(limits.low, abs=2e-3)
        assert estimate.value + high == pytest.approx(limits.high, abs=2e-3)


def test_one_group_has_no_gap():
    with pytest.raises(AuditError, match="fewer than two groups"):
        compare([share(3, 5)])


def test_too_few_resamples_are_refused():
    with pytest.raises(AuditError, match="too few"):
        compare([share(20, 40), share(30, 40)], replicates=10)
