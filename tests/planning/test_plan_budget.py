"""Samples for a budget, expected widths, and the profile that they are written as."""

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.errors import AuditError
from auditkit.findings import Findings, Measurement
from auditkit.planning.costs import AuditCost, PlanCost
from auditkit.planning.samples import Choosing, changes_for, choosing, with_sample, within
from auditkit.planning.usage import Usage
from auditkit.planning.widths import CALIBRATION, UNKNOWN, WILSON, width, wilson
from auditkit.planning.written import profile_name, write_profile
from auditkit.spec.catalogue import catalogue
from auditkit.spec.profile import read_profile
from auditkit.spec.selection import selected
from auditkit.stats import mean, proportion


def linear(seconds_per_image: float, fixed: float = 0.0):
    """A plan whose audits cost the same per image, in whole batches."""

    def plan(pairs):
        costs = [
            AuditCost(
                a.id, "m", measurement=fixed + seconds_per_image * (a.parameters.images or 1000)
            )
            for a, _ in pairs
        ]
        return PlanCost(costs, {}, Usage())

    return plan


def chosen(budget, audit, whole, least, plan):
    choice = {audit.id: Choosing(audit, whole, least, 16)}
    found = within(budget, 1, [(audit, None)], choice, plan([(audit, None)]), plan)
    return found, found.samples[0]


def test_everything_fits_a_large_budget(pairs):
    ((audit, _),) = pairs("counts")
    found, sample = chosen(1e6, audit, 1000, 100, linear(1.0))
    assert found.fits
    assert (sample.images, sample.changes) == (1000, {})


def test_the_largest_sample_that_fits_is_in_whole_batches(pairs):
    ((audit, _),) = pairs("counts")
    found, sample = chosen(500.0, audit, 1000, 100, linear(1.0))
    assert found.fits
    assert 400 <= sample.images <= 500
    assert sample.images % 16 == 0
    assert sample.changes == {"images": sample.images}


def test_an_impossible_budget_is_the_smallest_plan_and_says_so(pairs):
    ((audit, _),) = pairs("counts")
    found, sample = chosen(50.0, audit, 1000, 100, linear(1.0))
    assert not found.fits
    assert sample.images == 100
    assert found.seconds == 100


@settings(max_examples=40, deadline=None)
@given(
    budget=st.floats(1, 2000), each=st.floats(0.01, 2), fixed=st.floats(0, 500), least=st.integers(1, 1000)
)  # fmt: skip
def test_what_fits_fits_and_nothing_goes_below_the_least(budget, each, fixed, least):
    audit = _audit()
    found, sample = chosen(budget, audit, 1000, least, linear(each, fixed))
    assert found.fits == (found.seconds <= budget)
    assert least <= sample.images <= 1000
    assert found.fits or sample.images == least
    smallest = fixed + each * least
    assert found.fits or smallest > budget


def _audit():
    """An audit that needs no files."""
    from auditkit.spec.audit import AuditSpec
    from auditkit.spec.catalogue import checks
    from auditkit.spec.data_card import DataCard
    from auditkit.spec.load import Audit

    check = checks()["performance"]
    spec = AuditSpec.model_validate(
        {
            "audit": "counts",
            "check": "performance",
            "data": "lesions",
            "expect": [{"measure": "accuracy", "above": 0.5}],
        }
    )
    data = DataCard.model_construct(data="lesions", task="melanoma")
    return Audit(spec, check, check.parameters(), data, Path("x"), "", (1,))


def test_patients_of_min_n_are_kept(pairs):
    Path("audits/counts.audit.yaml").write_text(
        Path("audits/counts.audit.yaml").read_text().replace("above: 0.3", "above: 0.3, min_n: 30")
    )
    ((audit, _),) = pairs("counts")
    patients = [f"patient {n // 2}" for n in range(200)]
    assert choosing(audit, patients, 16).least == 59
    assert choosing(audit, patients, 100).least == 100
    assert choosing(audit, patients[:40], 16).least == 40, "all of them, where they are too few"
    assert choosing(audit, [], 16) is None


def test_other_numbers_of_images_follow():
    from dataclasses import replace

    from auditkit.spec.catalogue import checks

    check = checks()["counterfactual"]
    given = {"trained_on": "x", "training_images": 300, "images": 300}
    audit = replace(_audit(), check=check, parameters=check.parameters.model_validate(given))
    assert changes_for(audit, 200) == {"images": 200, "training_images": 200}


def test_a_written_profile_sets_the_samples(pairs, cards):
    ((audit, _),) = pairs("light")
    choice = Choosing(audit, 24, 5, 4)
    path = Path("short.profile.yaml")
    write_profile(path, [choice.sample(0.5)], "2h")
    profile = read_profile(path)
    (planned,) = selected([audit.path], catalogue([cards]), ["random"], profile=profile).planned
    assert planned.audit.parameters.images == 12
    assert with_sample(audit, choice.sample(0.5)).parameters == planned.audit.parameters


@pytest.mark.parametrize("name", ["Short.profile.yaml", "short.yaml", "a b.profile.yaml"])
def test_a_profile_needs_a_name(name):
    with pytest.raises(AuditError, match=r"profile\.yaml"):
        profile_name(Path(name))


def measured(name, estimate):
    found = Measurement(name, {}, estimate, "proportion", (0, 1), 24)
    return Findings(measurements=[found], figures=[], tables=[], examples=[], notes=[])


def test_a_share_has_wilsons_interval_at_the_limit(pairs):
    ((audit, card),) = pairs("counts")
    expectation = audit.spec.expect[0]  # sensitivity above .3
    estimate = proportion([True] * 40 + [False] * 60)
    found = width(expectation, audit, card, (25, 100), measured("sensitivity", estimate), None)
    assert found.basis == WILSON
    assert found.whole == pytest.approx(wilson(0.3, 100))
    assert found.planned == pytest.approx(wilson(0.3, 25))


def test_wilsons_half_width_is_the_textbooks():
    # 20 of 40: [.3520, .6480], Newcombe 1998
    assert wilson(0.5, 40) == pytest.approx((0.6480 - 0.3520) / 2, abs=2e-4)


def test_other_widths_fall_with_the_root_of_the_images(pairs):
    ((audit, card),) = pairs("counts")
    expectation = audit.spec.expect[0]
    estimate = mean([0.1, 0.5, 0.2, 0.9])
    found = width(expectation, audit, card, (25, 100), measured("sensitivity", estimate), None)
    assert found.basis == CALIBRATION
    assert found.planned == pytest.approx(2 * found.whole)


def test_what_is_not_known_is_not_made_up(pairs):
    ((audit, card),) = pairs("counts")
    found = width(audit.spec.expect[0], audit, card, (25, 100), None, None)
    assert found.basis == UNKNOWN
    assert math.isnan(found.planned)
