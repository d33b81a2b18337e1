"""Judging: the whole interval decides, unknowns never pass, releases need every expectation."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.findings import Findings, Measurement
from auditkit.release import decide, refusals, with_holm
from auditkit.results import Deviations, VerdictResult, WaiverResult
from auditkit.spec.audit import Expectation
from auditkit.stats import Estimate
from auditkit.verdict import Verdict, judge, worst_case


def estimate(value, low, high, clusters=100):
    def tail(t):
        return (1.0, 0.001) if t > high else (0.001, 1.0) if t < low else (0.5, 0.5)

    return Estimate(value, low, high, 0.95, clusters, clusters, "made up", tail)


def measurement(low, high, bounds=(0.0, 1.0), missing=0, planned=100, clusters=100):
    found = estimate((low + high) / 2, low, high, clusters)
    reasons = {"constant heatmap": missing} if missing else {}
    return Measurement("x", {}, found, "proportion", bounds, planned, reasons)


@pytest.mark.parametrize(
    ("condition", "low", "high", "verdict"),
    [
        ({"above": 0.5}, 0.6, 0.8, Verdict.PASS),
        ({"above": 0.5}, 0.4, 0.8, Verdict.INCONCLUSIVE),
        ({"above": 0.5}, 0.2, 0.4, Verdict.FAIL),
        ({"above": 0.5}, 0.5, 0.8, Verdict.INCONCLUSIVE),
        ({"below": 0.5}, 0.6, 0.8, Verdict.FAIL),
        ({"below": 0.5}, 0.1, 0.3, Verdict.PASS),
        ({"between": [0.2, 0.5]}, 0.3, 0.4, Verdict.PASS),
        ({"between": [0.2, 0.5]}, 0.1, 0.4, Verdict.INCONCLUSIVE),
        ({"between": [0.2, 0.5]}, 0.1, 0.9, Verdict.INCONCLUSIVE),
        ({"between": [0.2, 0.5]}, 0.6, 0.9, Verdict.FAIL),
        ({"between": [0.2, 0.5]}, 0.0, 0.1, Verdict.FAIL),
    ],
)
def test_the_whole_interval_decides(condition, low, high, verdict):
    assert judge(Expectation(measure="x", **condition), measurement(low, high)).verdict is verdict


@given(
    low=st.floats(0, 1), width=st.floats(0, 1), limit=st.floats(0.01, 0.99), n=st.integers(0, 50)
)
def test_a_pass_always_lies_wholly_inside(low, width, limit, n):
    found = measurement(low, min(1.0, low + width), missing=n)
    verdict = judge(Expectation(measure="x", above=limit), found).verdict
    if verdict is Verdict.PASS:
        assert worst_case(found)[0] > limit
    if verdict is Verdict.FAIL:
        assert found.estimate.high <= limit


def test_too_few_patients_are_inconclusive_even_if_the_interval_passes():
    expectation = Expectation(measure="x", above=0.5, min_n=30)
    found = judge(expectation, measurement(0.6, 0.8, clusters=29))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "29 independent units, at least 30" in found.reason


def test_images_that_cannot_be_evaluated_count_as_the_worst_case():
    expectation = Expectation(measure="x", above=0.5)
    assert judge(expectation, measurement(0.6, 0.8, missing=5)).verdict is Verdict.PASS
    found = judge(expectation, measurement(0.6, 0.8, missing=20))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "20 of 100 images could not be evaluated" in found.reason


def test_patients_with_missing_images_may_go_from_one_bound_to_the_other():
    # One image in a hundred, but of a tenth of the patients: 0.7 may be 0.6.
    found = replace(measurement(0.7, 0.8, missing=1), affected=0.1)
    assert worst_case(found) == pytest.approx((0.6, 0.9))
    assert judge(Expectation(measure="x", above=0.65), found).verdict is Verdict.INCONCLUSIVE
    assert judge(Expectation(measure="x", above=0.55), found).verdict is Verdict.PASS
    assert worst_case(replace(found, affected=1.0)) == (0.0, 1.0)
    # Zero: the interval holds whatever they are.
    assert worst_case(replace(found, affected=0.0, bounds=(-math.inf, math.inf))) == (0.7, 0.8)


def test_an_unbounded_quantity_with_missing_images_cannot_pass():
    found = measurement(0.9, 1.1, bounds=(-math.inf, math.inf), missing=1)
    verdict = judge(Expectation(measure="x", between=[0.5, 1.5]), found).verdict
    assert verdict is Verdict.INCONCLUSIVE


def test_nothing_measured_is_never_a_pass():
    expectation = Expectation(measure="x", above=0.5)
    assert judge(expectation, None).verdict is Verdict.NOT_RUN
    nothing = Measurement("x", {}, None, "u", (0, 1), 5, {}, "one class only")
    found = judge(expectation, nothing)
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "one class only")


def verdict(measure, kind, p=None, severity="blocking", model="m"):
    return VerdictResult(
        node=measure,
        audit="a",
        model=model,
        measure=measure,
        at={},
        expected="above 0",
        severity=severity,
        verdict=kind,
        reason="because",
        value=0.0,
        low=0.0,
        high=0.0,
        n=5,
        p_value=p,
        p_adjusted=None,
        fault=False,
        file="f",
        line=1,
        why="",
        waiver=None,
    )


def test_one_failed_blocking_expectation_blocks():
    verdicts = [verdict("x", Verdict.PASS, 0.9), verdict("y", Verdict.FAIL, 1e-5)]
    release = decide("m", with_holm(verdicts))
    assert release.decision == "blocked"
    assert release.why == "a: y fails: because."


@pytest.mark.parametrize(
    "kind",
    [Verdict.INCONCLUSIVE, Verdict.NOT_INTERPRETABLE, Verdict.NOT_RUN, Verdict.ERROR],
)
def test_every_unknown_blocks(kind):
    assert decide("m", [verdict("x", Verdict.PASS), verdict("y", kind)]).decision == "blocked"


def test_a_limit_that_the_quantity_cannot_cross_is_no_limit():
    expectation = Expectation(measure="x", between=[0, 0.05])
    assert judge(expectation, measurement(0.0, 0.01)).verdict is Verdict.PASS
    expectation = Expectation(measure="x", between=[0.8, 1])
    assert judge(expectation, measurement(0.9, 1.0)).verdict is Verdict.PASS
    assert judge(expectation, measurement(0.1, 0.2)).verdict is Verdict.FAIL


def test_a_part_of_the_plan_decides_nothing():
    release = decide("m", [verdict("x", Verdict.PASS)], unjudged=["y"])
    assert release.decision == "partial"
    release = decide("m", [verdict("x", Verdict.FAIL)], unjudged=["y"])
    assert release.decision == "blocked"


def test_release_mode_needs_a_waiver_and_a_commit():
    deviations = Deviations(
        planned=1,
        judged=1,
        deselected=[],
        other_tasks={},
        reruns=False,
        dirty=False,
        stand_ins=[],
    )
    asked = verdict("x", Verdict.NOT_APPLICABLE)
    assert refusals(deviations, "abc", [verdict("x", Verdict.PASS)]) == []
    assert "without a waiver (a: x)" in refusals(deviations, "abc", [asked])[0]
    waiver = WaiverResult(
        approver="QA",
        reason="no runtime exists",
        expires="2999-01-01",
        reference="",
        origin="a.audit.yaml",
        in_force=True,
    )
    waived = asked.model_copy(update={"waiver": waiver})
    assert refusals(deviations, "abc", [waived]) == []
    assert "commit is unknown" in refusals(deviations, "", [])[0]


def test_advisory_expectations_do_not_block_and_not_applicable_neither():
    verdicts = [
        verdict("x", Verdict.PASS),
        verdict("y", Verdict.FAIL, severity="advisory"),
        verdict("z", Verdict.NOT_APPLICABLE),
    ]
    assert decide("m", verdicts).decision == "pass"


def test_a_model_about_which_nothing_was_judged_does_not_pass():
    assert decide("m", [verdict("z", Verdict.NOT_APPLICABLE)]).decision == "no blocking expectation"


def test_faults_are_claimed_after_holm_within_each_models_blocking_family():
    verdicts = [
        verdict("x", Verdict.FAIL, 0.02),
        verdict("y", Verdict.PASS, 0.9),
        verdict("z", Verdict.FAIL, 1e-6),
        verdict("w", Verdict.FAIL, 0.02, model="other"),
    ]
    judged = with_holm(verdicts)
    assert [v.fault for v in judged] == [False, False, True, True]
    assert judged[0].p_adjusted == pytest.approx(0.04)
    assert judged[2].p_adjusted == pytest.approx(3e-6)
    assert judged[0].verdict is Verdict.FAIL, "the test has failed either way"


def test_findings_are_found_by_name_and_place():
    findings = Findings([Measurement("x", {"r": 5.0}, None, "u", (0, 1), 1)])
    assert findings.find("x", {"r": 5}) is findings["x"]
    assert findings.find("x", {"r": 6}) is None
    with pytest.raises(KeyError):
        findings["y"]
