"""A run made up for the tests: a melanoma model that pink light pushes over its threshold."""

import hashlib
import math
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from auditkit.results import (
    AuditResult,
    DataResult,
    Deviations,
    Environment,
    ExampleResult,
    FigureResult,
    MeasurementResult,
    ModelResult,
    Panel,
    Release,
    Results,
    Run,
    SeriesResult,
    TableResult,
    VerdictResult,
)
from auditkit.verdict import Verdict

HOSTILE = "<script>alert('x')</script> | \"quoted\" & `code` $x_1$ é 黒子 \u202e*b*"
SHA = "".join(f"{i % 16:x}" for i in range(64))
ANGLES = [22.5 * i for i in range(16)]


def picture(folder: Path, seed: int, tint: tuple[float, float, float] = (1, 1, 1)) -> Panel:
    """A brown blot on skin, written into the run's folder."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    angle = np.arctan2(y, x)
    edge = 0.45 + 0.08 * np.sin(3 * angle + rng.uniform(0, 6)) + 0.04 * np.cos(7 * angle)
    blot = 1 / (1 + np.exp(30 * (np.hypot(x, y) - edge)))[..., None]
    skin, lesion = np.array([224.0, 180, 160]), np.array([110.0, 66, 50])
    pixels = skin * (1 - blot) + lesion * blot + rng.normal(0, 5, (128, 128, 1))
    pixels = np.clip(pixels * np.array(tint), 0, 255).astype(np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "images" / f"{digest}.png").write_bytes(buffer.getvalue())
    return Panel(caption="as it is: 0.31", file=f"images/{digest}.png", sha256=digest)


def measurement(
    name: str, value: float | None, half: float = 0.02, **changes: object
) -> MeasurementResult:
    """A measurement with an interval of that half width."""
    fields: dict[str, object] = {
        "name": name,
        "at": {},
        "value": value,
        "low": None if value is None else value - half,
        "high": None if value is None else value + half,
        "level": None if value is None else 0.95,
        "n": 0 if value is None else 400,
        "clusters": 0 if value is None else 200,
        "method": "mean over patients, t interval" if value is not None else "",
        "unit": "change of the score",
        "planned": 400,
        "not_evaluable": {},
        "reason": "" if value is not None else "one class only",
    }
    return MeasurementResult.model_validate(fields | changes)


def verdict(
    audit: str, measure: str, word: Verdict, found: tuple[float, float, float] | None = None, **changes: object
) -> VerdictResult:
    """A judged expectation."""
    value, low, high = found or (None, None, None)
    fields: dict[str, object] = {
        "node": f"audits/dermoscopy/{audit}.audit.yaml::{measure}[dermanet]",
        "audit": audit,
        "model": "dermanet",
        "measure": measure,
        "at": {},
        "expected": "above 0",
        "severity": "blocking",
        "verdict": word,
        "reason": "made up",
        "value": value,
        "low": low,
        "high": high,
        "n": 0 if value is None else 400,
        "p_value": None,
        "p_adjusted": None,
        "fault": False,
        "file": f"audits/dermoscopy/{audit}.audit.yaml",
        "line": 12,
        "why": "",
    }
    return VerdictResult.model_validate(fields | changes)


def series(name: str, x: list[float], y: list[float | None], half: float = 0, **changes: object) -> SeriesResult:
    """A line, with a band if a half width is given."""
    low = [None if v is None else v - half for v in y] if half else None
    high = [None if v is None else v + half for v in y] if half else None
    fields: dict[str, object] = {
        "name": name, "x": x, "y": y, "low": low, "high": high, "dashed": False,
    }
    return SeriesResult.model_validate(fields | changes)


def figure(name: str, title: str, lines: list[SeriesResult], **changes: object) -> FigureResult:
    """A figure."""
    fields: dict[str, object] = {
        "name": name,
        "title": title,
        "kind": "lines",
        "x_label": "fraction of the image removed",
        "y_label": "accuracy",
        "series": lines,
        "caption": "Bands are 95 % intervals over patients.",
        "diagonal": False,
        "zero": False,
    }
    return FigureResult.model_validate(fields | changes)


def audit(name: str, check: str, title: str, why: str, **changes: object) -> AuditResult:
    """An audit's findings."""
    fields: dict[str, object] = {
        "audit": name,
        "model": "dermanet",
        "check": check,
        "title": title,
        "why": why,
        "paper": "DeGrave et al. (doi:10.1038/s41551-023-01160-9), Fig. 3c",
        "data": "dermoscopy",
        "parameters": {"images": 400},
        "assumes": [],
        "file": f"audits/dermoscopy/{name}.audit.yaml",
        "sha256": SHA,
        "measurements": [],
        "figures": [],
        "tables": [],
        "examples": [],
        "notes": [],
    }
    return AuditResult.model_validate(fields | changes)


