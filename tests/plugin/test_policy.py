"""Waivers and profiles in runs: outcomes, decisions, what is said of them."""

import datetime as dt
import json
from importlib import import_module

import pytest

from auditkit.plugin.keys import OPTIONS

FAR = "2999-01-31"
PAST = "2020-01-31"
ROE = "R. Roe (medical director)"
COUNTS = """\
audit: counts
check: performance
data: lesions
expect:
  - {{measure: sensitivity, above: 0.3, waiver: {0}}}
  - {{measure: specificity, above: 0.5, waiver: {0}}}
  - {{measure: specificity, above: 0.6, severity: advisory, waiver: {1}}}
"""
RESTING = """\
audit: resting
check: performance
data: lesions
with: {images: 23}
assumes: [counts]
expect:
  - {measure: sensitivity, above: 0.2}
"""
QUICK = """\
profile: quick
why: for every commit
with:
  - {checks: [performance], set: {images: 20}}
expect:
  - {audit: counts, measure: specificity, severity: advisory, why: rare in these pictures}
skip:
  - {audits: [light], why: left to the night}
waivers:
  - {audit: counts, measure: specificity, approver: R. Roe, reason: known, expires: '2999-01-31'}
"""


@pytest.fixture(autouse=True)
def no_page(monkeypatch):
    """The page of a report has tests of its own."""
    monkeypatch.setattr(
        import_module("auditkit.report.html"),
        "write",
        lambda _, folder, *more: (folder / "report.html").write_text("withheld"),
    )


def results_of(project):
    folder = max((project.path / "reports").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    return json.loads((folder / "results.json").read_text())


def verdicts_of(project):
    found = results_of(project)["verdicts"]
    return {verdict["node"].rpartition("::")[2]: verdict for verdict in found}


def waiver(expires):
    return f"{{approver: {ROE}, reason: known, expires: '{expires}', reference: RM-7}}"


def run(project, *more):
    return project.runpytest("audits", "--model", "steady", *more)


@pytest.fixture
def waived(project):
    today = dt.datetime.now(dt.UTC).date()
    text = COUNTS.format(waiver(today), waiver(PAST))
    (project.path / "audits" / "counts.audit.yaml").write_text(text)
    (project.path / "audits" / "light.audit.yaml").unlink()
    return project, today


def test_waivers_in_force_expired_and_not_needed(waived):
    project, today = waived
    found = run(project, "-rx")
    found.assert_outcomes(passed=1, xfailed=1, failed=1, warnings=1)
    found.stdout.fnmatch_lines_random(
        [
            f"XFAIL *waived by {ROE} until {today}: known (RM-7): FAIL: specificity: *",
            f"*its waiver by {ROE} expired on {PAST}",
            "*UnneededWaiver: counts: sensitivity: *is to be removed*",
        ]
    )
    verdicts = verdicts_of(project)
    kept = verdicts["counts.specificity[steady]"]
    assert (kept["verdict"], kept["waiver"]["in_force"]) == ("fail", True)
    assert kept["waiver"]["origin"] == "audits/counts.audit.yaml"
    old = verdicts["counts.specificity.advisory[steady]"]
    assert (old["verdict"], old["waiver"]["in_force"]) == ("fail", False)
    unneeded = verdicts["counts.sensitivity[steady]"]
    assert (unneeded["verdict"], unneeded["waiver"]) == ("pass", None)
    assert f"its waiver by {ROE} until {today} is to be removed" in unneeded["reason"]
    (release,) = results_of(project)["release"]
    assert release["decision"] == "pass with waivers"


def test_runxfail_shows_a_waived_failure_as_a_failure(waived):
    run(waived[0], "--runxfail").assert_outcomes(passed=1, failed=2, warnings=1)


def test_an_error_is_never_waived(waived):
    project, _ = waived
    (project.path / "cards" / "steady.safetensors").unlink()
    (project.path / "cards" / "steady.safetensors").write_bytes(b"broken")
    run(project).assert_outcomes(errors=3)
    assert {verdict["waiver"] for verdict in verdicts_of(project).values()} == {None}


def test_what_rests_on_a_waived_assumption_is_not_interpretable(waived):
    project, _ = waived
    (project.path / "audits" / "resting.audit.yaml").write_text(RESTING)
    run(project, "-k", "resting or above").assert_outcomes(failed=1, deselected=3)
    verdict = verdicts_of(project)["resting.sensitivity[steady]"]
    assert verdict["verdict"] == "not interpretable"
    assert verdict["reason"].startswith("rests on 'counts', whose specificity is fail")
    assert results_of(project)["release"][0]["decision"] == "blocked"


@pytest.fixture
def profiled(project):
    (project.path / "audits" / "quick.profile.yaml").write_text(QUICK)
    return project


def test_a_profile_changes_samples_severities_and_waivers_and_leaves_out(profiled):
    run(profiled, "-k", "counts").assert_outcomes(passed=2, failed=1, deselected=1)
    # The names stay those of the spec, so that what failed is found under another severity.
    run(profiled, "--audit-profile", "quick", "--lf").assert_outcomes(xfailed=1)
    run(profiled, "--audit-profile", "quick").assert_outcomes(passed=2, xfailed=1, deselected=1)
    results, verdicts = results_of(profiled), verdicts_of(profiled)
    assert verdicts["counts.specificity[steady]"]["severity"] == "advisory"
    assert verdicts["counts.specificity[steady]"]["why"] == "rare in these pictures"
    assert verdicts["counts.specificity[steady]"]["waiver"]["origin"] == "audits/quick.profile.yaml"
    assert {audit["parameters"]["images"] for audit in results["audits"]} == {20}
    assert results["deviations"]["planned"] == 4
    (left_out,) = results["deviations"]["deselected"]
    assert left_out == "audits/light.audit.yaml::light.pink.mean_change[steady]"
    assert results["release"][0]["decision"] == "partial"


def collected(project, *more):
    found = run(project, "--collect-only", "-q", *more)
    return [line for line in found.outlines if "::" in line]


def test_the_ini_file_may_name_the_profile_and_the_command_line_another(profiled):
    everything = collected(profiled)
    profiled.makeini("[pytest]\naudit_cards = cards\naudit_profile = audits/quick.profile.yaml\n")
    assert collected(profiled) == [line for line in everything if "counts" in line]
    (profiled.path / "audits" / "night.profile.yaml").write_text("profile: night\nwhy: all\n")
    assert collected(profiled, "--audit-profile", "night") == everything


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            QUICK.replace("audits: [light]", "audits: [lihgt]"),
            "*:8: unknown audit 'lihgt'; did you mean 'light'?*",
        ),
        (QUICK.replace("images: 20", "imagess: 20"), "*:4: unknown key 'with.0.set.imagess'*"),
        (
            QUICK.replace("measure: specificity, sev", "measure: specifity, sev"),
            "*:6: 'counts' expects nothing of 'specifity'; did you mean 'specificity'?*",
        ),
    ],
)
def test_what_a_profile_misspells_ends_the_run_before_it_begins(profiled, text, said):
    (profiled.path / "audits" / "quick.profile.yaml").write_text(text)
    found = run(profiled, "--audit-profile", "quick")
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines([said])


def test_a_profile_for_releases_turns_on_release_mode(profiled):
    (profiled.path / "audits" / "release.profile.yaml").write_text(
        "profile: release\nwhy: before a release\nrelease: true\n"
    )
    asked = ("audits", "--model", "steady", "--audit-profile")
    assert profiled.parseconfigure(*asked, "release").stash[OPTIONS].release is True
    assert profiled.parseconfigure(*asked, "quick").stash[OPTIONS].release is False
