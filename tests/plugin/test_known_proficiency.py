"""A user's study of planted faults stands beside the verdicts that it is about."""

import json

import pytest

from auditkit.proficiency.result import (
    AtTruth,
    AuditResult,
    ExpectationResult,
    Proficiency,
    rate_of,
)
from auditkit.spec.catalogue import catalogue
from auditkit.spec.load import load_audit


@pytest.fixture
def study(project):
    """Of the audit `light`, as the project has it."""
    cards = catalogue([project.path / "cards"])
    audit = load_audit(project.path / "audits" / "light.audit.yaml", cards)
    one = audit.spec.expect[0]
    point = AtTruth(low=0.41, high=0.5, detected=rate_of(196, 200))
    expectation = ExpectationResult(
        measure=one.measure,
        at=dict(one.at),
        expected=one.wording,
        severity=one.severity,
        false_alarms=rate_of(3, 400),
        curve=[],
        detects=[point],
    )
    found = AuditResult(
        audit="light",
        check="colour-shift",
        data="<b>pool</b>",
        population=999,
        parameters=audit.parameters.model_dump(mode="json"),
        images=24,
        patients=12.2,
        clean=rate_of(3, 400),
        clean_inconclusive=rate_of(0, 400),
        faults=[],
        expectations=[expectation],
    )
    study = Proficiency(
        auditkit="1",
        model="base",
        first_seed=0,
        models=200,
        audits=[found],
        family=None,
        not_composed={},
    )
    (project.path / "study.json").write_text(study.model_dump_json())
    return project


def run(project, *options):
    project.runpytest("audits", "--model", "steady", "--audit-report", "out", *options)
    page = (project.path / "out" / "report.html").read_text()
    return json.loads((project.path / "out" / "results.json").read_text()), page


def test_what_the_audit_would_have_found_is_in_results_and_page(study):
    results, page = run(study, "--audit-proficiency", "study.json")
    told = {verdict["measure"]: verdict["proficiency"] for verdict in results["verdicts"]}
    assert told["pink.mean_change"]["detects"][0]["value"] == 0.41
    assert told["sensitivity"] is None
    assert (
        "a true value of 0.41, or further beyond its limit, was found in 98.0 % [95.0, 99.5] of 200"
        in page
    )
    assert "with no fault, it failed in 0.8 % [0.2, 2.2] of 400" in page
    assert "24 images of about 12 patients of &lt;b&gt;pool&lt;/b&gt;" in page
    assert page.count("was not measured at these settings") == 1


def test_without_a_study_the_page_says_that_nothing_is_known_in_its_language(study):
    results, page = run(study, "--audit-language", "de")
    assert {verdict["proficiency"] is None for verdict in results["verdicts"]} == {True}
    assert page.count("wurde bei diesen Einstellungen nicht gemessen") == 2


@pytest.mark.parametrize("text", [None, "{}"])
def test_a_file_that_is_no_study_is_a_usage_error(project, text):
    if text is not None:
        (project.path / "study.json").write_text(text)
    done = project.runpytest("audits", "--model", "steady", "--audit-proficiency", "study.json")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*study.json*auditkit proficiency*"])