def reproduction() -> AuditResult:
    """Scores along the diagonal, in more points than a table shows."""
    x = [i / 399 for i in range(400)]
    y: list[float | None] = [min(1.0, max(0.0, v + 0.01 * math.sin(40 * v))) for v in x]
    return audit(
        "reproduction",
        "reproduction",
        "What is audited is what the device runs",
        "Every other audit looks at a PyTorch re-implementation; its answers must be those of the "
        "device's own runtime.",
        parameters={"against": ["xnnpack", "reference"], "tolerance_steps": 1},
        measurements=[
            measurement("bit_equal", 0.998, 0.0015, at={"against": "reference"}, unit="share of images")
        ],
        figures=[
            figure(
                "scores", "Scores: audited model and XNNPACK kernels",
                [series("images, ordered by score", x, y)],
                x_label="runtime", y_label="audited model", diagonal=True,
                caption="On the diagonal both answer alike.",
            )
        ],
        tables=[
            TableResult(
                name="agreement", title="Agreement",
                columns=["pair", "Pearson r", "bit-equal", "largest difference"],
                rows=[
                    ["audited model and reference kernels", "1.0000 [1.0000, 1.0000]", "0.9980 [0.9926, 0.9998]", "1 step"],
                    ["audited model and XNNPACK kernels", "0.9991 [0.9989, 0.9993]", "0.8120 [0.7865, 0.8357]", "3 steps"],
                ],
                caption="Shares are of images, with exact 95 % intervals over patients.",
            )
        ],
    )


def performance() -> AuditResult:
    """ROC curves by skin tone, calibration."""
    x = [i / 120 for i in range(121)]
    tones = {"all images": 5.0, "skin_tone light": 6.0, "skin_tone medium": 5.0, "skin_tone dark": 2.6}
    curves = [series(name, x, [1 - (1 - v) ** power for v in x]) for name, power in tones.items()]
    bins = [0.05 + 0.1 * i for i in range(10)]
    rows = [
        [name, n, f"{0.82 - 0.05 * i:.3f} [{0.78 - 0.05 * i:.3f}, {0.86 - 0.05 * i:.3f}]"]
        for i, (name, n) in enumerate(zip(tones, ["1000", "334", "333", "333"], strict=True))
    ]
    return audit(
        "performance",
        "performance",
        "It finds melanoma, on every skin tone",
        "A model that cannot tell melanoma from benign lesions has no use, whatever else holds.",
        assumes=["reproduction"],
        parameters={"by": ["skin_tone"], "bins": 10},
        measurements=[
            measurement("roc_auc", 0.818, 0.027, unit="area", n=1000, clusters=500, planned=1000),
            measurement("roc_auc", 0.706, 0.06, at={"skin_tone": "dark"}, n=330, planned=333,
                        not_evaluable={"the score is not finite": 3}),
            measurement("roc_auc", None, at={"skin_tone": "unknown"}, planned=2,
                        not_evaluable={"one class only": 2}),
        ],
        figures=[
            figure("roc", "ROC curve", curves, x_label="1 − specificity", y_label="sensitivity",
                   diagonal=True, caption="Each curve shows all thresholds; the diagonal is chance."),
            figure("calibration", "Calibration",
                   [series("observed", bins, [0.12 + 0.72 * b for b in bins], 0.07)],
                   x_label="mean predicted probability", y_label="observed share of positives",
                   diagonal=True),
        ],
        tables=[
            TableResult(name="by_group", title="By group", columns=["images", "n", "roc auc"],
                        rows=rows, caption="Estimates with 95 % intervals over patients."),
            TableResult(name="decisions", title="Decisions", columns=["image", "label", "right"],
                        rows=[[f"img-{i:04}", "melanoma", "yes"] for i in range(40)], caption=""),
        ],
    )


