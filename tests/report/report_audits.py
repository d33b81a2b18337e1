"""Six audits made up for the tests: figures of all kinds, tables, examples, hostile text."""

import math
from pathlib import Path

from report_builders import HOSTILE, audit, figure, measurement, picture, series

from auditkit.report.boxes import COLUMNS
from auditkit.results import AuditResult, ExampleResult, Panel, TableResult

ANGLES = [22.5 * i for i in range(16)]


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
            measurement(
                "bit_equal", 0.998, 0.0015, at={"against": "reference"}, unit="share of images"
            )
        ],
        figures=[
            figure(
                "scores",
                "Scores: audited model and XNNPACK kernels",
                [series("images, ordered by score", x, y)],
                x_label="runtime",
                y_label="audited model",
                diagonal=True,
                caption="On the diagonal both answer alike.",
            )
        ],
        tables=[
            TableResult(
                name="agreement",
                title="Agreement",
                columns=["pair", "Pearson r", "bit-equal", "largest difference"],
                rows=[
                    [
                        "audited model and reference kernels",
                        "1.0000 [1.0000, 1.0000]",
                        "0.9980 [0.9926, 0.9998]",
                        "1 step",
                    ],
                    [
                        "audited model and XNNPACK kernels",
                        "0.9991 [0.9989, 0.9993]",
                        "0.8120 [0.7865, 0.8357]",
                        "3 steps",
                    ],
                ],
                caption="Shares are of images, with exact 95 % intervals over patients.",
            )
        ],
    )


def performance() -> AuditResult:
    """ROC curves by skin tone, calibration."""
    x = [i / 120 for i in range(121)]
    tones = {
        "all images": 5.0,
        "skin_tone light": 6.0,
        "skin_tone medium": 5.0,
        "skin_tone dark": 2.6,
    }
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
            measurement(
                "roc_auc",
                0.706,
                0.06,
                at={"skin_tone": "dark"},
                n=330,
                planned=333,
                not_evaluable={"the score is not finite": 3},
            ),
            measurement(
                "roc_auc",
                None,
                at={"skin_tone": "unknown"},
                planned=2,
                not_evaluable={"one class only": 2},
            ),
        ],
        figures=[
            figure(
                "roc",
                "ROC curve",
                curves,
                x_label="1 − specificity",
                y_label="sensitivity",
                diagonal=True,
                caption="Each curve shows all thresholds; the diagonal is chance.",
            ),
            figure(
                "calibration",
                "Calibration",
                [series("observed", bins, [0.12 + 0.72 * b for b in bins], 0.07)],
                x_label="mean predicted probability",
                y_label="observed share of positives",
                diagonal=True,
            ),
        ],
        tables=[
            TableResult(
                name="by_group",
                title="By group",
                columns=["images", "n", "roc auc"],
                rows=rows,
                caption="Estimates with 95 % intervals over patients.",
            ),
            TableResult(
                name="decisions",
                title="Decisions",
                columns=["image", "label", "right"],
                rows=[[f"img-{i:04}", "melanoma", "yes"] for i in range(40)],
                caption="",
            ),
        ],
    )


def light(folder: Path) -> AuditResult:
    """The pink shift: circle, named directions, examples."""
    strong = [
        0.21 * math.cos(math.radians(a)) + 0.04 * math.cos(math.radians(2 * a)) for a in ANGLES
    ]
    weak = [0.3 * value for value in strong]
    words = {"pink": 0.0, "yellow": 90.0, "teal": 180.0, "blue": 270.0}
    measured = [
        measurement(
            "mean_change", value, 0.018 * radius / 20, at={"radius": radius, "angle": angle}
        )
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
            figure(
                "response",
                "Response to a colour shift",
                [
                    series("radius 5", ANGLES, list(weak), 0.006),
                    series("radius 20", ANGLES, list(strong), 0.018),
                ],
                kind="circle",
                zero=True,
                x_label="direction in which the image moves (degrees in the u*, v* plane)",
                y_label="mean change of the score",
                caption="Above zero, images shifted in this direction look more like melanoma. "
                "Bands are 95 % intervals over patients.",
            )
        ],
        tables=[
            TableResult(
                name="directions",
                title="Named directions",
                columns=["towards", "radius", "mean change", "decisions flipped"],
                rows=[
                    [name, radius, "+0.063 [+0.057, +0.069]", "0.142 [0.104, 0.187]"]
                    for name in words
                    for radius in ("5", "20")
                ],
                caption="Estimates with 95 % intervals over patients.",
            )
        ],
        examples=[
            ExampleResult(
                image_id=f"synthetic-{seed:04}",
                title="score +0.31 when shifted towards pink",
                panels=[picture(folder, seed), shifted[seed]],
            )
            for seed in range(4)
        ],
        notes=[
            "Black pixels stay black at every shift.",
            "400 of 1,000 images were shifted: the first ones.",
        ],
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
        "A heatmap that is no better than chance would mislead its readers.",
        paper="Jin et al. (arXiv:2202.10553), section 4.3.1",
        assumes=["reproduction"],
        measurements=[measurement("occlusion.delta_aupc", 0.071, 0.02, at={"fill": "mean"})],
        figures=[
            figure(
                f"{name}_mean",
                f"Removal by {name}, filled with mean",
                [
                    series(name, x, falling, 0.04),
                    series("removed at random", x, random, 0.03, dashed=True),
                ],
            )
            for name in ("occlusion", "gradcam", "integrated-gradients")
        ],
    )


def importance() -> AuditResult:
    """Boxplots and a matrix of twelve concepts, one of them with a hostile name."""
    labels = [*(f"dermoscopic structure {i}" for i in range(11)), HOSTILE]
    places = [float(i) for i in range(len(labels))]
    widths = (-0.09, -0.03, 0.0, 0.04, 0.07)
    boxes = [
        series(name, places, [0.3 / (i + 1) + width for i in range(len(labels))])
        for name, width in zip(COLUMNS, widths, strict=True)
    ]
    boxes.append(series("outliers", [1.0, 4.0], [0.3, -0.1]))
    matrix = [
        series(
            name, places, [49.0 if i == j else math.sin(3 * i + j) for i in range(len(labels))], 2
        )
        for j, name in enumerate(labels)
    ]
    concept = {"labels": labels, "x_label": "concept"}
    return audit(
        "concepts",
        "depict",
        "It does not rest on what says nothing about the lesion",
        "A model that reads the tint of the light is a model of the light.",
        measurements=[measurement("importance[tint]", 0.31, 0.02)],
        figures=[
            figure("permutations", "Importance", boxes, kind="boxes", zero=True, **concept),
            figure("changes", "Changes", matrix, kind="matrix", reach=50.0, **concept),
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
            figure(
                "coverage", "Coverage", [series(HOSTILE, [0.0, 1.0], [0.1, 0.2])], x_label=HOSTILE
            ),
        ],
        tables=[
            TableResult(
                name="t",
                title=HOSTILE,
                columns=[HOSTILE, "n"],
                rows=[[HOSTILE, "1"]],
                caption=HOSTILE,
            )
        ],
        examples=[ExampleResult(image_id=HOSTILE, title=HOSTILE, panels=[again, lost, outside])],
        notes=[HOSTILE],
    )
