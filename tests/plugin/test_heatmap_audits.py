"""Audits of heatmaps end to end: methods that do not fit, and the same findings from the store."""

import json

import pytest

from auditkit.evidence import Evidence
from auditkit.evidence.kinds import Fitness

MAPS = """\
audit: maps
check: alignment
data: lesions
with:
  methods: [gradient, {method: gradcam, name: lost}]
  images: 6
  gallery: 2
expect:
  - {measure: lost.iou, above: 0.1}
"""
TRUSTED = "  - {measure: gradient.coverage_above_chance, above: -0.99}\n"
RESTING = """\
audit: resting
check: performance
data: lesions
expect:
  - {measure: accuracy, above: 0.01}
assumes: [maps]
"""
COMPARED = """\
audit: compared
check: compare-methods
data: lesions
with: {methods: [gradient, input-x-gradient], metric: iou, against: [clinic], images: 6}
expect:
  - {measure: rank_agreement.data, above: 0.5}
"""
SPEED = """\
audit: speed
check: efficiency
data: lesions
with: {methods: [gradient, input-x-gradient], images: 2, repeats: 1, warm_up: 0}
expect:
  - {measure: gradient.seconds, below: 1000}
"""


@pytest.fixture
def project(project, monkeypatch):
    """The project with audits of heatmaps instead of its own; the method `lost` does not fit."""
    fitness = Evidence.fitness

    def asked(self, method):
        return Fitness("has no such layer") if method.label == "lost" else fitness(self, method)

    monkeypatch.setattr(Evidence, "fitness", asked)
    folder = project.path / "audits"
    for path in folder.iterdir():
        path.unlink()
    (folder / "maps.audit.yaml").write_text(MAPS)
    return project


def results_of(project):
    # Two runs in one second have names that tell nothing of their order.
    reports = (project.path / "reports").iterdir()
    folder = max(reports, key=lambda path: path.stat().st_mtime_ns)
    page = (folder / "report.html").read_text()
    return json.loads((folder / "results.json").read_text()), page


def test_the_other_methods_findings_are_in_the_results_and_on_the_page(project):
    project.runpytest("audits", "--model", "random").assert_outcomes(skipped=1)
    results, page = results_of(project)
    (verdict,) = results["verdicts"]
    assert (verdict["verdict"], verdict["value"]) == ("not applicable", None)
    (audit,) = results["audits"]
    applicable = {m["name"]: m["applicable"] for m in audit["measurements"]}
    assert applicable["gradient.iou"]
    assert not applicable["lost.iou"]
    assert {item["facets"]["case"] for item in audit["galleries"][0]["items"]}
    assert page.count('reason">not applicable: ') == sum(not each for each in applicable.values())
    assert results["release"][0]["decision"] == "no blocking expectation"


def test_release_mode_wants_a_waiver(project):
    path = project.path / "audits" / "maps.audit.yaml"
    path.write_text(MAPS + TRUSTED)
    project.runpytest("audits", "--model", "random", "--audit-release")
    release = results_of(project)[0]["release"][0]
    assert release["decision"] == "blocked"
    assert "not applicable without a waiver (maps: lost.iou)" in release["why"]
    path.write_text(
        MAPS.replace(
            "above: 0.1",
            "above: 0.1, waiver: {approver: QA, reason: no such layer, expires: 2999-01-01}",
        )
        + TRUSTED
    )
    project.runpytest("audits", "--model", "random", "--audit-release")
    assert "waiver" not in results_of(project)[0]["release"][0]["why"]


@pytest.mark.parametrize(
    ("more", "verdict"), [("", "not interpretable"), (TRUSTED, "pass")], ids=["nothing", "one"]
)
def test_an_audit_does_not_rest_on_what_was_never_measured(project, more, verdict):
    (project.path / "audits" / "maps.audit.yaml").write_text(MAPS + more)
    (project.path / "audits" / "resting.audit.yaml").write_text(RESTING)
    project.runpytest("audits", "--model", "random")
    found = {
        v["audit"]: v for v in results_of(project)[0]["verdicts"] if v["measure"] == "accuracy"
    }
    assert found["resting"]["verdict"] == verdict
    if not more:
        assert "of which nothing could be measured: " in found["resting"]["reason"]


def test_in_a_test_its_comparison_skips_and_is_a_verdict(project):
    (project.path / "audits" / "maps.audit.yaml").unlink()
    project.makepyfile(
        """
        def test_maps(audit):
            maps = audit(
                "alignment", data="lesions", images=6,
                methods=["gradient", {"method": "gradcam", "name": "lost"}],
            )
            assert "not applicable" in repr(maps["lost.iou"])
            assert not maps["lost.iou"] > 0.1
        """
    )
    project.runpytest("--model", "random").assert_outcomes(skipped=1)
    results, _ = results_of(project)
    assert [verdict["verdict"] for verdict in results["verdicts"]] == ["not applicable"]
    assert len(results["audits"]) == 1


def test_data_are_not_compared_with_themselves_when_they_are_replaced(project):
    cards = project.path / "cards"
    text = (cards / "lesions.data.yaml").read_text()
    (cards / "clinic.data.yaml").write_text(text.replace("data: lesions", "data: clinic"))
    (project.path / "audits" / "maps.audit.yaml").write_text(COMPARED)
    run = project.runpytest("audits", "--model", "random", "--audit-data", "clinic")
    assert run.ret == pytest.ExitCode.INTERRUPTED
    run.stdout.fnmatch_lines(["*'clinic' is the audit's own data; another data set was expected*"])


def test_a_second_run_finds_the_same_to_the_byte(project):
    folder = project.path / "audits"
    (folder / "maps.audit.yaml").write_text(MAPS + TRUSTED)
    (folder / "speed.audit.yaml").write_text(SPEED)
    (folder / "compared.audit.yaml").write_text(
        COMPARED.replace(", against: [clinic]", "").replace("rank_agreement.data", "concordance")
    )
    kept = []
    for _ in range(2):
        project.runpytest("audits", "--model", "random", "--audit-report", f"run-{len(kept)}")
        text = (project.path / f"run-{len(kept)}" / "results.json").read_text()
        kept.append(json.loads(text))
    first, second = kept
    assert second["run"]["evidence"]["computed"] == 0
    assert json.dumps(first["audits"]) == json.dumps(second["audits"])
    assert json.dumps(first["verdicts"]) == json.dumps(second["verdicts"])
    assert {audit["check"] for audit in first["audits"]} == {
        "alignment",
        "compare-methods",
        "efficiency",
    }
