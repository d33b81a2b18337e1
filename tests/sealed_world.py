"""A small run's folder with everything that a run leaves, sealed; and Ed25519 as RFC 8032 writes it down."""

import base64
import hashlib
import json
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from auditkit.attestation.statement import seal
from auditkit.environment import page_version
from auditkit.results import (
    AuditResult,
    DataResult,
    Deviations,
    Environment,
    EvidenceList,
    ExampleResult,
    ModelResult,
    Panel,
    Release,
    Results,
    Run,
    SampleFile,
    SourceFile,
    VerdictResult,
    WaiverResult,
    to_json,
    write_whole,
)
from auditkit.results.evidence_list import ListedEvidence, ListedShard
from auditkit.verdict import Verdict

SPEC = b"audit: counts\ncheck: performance\ndata: lesions\nexpect:\n  - {measure: accuracy, above: 0.1}\n"
CARD = b"data: lesions\n"
PAGE = b"<!doctype html><title>Steady</title>\n"
WEIGHTS, RECORDS = "ab" * 32, "cd" * 32
WAIVER = WaiverResult(
    approver="Dr Example, clinical safety",
    reason="accepted until the next release",
    expires="2027-01-01",
    reference="RISK-7",
    origin="audits/counts.audit.yaml",
    in_force=True,
)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def verdict(measure: str, word: Verdict = Verdict.PASS, **changes: object) -> VerdictResult:
    fields: dict[str, object] = {
        "node": f"audits/counts.audit.yaml::{measure}[steady]",
        "audit": "counts",
        "model": "steady",
        "measure": measure,
        "at": {},
        "expected": "above 0.1",
        "severity": "blocking",
        "verdict": word,
        "reason": "0.9 [0.8, 1], n = 24; expected above 0.1",
        "value": 0.9,
        "low": 0.8,
        "high": 1.0,
        "n": 24,
        "p_value": 1.0,
        "p_adjusted": 1.0,
        "fault": False,
        "file": "audits/counts.audit.yaml",
        "line": 5,
        "why": "",
    }
    return VerdictResult.model_validate(fields | changes)


def shard(store: Path, seed: int) -> ListedShard:
    """A shard with its sidecar, as the evidence store keeps them."""
    content = np.random.default_rng(seed).bytes(40)
    address = sha256(b"address" + bytes([seed]))
    place = store / address[:2]
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{address}.safetensors").write_bytes(content)
    about = {"stage": "scores", "images": 8, "seconds": 0.1, "sha256": sha256(content)}
    (place / f"{address}.json").write_text(json.dumps(about))
    return ListedShard(
        address=address,
        sha256=sha256(content),
        stage="scores",
        content=sha256(b"content"),
        images=8,
        size=len(content),
    )


def results(folder: Path, verdicts: list[VerdictResult], decision: str = "pass") -> Results:
    """Results whose pictures, samples, sources and evidence are written into the folder."""
    buffer = BytesIO()
    Image.new("RGB", (4, 4), (110, 66, 50)).save(buffer, "PNG")
    picture, sample = buffer.getvalue(), b'{"score": [0.5]}\n'
    image, numbers = f"images/{sha256(picture)}.png", f"samples/{sha256(sample)}.json"
    requirements = b"example==1.0\n"
    listed = ListedEvidence(
        store="../store", code="0" * 64, shards=[shard(folder.parent / "store", i) for i in (1, 2)]
    )
    evidence = (json.dumps(listed.model_dump(mode="json"), sort_keys=True) + "\n").encode()
    for file, content in {
        image: picture,
        numbers: sample,
        "sources/counts.audit.yaml": SPEC,
        "sources/lesions.data.yaml": CARD,
        "requirements.txt": requirements,
        "evidence.json": evidence,
        "junit.xml": b"<testsuites/>",
    }.items():
        write_whole(folder / file, content)
    return Results(
        run=Run(
            id=folder.name,
            started="2026-11-22T02:28:11+00:00",
            finished="2026-11-22T02:30:00+00:00",
            seconds=109.4,
            command=["pytest", "audits/", "--model", "steady"],
            exit_status=0,
            evidence={"computed": 2, "found": 0},
        ),
        environment=Environment(
            auditkit="0.1.0",
            python="3.11.2",
            platform="Linux",
            packages={},
            device="cpu",
            precision="float32",
            commit="6719beb52a1c0f6f4ad1fbd0e8cd1f2d3c4b5a69",
            requirements_sha256=sha256(requirements),
            page_sha256=page_version(),
        ),
        release=[Release.model_validate(_release(decision))],
        deviations=Deviations(
            planned=len(verdicts),
            judged=len(verdicts),
            deselected=[],
            other_tasks={},
            reruns=False,
            dirty=False,
            stand_ins=[],
        ),
        models=[_model()],
        data=[_data()],
        verdicts=verdicts,
        audits=[_audit(image, sha256(picture), SampleFile(file=numbers, sha256=sha256(sample)))],
        sources=[
            SourceFile(
                kind="spec",
                file="audits/counts.audit.yaml",
                kept="sources/counts.audit.yaml",
                sha256=sha256(SPEC),
            ),
            SourceFile(
                kind="data card",
                file="cards/lesions.data.yaml",
                kept="sources/lesions.data.yaml",
                sha256=sha256(CARD),
            ),
        ],
        evidence=EvidenceList(
            sha256=sha256(evidence), shards=2, size=sum(one.size for one in listed.shards)
        ),
    )


