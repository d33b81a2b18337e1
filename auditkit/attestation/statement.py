"""statement.json: what a run tested and found, as an in-toto Statement with the predicate test-result.

https://github.com/in-toto/attestation, Statement v1 and test-result v0.1. It is a function of
results.json and of digests alone, without a time of its own, so that anybody can derive it again.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from auditkit.attestation.digests import canonical_json, sha256_of
from auditkit.attestation.manifest import write_manifest
from auditkit.attestation.signed import orphaned
from auditkit.results import Results, VerdictResult, write_whole
from auditkit.results.folder import EVIDENCE_LIST, REPORT, RESULTS, STATEMENT
from auditkit.verdict import Verdict

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://in-toto.io/attestation/test-result/v0.1"

Descriptor = dict[str, Any]


def seal(results: Results, folder: Path) -> tuple[str, ...]:
    """Write statement.json and MANIFEST.sha256: the last step of all that writes into a run's folder.

    Args:
        results: the run.
        folder: its folder, with everything else already in it.

    Returns:
        Signatures that are over another state of the folder, and no longer hold.

    Raises:
        AuditError: results.json or report.html is missing, or the folder holds what cannot be listed.
    """
    files = (RESULTS, REPORT, *([EVIDENCE_LIST] if (folder / EVIDENCE_LIST).exists() else []))
    digests = {file: sha256_of(folder / file) for file in files}
    write_whole(folder / STATEMENT, canonical_json(statement(results, digests)))
    write_manifest(folder)
    return orphaned(folder)


def statement(results: Results, digests: Mapping[str, str]) -> dict[str, Any]:
    """The statement about a run.

    Args:
        results: the run.
        digests: sha256 of the files of its folder, by name.
    """
    files = [descriptor(file, digests[file]) for file in (RESULTS, REPORT)]
    if EVIDENCE_LIST in digests:
        files.append(descriptor(EVIDENCE_LIST, digests[EVIDENCE_LIST]))
    return {
        "_type": STATEMENT_TYPE,
        "subject": [*files, *model_subjects(results), *_data_subjects(results)],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate_of(results),
    }


def descriptor(name: str, sha256: str) -> Descriptor:
    """An in-toto ResourceDescriptor."""
    return {"name": name, "digest": {"sha256": sha256}}


def model_subjects(results: Results) -> list[Descriptor]:
    """The models' weights; a model whose weights could not be read is no subject."""
    return [
        descriptor(f"model:{model.model}", model.weights_sha256)
        for model in results.models
        if model.weights_sha256
    ]


def _data_subjects(results: Results) -> list[Descriptor]:
    return [
        descriptor(f"data:{data.data}", data.manifest_sha256)
        for data in results.data
        if data.manifest_sha256
    ]


def predicate_of(results: Results) -> dict[str, Any]:
    """The predicate.

    Tests are expectations. passed: pass; failed: fail and error; warned: inconclusive, not
    interpretable, not run, and whatever a person has waived. An expectation that does not apply is in no
    list. The result is about the release: FAILED if a test failed or a model is blocked, PASSED if
    nothing is warned and every model may pass, else WARNED.
    """
    lists: dict[str, list[str]] = {"passed": [], "warned": [], "failed": []}
    for name, verdict in _named(results.verdicts):
        where = _list_of(verdict)
        if where:
            lists[where].append(name)
    return {
        "result": _result(results, lists),
        "configuration": [descriptor(source.file, source.sha256) for source in results.sources],
        "passedTests": lists["passed"],
        "warnedTests": lists["warned"],
        "failedTests": lists["failed"],
    }


def _result(results: Results, lists: Mapping[str, list[str]]) -> str:
    decisions = {release.decision for release in results.release}
    if lists["failed"] or "blocked" in decisions:
        return "FAILED"
    return "PASSED" if decisions == {"pass"} and not lists["warned"] else "WARNED"


def _list_of(verdict: VerdictResult) -> str:
    if verdict.waiver is not None and verdict.waiver.in_force:
        return "warned"
    if verdict.verdict is Verdict.NOT_APPLICABLE:
        return ""
    if verdict.verdict is Verdict.PASS:
        return "passed"
    return "failed" if verdict.verdict in (Verdict.FAIL, Verdict.ERROR) else "warned"


def _named(verdicts: list[VerdictResult]) -> Iterator[tuple[str, VerdictResult]]:
    """Each verdict under its node id; a node with several adds measure and place."""
    several = Counter(verdict.node for verdict in verdicts)
    for verdict in verdicts:
        name = verdict.node
        if several[name] > 1:
            at = ", ".join(f"{key} {value}" for key, value in verdict.at.items())
            name = f"{name} {verdict.measure}{f' at {at}' if at else ''}"
        yield name, verdict
