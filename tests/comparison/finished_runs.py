"""Folders of finished runs, written as a run writes them, for tests to change what they are about."""

import numpy as np

from auditkit.findings import Measurement
from auditkit.release import with_holm
from auditkit.results import (
    AuditResult,
    DataResult,
    Deviations,
    Environment,
    ModelResult,
    Release,
    Results,
    Run,
    SampleFile,
    VerdictResult,
    measurement_result,
    to_json,
)
from auditkit.results.samples import samples_file, samples_name
from auditkit.spec.declaration import Measure
from auditkit.stats import Sample, auroc, mean
from auditkit.verdict import Verdict

SHA = "5" * 64
LABELS = np.arange(400) % 2
_UNIT = dict.fromkeys(("roc_auc", "accuracy", "sensitivity", "specificity"), "higher")
_NEITHER = dict.fromkeys(["m", "twice", "log_odds", "pr_auc"])
MEASURES = {
    name: Measure("unit", (0.0, 1.0), "", better=better)
    for name, better in (_UNIT | _NEITHER | {"brier": "lower"}).items()
}
IMAGES = [f"digest-{i:03}" for i in range(400)]
PATIENTS = [f"Jane Doe {i // 2}" for i in range(400)]


def scores(worse=0.0, seed=0, noise=0.2):
    """Scores of a release: those of two releases are correlated, since the images are the same."""
    shared = np.random.default_rng(1).normal(size=400)
    return (1.5 - worse) * LABELS + shared + noise * np.random.default_rng(seed).normal(size=400)


def auroc_measurement(values, name="roc_auc", **changes):
    sample = Sample("auroc", IMAGES, PATIENTS, np.asarray(values, dtype=float), LABELS)
    found = auroc(LABELS, values, PATIENTS, replicates=200)
    given = {"bounds": (0.0, 1.0), "planned": 400, "sample": sample} | changes
    return Measurement(name, {}, found, "proportion", **given)


def mean_measurement(values, name="brier", bounds=(0.0, 1.0), **changes):
    sample = Sample("mean", IMAGES, PATIENTS, np.asarray(values, dtype=float))
    given = {"bounds": bounds, "planned": 400, "sample": sample} | changes
    return Measurement(name, {}, mean(values, PATIENTS, bounds=bounds), "unit", **given)


def verdict(measure, word, audit="performance", model="net", severity="blocking", **changes):
    fields = {
        "node": f"audits/{audit}.audit.yaml::{audit}.{measure}[{model}]",
        "audit": audit,
        "model": model,
        "measure": measure,
        "at": {},
        "expected": "above 0.7",
        "severity": severity,
        "verdict": Verdict(word),
        "reason": "made up",
        "value": None,
        "low": None,
        "high": None,
        "n": 0,
        "p_value": None,
        "p_adjusted": None,
        "fault": False,
        "file": f"audits/{audit}.audit.yaml",
        "line": 5,
        "why": "",
    }
    return VerdictResult.model_validate(fields | changes)


def model(name="net", **changes):
    fields = {
        "model": name,
        "title": "",
        "task": "melanoma",
        "stand_in": "",
        "card": f"{name}.model.yaml",
        "card_sha256": SHA,
        "weights_sha256": SHA,
        "pinned": True,
        "format": "timm",
        "input": {"size": 64},
        "output": {"score": 1},
        "threshold": 0.5,
        "licence": "",
        "source": "",
        "dossier": {},
    }
    return ModelResult.model_validate(fields | changes)


def data(**changes):
    fields = {
        "data": "lesions",
        "title": "",
        "task": "melanoma",
        "stand_in": "",
        "card_sha256": SHA,
        "manifest_sha256": SHA,
        "images": 400,
        "patients": 200,
        "labels": {},
        "groups": {},
        "licence": "",
        "source": "",
        "description": "",
    }
    return DataResult.model_validate(fields | changes)


def audit(folder, measurements, name="performance", of="net", measures=MEASURES, **changes):
    """An audit's findings; its samples are written into the folder."""
    content = samples_file(name, of, "lesions", measurements, measures)
    samples = None
    if content is not None:
        file, digest = samples_name(content)
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
        samples = SampleFile(file=file, sha256=digest)
    fields = {
        "audit": name,
        "model": of,
        "check": "performance",
        "title": "",
        "why": "",
        "paper": "",
        "data": "lesions",
        "parameters": {},
        "assumes": [],
        "file": f"audits/{name}.audit.yaml",
        "sha256": SHA,
        "measurements": [measurement_result(m) for m in measurements],
        "figures": [],
        "tables": [],
        "examples": [],
        "notes": [],
        "samples": samples,
    }
    return AuditResult.model_validate(fields | changes)


def run(folder, audits, verdicts, models=None, **changes):
    """A run's folder with its results.json."""
    fields = {
        "run": Run(
            id=folder.name,
            started="2026-11-22T02:28:11Z",
            finished="2026-11-22T02:30:00Z",
            seconds=1.0,
            command=["pytest"],
            exit_status=0,
            evidence={},
        ),
        "environment": Environment(
            auditkit="0.1.0",
            python="3.11.7",
            platform="Linux",
            packages={"numpy": "2.4.6", "torch": "2.14.1"},
            device="cpu",
            precision="float32",
            commit="abc",
        ),
        "release": [Release(model="net", decision="pass", why="", counts={})],
        "deviations": Deviations(
            planned=1,
            judged=1,
            deselected=[],
            other_tasks={},
            reruns=False,
            dirty=False,
            stand_ins=[],
        ),
        "models": models or [model()],
        "data": [data()],
        "verdicts": with_holm(verdicts),
        "audits": audits,
    }
    folder.mkdir(parents=True, exist_ok=True)
    results = Results(**(fields | changes))
    (folder / "results.json").write_text(to_json(results), encoding="utf-8")
    return folder


def simple(folder, values, word="pass", of="net", **changes):
    """A run of one audit with one blocking expectation on its AUROC."""
    found = audit(folder, [auroc_measurement(values)], of=of)
    return run(folder, [found], [verdict("roc_auc", word, model=of)], **changes)
