"""The made-up run with everything beside its verdicts: people, waivers, records, groups."""

from pathlib import Path

import report_samples
from report_builders import HOSTILE, SHA, measurement, verdict

from auditkit.results import (
    BaselineValue,
    EvidenceList,
    IdentifierFinding,
    Person,
    ProfileResult,
    Registered,
    Registration,
    Results,
    SourceFile,
    WaiverResult,
)
from auditkit.spec.dossier import KINDS
from auditkit.verdict import Verdict

APPROVER = "Dr. Ada Example, medical director"


def waiver(**changes: object) -> WaiverResult:
    """A waiver in force."""
    fields: dict[str, object] = {
        "approver": APPROVER,
        "reason": "a new camera is rolled out in March",
        "expires": "2027-03-31",
        "reference": "CAPA-17",
        "origin": "audits/dermoscopy/light.audit.yaml",
        "in_force": True,
    }
    return WaiverResult.model_validate(fields | changes)


def dossier(kind: str) -> dict[str, str]:
    """Every field filled in."""
    return {key: f"{field.title}, as stated" for key, field in KINDS[kind].fields().items()}


def groups() -> list[object]:
    """Measures by group; one group is too small."""
    at = [{"skin_tone": "light"}, {"skin_tone": "dark"}]
    found = [measurement(name, 0.8, 0.03) for name in ("roc_auc", "sensitivity", "brier")]
    for name in ("roc_auc", "sensitivity", "brier"):
        found += [measurement(name, 0.8 - 0.1 * i, 0.05, at=place) for i, place in enumerate(at)]
        found.append(measurement(name, None, at={"skin_tone": "unknown"}, planned=7))
    return found


def baseline() -> list[object]:
    """Two expectations against an earlier run."""
    old = BaselineValue(run="2026-10-01", value=0.83, new=0.82, pairs=900, only_old=3, only_new=100)
    condition = {"not_worse_than": "baseline", "margin": 0.02}
    wording = {"expected": "not worse than baseline by 0.02", "condition": condition}
    return [
        verdict(
            "performance",
            "roc_auc",
            Verdict.PASS,
            (-0.01, -0.017, -0.003),
            baseline=old,
            p_value=1.0,
            **wording,
        ),
        verdict(
            "performance", "sensitivity", Verdict.NOT_RUN, reason="no baseline given", **wording
        ),
    ]


def full(folder: Path) -> Results:
    """The whole run."""
    results = report_samples.blocked(folder)
    verdicts = [*results.verdicts, *baseline()]
    verdicts[6] = verdicts[6].model_copy(update={"waiver": waiver()})
    verdicts[4] = verdicts[4].model_copy(
        update={"waiver": waiver(approver=HOSTILE, expires="2026-01-31", in_force=False)}
    )
    audits = list(results.audits)
    audits[1] = audits[1].model_copy(update={"measurements": groups(), "hazards": ["H-07", "H-9"]})
    people = [
        Person(
            name="Pat Example", role="test engineer", organisation="Ex", responsibility="performed"
        ),
        Person(name=HOSTILE, role="statistician", organisation="Ex", responsibility="reviewed"),
        Person(name="Sam Example", role="head", organisation="Ex", responsibility="witnessed"),
    ]
    model = results.models[0].model_copy(update={"dossier": dossier("model"), "people": people})
    data = results.data[0].model_copy(
        update={
            "dossier": dossier("data"),
            "identifiers": [IdentifierFinding(where="file name", what="a date", count=12)],
        }
    )
    environment = results.environment.model_copy(
        update={
            "hardware": "8 cores, 32 GiB",
            "determinism": {"threads": "1"},
            "code_sha256": SHA,
            "requirements_sha256": SHA[::-1],
        }
    )
    specs = [
        Registered(file="a.audit.yaml", state="unchanged", recorded="2026-11-01", reason=""),
        Registered(file="b.audit.yaml", state="changed", recorded="2026-11-02", reason=HOSTILE),
    ]
    return results.model_copy(
        update={
            "verdicts": verdicts,
            "audits": audits,
            "models": [model],
            "data": [data],
            "environment": environment,
            "registration": Registration(
                file="audits/record.yaml",
                sha256=SHA,
                recorded="2026-11-02T08:00:00Z",
                commit="6719beb52a1c",
                specs=specs,
            ),
            "profile": ProfileResult(
                profile="nightly",
                title="Every night",
                file="nightly.profile.yaml",
                sha256=SHA,
                changes=["images 400 in place of 1000"],
            ),
            "evidence": EvidenceList(sha256=SHA, shards=52, size=1_234_567),
            "sources": [SourceFile(kind="spec", file="a.audit.yaml", kept="sources/a", sha256=SHA)],
        }
    )


def undrawn(results: Results, **changes: object) -> Results:
    """The same without figures, which take most of the time of a rendering."""
    audits = [audit.model_copy(update={"figures": []}) for audit in results.audits]
    return results.model_copy(update={"audits": audits, **changes})
