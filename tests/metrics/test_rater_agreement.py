"""Agreement between raters: published examples, brute force, references, what cannot be said."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import aggregate_raters
from statsmodels.stats.inter_rater import fleiss_kappa as reference_kappa

from auditkit.errors import AuditError
from auditkit.metrics.rater_agreement import (
    alpha_estimate,
    fleiss_kappa,
    kappa_estimate,
    krippendorff_alpha,
)

NAN = np.nan
# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), part C: 4 observers, 12 units.
PUBLISHED = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
]
# Fleiss' kappa on Wikipedia: 14 raters, 10 subjects, 5 categories, .210.
TALLIES = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]
LEVELS = ["nominal", "ordinal", "interval"]


def from_tallies(tallies):
    return np.array([np.repeat(np.arange(len(row)), row) for row in tallies]).T


@pytest.mark.parametrize(
    ("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_is_that_of_krippendorffs_example(level, alpha):
    assert krippendorff_alpha(PUBLISHED, level) == pytest.approx(alpha, abs=5e-4)


def test_alpha_of_two_raters_by_hand():
    # Coincidences of (0,0) 2, (0,1) and (1,0) 1 each, (1,1) 2: n_0 = n_1 = 3, n = 6, so
    # D_o = 2 / 6, D_e = (3*3 + 3*3) / (6*5) = .6.
    assert krippendorff_alpha([[0, 0, 1], [0, 1, 1]], "nominal") == pytest.approx(1 - (2 / 6) / 0.6)


def slow_alpha(table, level):
    """Pair by pair, with Krippendorff's own sum for the ordinal distance."""
    units = [column[~np.isnan(column)] for column in np.asarray(table, float).T]
    units = [unit for unit in units if len(unit) >= 2]
    pooled = np.concatenate(units)

    def distance(c, k):
        if level == "nominal":
            return float(c != k)
        if level == "interval":
            return (c - k) ** 2
        low, high = min(c, k), max(c, k)
        between = ((pooled >= low) & (pooled <= high)).sum()
        ends = ((pooled == c).sum() + (pooled == k).sum()) / 2
        return (between - ends) ** 2

    n = len(pooled)
    observed = sum(
        sum(distance(c, k) for c, k in permutations(unit, 2)) / (len(unit) - 1) for unit in units
    )
    expected = sum(distance(c, k) for c, k in permutations(pooled, 2))
    return 1 - (observed / n) / (expected / (n * (n - 1)))


tables = (
    st.integers(2, 4)
    .flatmap(
        lambda raters: st.lists(
            st.lists(st.sampled_from([NAN, 1, 2, 3.5, 7]), min_size=raters, max_size=raters),
            min_size=2,
            max_size=7,
        )
    )
    .map(lambda rows: np.array(rows, dtype=float).T)
)


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=60, deadline=None)
@given(table=tables)
def test_alpha_is_what_counting_every_pair_gives(level, table):
    paired = table[:, (~np.isnan(table)).sum(axis=0) >= 2]
    assume(len(np.unique(paired[~np.isnan(paired)])) > 1)
    assert krippendorff_alpha(table, level) == pytest.approx(slow_alpha(table, level), abs=1e-9)
    assert -1 <= krippendorff_alpha(table, level) <= 1


@settings(max_examples=30, deadline=None)
@given(table=tables, scale=st.floats(1e-6, 1e6), shift=st.floats(-1e3, 1e3))
def test_interval_alpha_does_not_depend_on_the_scale_and_ordinal_alpha_only_on_order(
    table, scale, shift
):
    paired = table[:, (~np.isnan(table)).sum(axis=0) >= 2]
    assume(len(np.unique(paired[~np.isnan(paired)])) > 1)
    moved = krippendorff_alpha(scale * (table + shift), "interval")
    assert moved == pytest.approx(krippendorff_alpha(table, "interval"), abs=1e-6)
    stretched = krippendorff_alpha(table**3, "ordinal")
    assert stretched == pytest.approx(krippendorff_alpha(table, "ordinal"), abs=1e-12)


def test_a_unit_with_one_rating_changes_nothing():
    for level in LEVELS:
        more = np.column_stack([PUBLISHED, [NAN, 99.0, NAN, NAN]])
        without = krippendorff_alpha(PUBLISHED, level)
        assert krippendorff_alpha(more, level) == pytest.approx(without, abs=1e-12)
        found, own = alpha_estimate(more, level), alpha_estimate(PUBLISHED, level)
        assert found.value == pytest.approx(without, abs=1e-12)
        assert (found.n, found.low, found.high) == (own.n, own.low, own.high)


