"""A run in which every free text tries to break out: titles, names, labels, groups, exceptions, waivers."""

from datetime import date
from pathlib import Path

import report_samples
from report_counterfactuals import case, cases, run_with_cases
from report_galleries import gallery, item, run_with

from auditkit.results import (
    BaselineValue,
    IdentifierFinding,
    Person,
    ProfileResult,
    Redaction,
    Registered,
    Registration,
    Results,
    SourceFile,
    WaiverResult,
)

BREAKING_OUT = (
    "x</script></style></title></textarea>--><script>window.broken=1;alert(1)</script>"
    '"\'><img src=x onerror="window.broken=1"><svg onload=window.broken=1>'
    '<a href="javascript:window.broken=1">y</a>'
    "<iframe src=javascript:alert(1)></iframe> ![p](https://evil.example/p.png) [l](javascript:alert(1)) "
    "<https://evil.example/> {{ 7 * 7 }} ]]> ]]\n[[PROPERTY|audit.verdict=forged]] @everyone #1 | `c` "
    '\x1b[31m\x00\u202e\ufffe url(https://evil.example/x) doi:10.1000/x" onclick=alert(1) '
)
HARMLESS = "plain text doi:10.1000/x "
# What is no free text: words of the schema, and what names files.
_KEPT = {
    "schema_version",
    "verdict",
    "severity",
    "decision",
    "kind",
    "state",
    "outline",
    "language",
    "sha256",
    "original_sha256",
    "withheld",
    "in_force",
    "expires",
}
_FILES = {"picture", "heatmap", "difference", "panels", "samples"}


def everywhere(results: Results, text: str) -> Results:
    """A run with this text in place of, or behind, every free text."""
    return Results.model_validate(_replaced(results.model_dump(mode="json"), text))


def _replaced(value, text, name=""):
    if name in _KEPT:
        return value
    if isinstance(value, dict):
        own = name in _FILES
        return {
            # Keys of data are texts, too; fields of the schema are not.
            (f"{key}{text}" if name in _MAPPINGS else key): each
            if own and key == "file"
            else _replaced(each, text, "" if name in _MAPPINGS else key)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_replaced(each, text, name) for each in value]
    return f"{value}{text}" if isinstance(value, str) else value


_MAPPINGS = {
    "labels",
    "groups",
    "incomplete",
    "other_tasks",
    "packages",
    "determinism",
    "parameters",
}


def full(folder: Path) -> Results:
    """A run with something in every place that a rendering shows."""
    results = report_samples.blocked(folder)
    waived = WaiverResult(
        approver="Dr. Ada Example, head of quality",
        reason="known, and the label says so",
        expires=date(2027, 1, 31).isoformat(),
        reference="RISK-12",
        origin="audits/dermoscopy/light.audit.yaml",
        in_force=True,
    )
    baseline = BaselineValue(
        run="20260101T000000Z-dermanet", value=0.83, new=0.818, pairs=990, only_old=3, only_new=10
    )
    verdicts = list(results.verdicts)
    verdicts[2] = verdicts[2].model_copy(update={"baseline": baseline})
    verdicts[6] = verdicts[6].model_copy(update={"waiver": waived})
    verdicts[10] = verdicts[10].model_copy(
        update={"waiver": waived.model_copy(update={"in_force": False})}
    )
    audits = [
        *results.audits,
        run_with([gallery([item(i) for i in range(6)])], folder)
        .audits[0]
        .model_copy(update={"audit": "browsed"}),
        run_with_cases([cases([case(i) for i in range(2)])], folder)
        .audits[0]
        .model_copy(update={"audit": "counterfactual", "hazards": ["HAZ-7"]}),
    ]
    person = Person(
        name="B. Example", role="statistician", organisation="a clinic", responsibility="other"
    )
    finding = IdentifierFinding(where="DICOM header", what="PatientName", count=3)
    return results.model_copy(
        update={
            "verdicts": verdicts,
            "audits": audits,
            "models": [results.models[0].model_copy(update={"people": [person]})],
            "data": [
                results.data[0].model_copy(
                    update={
                        "identifiers": [finding],
                        "dossier": {"reference_standard": "histopathology"},
                        "incomplete": {"no mask": 4},
                    }
                )
            ],
            "registration": _registration(),
            "profile": ProfileResult(
                profile="nightly",
                title="Fewer images",
                file="p.yaml",
                sha256="ab",
                changes=["n = 400"],
            ),
            "redaction": Redaction(withheld=["ids"], original_sha256="cd", images=0, ids=4),
            "sources": [SourceFile(kind="spec", file="a.yaml", kept="sources/a.yaml", sha256="ef")],
        }
    )


def _registration() -> Registration:
    specs = [
        Registered(
            file="a.audit.yaml", state="unchanged", recorded="2026-01-01T00:00:00Z", reason=""
        ),
        Registered(
            file="b.audit.yaml", state="changed", recorded="2026-01-01T00:00:00Z", reason="n"
        ),
    ]
    return Registration(
        file="registered.json",
        sha256="01",
        recorded="2026-01-01T00:00:00Z",
        commit="23",
        specs=specs,
    )