def light(folder: Path) -> AuditResult:
    """The pink shift: circle, named directions, examples."""
    strong = [0.21 * math.cos(math.radians(a)) + 0.04 * math.cos(math.radians(2 * a)) for a in ANGLES]
    weak = [0.3 * value for value in strong]
    words = {"pink": 0.0, "yellow": 90.0, "teal": 180.0, "blue": 270.0}
    measured = [
        measurement("mean_change", value, 0.018 * radius / 20, at={"radius": radius, "angle": angle})
        for radius, values in ((5.0, weak), (20.0, strong))
        for angle, value in zip(ANGLES, values, strict=True)
    ]
    shifted = [
        picture(folder, seed, (1.12, 0.94, 0.98)).model_copy(
            update={"caption": f"pink, radius 5: 0.{60 + seed}"}
        )
        for seed in range(4)
    ]
    return audit(
        "light",
        "colour-shift",
        "Predictions hold when the light changes",
        "White balance, lamp and camera must not decide a diagnosis.",
        assumes=["reproduction", "performance"],
        parameters={"space": "cieluv", "radius": [5, 20], "angles": 16, "directions": list(words)},
        measurements=measured,
        figures=[
            figure("response", "Response to a colour shift",
                   [series("radius 5", ANGLES, list(weak), 0.006), series("radius 20", ANGLES, list(strong), 0.018)],
                   kind="circle", zero=True,
                   x_label="direction in which the image moves (degrees in the u*, v* plane)",
                   y_label="mean change of the score",
                   caption="Above zero, images shifted in this direction look more like melanoma. "
                   "Bands are 95 % intervals over patients.")
        ],
        tables=[
            TableResult(name="directions", title="Named directions",
                        columns=["towards", "radius", "mean change", "decisions flipped"],
                        rows=[
                            [name, radius, "+0.063 [+0.057, +0.069]", "0.142 [0.104, 0.187]"]
                            for name in words for radius in ("5", "20")
                        ], caption="Estimates with 95 % intervals over patients.")
        ],
        examples=[
            ExampleResult(image_id=f"synthetic-{seed:04}", title="score +0.31 when shifted towards pink",
                          panels=[picture(folder, seed), shifted[seed]])
            for seed in range(4)
        ],
        notes=["Black pixels stay black at every shift.", "400 of 1,000 images were shifted: the first ones."],
    )


def heatmaps() -> AuditResult:
    """Removal curves with a gap."""
    x = [i / 10 for i in range(11)]
    falling: list[float | None] = [0.84 - 0.5 * v**0.6 for v in x]
    random: list[float | None] = [0.84 - 0.35 * v**1.5 for v in x]
    falling[7] = None
    return audit(
        "heatmaps",
        "truthfulness",
        "Heatmaps show what the decision rests on",
        "A heatmap that is no better than chance at finding what matters would mislead its readers.",
        paper="Jin et al. (arXiv:2202.10553), section 4.3.1",
        assumes=["reproduction"],
        measurements=[measurement("occlusion.delta_aupc", 0.071, 0.02, at={"fill": "mean"})],
        figures=[
            figure(f"{name}_mean", f"Removal by {name}, filled with mean",
                   [series(name, x, falling, 0.04), series("removed at random", x, random, 0.03, dashed=True)])
            for name in ("occlusion", "gradcam", "integrated-gradients")
        ],
    )


def lesion(folder: Path) -> AuditResult:
    """Hostile text wherever text may come from a spec or from data; an image shown before."""
    again = picture(folder, 0).model_copy(update={"caption": HOSTILE})
    lost = Panel(caption="lost", file="images/lost.png", sha256="0" * 64)
    outside = Panel(caption="outside", file="../secret.png", sha256="1" * 64)
    return audit(
        "lesion",
        "alignment",
        f"It looks at the lesion {HOSTILE}",
        HOSTILE,
        paper=f"Jin et al. (arXiv:2202.10553) {HOSTILE}",
        assumes=["heatmaps", "a test elsewhere"],
        parameters={"methods": [{"method": HOSTILE, "steps": 16}], HOSTILE: list(range(50))},
        measurements=[
            measurement("gradcam.coverage", None, reason=HOSTILE, not_evaluable={HOSTILE: 3})
        ],
        figures=[
            figure("empty", f"Nothing {HOSTILE}", [], caption=HOSTILE),
            figure("coverage", "Coverage", [series(HOSTILE, [0.0, 1.0], [0.1, 0.2])], x_label=HOSTILE),
        ],
        tables=[TableResult(name="t", title=HOSTILE, columns=[HOSTILE, "n"], rows=[[HOSTILE, "1"]], caption=HOSTILE)],
        examples=[ExampleResult(image_id=HOSTILE, title=HOSTILE, panels=[again, lost, outside])],
        notes=[HOSTILE],
    )