def _release(decision: str) -> dict[str, object]:
    return {"model": "steady", "decision": decision, "why": "As it is.", "counts": {}}


def _model() -> ModelResult:
    return ModelResult(
        model="steady",
        title="Always sure",
        task="melanoma",
        stand_in="",
        card="cards/steady.model.yaml",
        card_sha256="0" * 64,
        weights_sha256=WEIGHTS,
        pinned=True,
        format="timm",
        input={"size": 64},
        output={"kind": "logits"},
        threshold=0.5,
        licence="CC0-1.0",
        source="",
        dossier={},
    )


def _data() -> DataResult:
    return DataResult(
        data="lesions",
        title="Lesions",
        task="melanoma",
        stand_in="",
        card_sha256=sha256(CARD),
        manifest_sha256=RECORDS,
        images=24,
        patients=12,
        labels={"benign": 12, "malignant": 12},
        groups={},
        licence="",
        source="",
        description="",
    )


def _audit(image: str, digest: str, samples: SampleFile) -> AuditResult:
    return AuditResult(
        audit="counts",
        model="steady",
        check="performance",
        title="Counts",
        why="",
        paper="",
        data="lesions",
        parameters={},
        assumes=[],
        file="audits/counts.audit.yaml",
        sha256=sha256(SPEC),
        measurements=[],
        figures=[],
        tables=[],
        examples=[
            ExampleResult(
                image_id="1",
                title="the first",
                panels=[Panel(caption="as it is", file=image, sha256=digest)],
            )
        ],
        notes=[],
        samples=samples,
    )


def sealed_run(parent: Path, verdicts: list[VerdictResult] | None = None) -> Path:
    """A run's folder as a run leaves it; its evidence lies in ``parent/store``."""
    folder = parent / "20261122T022811Z-steady"
    folder.mkdir()
    found = results(folder, verdicts or [verdict("accuracy")])
    write_whole(folder / "results.json", to_json(found).encode())
    write_whole(folder / "report.html", PAGE)
    assert seal(found, folder) == ()
    return folder


# Ed25519 verification after RFC 8032, section 5.1.7: no code in common with what signs.
_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
_Point = tuple[int, int]


def _add(a: _Point, b: _Point) -> _Point:
    """The complete addition law of the twisted Edwards curve, in affine coordinates."""
    (x1, y1), (x2, y2) = a, b
    product = _D * x1 * x2 * y1 * y2 % _P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, _P) % _P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, _P) % _P
    return x, y


def _times(n: int, point: _Point) -> _Point:
    found = (0, 1)
    while n:
        if n & 1:
            found = _add(found, point)
        point, n = _add(point, point), n >> 1
    return found


def _point(encoded: bytes) -> _Point:
    """Decoding, section 5.1.3."""
    whole = int.from_bytes(encoded, "little")
    y, sign = whole & (2**255 - 1), whole >> 255
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if v * x * x % _P == -u % _P:
        x = x * _ROOT % _P
    if y >= _P or v * x * x % _P != u or (x == 0 and sign):
        raise ValueError("no point of the curve")
    return (_P - x if x % 2 != sign else x), y


_BASE = _point(((4 * pow(5, -1, _P)) % _P).to_bytes(32, "little"))


def ed25519_verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        a, r = _point(public), _point(signature[:32])
    except ValueError:
        return False
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= _ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    k = int.from_bytes(digest, "little") % _ORDER
    return _times(s, _BASE) == _add(r, _times(k, a))


def raw_public_key(pem: Path) -> bytes:
    """The 32 bytes at the end of an Ed25519 SubjectPublicKeyInfo (RFC 8410)."""
    lines = pem.read_text().split("\n")
    der = base64.b64decode("".join(line for line in lines if not line.startswith("-")))
    assert der[:12] == bytes.fromhex("302a300506032b6570032100")
    assert len(der) == 44
    return der[12:]
