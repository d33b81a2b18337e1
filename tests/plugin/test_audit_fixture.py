"""Audits in pytest style: comparisons by interval, recorded as verdicts."""

import json
import shutil

import pytest

from auditkit.findings import Measurement
from auditkit.plugin.measured import Inconclusive, Measured
from auditkit.stats import mean
from auditkit.verdict import Verdict

TEST = """
def test_light(audit):
    '''Predictions hold in pinker light.'''
    shift = audit("colour-shift", data="lesions", radius=5, angles=4, directions=["pink"])
    assert shift["pink.mean_change"] {comparison}
"""


@pytest.fixture
def project(project):
    """The project without its YAML specs."""
    shutil.rmtree(project.path / "audits")
    return project


def verdicts_of(project):
    # Two runs in one second have names that tell nothing of their order.
    reports = (project.path / "reports").iterdir()
    folder = max(reports, key=lambda path: path.stat().st_mtime_ns)
    return json.loads((folder / "results.json").read_text())


def test_a_comparison_that_holds_passes_and_is_a_verdict(project):
    project.makepyfile(TEST.format(comparison="< 0.4"))
    run = project.runpytest("--model", "steady")
    run.assert_outcomes(passed=1)
    results = verdicts_of(project)
    (verdict,) = results["verdicts"]
    assert (verdict["verdict"], verdict["expected"]) == ("pass", "below 0.4")
    assert results["release"][0]["decision"] == "pass"
    assert results["audits"][0]["title"] == "Predictions hold in pinker light."


def test_a_comparison_that_is_violated_fails_and_shows_the_interval(project):
    project.makepyfile(TEST.format(comparison="> 0.5"))
    run = project.runpytest("--model", "steady")
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(
        ["*pink.mean_change*> 0.5 does not hold", "*n = 24 images of 12 patients*"]
    )
    assert verdicts_of(project)["verdicts"][0]["verdict"] == "fail"


def test_not_of_a_straddling_comparison_cannot_pass(project):
    project.makepyfile(TEST.replace("assert shift", "assert not shift").format(comparison="> 0.0"))
    run = project.runpytest("--model", "steady")
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(["*INCONCLUSIVE: pink.mean_change*"])
    assert verdicts_of(project)["verdicts"][0]["verdict"] == "inconclusive"


def test_not_of_a_violated_comparison_passes(project):
    project.makepyfile(TEST.replace("assert shift", "assert not shift").format(comparison="> 0.5"))
    project.runpytest("--model", "steady").assert_outcomes(passed=1)
    (verdict,) = verdicts_of(project)["verdicts"]
    assert (verdict["verdict"], verdict["expected"]) == ("pass", "not above 0.5")


def test_an_exception_in_the_test_is_an_error_verdict(project):
    project.makepyfile("def test_x(audit):\n    audit('colour-shift', data='lesion')")
    run = project.runpytest("--model", "steady")
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(["*unknown data set 'lesion'; did you mean 'lesions'?*"])
    assert verdicts_of(project)["verdicts"][0]["verdict"] == "error"


def test_data_of_another_task_is_not_applicable(project):
    project.makepyfile("def test_x(audit):\n    audit('performance', data='things')")
    project.runpytest("--model", "steady").assert_outcomes(skipped=1)
    assert verdicts_of(project)["verdicts"][0]["verdict"] == "not applicable"


def test_without_a_model_the_test_is_an_error_not_a_skip(project):
    project.makepyfile("def test_x(audit): pass")
    run = project.runpytest()
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(["*no model to audit was named; add --model NAME*"])


def test_tests_with_other_parameters_have_findings_of_their_own(project):
    project.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("images", [10, 20])
        def test_x(audit, images):
            found = audit("performance", data="lesions", images=images)
            assert found["accuracy"].measurement.planned == images
        """
    )
    run = project.runpytest("--model", "steady")
    run.assert_outcomes(passed=2)
    results = verdicts_of(project)
    assert sorted(a["parameters"]["images"] for a in results["audits"]) == [10, 20]
    assert results["release"][0]["decision"] == "no blocking expectation"


def test_an_assertion_without_text_is_a_failure(project):
    project.makepyfile("def test_x(audit):\n    raise AssertionError")
    project.runpytest("--model", "steady").assert_outcomes(failed=1)
    assert verdicts_of(project)["verdicts"][0]["verdict"] == "fail"


def test_a_test_that_skips_itself_is_not_run_and_blocks(project):
    project.makepyfile("import pytest\ndef test_x(audit):\n    pytest.skip('not today')")
    project.runpytest("--model", "steady").assert_outcomes(skipped=1)
    results = verdicts_of(project)
    assert results["verdicts"][0]["verdict"] == "not run"
    assert results["release"][0]["decision"] == "blocked"


def test_what_cannot_be_asked_is_not_applicable_in_a_test_too(project):
    project.makepyfile("def test_x(audit):\n    audit('reproduction', data='lesions')")
    project.runpytest("--model", "steady").assert_outcomes(skipped=1)
    assert verdicts_of(project)["verdicts"][0]["verdict"] == "not applicable"


def test_the_comparison_that_ended_a_test_fails_and_the_ones_before_held(project):
    project.makepyfile(
        """
        def test_x(audit):
            change = audit("colour-shift", data="lesions", radius=5, angles=4)["pink.mean_change"]
            assert not change > 0.9
            assert 1 == 2
        """
    )
    project.runpytest("--model", "steady").assert_outcomes(failed=1)
    verdicts = [(v["measure"], v["verdict"]) for v in verdicts_of(project)["verdicts"]]
    assert verdicts == [("pink.mean_change", "pass"), ("test", "fail")]


@pytest.fixture
def measured():
    kept = []
    estimate = mean([0.1, 0.2, 0.3, 0.2, 0.15])
    measurement = Measurement("x", {}, estimate, "unit", (-1.0, 1.0), 5)
    return Measured(measurement, lambda *record: kept.append(record[-1].verdict)), kept


def test_comparisons_are_three_valued(measured):
    value, kept = measured
    assert value < 0.9
    assert not value > 0.9
    with pytest.raises(Inconclusive, match="straddles"):
        _ = value > 0.19
    assert kept == [Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE]


def test_equality_and_truth_are_refused(measured):
    value, _ = measured
    with pytest.raises(TypeError, match="never equal"):
        _ = value == 0.19
    with pytest.raises(TypeError, match="neither true nor false"):
        assert value