def test_negative_alpha_is_a_value():
    assert krippendorff_alpha([[0, 1, 0, 1], [1, 0, 1, 0]], "nominal") == pytest.approx(-0.75)


def test_kappa_is_that_of_the_known_example():
    ratings = from_tallies(TALLIES)
    assert fleiss_kappa(ratings) == pytest.approx(0.210, abs=5e-4)
    assert fleiss_kappa(ratings) == pytest.approx(reference_kappa(np.array(TALLIES)), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 5), st.integers(2, 12), st.integers(0, 10_000))
def test_kappa_is_statsmodels(raters, units, seed):
    ratings = np.random.default_rng(seed).choice([0.0, 0.5, 2.0, 9.0], (raters, units))
    assume(len(np.unique(ratings)) > 1)
    tallies, _ = aggregate_raters(ratings.T)
    assert fleiss_kappa(ratings) == pytest.approx(reference_kappa(tallies), abs=1e-12)


def test_kappa_estimate_is_about_units_that_everybody_rated():
    complete = ~np.isnan(PUBLISHED).any(axis=0)
    found = kappa_estimate(PUBLISHED)
    assert found.value == fleiss_kappa(np.array(PUBLISHED)[:, complete])
    assert found.n == complete.sum() == 8
    with pytest.raises(AuditError, match="no unit was rated by all 2 raters"):
        kappa_estimate([[1, NAN], [NAN, 2]])
    with pytest.raises(AuditError, match="leave the others out"):
        fleiss_kappa(PUBLISHED)


@pytest.mark.parametrize(
    "estimate", [lambda table: alpha_estimate(table, "interval"), kappa_estimate]
)
@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ([[1.0, 2.0, 3.0]], "one rater only"),
        ([[1.0, 2.0], [NAN, NAN]], "one rater only"),
        ([[2.0, 2.0], [2.0, 2.0]], "all ratings are equal"),
    ],
)
def test_what_cannot_be_said_says_why(estimate, table, reason):
    with pytest.raises(AuditError, match=reason):
        estimate(table)


def test_no_pair_of_ratings_has_no_alpha():
    for asked in (krippendorff_alpha, lambda table: alpha_estimate(table, "nominal")):
        with pytest.raises(AuditError, match="no unit has two ratings"):
            asked([[1, NAN], [NAN, 2]])


def ratings_of(generator, patients, noise=0.9):
    truth = np.repeat(generator.normal(size=patients), 2) + generator.normal(size=2 * patients)
    table = np.clip(
        np.round(5 + 1.4 * truth + noise * generator.normal(size=(4, len(truth)))), 0, 10
    )
    return table, np.repeat(np.arange(patients), 2)


def test_units_of_one_patient_are_drawn_together():
    table, patients = ratings_of(np.random.default_rng(1), 30)
    found = alpha_estimate(table, "interval", patients)
    assert (found.n, found.clusters) == (60, 30)
    assert found.value == krippendorff_alpha(table, "interval")
    assert found.low < found.value < found.high
    # A copy of every unit under the same patient is no further evidence.
    doubled = alpha_estimate(np.repeat(table, 2, axis=1), "interval", np.repeat(patients, 2))
    assert doubled.clusters == 30
    assert doubled.high - doubled.low == pytest.approx(found.high - found.low, rel=0.15)
    with pytest.raises(AuditError, match="one patient"):
        alpha_estimate(table, "interval", np.zeros(60))


def test_perfect_agreement_has_an_interval():
    perfect = np.tile(np.arange(12) % 4, (3, 1))
    for found in (alpha_estimate(perfect, "ordinal"), kappa_estimate(perfect)):
        assert found.value == found.high == 1
        assert found.low < 0.9


def test_intervals_cover_the_value_of_many_patients():
    everybody, _ = ratings_of(np.random.default_rng(0), 20_000)
    truth = krippendorff_alpha(everybody, "interval"), fleiss_kappa(everybody)
    missed = np.zeros(2)
    for seed in range(60):
        table, patients = ratings_of(np.random.default_rng(seed + 1), 25)
        found = alpha_estimate(table, "interval", patients), kappa_estimate(table, patients)
        missed += [
            not one.low <= value <= one.high for one, value in zip(found, truth, strict=True)
        ]
    # 60 intervals of 95 % miss three times on average, and more than nine times in 2 of 1000 runs.
    assert (missed <= 9).all()
