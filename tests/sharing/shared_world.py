"""A small run about patients with telling ids, as a folder on disk, and its data set."""

import hashlib
import json
from datetime import UTC, datetime
from io import BytesIO

import numpy as np
from PIL import Image

from auditkit.attestation.statement import seal
from auditkit.report.html import write
from auditkit.results import (
    AuditResult,
    CounterfactualCaseResult,
    CounterfactualCasesResult,
    CounterfactualFrameResult,
    DataResult,
    Deviations,
    Environment,
    EvidenceList,
    ExampleResult,
    GalleryItemResult,
    GalleryResult,
    ModelResult,
    Panel,
    PictureFile,
    Release,
    Results,
    Run,
    SampleFile,
    SourceFile,
    TableResult,
    VerdictResult,
    to_json,
)
from auditkit.results.evidence_list import ListedEvidence
from auditkit.results.samples import StoredSample, StoredSamples, samples_name
from auditkit.spec.strict_yaml import read_yaml
from auditkit.verdict import Verdict

# An id with a name in it, one that only a table quotes, one that HTML escapes, and a plain number.
SHOWN, QUOTED, ESCAPED, NUMBER = "Huber_Anna_17", "Li_Wei_4711", "O'Neil & Söhne_2", "7"
IDS = (SHOWN, QUOTED, ESCAPED, NUMBER)
PATIENTS = ("P-10001", "P-10002", "P-10003", "3")
HOME = "/home/dr.huber"
CARD = """\
data: clinic
task: melanoma
format: table
file: {folder}/clinic.csv
columns: {{id: id, patient: patient}}
"""
SPEC = (
    "audit: counts\ncheck: performance\ndata: clinic\nexpect: [{measure: accuracy, above: 0.5}]\n"
)


def sha(content):
    return hashlib.sha256(content).hexdigest()


def digest_of(image):
    """Of an image's content, as samples hold it."""
    return sha(f"content of {image}".encode())


def data_set(folder):
    """Cards and table; pictures are never opened."""
    (folder / "cards").mkdir(parents=True)
    rows = [
        f'"{i}.png",0,"{image}",{p}' for i, (image, p) in enumerate(zip(IDS, PATIENTS, strict=True))
    ]
    (folder / "clinic.csv").write_text("image,label,id,patient\n" + "\n".join(rows) + "\n")
    card = folder / "cards" / "clinic.data.yaml"
    card.write_text(CARD.format(folder=folder))
    return card


def picture(folder, seed):
    rng = np.random.default_rng(seed)
    buffer = BytesIO()
    Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(buffer, "PNG")
    name = f"images/{sha(buffer.getvalue())}.png"
    (folder / "images").mkdir(exist_ok=True)
    (folder / name).write_bytes(buffer.getvalue())
    return {"file": name, "sha256": sha(buffer.getvalue())}


def audit(folder, samples):
    panel = Panel(caption=f"image of {SHOWN}: 0.31", **picture(folder, 1))
    item = GalleryItemResult(
        image_id=ESCAPED,
        picture=PictureFile(**picture(folder, 2)),
        heatmap=PictureFile(**picture(folder, 3)),
        outline="M 0 0 L 7 7 Z",
        scores={"iou": 0.7},
        facets={"label": "nevus", "patient": PATIENTS[2]},
        note=f"not evaluable: see {HOME}/data/{QUOTED}.png",
    )
    frame = CounterfactualFrameResult(
        asked=0.1,
        got=0.2,
        decision="benign",
        picture=PictureFile(**picture(folder, 4)),
        difference=PictureFile(**picture(folder, 5)),
    )
    case = CounterfactualCaseResult(
        image_id=NUMBER,
        picture=PictureFile(**picture(folder, 6)),
        score=0.5,
        facets={"label": "nevus"},
        frames=[frame],
    )
    cases = CounterfactualCasesResult(name="c", title="Cases", cases=[case], caption="", legend="")
    columns = ["image", "right", "highest"]
    table = TableResult(
        name="decisions",
        title="Decisions",
        columns=columns,
        rows=[[NUMBER, "7", f"{QUOTED} 0.93, {SHOWN} 0.77"]],
        caption=f"First: {SHOWN}.",
    )
    return AuditResult(
        audit="counts",
        model="steady",
        check="performance",
        title="Counts",
        why="",
        paper="",
        data="clinic",
        parameters={"seed": 7},
        assumes=[],
        file="audits/counts.audit.yaml",
        sha256=sha(SPEC.encode()),
        measurements=[],
        figures=[],
        tables=[table],
        examples=[ExampleResult(image_id=SHOWN, title=f"worst: {SHOWN}", panels=[panel])],
        galleries=[
            GalleryResult(
                name="g",
                title="All",
                scores=["iou"],
                facets=["label", "patient"],
                items=[item],
                caption="",
            )
        ],
        counterfactuals=[cases],
        notes=[f"patient {PATIENTS[3]} has image {NUMBER}; 7 images and 3 patients in all"],
        samples=samples,
    )


