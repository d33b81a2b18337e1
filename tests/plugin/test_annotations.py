"""Workflow commands for GitHub: which, on which line, escaped."""

import re
from types import SimpleNamespace

import pytest

from auditkit.plugin.annotations import annotations, root_in_repository, wanted
from auditkit.results import VerdictResult, WaiverResult
from auditkit.verdict import Verdict


def one(word, number=0, **changes):
    fields = {
        "node": f"n{number}",
        "audit": "light",
        "model": "steady",
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
        "file": "audits/light.audit.yaml",
        "line": 7,
        "why": "",
    }
    return VerdictResult.model_validate(fields | changes)


def said(*verdicts, folder=""):
    return annotations(SimpleNamespace(verdicts=list(verdicts)), folder)


def read_back(command):
    """GitHub's own reading: the kind, properties and text of a command (its runner's ActionCommand)."""
    kind, properties, text = re.fullmatch(r"::(\w+) ([^\n]*?)::([^\n]*)", command).groups()

    def plain(value):
        for code, char in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
            value = value.replace(code, char)
        return value

    pairs = (each.partition("=") for each in properties.split(","))
    return kind, {name: plain(value) for name, _, value in pairs}, plain(text)


def test_a_failing_blocking_expectation_is_an_error_on_its_line():
    (command,) = said(one(Verdict.FAIL, fault=True), one(Verdict.PASS))
    assert command == (
        "::error file=audits/light.audit.yaml,line=7,title=fail%3A light [steady]::light: m0 fails: made up"
    )


def test_advisory_ones_are_warnings_and_settled_or_waived_ones_are_silent():
    waiver = WaiverResult(
        approver="R", reason="r", expires="2999-01-01", reference="", origin="f", in_force=True
    )
    found = said(
        one(Verdict.FAIL, severity="advisory"),
        one(Verdict.NOT_APPLICABLE),
        one(Verdict.FAIL, waiver=waiver),
        one(Verdict.FAIL, 1, waiver=waiver.model_copy(update={"in_force": False})),
    )
    assert [command.split()[0] for command in found] == ["::error", "::warning"]
    assert "its waiver by R expired on" in found[0]


def test_hostile_text_stays_within_its_place():
    bad = "100 %: a,b\r\n::error file=x::y %0A \u202e"
    (command,) = said(one(Verdict.ERROR, reason=bad, file="a,b:c%.yaml", audit="x::y,z"))
    assert "\n" not in command
    assert "\r" not in command
    kind, properties, text = read_back(command)
    assert (kind, properties["file"], properties["line"]) == ("error", "a,b:c%.yaml", "7")
    assert properties["title"] == "error: x::y,z [steady]"
    assert text == f"x::y,z: m0 is error: {bad}"


def test_at_most_ten_of_a_kind_the_gravest_first_and_the_rest_counted():
    many = [one(Verdict.INCONCLUSIVE, i) for i in range(14)]
    found = said(*many, one(Verdict.FAIL, 99, fault=True), one(Verdict.ERROR, 98))
    assert len(found) == 10
    assert "m99 fails" in found[0]
    assert "m98 is error" in found[1]
    assert found[-1].endswith("%0A6 more are in the report.")


def test_the_root_folder_within_the_repository_comes_first():
    (command,) = said(one(Verdict.FAIL), folder="derm")
    assert "file=derm/audits/light.audit.yaml," in command


def config(tmp_path, *, plugin=False, worker=False):
    found = SimpleNamespace(
        pluginmanager=SimpleNamespace(has_plugin=lambda _: plugin), rootpath=tmp_path / "derm"
    )
    if worker:
        found.workerinput = {}
    return found


@pytest.mark.parametrize(
    ("environment", "plugin", "worker", "expected"),
    [
        ("true", False, False, True),
        ("true", False, True, False),
        ("true", True, False, False),
        ("false", False, False, False),
    ],
)
def test_only_the_process_that_writes_results_in_github_actions_annotates(
    monkeypatch, tmp_path, environment, plugin, worker, expected
):
    monkeypatch.setenv("GITHUB_ACTIONS", environment)
    assert wanted(config(tmp_path, plugin=plugin, worker=worker)) is expected


def test_where_the_root_folder_lies(monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert root_in_repository(config(tmp_path)) == "derm"
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "elsewhere"))
    assert not root_in_repository(config(tmp_path))
    monkeypatch.delenv("GITHUB_WORKSPACE")
    assert not root_in_repository(config(tmp_path))
