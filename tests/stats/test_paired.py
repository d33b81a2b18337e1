"""Two releases on the same images: against independent implementations, and honest where little differs."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from auditkit.errors import AuditError
from auditkit.stats import Sample, auroc_difference
from auditkit.stats.paired import paired_difference

HALF = 0.025


def sample(values, labels=None, images=None, patients=None):
    names = [f"image-{i}" for i in range(len(values))] if images is None else images
    people = names if patients is None else [str(patient) for patient in patients]
    kind = "mean" if labels is None else "auroc"
    labels = None if labels is None else np.asarray(labels, dtype=np.int64)
    return Sample(kind, list(names), list(people), np.asarray(values, dtype=float), labels)


def scored(n=300, seed=0, worse=0.0, noise=0.6):
    """Labels, and scores of two releases."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    shared = 1.2 * labels + rng.normal(size=n)
    old = shared + noise * rng.normal(size=n)
    return labels, old, shared - worse * labels + noise * rng.normal(size=n)


def brute_force_delong(labels, old, new):
    """Difference of the areas and its standard error, pair by pair (DeLong et al. 1988)."""
    components = []
    for scores in (old, new):
        positive, negative = scores[labels == 1], scores[labels == 0]
        wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
        components.append((wins.mean(), wins.mean(axis=1), wins.mean(axis=0)))
    value = components[1][0] - components[0][0]
    change = [components[1][i] - components[0][i] for i in (1, 2)]
    return value, math.sqrt(sum(part.var(ddof=1) / part.size for part in change))


def held_against(labels):
    """An average of numbers that were held against labels."""
    names = [f"image-{i}" for i in range(len(labels))]
    return Sample("mean", names, names, np.array([0.0, 1.0]), np.array(labels))


def shares(n, gained, lost):
    """Two releases with so many images that turned."""
    old, new = np.ones(n), np.ones(n)
    old[:gained], new[gained : gained + lost] = 0, 0
    return sample(old), sample(new)


@pytest.mark.parametrize("tied", [False, True])
def test_auroc_of_independent_images_is_delongs_paired_test(tied):
    labels, old, new = scored()
    if tied:
        old, new = np.round(old), np.round(new)
    found = paired_difference(sample(old, labels), sample(new, labels)).estimate
    value, error = brute_force_delong(labels, old, new)
    assert found.value == pytest.approx(value)
    assert found.low == pytest.approx(value - 1.96 * error, abs=0.05 * error)
    assert found.high == pytest.approx(value + 1.96 * error, abs=0.05 * error)
    assert found.p_below(0) == pytest.approx(scipy.stats.norm.cdf(value / error), abs=0.01)


def test_auroc_of_several_images_of_a_patient_agrees_with_a_bootstrap_over_patients():
    labels, old, new = scored(400, seed=3)
    patients = np.arange(400) // 4
    labels = labels[patients]
    old, new = (side + np.random.default_rng(7).normal(size=100)[patients] for side in (old, new))
    found = paired_difference(
        sample(old, labels, patients=patients), sample(new, labels, patients=patients)
    ).estimate
    drawn = auroc_difference(labels, new, old, patients)
    width = drawn.high - drawn.low
    assert found.value == pytest.approx(drawn.value)
    assert found.low == pytest.approx(drawn.low, abs=0.1 * width)
    assert found.high == pytest.approx(drawn.high, abs=0.1 * width)
    assert found.clusters == 100


def test_copies_of_images_add_nothing():
    labels, old, new = scored(100)
    once = paired_difference(sample(old, labels), sample(new, labels)).estimate
    names = [f"{i}-{k}" for i in range(100) for k in range(3)]
    sides = [
        sample(np.repeat(s, 3), np.repeat(labels, 3), names, np.repeat(np.arange(100), 3))
        for s in (old, new)
    ]
    copied = paired_difference(*sides, bounds=(0.0, 1.0)).estimate
    assert copied.value == pytest.approx(once.value)
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=0.03)


def test_averages_have_the_paired_t_interval():
    rng = np.random.default_rng(1)
    old, new = rng.normal(size=(2, 200)) + rng.normal(size=200)
    found = paired_difference(sample(old), sample(new)).estimate
    interval = scipy.stats.ttest_rel(new, old).confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=0.03)
    less = scipy.stats.ttest_rel(new, old, alternative="less").pvalue
    assert found.p_below(0) == pytest.approx(less, rel=0.03)


