import numpy as np
import pytest
import scipy.stats

from auditkit.errors import AuditError
from auditkit.stats import (
    design_effect,
    detectable_auroc,
    detectable_proportion,
    required_n_auroc,
    required_n_proportion,
)


@pytest.mark.parametrize("auroc", [0.6, 0.8, 0.95])
@pytest.mark.parametrize(("positives", "negatives"), [(30, 70), (300, 1200)])
@pytest.mark.parametrize("effect", [1.0, 1.5])
def test_the_detectable_auroc_needs_exactly_these_images(auroc, positives, negatives, effect):
    n, prevalence = positives + negatives, positives / (positives + negatives)
    difference = detectable_auroc(auroc, positives, negatives, design_effect=effect)
    needed = required_n_auroc(
        auroc, auroc - difference, prevalence, power=0.8, design_effect=effect
    )
    assert abs(needed - n) <= 2  # rounded up, times the design effect
    more = required_n_auroc(
        auroc, auroc - 0.98 * difference, prevalence, power=0.8, design_effect=effect
    )
    assert more > n


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95, 1.0])
@pytest.mark.parametrize("n", [40, 200, 500])
def test_the_detectable_proportion_is_the_nearest_bound_with_that_power(share, n):
    bound = share - detectable_proportion(share, n)
    reached = scipy.stats.binom.isf(0.025, n, bound - 1e-9) + 1  # fewest that exclude the bound
    assert scipy.stats.binom.sf(reached - 1, n, share) >= 0.8
    reached = scipy.stats.binom.isf(0.025, n, bound + 1e-4 * (share - bound)) + 1
    assert scipy.stats.binom.sf(reached - 1, n, share) < 0.8 or share == 1
    # Sample sizes are those from which the power stays, above the last saw tooth.
    needed = required_n_proportion(share, bound - 1e-9, power=0.8)
    assert n * 0.9 - 5 <= needed <= n * 1.1 + 10


def test_patients_with_several_images_count_less():
    one = detectable_proportion(0.8, 300)
    assert detectable_proportion(0.8, 600, design_effect=2.0) == one
    assert detectable_proportion(0.8, 600) < one


def test_design_effect_of_copies_is_their_number():
    values = np.random.default_rng(0).normal(size=500)
    values -= values.mean()
    assert design_effect(np.repeat(values, 3), np.repeat(range(500), 3)) == pytest.approx(
        3, rel=0.01
    )
    assert design_effect(values, np.arange(500)) == 1
    assert design_effect(values, None) == 1


def test_design_effect_without_variation_takes_the_images_of_a_patient_as_copies():
    assert design_effect(np.zeros(12), np.repeat([1, 2, 3], 4)) == 4


def test_a_proportion_of_nothing_clears_no_bound():
    assert detectable_proportion(0.0, 50) == 0.0
    assert detectable_proportion(0.1, 1) == pytest.approx(0.1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: detectable_auroc(1.0, 5, 5),
        lambda: detectable_auroc(0.8, 0, 5),
        lambda: detectable_proportion(1.2, 5),
        lambda: detectable_proportion(0.5, 0),
        lambda: detectable_proportion(0.5, 5, power=0.01),
        lambda: design_effect([np.nan, 1.0], None),
    ],
)
def test_values_out_of_range_are_refused(call):
    with pytest.raises(AuditError):
        call()