def verdict():
    return VerdictResult(
        node=f"audits/counts.audit.yaml::accuracy[steady-{SHOWN}]",
        audit="counts",
        model="steady",
        measure="accuracy",
        at={},
        expected="above 0.5",
        severity="blocking",
        verdict=Verdict.ERROR,
        reason=f"{HOME}/data/clinic.csv:3: picture of '{ESCAPED}' cannot be read (7 of 20)",
        value=None,
        low=None,
        high=None,
        n=0,
        p_value=None,
        p_adjusted=None,
        fault=False,
        file="audits/counts.audit.yaml",
        line=4,
        why="",
    )


def samples(folder):
    stored = StoredSamples(
        audit="counts",
        model="steady",
        data="clinic",
        images=[digest_of(image) for image in IDS],
        patients=[0, 1, 2, 3],
        samples=[
            StoredSample(
                measure="accuracy",
                at={},
                statistic="mean",
                rows=[0, 1, 2, 3],
                values=[1, 0, 1, 1],
                labels=None,
                better=None,
            )
        ],
    )
    content = stored.model_dump_json().encode()
    name, digest = samples_name(content)
    (folder / "samples").mkdir()
    (folder / name).write_bytes(content)
    return SampleFile(file=name, sha256=digest)


def sources(folder, card):
    found = []
    texts = {"spec": ("audits/counts.audit.yaml", SPEC), "data card": (str(card), card.read_text())}
    for kind, (file, text) in texts.items():
        kept = f"sources/{len(found)}.yaml"
        (folder / "sources").mkdir(exist_ok=True)
        (folder / kept).write_text(text)
        found.append(SourceFile(kind=kind, file=file, kept=kept, sha256=sha(text.encode())))
    return found


def evidence(folder):
    listed = ListedEvidence(store=f"{HOME}/.auditkit/store", code="0" * 64, shards=[])
    content = listed.model_dump_json().encode()
    (folder / "evidence.json").write_bytes(content)
    return EvidenceList(sha256=sha(content), shards=0, size=0)


def make_run(folder, card):
    """The run's folder, sealed."""
    folder.mkdir(parents=True)
    requirements = f"numpy==2.0\n-e {HOME}/auditkit\n".encode()
    (folder / "requirements.txt").write_bytes(requirements)
    now = datetime(2026, 11, 22, tzinfo=UTC).isoformat()
    results = Results(
        run=Run(
            id="run-1",
            started=now,
            finished=now,
            seconds=1.0,
            command=["pytest", f"{HOME}/my audits", f"--audit-store={HOME}/a b/store", "-q"],
            exit_status=1,
            evidence={"computed": 0, "found": 0},
        ),
        environment=Environment(
            auditkit="0.1.0",
            python="3.11",
            platform="Linux x86_64",
            packages={},
            device="cpu",
            precision="float32",
            commit="",
            requirements_sha256=sha(requirements),
        ),
        release=[
            Release(model="steady", decision="blocked", why=f"of {SHOWN}.", counts={"error": 1})
        ],
        deviations=Deviations(
            planned=1,
            judged=1,
            deselected=[],
            other_tasks={},
            reruns=False,
            dirty=False,
            stand_ins=[],
        ),
        models=[model()],
        data=[data(card)],
        verdicts=[verdict()],
        audits=[audit(folder, samples(folder))],
        sources=sources(folder, card),
        evidence=evidence(folder),
    )
    (folder / "results.json").write_text(to_json(results), encoding="utf-8")
    (folder / "junit.xml").write_text(
        f'<testsuites><testsuite hostname="ward-7-pc"><testcase name="a"><failure message="{HOME}/x/y: '
        f"O'Neil &amp; Söhne_2\">of {QUOTED}</failure></testcase></testsuite></testsuites>",
        encoding="utf-8",
    )
    (folder / "report.md").write_text(f"{SHOWN}\n")
    (folder / "evidence").mkdir()
    (folder / "evidence" / "a.safetensors").write_bytes(SHOWN.encode())
    write(results, folder)
    seal(results, folder)
    return results


def model():
    return ModelResult(
        model="steady",
        title="Says no",
        task="melanoma",
        stand_in="",
        card=f"{HOME}/cards/steady.model.yaml",
        card_sha256="0" * 64,
        weights_sha256="0" * 64,
        pinned=True,
        format="timm",
        input={},
        output={},
        threshold=0.5,
        licence="",
        source="",
        dossier={},
    )


def data(card):
    return DataResult(
        data="clinic",
        title="Clinic",
        task="melanoma",
        stand_in="",
        card_sha256=read_yaml(card).digest,
        manifest_sha256="0" * 64,
        images=4,
        patients=4,
        labels={"nevus": 4},
        groups={"patient": dict.fromkeys(PATIENTS, 1), "sex": {"f": 4}},
        licence="",
        source="",
        description="",
    )


def content_of(folder):
    """Every byte of a folder, and every name."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return b"\n".join(
        path.relative_to(folder).as_posix().encode() + path.read_bytes() for path in files
    )


def parsed(folder):
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))
