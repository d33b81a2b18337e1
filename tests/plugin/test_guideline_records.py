"""Which guidelines an audit is about goes with it from the check's declaration to the report."""

import json
import shutil

import pytest

from auditkit.spec.declarations import SHIPPED

SPEED = """\
audit: speed
check: efficiency
data: lesions
with: {methods: [gradient, input-x-gradient], images: 8, repeats: 1, warm_up: 0}
expect:
  - {measure: gradient.seconds, below: 1000}
"""
IN_PYTHON = """
def test_speed(audit):
    found = audit("efficiency", data="lesions", methods=["gradient"], images=8, repeats=1, warm_up=0)
    assert found["gradient.seconds"] < 1000
"""
HINDERED = """
def test_speed(audit):
    audit("efficiency", data="things", methods=["gradient"])
"""


@pytest.fixture
def project(project):
    """The project without its own specs."""
    shutil.rmtree(project.path / "audits")
    return project


def results_of(project):
    (folder,) = (project.path / "reports").iterdir()
    page = (folder / "report.html").read_text()
    return json.loads((folder / "results.json").read_text()), page


def test_a_spec(project):
    project.path.joinpath("speed.audit.yaml").write_text(SPEED)
    run = project.runpytest("speed.audit.yaml", "--model", "random")
    run.assert_outcomes(passed=1)
    results, page = results_of(project)
    assert [audit["guidelines"] for audit in results["audits"]] == [["G5"]]
    assert [verdict["guidelines"] for verdict in results["verdicts"]] == [["G5"]]
    assert 'id="guidelines"' in page
    run.stdout.fnmatch_lines(
        [
            "Clinical XAI Guidelines, explanations by gradient, input-x-gradient:",
            "*G1 Understandability * 2 not asked",
            "*G5 Computational efficiency * 1 met, 1 not asked",
        ]
    )


def test_a_test(project):
    project.makepyfile(IN_PYTHON)
    project.runpytest("--model", "random").assert_outcomes(passed=1)
    results, _ = results_of(project)
    assert [verdict["guidelines"] for verdict in results["verdicts"]] == [["G5"]]


def test_a_test_whose_check_cannot_be_asked(project):
    project.makepyfile(HINDERED)
    project.runpytest("--model", "random").assert_outcomes(skipped=1)
    (verdict,) = results_of(project)[0]["verdicts"]
    assert (verdict["verdict"], verdict["guidelines"]) == ("not applicable", ["G5"])


def test_measures_of_an_assessment_are_about_a_guideline_each():
    check = SHIPPED["clinical-assessment"]
    measures = check.measures(None)
    found = {name: check.guidelines_of(measure) for name, measure in measures.items()}
    assert found["understandable"] == ("G1",)
    assert found["relevant"] == ("G2",)
    assert found["assessors"] == ("G1", "G2")