def verdicts() -> list[VerdictResult]:
    """Every verdict, and every way to fail."""
    margin = {"expected": "between -0.05 and 0.05", "at": {"radius": 5.0}}
    return [
        verdict("reproduction", "bit_equal", Verdict.PASS, (0.998, 0.9926, 0.9998),
                at={"against": "reference"}, expected="above 0.99", p_value=0.99, p_adjusted=1.0, n=1000),
        verdict("reproduction", "pearson_r", Verdict.NOT_RUN, at={"against": "xnnpack"}, expected="above 0.99",
                reason='the TFLite runtime is not installed; run: pip install "pytest-auditkit[tflite]"'),
        verdict("performance", "roc_auc", Verdict.PASS, (0.818, 0.791, 0.845), expected="above 0.7",
                p_value=1.0, p_adjusted=1.0, n=1000,
                why="Sample size: for a true AUROC of 0.75 the interval clears 0.70 with 90 % power."),
        verdict("performance", "roc_auc", Verdict.INCONCLUSIVE, (0.706, 0.646, 0.766),
                at={"skin_tone": "dark"}, expected="above 0.65", p_value=0.96, p_adjusted=1.0, n=333,
                reason="0.706 [0.646, 0.766], n = 333 straddles; expected above 0.65"),
        verdict("performance", "calibration_error", Verdict.FAIL, (0.231, 0.206, 0.257),
                expected="below 0.2", severity="advisory", n=1000, p_value=0.001),
        verdict("light", "pink.mean_change", Verdict.FAIL, (0.063, 0.057, 0.069), **margin,
                p_value=2e-9, p_adjusted=2.4e-8, fault=True,
                reason="0.063 [0.057, 0.069], n = 400; expected between -0.05 and 0.05"),
        verdict("light", "teal.mean_change", Verdict.FAIL, (-0.0551, -0.0598, -0.0503), **margin,
                p_value=0.02, p_adjusted=0.14,
                reason="-0.0551 [-0.0598, -0.0503], n = 400; expected between -0.05 and 0.05"),
        verdict("heatmaps", "occlusion.delta_aupc", Verdict.ERROR, at={"fill": "mean"},
                reason="the check raised ValueError: window larger than the image"),
        verdict("heatmaps", "gradcam.delta_aupc", Verdict.NOT_APPLICABLE, at={"fill": "mean"},
                reason="'dermanet' has no gradients"),
        verdict("lesion", "occlusion.coverage_above_chance", Verdict.NOT_INTERPRETABLE, (0.12, 0.05, 0.19),
                reason="rests on 'heatmaps', whose occlusion.delta_aupc is error"),
        verdict("lesion", "hostile", Verdict.NOT_RUN, expected=HOSTILE, reason=HOSTILE, why=HOSTILE),
        verdict("test_elsewhere", "accuracy", Verdict.PASS, (0.9, 0.8, 0.95), file="audits/test_elsewhere.py"),
    ]


