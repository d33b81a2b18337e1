"""MANIFEST.sha256 and statement.json say what is in the folder, to any tool."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from sealed_world import RECORDS, SPEC, WAIVER, WEIGHTS, results, sealed_run, sha256, verdict

from auditkit.attestation.manifest import compare, read_manifest, write_manifest
from auditkit.attestation.statement import seal, statement
from auditkit.errors import AuditError
from auditkit.results import read_results
from auditkit.verdict import Verdict

DIGESTS = {"results.json": "1" * 64, "report.html": "2" * 64}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return sealed_run(tmp_path_factory.mktemp("sealed"))


def test_the_manifest_lists_every_file_but_itself_signatures_and_evidence(run):
    everything = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert set(read_manifest(run)) == everything - {"MANIFEST.sha256"}
    for file, digest in read_manifest(run).items():
        assert digest == sha256((run / file).read_bytes())


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="coreutils are not installed")
def test_sha256sum_checks_the_manifest_without_auditkit(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    (copy / "a name with spaces, and é").write_text("x")
    write_manifest(copy)
    command = ["sha256sum", "--strict", "-c", "MANIFEST.sha256"]
    assert subprocess.run(command, cwd=copy, capture_output=True).returncode == 0
    (copy / "results.json").write_text("{}")
    assert subprocess.run(command, cwd=copy, capture_output=True).returncode == 1


@pytest.mark.parametrize("name", ["two\nlines", "back\\slash", " before", "after ", "esc\x1b[2J"])
def test_names_that_tools_read_differently_are_refused(tmp_path, name):
    (tmp_path / name).write_text("x")
    with pytest.raises(AuditError, match="take it out of the folder"):
        write_manifest(tmp_path)


@pytest.mark.parametrize("name", ["link", "signatures", "evidence", "MANIFEST.sha256"])
def test_links_are_refused_wherever_they_lead(tmp_path, name):
    (tmp_path / name).symlink_to("/etc")
    with pytest.raises(AuditError, match="symbolic link"):
        write_manifest(tmp_path)
    links = [problem.file for problem in compare(tmp_path).problems if "symbolic" in problem.what]
    assert links == [name]


@pytest.mark.parametrize(
    "lines",
    [
        "no digest\n",
        f"{'A' * 64}  upper\n",
        f"{'a' * 64} one-space\n",
        f"{'a' * 64}  no end of line",
        f"{'a' * 64}  z\n{'a' * 64}  b\n",
        f"{'a' * 64}  twice\n{'a' * 64}  twice\n",
    ],
)
def test_a_manifest_has_one_form(tmp_path, lines):
    (tmp_path / "MANIFEST.sha256").write_text(lines)
    with pytest.raises(AuditError):
        read_manifest(tmp_path)


def test_the_statement_is_an_in_toto_test_result(run):
    found = json.loads((run / "statement.json").read_bytes())
    assert found["_type"] == "https://in-toto.io/Statement/v1"
    assert found["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    subjects = {one["name"]: one["digest"] for one in found["subject"]}
    assert len(subjects) == len(found["subject"])
    assert subjects == {
        "results.json": {"sha256": sha256((run / "results.json").read_bytes())},
        "report.html": {"sha256": sha256((run / "report.html").read_bytes())},
        "evidence.json": {"sha256": sha256((run / "evidence.json").read_bytes())},
        "model:steady": {"sha256": WEIGHTS},
        "data:lesions": {"sha256": RECORDS},
    }
    assert found["predicate"]["configuration"][0] == {
        "name": "audits/counts.audit.yaml",
        "digest": {"sha256": sha256(SPEC)},
    }
    assert found["predicate"]["result"] == "PASSED"
    assert found["predicate"]["passedTests"] == ["audits/counts.audit.yaml::accuracy[steady]"]


LISTS = {
    Verdict.PASS: "passedTests",
    Verdict.FAIL: "failedTests",
    Verdict.ERROR: "failedTests",
    Verdict.INCONCLUSIVE: "warnedTests",
    Verdict.NOT_INTERPRETABLE: "warnedTests",
    Verdict.NOT_RUN: "warnedTests",
    Verdict.NOT_APPLICABLE: None,
}


@pytest.mark.parametrize("word", list(Verdict))
def test_each_verdict_has_its_list(tmp_path, word):
    one = verdict("accuracy", word)
    predicate = statement(results(tmp_path / "run", [one]), DIGESTS)["predicate"]
    for name in ("passedTests", "failedTests", "warnedTests"):
        assert predicate[name] == ([one.node] if LISTS[word] == name else [])


@pytest.mark.parametrize(
    ("verdicts", "decision", "result"),
    [
        ([verdict("a")], "pass", "PASSED"),
        ([verdict("a"), verdict("b", Verdict.NOT_APPLICABLE)], "pass", "PASSED"),
        ([verdict("a"), verdict("b", Verdict.NOT_RUN, severity="advisory")], "pass", "WARNED"),
        ([verdict("a", Verdict.FAIL, waiver=WAIVER)], "pass with waivers", "WARNED"),
        ([verdict("a")], "partial", "WARNED"),
        ([], "no blocking expectation", "WARNED"),
        ([verdict("a", Verdict.INCONCLUSIVE)], "blocked", "FAILED"),
        ([verdict("a")], "blocked", "FAILED"),
        ([verdict("a", Verdict.FAIL)], "blocked", "FAILED"),
        (
            [verdict("a", Verdict.FAIL, waiver=WAIVER.model_copy(update={"in_force": False}))],
            "blocked",
            "FAILED",
        ),
    ],
)
def test_the_result_never_says_more_than_the_release(tmp_path, verdicts, decision, result):
    found = results(tmp_path / "run", verdicts, decision)
    assert statement(found, DIGESTS)["predicate"]["result"] == result


def test_several_verdicts_of_one_test_keep_their_names(tmp_path):
    same = {"node": "audits/test_own.py::test_it[steady]"}
    verdicts = [
        verdict("recall", at={"group": "dark"}, **same),
        verdict("recall", Verdict.FAIL, at={"group": "light"}, **same),
    ]
    predicate = statement(results(tmp_path / "run", verdicts), DIGESTS)["predicate"]
    assert predicate["passedTests"] == [f"{same['node']} recall at group dark"]
    assert predicate["failedTests"] == [f"{same['node']} recall at group light"]


def test_weights_that_could_not_be_read_are_no_subject(tmp_path):
    found = results(tmp_path / "run", [verdict("a")])
    found.models[0].weights_sha256 = ""
    names = [subject["name"] for subject in statement(found, DIGESTS)["subject"]]
    assert names == ["results.json", "report.html", "data:lesions"]


def test_sealing_twice_gives_the_same_bytes(run, tmp_path):
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    seal(read_results(copy / "results.json"), copy)
    for file in ("statement.json", "MANIFEST.sha256"):
        assert (copy / file).read_bytes() == (run / file).read_bytes()


def test_a_run_without_a_report_is_not_sealed(run, tmp_path):
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    (copy / "report.html").unlink()
    with pytest.raises(AuditError, match=r"report\.html cannot be read"):
        seal(read_results(copy / "results.json"), copy)