def limits(n, gained, lost):
    """MOVER of Clopper-Pearson limits, from the binomial distribution itself."""

    def exact(count):
        low = 0.0
        if count:
            low = optimize.brentq(lambda p: scipy.stats.binom.sf(count - 1, n, p) - HALF, 1e-12, 1)
        high = optimize.brentq(lambda p: scipy.stats.binom.cdf(count, n, p) - HALF, 0, 1 - 1e-12)
        return count / n - low, high - count / n

    gain, loss = exact(gained), exact(lost)
    p, q = gained / n, lost / n
    rho = -math.sqrt(p * q / ((1 - p) * (1 - q)))
    reach = [
        math.sqrt(a**2 + b**2 - 2 * rho * a * b)
        for a, b in ((gain[0], loss[1]), (gain[1], loss[0]))
    ]
    return p - q - reach[0], p - q + reach[1]


@pytest.mark.parametrize(("n", "gained", "lost"), [(60, 0, 3), (200, 1, 4), (1000, 60, 85)])
def test_shares_have_the_stated_limits(n, gained, lost):
    found = paired_difference(*shares(n, gained, lost), bounds=(0.0, 1.0)).estimate
    assert (found.low, found.high) == pytest.approx(limits(n, gained, lost), abs=3e-4)


def test_shares_with_many_discordant_images_agree_with_mcnemar():
    found = paired_difference(*shares(2000, 150, 200), bounds=(0.0, 1.0)).estimate
    z = (150 - 200) / math.sqrt(350)
    assert found.p_below(0) == pytest.approx(scipy.stats.norm.cdf(z), abs=0.002)


def test_no_discordant_image_has_the_exact_bound():
    found = paired_difference(*shares(60, 0, 0), bounds=(0.0, 1.0)).estimate
    assert found.value == 0
    assert -found.low == pytest.approx(1 - HALF ** (1 / 60), rel=1e-3)
    assert found.high == pytest.approx(-found.low)


@pytest.mark.parametrize("n", [60, 1000])
def test_limits_of_shares_miss_as_seldom_as_they_say(n):
    # Exactly: over all numbers of discordant images that have any probability.
    ends = {}
    for more in range(13):
        for less in range(more + 1):
            found = paired_difference(*shares(n, more, less), bounds=(0.0, 1.0)).estimate
            ends[more, less], ends[less, more] = (found.low, found.high), (-found.high, -found.low)
    counts = np.array([(b, c, n - b - c) for b, c in ends])
    low, high = np.array(list(ends.values())).T
    for gained, lost in ((0, 1), (0, 3), (0, 5), (1, 3), (2, 2), (1, 4), (0.5, 5)):
        truth, rates = (gained - lost) / n, np.array([gained, lost, n - gained - lost]) / n
        logs = special.xlogy(counts, rates) - special.gammaln(counts + 1)
        weights = np.exp(special.gammaln(n + 1) + logs.sum(axis=1))
        assert weights.sum() == pytest.approx(1, abs=2e-3)
        assert max(weights[truth < low].sum(), weights[truth > high].sum()) <= HALF


def test_discordant_images_of_one_patient_count_less():
    n = 200
    old, new = np.ones(n), np.ones(n)
    new[:8] = 0
    alone = paired_difference(sample(old), sample(new)).estimate
    patients = np.arange(n) // 8
    together = paired_difference(
        sample(old, patients=patients), sample(new, patients=patients)
    ).estimate
    assert alone.high < 0
    assert together.high > 0


@pytest.mark.parametrize("labels", [None, np.arange(40) % 2])
def test_the_same_release_again_has_room_on_both_sides(labels):
    values = np.random.default_rng(2).normal(size=40)
    found = paired_difference(sample(values, labels), sample(values, labels))
    assert found.estimate.value == 0
    assert found.old == found.new
    assert found.estimate.low < 0 < found.estimate.high


def test_an_average_without_range_and_without_spread_takes_the_range_that_was_seen():
    values = np.linspace(-3, 5, 50)
    found = paired_difference(sample(values), sample(values)).estimate
    assert found.high == pytest.approx(8 * (1 - HALF ** (1 / 50)))
    known = paired_difference(sample(values), sample(values), bounds=(-100, 100)).estimate
    assert known.high == pytest.approx(200 * (1 - HALF ** (1 / 50)))