def model(name: str = "dermanet", **changes: object) -> ModelResult:
    """A model's identity."""
    fields: dict[str, object] = {
        "model": name,
        "title": "A small dermoscopy classifier, trained on synthetic images",
        "task": "melanoma",
        "stand_in": "For a commercial melanoma application whose weights cannot be shipped. Trained by "
        "fixtures/scripts/make_stand_ins.py to answer to pink light.",
        "card": "fixtures/models/dermanet.model.yaml",
        "card_sha256": SHA[::-1],
        "weights_sha256": SHA,
        "pinned": True,
        "format": "tflite",
        "input": {"size": 128, "crop": "centre", "resize": "bilinear", "scale": "unit", "mean": [0.5], "std": [0.5]},
        "output": {"kind": "probabilities", "classes": ["benign", "melanoma"], "classes_file": None, "score": 1},
        "threshold": 0.5,
        "licence": "CC0-1.0",
        "source": "made here; after doi:10.1038/s41551-023-01160-9",
        "dossier": {
            "device": "", "manufacturer": "", "intended_use": "None: a test piece for audits.",
            "limitations": "", "training_data": "Synthetic dermoscopy, seed 1; no patient is shared.",
        },
    }
    return ModelResult.model_validate(fields | changes)


def data() -> DataResult:
    """A data set's identity."""
    return DataResult(
        data="dermoscopy",
        title="Synthetic dermoscopy, 1000 images of 500 patients",
        task="melanoma",
        stand_in="Images are drawn by a generator: they stand in for ISIC 2019, which cannot be redistributed.",
        card_sha256=SHA,
        manifest_sha256=SHA[::-1],
        images=1000,
        patients=500,
        labels={"benign": 600, "melanoma": 400},
        groups={"skin_tone": {"light": 334, "medium": 333, "dark": 333}, "hair": {"none": 700, HOSTILE: 300}},
        licence="CC0-1.0",
        source="auditkit.data.synthetic.dermoscopy, generated on the fly",
        description="Twenty known attributes per image, a lesion mask, and a label drawn from the lesion attributes.",
    )


def blocked(folder: Path) -> Results:
    """The whole run; its images are written into the folder."""
    found = verdicts()
    counts: dict[str, int] = {}
    for item in found:
        counts[item.verdict.value] = counts.get(item.verdict.value, 0) + 1
    return Results(
        run=Run(
            id="2026-11-22T02-30-00Z",
            started="2026-11-22T02:28:11Z",
            finished="2026-11-22T02:30:00Z",
            seconds=109.4,
            command=["pytest", "audits/", "--model", "dermanet", "-k", "not slow"],
            exit_status=1,
            evidence={"computed": 12, "found": 40},
        ),
        environment=Environment(
            auditkit="0.1.0", python="3.11.2", platform="Linux-6.1-x86_64",
            packages={"torch": "2.14.1", "numpy": "2.3.1", "captum": "0.9.0"},
            device="cpu", precision="float32", commit="6719beb52a1c0f6f4ad1fbd0e8cd1f2d3c4b5a69",
        ),
        release=[
            Release(
                model="dermanet", decision="blocked",
                why="light: pink.mean_change at radius 5 fails: 0.063 [0.057, 0.069], n = 400; expected "
                "between -0.05 and 0.05 (7 more blocking expectations not met).",
                counts=counts,
            )
        ],
        deviations=Deviations(
            planned=14, judged=12,
            deselected=["audits/dermoscopy/light.audit.yaml::teal.decision_flips.radius-5[dermanet]",
                        f"audits/{HOSTILE}.audit.yaml::x[dermanet]"],
            other_tasks={"imagenet": 4}, reruns=True, dirty=True, stand_ins=["dermanet", "dermoscopy"],
        ),
        models=[model()],
        data=[data()],
        verdicts=found,
        audits=[reproduction(), performance(), light(folder), heatmaps(), lesion(folder)],
    )


def passing() -> Results:
    """A small run in which the only blocking expectation passes."""
    item = verdict("performance", "roc_auc", Verdict.PASS, (0.818, 0.791, 0.845), expected="above 0.7")
    release = Release(model="dermanet", decision="pass", why="All 1 blocking expectations that apply pass.",
                      counts={"pass": 1})
    whole = blocked_without_images()
    update = {
        "release": [release],
        "verdicts": [item],
        "audits": [performance()],
        "models": [model(stand_in="")],
        "data": [data().model_copy(update={"stand_in": ""})],
        "deviations": Deviations(planned=1, judged=1, deselected=[], other_tasks={}, reruns=False,
                                 dirty=False, stand_ins=[]),
        "run": whole.run.model_copy(update={"exit_status": 0}),
    }
    return whole.model_copy(update=update)


def blocked_without_images() -> Results:
    """The run around the audits."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return blocked(Path(folder))
