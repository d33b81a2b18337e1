"""A run made up for the tests: sixteen heatmap methods of a glioma model under five guidelines."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import report_samples
from report_builders import audit, measurement, picture, verdict

from auditkit.results import AuditResult, ExampleResult, Results, VerdictResult
from auditkit.verdict import Verdict

METHODS = (
    "gradient",
    "input-x-gradient",
    "guided-backprop",
    "deconvolution",
    "gradcam",
    "guided-gradcam",
    "deeplift",
    "integrated-gradients",
    "gradient-shap",
    "smoothgrad",
    "occlusion",
    "feature-ablation",
    "feature-permutation",
    "shapley-sampling",
    "kernel-shap",
    "lime",
)
MIXED = (
    Verdict.PASS,
    Verdict.FAIL,
    Verdict.INCONCLUSIVE,
    Verdict.NOT_INTERPRETABLE,
    Verdict.NOT_RUN,
    Verdict.NOT_APPLICABLE,
    Verdict.ERROR,
)
GRID = {"modalities": ["t1", "t1c", "t2", "flair"], "size": [24, 24, 24], "crop": None}
PREPARED = {"scale": "foreground", "mean": [0.0], "std": [1.0], "given_as": "stacked"}


def asked(
    name: str, measure: str, word: Verdict, *guidelines: str, **changes: object
) -> VerdictResult:
    """An expectation about guidelines."""
    found = (0.12, 0.05, 0.19) if word in (Verdict.PASS, Verdict.FAIL) else None
    return verdict(name, measure, word, found, guidelines=list(guidelines), **changes)


def found(
    name: str, *guidelines: str, methods: Sequence[str] = (), controls: Sequence[str] = ()
) -> AuditResult:
    """An audit about guidelines."""
    parameters = {
        "methods": [{"method": method, "name": ""} for method in methods],
        "controls": [{"method": control, "name": ""} for control in controls],
    }
    return audit(
        name,
        name,
        f"Audit {name}",
        "For the tests.",
        guidelines=list(guidelines),
        parameters=parameters,
        measurements=[measurement(f"{method}.delta_aupc", 0.1) for method in methods[:3]],
        paper="Jin et al., arXiv:2202.10553",
    )


def run(
    verdicts: Sequence[VerdictResult] = (), audits: Sequence[AuditResult] = (), **changes: object
) -> Results:
    """A run of these alone."""
    update = {"verdicts": list(verdicts), "audits": list(audits), **changes}
    return report_samples.passing().model_copy(update=update)


def sliced(folder: Path, case: str, modalities: int = 4) -> ExampleResult:
    """Two rows of pictures and a legend."""
    panels = [
        picture(folder, 10 + i, (0.8, 0.8, 0.8)).model_copy(
            update={"caption": f"t1c, slice {9 + i} of 24 ({what})"}
        )
        for i, what in enumerate(["largest mask"] * modalities + ["most heat"] * modalities)
    ]
    panels.append(picture(folder, 40).model_copy(update={"caption": "positive heat"}))
    title = "gradcam: MSFI 0.82, decided right"
    return ExampleResult(image_id=case, title=title, panels=panels, columns=modalities)


def sixteen(folder: Path) -> Results:
    """Mixed verdicts on sixteen methods, one assessment, no ratings."""
    rng = np.random.default_rng(0)
    about = {"truthfulness": "G3", "informative-plausibility": "G4", "efficiency": "G5"}
    verdicts = [asked("assessment", "understandable", Verdict.PASS, "G1")]
    verdicts += [asked("assessment", "relevant", Verdict.INCONCLUSIVE, "G2")]
    verdicts += [asked("truthfulness", "random-map.delta_aupc", Verdict.FAIL, "G3")]
    for name, guideline in about.items():
        for i, method in enumerate(METHODS):
            word = MIXED[int(rng.integers(len(MIXED)))] if i % 3 else Verdict.PASS
            if name == "efficiency" and method == "lime":
                continue
            if name == "informative-plausibility" and i % 4 == 0:
                word = Verdict.PASS
            verdicts.append(asked(name, f"{method}.measure", word, guideline))
    examples = [sliced(folder, f"case-{i}") for i in range(3)]
    audits = [
        found("truthfulness", "G3", methods=METHODS, controls=["random-map"]),
        found("informative-plausibility", "G4", methods=METHODS).model_copy(
            update={"examples": examples}
        ),
        found("assessment", "G1", "G2"),
    ]
    models = [report_samples.model(input=GRID | PREPARED, format="volume-cnn")]
    return run(verdicts, audits, models=models)