def test_an_area_of_1_is_not_known_exactly():
    labels = np.arange(40) % 2
    noisy = labels + np.random.default_rng(0).normal(scale=0.5, size=40)
    found = paired_difference(sample(noisy, labels), sample(labels * 1.0, labels))
    assert found.new == 1
    assert found.estimate.high > found.estimate.value
    assert "never varies" in found.estimate.method


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), auroc=st.booleans())
def test_order_and_names_do_not_matter_and_exchange_turns_the_sign(seed, auroc):
    labels, old, new = scored(60, seed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(60)
    names = np.array([f"image-{i}" for i in range(60)])
    people = np.arange(60) // 2
    chosen = labels if auroc else None
    first = sample(old, chosen, names, people)
    second = sample(new, chosen, names, people)
    shuffled = sample(
        new[order], None if chosen is None else labels[order], names[order], people[order]
    )
    found = paired_difference(first, second)
    again, back = paired_difference(first, shuffled), paired_difference(second, first)
    assert again.estimate.value == pytest.approx(found.estimate.value)
    assert again.estimate.low == pytest.approx(found.estimate.low)
    assert back.estimate.value == pytest.approx(-found.estimate.value)
    assert back.estimate.high == pytest.approx(-found.estimate.low)
    assert found.new - found.old == pytest.approx(found.estimate.value)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(2, 80),
    gained=st.integers(0, 5),
    lost=st.integers(0, 5),
    per_patient=st.integers(1, 3),
)
def test_intervals_of_shares_hold_the_value_and_never_collapse(n, gained, lost, per_patient):
    n = max(n, gained + lost, 2 * per_patient)
    first, second = shares(n, gained, lost)
    people = [str(i // per_patient) for i in range(n)]
    sides = [Sample("mean", s.images, people, s.values) for s in (first, second)]
    found = paired_difference(*sides, bounds=(0.0, 1.0)).estimate
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 0.5 / n
    assert (found.high < 0) == (found.p_below(0) < HALF) or abs(found.high) < 1e-6


def test_images_in_one_run_alone_are_counted_and_left_out():
    old = sample([0.0, 1, 2, 3], images=list("abcd"))
    new = sample([9.0, 2, 4, 8], images=list("zcdy"))
    found = paired_difference(old, new)
    assert (found.pairs, found.only_old, found.only_new) == (2, 2, 2)
    assert found.estimate.value == pytest.approx(0.5)  # (2 - 2 + 4 - 3) / 2
    assert found.affected == pytest.approx(4 / 6)


def test_of_an_auroc_the_pairs_that_unpaired_images_could_move_are_counted():
    labels, old, new = scored(40)
    kept = np.arange(40) >= 4  # four images of the earlier run are gone
    names = np.array([str(i) for i in range(40)])
    found = paired_difference(
        sample(old, labels, names), sample(new[kept], labels[kept], names[kept])
    )
    inside = np.outer(labels == 1, labels == 0)
    touched = inside & ~np.outer(kept, kept)
    assert found.affected == pytest.approx(touched.sum() / inside.sum())


def test_an_image_that_is_there_twice_is_paired_in_order():
    old = sample([1.0, 3, 0], images=["a", "a", "b"], patients=[1, 2, 3])
    new = sample([2.0, 0, 3], images=["a", "b", "a"], patients=[1, 3, 2])
    found = paired_difference(old, new)
    assert (found.pairs, found.only_old, found.only_new) == (3, 0, 0)
    assert found.estimate.value == pytest.approx(1 / 3)
    less = paired_difference(old, sample([2.0, 0], images=["a", "b"], patients=[1, 3]))
    assert (less.pairs, less.only_old) == (2, 1)


def test_patients_are_those_of_the_later_run():
    values = np.random.default_rng(0).normal(size=40)
    alone, together = np.arange(40), np.arange(40) // 20
    found = paired_difference(sample(values, patients=together), sample(-values, patients=alone))
    assert found.estimate.clusters == 40


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (sample([1, 2, 3]), sample([1, 2, 3], [0, 1, 1]), "of the kind 'mean', this one's 'auroc'"),
        (sample([1, 2], images="ab"), sample([1, 2], images="cd"), "none of the 2 images"),
        (sample([1, 2, 3], [0, 1, 1]), sample([1, 2, 3], [0, 1, 0]), "1 images have another label"),
        (sample([1, 2, 3], [1, 1, 1]), sample([3, 2, 1], [1, 1, 1]), "of class 1"),
        (sample([1, 2]), sample([1, 2], patients=[1, 1]), "at least two patients"),
        (sample([0.5, 2], images="ab"), sample([1.5], images="a"), "at least two patients"),
        (sample([5, 5]), sample([5, 5]), "all values of both runs are 5"),
        (sample([0, 0]), sample([0, 0]), "all values of both runs are 0"),
        (sample([0, 1]), held_against([0, 1]), "labels are kept in one of the runs alone"),
        (held_against([1, 1]), held_against([0, 1]), "1 images have another label"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(old, new, message):
    with pytest.raises(AuditError, match=message):
        paired_difference(old, new)


def test_a_sample_holds_finite_numbers_only():
    with pytest.raises(AuditError, match="finite"):
        sample([1.0, np.nan])


def test_zeros_of_a_change_know_the_range_of_a_change():
    nothing = sample(np.zeros(100))
    found = paired_difference(nothing, nothing, bounds=(-1.0, 1.0)).estimate
    assert -found.low == pytest.approx(2 * (1 - HALF ** (1 / 100)), rel=1e-3)
