"""The files for CI are what their readers expect, and no input is ever read as a command."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github" / "actions" / "audit" / "action.yml"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps_of(path):
    data = load(path)
    if "runs" in data:
        return data["runs"]["steps"]
    return [step for job in data["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", [ACTION, *WORKFLOWS], ids=lambda path: path.name)
def test_every_step_runs_or_uses_something_pinned_to_a_major_version(path):
    for step in steps_of(path):
        assert ("run" in step) != ("uses" in step)
        if "uses" in step and not step["uses"].startswith("./"):
            assert re.fullmatch(r"actions/[a-z/-]+@v\d+", step["uses"])


@pytest.mark.parametrize("path", [ACTION, *WORKFLOWS], ids=lambda path: path.name)
def test_no_expression_that_somebody_else_fills_stands_in_a_command(path):
    for step in steps_of(path):
        for expression in re.findall(r"\$\{\{(.*?)\}\}", step.get("run", "")):
            assert expression.strip().startswith("matrix."), step


def test_the_action_has_what_github_requires():
    action = load(ACTION)
    assert {"name", "description", "inputs", "runs"} <= set(action)
    assert action["runs"]["using"] == "composite"
    for step in action["runs"]["steps"]:
        assert "run" not in step or step["shell"] == "bash"
    for name, given in action["inputs"].items():
        assert given["description"], name
        assert given.get("required") is True or "default" in given, name


def test_every_input_is_used_and_every_used_one_exists():
    action = load(ACTION)
    used = set(re.findall(r"inputs\.([a-z-]+)", ACTION.read_text(encoding="utf-8")))
    assert used == set(action["inputs"])


def test_the_workflow_gives_the_action_inputs_that_it_has():
    known = load(ACTION)["inputs"]
    (step,) = [
        step
        for step in steps_of(ROOT / ".github" / "workflows" / "audit.yml")
        if step.get("uses", "").startswith("./")
    ]
    assert (ROOT / step["uses"] / "action.yml").is_file()
    assert set(step["with"]) <= set(known)
    required = {name for name, given in known.items() if given.get("required")}
    assert required <= set(step["with"])


def test_workflows_ask_for_no_more_than_reading():
    for path in WORKFLOWS:
        assert load(path)["permissions"] == {"contents": "read"}


def test_the_report_is_kept_and_signed_also_where_the_audit_fails():
    for step in load(ACTION)["runs"]["steps"][-3:]:
        assert "!cancelled()" in step["if"]


def stub(folder, name):
    """A program that writes down its arguments, each on a line."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f'#!/usr/bin/env bash\nprintf "%s\\n" "$@" > "{folder}/{name}.said"\n')
    program.chmod(0o755)


def said(tmp_path, step, environment):
    """What the step's command asks of python or auditkit, which are stubs."""
    for name in ("python", "auditkit"):
        stub(tmp_path / "bin", name)
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    subprocess.run(
        ["bash", "-eo", "pipefail", "-c", step["run"]],
        env={"PATH": path, "RUNNER_TEMP": str(tmp_path), **environment},
        cwd=tmp_path,
        check=True,
    )
    return {file.stem: file.read_text().splitlines() for file in (tmp_path / "bin").glob("*.said")}


def step_named(name):
    return next(step for step in steps_of(ACTION) if step.get("name") == name)


HOSTILE = '"; touch owned; $(touch owned) `touch owned` *'


def test_the_audit_step_hands_over_its_inputs_word_by_word(tmp_path):
    given = {
        "MODEL": "one two",
        "SPECS": "audits more",
        "PROFILE": "release",
        "BASELINE": "old run",
        "REPORT": "reports/a b",
    }
    step = step_named("Audit")
    assert set(step["env"]) == set(given)
    found = said(tmp_path, step, given)["python"]
    assert found == [
        *("-m", "pytest", "--color=no", "audits", "more", "--audit-report", "reports/a b"),
        *("--audit-model", "one", "--audit-model", "two"),
        *("--audit-profile", "release", "--audit-baseline", "old run"),
    ]


def test_what_is_left_out_is_not_handed_over(tmp_path):
    given = {"MODEL": "one", "SPECS": "audits", "PROFILE": "", "BASELINE": "", "REPORT": "r"}
    found = said(tmp_path, step_named("Audit"), given)["python"]
    assert found[3:] == ["audits", "--audit-report", "r", "--audit-model", "one"]


@pytest.mark.parametrize("name", ["Install", "Audit", "Sign"])
def test_hostile_inputs_run_nothing(tmp_path, name):
    step = step_named(name)
    said(tmp_path, step, dict.fromkeys(step["env"], HOSTILE))
    assert not (tmp_path / "owned").exists()


def test_the_key_is_gone_after_the_signature(tmp_path):
    step = step_named("Sign")
    given = {"KEY": "secret", "REPORT": "r", "ROLE": "performed", "SIGNER": "audit of a/b"}
    assert set(step["env"]) == set(given)
    found = said(tmp_path, step, given)["auditkit"]
    key = str(tmp_path / "audit.key")
    assert found == ["sign", "r", "--key", key, "--role", "performed", "--name", "audit of a/b"]
    assert not Path(key).exists()


def test_the_gitlab_example():
    job = load(ROOT / "docs" / "ci" / "gitlab-ci.yml")["audit"]
    assert job["artifacts"]["reports"]["junit"] == f"{job['variables']['REPORT']}/junit.xml"
    assert job["artifacts"]["paths"] == [job["variables"]["REPORT"]]
    assert job["artifacts"]["when"] == job["cache"]["when"] == "always"
    assert ".auditkit/store" in job["cache"]["paths"]
    for line in [*job["before_script"], *job["script"], *job["after_script"]]:
        subprocess.run(["bash", "-n", "-c", line], check=True)


def test_the_jenkins_example():
    text = (ROOT / "docs" / "ci" / "Jenkinsfile").read_text(encoding="utf-8")
    code = re.sub(r"//[^\n]*", "", text)
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", code)
    for opening, closing in ("{}", "()", "[]"):
        assert bare.count(opening) == bare.count(closing)
    commands = re.findall(r"\bsh (.)(.*)\1", code)
    assert len(commands) == 4
    for quote, command in commands:
        assert quote == "'"  # Groovy puts values into texts in double quotes
        subprocess.run(["bash", "-n", "-c", command], check=True)
    assert "junit 'reports/audit/junit.xml'" in text
