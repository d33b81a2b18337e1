"""Decisions with waivers: counts, words, what is never waived."""

import itertools

import pytest

from auditkit.release import decide, described, refusals, unneeded_waivers
from auditkit.results import Deviations, VerdictResult, WaiverResult
from auditkit.verdict import Verdict


def waiver(*, held=True, approver="R. Roe", expires="2999-01-01"):
    return WaiverResult(
        approver=approver, reason="r", expires=expires, reference="", origin="f", in_force=held
    )


def one(word, number=0, **changes):
    fields = {
        "node": f"a.audit.yaml::a.m{number}[x]",
        "audit": "a",
        "model": "x",
        "measure": f"m{number}",
        "at": {},
        "expected": "above 0",
        "severity": "blocking",
        "verdict": word,
        "reason": "made up",
        "value": None,
        "low": None,
        "high": None,
        "n": 0,
        "p_value": None,
        "p_adjusted": None,
        "fault": False,
        "file": "a.audit.yaml",
        "line": 1,
        "why": "",
    }
    return VerdictResult.model_validate(fields | changes)


def test_a_waived_failure_beside_passes():
    found = decide("x", [one(Verdict.PASS), one(Verdict.FAIL, 1, waiver=waiver())])
    assert found.decision == "pass with waivers"
    assert found.why == (
        "Of 2 blocking expectations that apply or are waived, 1 passes and 1 is waived by R. Roe, until "
        "2999-01-01."
    )
    assert found.counts == {"pass": 1, "fail": 1}


def test_several_waivers_name_everybody_once_and_the_first_day_that_ends():
    verdicts = [
        one(Verdict.PASS),
        one(Verdict.PASS, 1),
        one(Verdict.FAIL, 2, waiver=waiver(expires="2030-01-01")),
        one(Verdict.NOT_RUN, 3, waiver=waiver(approver="S. Poe", expires="2028-01-01")),
        one(Verdict.INCONCLUSIVE, 4, waiver=waiver()),
    ]
    assert decide("x", verdicts).why == (
        "Of 5 blocking expectations that apply or are waived, 2 pass and 3 are waived by R. Roe, S. Poe, the "
        "first until 2028-01-01."
    )


def test_waivers_alone_show_nothing():
    found = decide("x", [one(Verdict.FAIL, waiver=waiver())])
    assert found.decision == "no blocking expectation"
    assert found.why == (
        "No blocking expectation passes (1 is waived by R. Roe, until 2999-01-01), so nothing was shown."
    )


@pytest.mark.parametrize("word", list(Verdict))
@pytest.mark.parametrize("held", [True, False])
def test_only_a_waiver_in_force_of_what_can_be_waived_lets_pass(word, held):
    found = decide("x", [one(Verdict.PASS), one(word, 1, waiver=waiver(held=held))])
    if word is Verdict.PASS:
        expected = "pass"
    elif word is Verdict.ERROR:
        expected = "blocked"
    elif held:
        expected = "pass with waivers"
    else:
        expected = "pass" if word is Verdict.NOT_APPLICABLE else "blocked"
    assert found.decision == expected


def test_an_advisory_waiver_is_no_part_of_the_decision():
    advisory = one(Verdict.FAIL, 1, severity="advisory", waiver=waiver())
    assert decide("x", [one(Verdict.PASS), advisory]).decision == "pass"


def test_an_expired_waiver_is_named_where_a_release_is_blocked():
    old = one(Verdict.FAIL, waiver=waiver(held=False, expires="2020-01-01"))
    why = decide("x", [old]).why
    assert why == "a: m0 fails: made up; its waiver by R. Roe expired on 2020-01-01."


def test_a_failure_is_called_unconfirmed_only_if_holm_was_asked():
    assert described(one(Verdict.FAIL, p_value=0.02, p_adjusted=0.2)).startswith(
        "a: m0 fails (not confirmed after Holm's correction): "
    )
    assert described(one(Verdict.FAIL)).startswith("a: m0 fails: ")


def test_the_order_of_verdicts_does_not_matter_to_a_decision():
    verdicts = [
        one(Verdict.PASS),
        one(Verdict.FAIL, 1, waiver=waiver()),
        one(Verdict.NOT_APPLICABLE, 2),
    ]
    decisions = {decide("x", order).decision for order in itertools.permutations(verdicts)}
    assert decisions == {"pass with waivers"}


def test_release_mode_takes_a_waiver_for_what_does_not_apply():
    deviations = Deviations(
        planned=1, judged=1, deselected=[], other_tasks={}, reruns=False, dirty=False, stand_ins=[]
    )
    bare, held, expired = (
        one(Verdict.NOT_APPLICABLE, waiver=given) for given in (None, waiver(), waiver(held=False))
    )
    assert refusals(deviations, "c", [held]) == []
    for verdict in (bare, expired):
        assert refusals(deviations, "c", [verdict]) == ["not applicable without a waiver (a: m0)"]


def test_an_unneeded_waiver_is_found_by_what_the_reason_says():
    needless = one(
        Verdict.PASS, reason="1 [1, 1]; it passes, so that its waiver by R. Roe until ..."
    )
    assert unneeded_waivers([one(Verdict.PASS), needless]) == [needless]
