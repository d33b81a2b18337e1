"""What a gate does with one thing changed at a time."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gating_world import MODEL, judged, normal_estimate, passing, run_of, specs

from auditkit.errors import AuditError
from auditkit.findings import Findings, Measurement
from auditkit.gating import Stored, check_names, gate
from auditkit.results import ProfileResult, SourceFile, WaiverResult
from auditkit.spec.load import resolve_at
from auditkit.spec.problems import SpecError
from auditkit.spec.profile import read_profile
from auditkit.verdict import Verdict

TODAY = dt.date(2026, 11, 22)
SPEC = Path(__file__).parents[2] / "audits" / "dermoscopy" / "performance.audit.yaml"


def performance():
    return next(audit for audit in specs("dermoscopy") if audit.id == "performance")


def results(**found):
    """A run of the shipped audit of performance, in which all passes but what is given."""
    audit = performance()
    measures = audit.check.measures(audit.parameters)
    made = []
    for one in audit.spec.expect:
        at = resolve_at(one, measures[one.measure])
        measure = measures[one.measure]
        whole = passing(np.random.default_rng(0), one, one.measure, at, measure)
        given = found.get(one.measure) if not at else None
        if given is not None:
            whole = Measurement(one.measure, at, given, "", measure.bounds, 2000)
        made.append(whole)
    return run_of(*judged([audit], {audit.id: Findings(measurements=made)}))


@pytest.fixture
def profile(tmp_path):
    """Writes a profile and reads it."""

    def write(text):
        path = tmp_path / "p.profile.yaml"
        path.write_text(f"profile: p\nwhy: made up\n{text}")
        return read_profile(path)

    return write


def gated(run, profile=None, folder=None, today=TODAY):
    return gate(Stored(run, "0" * 64, folder), profile, today, "audits/p.profile.yaml")


def waived_until(day):
    who = "approver: R. Roe, reason: r"
    return f"waivers: [{{audit: performance, measure: sensitivity, {who}, expires: '{day}'}}]"


def verdict(found, measure, **at):
    return next(v for v in found.verdicts if v.measure == measure and v.at == at)


def test_a_stricter_limit_fails_without_a_claim_of_a_fault(profile):
    run = results(sensitivity=normal_estimate(0.7, 0.01, 500))
    found = gated(
        run, profile("expect: [{audit: performance, measure: sensitivity, above: 0.8, why: w}]")
    )
    now = verdict(found, "sensitivity")
    assert (now.verdict, now.p_value, now.p_adjusted, now.fault) == (
        Verdict.FAIL,
        None,
        None,
        False,
    )
    assert now.reason.endswith("no p-value at this limit is stored, so that no fault is claimed")
    assert found.release[0].decision == "blocked"
    assert found.release[0].why.startswith("performance: sensitivity fails: 0.7 [0.68, 0.72]")
    (change,) = found.changed
    assert (change.was, change.now) == (Verdict.PASS, Verdict.FAIL)
    assert found.profile.changes == [
        "performance: sensitivity: above 0.8 in place of above 0.5 (w)"
    ]
    assert not found.passes


def test_a_looser_limit_passes(profile):
    run = results(sensitivity=normal_estimate(0.4, 0.01, 500))
    assert run.release[0].decision == "blocked"
    text = "expect: [{audit: performance, measure: sensitivity, above: 0.3, why: w}]"
    found = gated(run, profile(text))
    assert found.passes
    assert verdict(found, "sensitivity").why == "w"


def test_holm_is_done_over_the_new_family(profile):
    # p-values 0.02275 (z = 2) and 0.00621 (z = 2.5) against two limits; seven others with p near 1.
    run = results(
        sensitivity=normal_estimate(0.48, 0.01, 500), specificity=normal_estimate(0.575, 0.01, 500)
    )
    before = {v.measure: v for v in run.verdicts if not v.at}
    assert before["specificity"].p_adjusted == pytest.approx(6 * 0.00621, abs=1e-4)
    assert not before["specificity"].fault
    others = "".join(
        f"  - {{audit: performance, measure: roc_auc, at: {at}, severity: advisory, why: w}}\n"
        for at in ("{}", "{skin_tone: light}", "{skin_tone: medium}", "{skin_tone: dark}")
    )
    found = gated(run, profile(f"expect:\n{others}"))
    now = verdict(found, "specificity")
    assert now.p_adjusted == pytest.approx(2 * 0.00621, abs=1e-4)
    assert now.fault
    assert verdict(found, "roc_auc").p_adjusted is None


def test_a_changed_limit_still_counts_in_the_family(profile):
    run = results(specificity=normal_estimate(0.575, 0.01, 500))
    text = "expect: [{audit: performance, measure: sensitivity, above: 0.4, why: w}]"
    now = verdict(gated(run, profile(text)), "specificity")
    assert now.p_adjusted == pytest.approx(6 * 0.00621, abs=1e-4)


def test_a_waiver_of_a_profile_holds_until_its_last_day(profile):
    run = results(sensitivity=normal_estimate(0.4, 0.01, 500))
    waiver = waived_until("2026-11-22")
    held = gated(run, profile(waiver))
    assert held.passes
    assert held.release[0].decision == "pass with waivers"
    assert verdict(held, "sensitivity").waiver.origin == "audits/p.profile.yaml"
    late = gated(run, profile(waiver), today=dt.date(2026, 11, 23))
    assert not late.passes
    assert "its waiver by R. Roe expired on 2026-11-22" in late.release[0].why
    other = gated(run, profile(waiver.replace("{audit", "{model: another, audit")))
    assert not other.passes
    assert "models that are not in these results: another" in other.notes[0]


def test_a_waiver_that_is_not_needed_is_said(profile):
    found = gated(results(), profile(waived_until("2999-01-01")))
    assert found.release[0].decision == "pass"
    assert found.notes == ["performance: sensitivity passes: the waiver is not needed, remove it."]


def test_another_limit_ends_the_waiver_of_the_old_one(profile):
    run = results(sensitivity=normal_estimate(0.4, 0.01, 500))
    waived = gated(run, profile(waived_until("2999-01-01")))
    stored = run.model_copy(update={"verdicts": waived.verdicts, "release": waived.release})
    assert gated(stored).passes
    changed = "expect: [{audit: performance, measure: sensitivity, %s, why: w}]"
    found = gated(stored, profile(changed % "above: 0.45"))
    assert verdict(found, "sensitivity").waiver is None
    assert "the spec's waiver was for above 0.5 and does not hold" in found.profile.changes[0]
    assert gated(stored, profile(changed % "severity: advisory")).passes


def test_other_parameters_are_not_run_and_the_command_is_given(profile):
    text = "with: [{audits: [performance], set: {images: 60}}]"
    found = gated(results(), profile(text))
    assert {v.verdict for v in found.verdicts} == {Verdict.NOT_RUN}
    assert all(v.value is None for v in found.verdicts)
    reason = verdict(found, "sensitivity").reason
    assert "other parameters than the stored ones (images)" in reason
    assert f"pytest audits/dermoscopy/performance.audit.yaml --model {MODEL}" in reason
    same = gated(results(), profile("with: [{checks: [performance], set: {by: [skin_tone]}}]"))
    assert same.passes
    with pytest.raises(AuditError, match="'performance' has no 'imagess'"):
        gated(results(), profile("with: [{audits: [performance], set: {imagess: 60}}]"))


def test_what_a_profile_leaves_out_is_not_decided(profile):
    found = gated(results(), profile("skip: [{checks: [performance], why: later}]"))
    assert found.verdicts == []
    assert found.release[0].decision == "partial"
    assert {each.now for each in found.changed} == {"left out"}
    assert found.profile.changes == ["performance: left out: later"]


def test_a_release_profile_refuses_what_release_mode_refuses(profile):
    run = results()
    dirty = run.model_copy(update={"deviations": run.deviations.model_copy(update={"dirty": True})})
    text = profile("release: true\n")
    assert gated(run, text).passes
    assert "uncommitted changes" in gated(dirty, text).release[0].why
    assert gated(dirty).passes
    asked = dirty.model_copy(
        update={"run": run.run.model_copy(update={"command": ["pytest", "--audit-release"]})}
    )
    assert not gated(asked).passes


def of_schema_1_0(run):
    """The run as a file of schema 1.0 holds it."""
    bare = [v.model_copy(update={"condition": {}}) for v in run.verdicts]
    return run.model_copy(update={"schema_version": "1.0", "verdicts": bare})


def test_an_old_file_keeps_its_verdicts_and_is_not_judged_at_other_limits(profile):
    old = of_schema_1_0(results(sensitivity=normal_estimate(0.4, 0.01, 500)))
    assert [v.verdict for v in gated(old).verdicts] == [v.verdict for v in old.verdicts]
    assert gated(old).notes[0].startswith("This file is of schema 1.0")
    looser = gated(
        old, profile("expect: [{audit: performance, measure: sensitivity, above: 0.3, why: w}]")
    )
    now = verdict(looser, "sensitivity")
    assert now.verdict is Verdict.NOT_RUN
    assert "its condition is not stored" in now.reason
    advisory = gated(
        old,
        profile("expect: [{audit: performance, measure: sensitivity, severity: advisory, why: w}]"),
    )
    assert verdict(advisory, "sensitivity").verdict is Verdict.FAIL
    assert advisory.passes


def under_quick(run, folder):
    """The run as it was made under another profile, with copies of its specs."""
    (folder / "sources").mkdir()
    copy = folder / "sources" / "performance.audit.yaml"
    copy.write_bytes(SPEC.read_bytes())
    quick = ProfileResult(
        profile="quick", title="", file="quick.profile.yaml", sha256="1" * 64, changes=[]
    )
    source = SourceFile(
        kind="spec",
        file="audits/dermoscopy/performance.audit.yaml",
        kept="sources/performance.audit.yaml",
        sha256=performance().digest,
    )
    loose = [
        v.model_copy(update={"condition": {"above": 0.1}, "expected": "above 0.1"})
        if v.measure == "sensitivity"
        else v
        for v in run.verdicts
    ]
    return run.model_copy(update={"profile": quick, "sources": [source], "verdicts": loose})


def test_a_run_under_another_profile_is_judged_from_its_specs(profile, tmp_path):
    run = under_quick(results(sensitivity=normal_estimate(0.4, 0.01, 500)), tmp_path)
    assert verdict(gated(run), "sensitivity").verdict is Verdict.PASS
    found = gated(run, profile("title: as the specs have it\n"), tmp_path)
    now = verdict(found, "sensitivity")
    assert (now.verdict, now.expected, now.p_value) == (Verdict.FAIL, "above 0.5", None)
    with pytest.raises(AuditError, match=r"made under profile 'quick'.*with its sources/"):
        gated(run, profile("title: t\n"))
    copy = tmp_path / "sources" / "performance.audit.yaml"
    copy.write_bytes(copy.read_bytes() + b"\n")
    with pytest.raises(AuditError, match="not the spec that the run read"):
        gated(run, profile("title: t\n"), tmp_path)


def test_fewer_images_of_another_profile_are_not_taken_for_the_specs_own(profile, tmp_path):
    run = under_quick(results(), tmp_path)
    (audit,) = run.audits
    fewer = audit.model_copy(update={"parameters": audit.parameters | {"images": 60}})
    found = gated(run.model_copy(update={"audits": [fewer]}), profile("title: t\n"), tmp_path)
    assert {v.verdict for v in found.verdicts} == {Verdict.NOT_RUN}


def test_the_profile_of_the_run_itself_changes_nothing(profile, tmp_path):
    own = profile("with: [{audits: [performance], set: {images: 60}}]")
    run = under_quick(results(), tmp_path)
    same = run.profile.model_copy(update={"sha256": own.digest})
    (audit,) = run.audits
    fewer = audit.model_copy(update={"parameters": audit.parameters | {"images": 60}})
    stored = run.model_copy(update={"profile": same, "audits": [fewer]})
    assert gated(stored, own).passes
    # Not even where the check could not be asked and left nothing.
    unasked = [v.model_copy(update={"verdict": Verdict.NOT_APPLICABLE}) for v in run.verdicts]
    nothing = stored.model_copy(update={"audits": [], "verdicts": unasked})
    assert {v.verdict for v in gated(nothing, own).verdicts} == {Verdict.NOT_APPLICABLE}


def test_what_cannot_be_asked_of_a_model_stays_so_if_other_parameters_need_the_same(
    profile, tmp_path
):
    run = under_quick(results(), tmp_path)
    unasked = [v.model_copy(update={"verdict": Verdict.NOT_APPLICABLE}) for v in run.verdicts]
    stored = run.model_copy(update={"audits": [], "verdicts": unasked, "profile": None})
    fewer = profile("with: [{audits: [performance], set: {images: 60}}]")
    assert {v.verdict for v in gated(stored, fewer, tmp_path).verdicts} == {Verdict.NOT_APPLICABLE}
    assert {v.verdict for v in gated(stored, fewer).verdicts} == {Verdict.NOT_RUN}


def test_what_a_test_in_python_asserted_is_kept():
    run = results()
    odd = run.verdicts[0].model_copy(
        update={
            "node": f"audits/test_a.py::test_b[{MODEL}]",
            "file": "audits/test_a.py",
            "audit": "test_a.test_b",
            "verdict": Verdict.PASS,
            "expected": "not above 0.05",
            "condition": {"above": 0.05, "min_n": 1},
        }
    )
    found = gated(run.model_copy(update={"verdicts": [*run.verdicts, odd]}))
    assert found.verdicts[-1] == odd


def test_a_difference_from_a_baseline_is_kept_or_not_run(profile):
    run = results()
    condition = {"not_worse_than": "baseline", "margin": 0.02, "min_n": 1}
    first = run.verdicts[0].model_copy(
        update={
            "condition": condition,
            "expected": "not worse than baseline by 0.02",
            "verdict": Verdict.FAIL,
        }
    )
    stored = run.model_copy(update={"verdicts": [first, *run.verdicts[1:]]})
    assert gated(stored).verdicts[0].verdict is Verdict.FAIL
    wider = profile(
        "expect: [{audit: performance, measure: roc_auc, key: roc_auc, margin: 0.05, why: w}]"
    )
    now = gated(stored, wider).verdicts[0]
    assert (now.verdict, now.expected) == (Verdict.NOT_RUN, "not worse than baseline by 0.05")
    passing_now = first.model_copy(update={"verdict": Verdict.PASS})
    stored = run.model_copy(update={"verdicts": [passing_now, *run.verdicts[1:]]})
    more = profile("expect: [{audit: performance, measure: roc_auc, min_n: 999999, why: w}]")
    # How many patients were in both runs is not stored, so that nobody knows whether they are enough.
    assert gated(stored, more).verdicts[0].verdict is Verdict.NOT_RUN


def test_verdicts_without_their_measurements_are_refused():
    run = results()
    (audit,) = run.audits
    emptied = run.model_copy(update={"audits": [audit.model_copy(update={"measurements": []})]})
    with pytest.raises(AuditError, match="its measurement is not in the file"):
        gated(emptied)


def test_names_that_are_neither_stored_nor_beside_the_profile_are_errors(profile, tmp_path):
    run = results()
    check_names(profile("skip: [{audits: [performance], why: w}]"), run)
    with pytest.raises(SpecError, match=r"p.profile.yaml:3: unknown audit 'light'"):
        check_names(profile("skip: [{audits: [light], why: w}]"), run)
    light = SPEC.with_name("light.audit.yaml")
    (tmp_path / light.name).write_bytes(light.read_bytes())
    check_names(profile("skip: [{audits: [light], why: w}]"), run)


def resting_run(sensitivity):
    """The heat maps rest on the reproduction; here both are what is told."""
    audits = [audit for audit in specs("dermoscopy") if audit.id in ("reproduction", "light")]
    made = {}
    for audit in audits:
        measures = audit.check.measures(audit.parameters)
        made[audit.id] = Findings(
            measurements=[
                passing(
                    None,
                    one,
                    one.measure,
                    resolve_at(one, measures[one.measure]),
                    measures[one.measure],
                )
                for one in audit.spec.expect
            ]
        )
    first = made["reproduction"].measurements[0]
    made["reproduction"].measurements[0] = replace(first, estimate=sensitivity)
    return run_of(*judged(audits, made))


def test_what_rests_on_an_audit_follows_the_policy_both_ways(profile):
    reproduction = next(audit for audit in specs("dermoscopy") if audit.id == "reproduction")
    first = reproduction.spec.expect[0]
    limit = first.limits[0]
    bad = resting_run(normal_estimate(limit - 0.2, 0.001, 2000))
    light = [v.verdict for v in bad.verdicts if v.audit == "light"]
    assert set(light) == {Verdict.NOT_INTERPRETABLE}
    where = (
        f"audit: reproduction, measure: {first.measure}, at: {dict(first.at)}, key: '{first.key}'"
    )
    loose = f"expect: [{{{where}, above: {limit - 0.3}, why: w}}]".replace("'against'", "against")
    found = gated(bad, profile(loose))
    assert {v.verdict for v in found.verdicts} == {Verdict.PASS}
    good = resting_run(normal_estimate(limit + 0.001, 0.0001, 2000))
    strict = f"expect: [{{{where}, above: {limit + 0.002}, why: w}}]"
    now = gated(good, profile(strict))
    assert {v.verdict for v in now.verdicts if v.audit == "light"} == {Verdict.NOT_INTERPRETABLE}


def test_a_waived_assumption_does_not_become_true(profile):
    reproduction = next(audit for audit in specs("dermoscopy") if audit.id == "reproduction")
    first = reproduction.spec.expect[0]
    bad = resting_run(normal_estimate(first.limits[0] - 0.2, 0.001, 2000))
    text = (
        f"waivers: [{{audit: reproduction, measure: {first.measure}, key: '{first.key}', "
        "approver: R. Roe, reason: r, expires: '2999-01-01'}]"
    )
    found = gated(bad, profile(text))
    assert {v.verdict for v in found.verdicts if v.audit == "light"} == {Verdict.NOT_INTERPRETABLE}
    assert found.release[0].decision == "blocked"


def test_a_stored_waiver_without_a_date_is_refused():
    waiver = {"approver": "N. N.", "reason": "-", "expires": "soon", "reference": "", "origin": ""}
    run = results()
    waived = run.verdicts[0].model_copy(
        update={"waiver": WaiverResult(**waiver, in_force=True), "verdict": Verdict.FAIL}
    )
    with pytest.raises(AuditError, match="expires on 'soon', which is no date"):
        gated(run.model_copy(update={"verdicts": [waived, *run.verdicts[1:]]}))
