"""`auditkit gate` from the command line: what it prints, and with which exit status."""

import argparse
import json
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "gating"))

from gating_world import judged, passing, run_of, specs

from auditkit.commands import gating
from auditkit.errors import AuditError
from auditkit.findings import Findings
from auditkit.results import to_json
from auditkit.spec.load import resolve_at

ROOT = Path(__file__).parents[2]


def run():
    audit = next(audit for audit in specs("dermoscopy") if audit.id == "performance")
    measures = audit.check.measures(audit.parameters)
    made = [
        passing(
            None, one, one.measure, resolve_at(one, measures[one.measure]), measures[one.measure]
        )
        for one in audit.spec.expect
    ]
    return run_of(*judged([audit], {audit.id: Findings(measurements=made)}))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project: specs, a profile, and the folder of a run that passes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audits" / "dermoscopy").mkdir(parents=True)
    shutil.copy(ROOT / "audits" / "dermoscopy" / "performance.audit.yaml", "audits/dermoscopy")
    Path("audits/strict.profile.yaml").write_text(
        "profile: strict\nwhy: made up\n"
        "expect: [{audit: performance, measure: sensitivity, above: 0.9, why: 'a | b'}]\n"
    )
    report = tmp_path / "reports" / "run"
    report.mkdir(parents=True)
    (report / "results.json").write_text(to_json(run()))
    return report


def asked(*arguments):
    parser = argparse.ArgumentParser()
    gating.add_commands(parser.add_subparsers())
    given = parser.parse_args(["gate", *map(str, arguments)])
    return given.run(given)


def test_a_run_that_passes_has_exit_status_0(folder, capsys):
    assert asked(folder) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("made-up-run under its own policy, waivers as of ")
    assert lines[1] == "Every verdict that is asked for is as in the run."
    assert lines[-1] == "release passes: made-up: All 6 blocking expectations that apply pass."
    assert asked(folder / "results.json") == 0


def test_a_profile_by_name_may_block(folder, capsys):
    assert asked(folder, "--profile", "strict") == 1
    text = capsys.readouterr().out
    assert "under profile 'strict' (audits/strict.profile.yaml)" in text
    assert "performance: sensitivity: above 0.9 in place of above 0.5 (a | b)" in text
    assert "pass -> fail  performance: sensitivity[made-up]: 0.75 " in text
    assert "release blocked: made-up: performance: sensitivity fails: " in text
    assert asked(folder, "--profile", "audits/strict.profile.yaml") == 1


def test_the_stored_results_are_left_as_they_are(folder):
    before = {path: path.read_bytes() for path in folder.rglob("*")}
    asked(folder, "--profile", "strict")
    assert {path: path.read_bytes() for path in folder.rglob("*")} == before


def test_json_holds_everything(folder, capsys):
    assert asked(folder, "--profile", "strict", "--format", "json", "--today", "2026-11-22") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["today"] == "2026-11-22"
    assert found["profile"]["profile"] == "strict"
    assert [each["now"] for each in found["changed"]] == ["fail"]
    assert found["release"][0]["decision"] == "blocked"
    assert len(found["verdicts"]) == 7


def test_markdown_keeps_text_text(folder, capsys):
    asked(folder, "--profile", "strict", "--format", "markdown")
    text = capsys.readouterr().out
    assert text.startswith("# Gate of made-up-run\n")
    assert "## made-up: release blocked" in text
    assert "(a \\| b)" in text.replace("\\(", "(").replace("\\)", ")")
    assert "| pass | fail |" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing"], "cannot be read"),
        (["audits/strict.profile.yaml"], "is no results.json"),
        (["reports/run", "--profile", "strikt"], "unknown profile 'strikt'; did you mean 'strict'"),
        (["reports/run", "--today", "tomorrow"], "a date was expected"),
    ],
)
def test_bad_input_is_one_line(folder, arguments, message):
    with pytest.raises(AuditError, match=message):
        asked(*arguments)


def test_a_profile_that_names_what_is_not_there_is_bad_input(folder):
    Path("audits/odd.profile.yaml").write_text(
        "profile: odd\nwhy: made up\nskip: [{audits: [performence], why: w}]\n"
    )
    with pytest.raises(AuditError, match=r"odd\.profile\.yaml:3: unknown audit 'performence'"):
        asked(folder, "--profile", "odd")
