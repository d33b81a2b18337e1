"""A run made up for the tests: a melanoma model that pink light pushes over its threshold."""

from pathlib import Path

from report_audits import heatmaps, importance, lesion, light, performance, reproduction
from report_builders import HOSTILE, SHA, verdict

from auditkit.results import (
    DataResult,
    Deviations,
    Environment,
    ModelResult,
    Release,
    Results,
    Run,
    VerdictResult,
)
from auditkit.verdict import Verdict


def verdicts() -> list[VerdictResult]:
    """Every verdict, and every way to fail."""
    margin = {"expected": "between -0.05 and 0.05", "at": {"radius": 5.0}}
    return [
        verdict(
            "reproduction",
            "bit_equal",
            Verdict.PASS,
            (0.998, 0.9926, 0.9998),
            at={"against": "reference"},
            expected="above 0.99",
            p_value=0.99,
            p_adjusted=1.0,
            n=1000,
        ),
        verdict(
            "reproduction",
            "pearson_r",
            Verdict.NOT_RUN,
            at={"against": "xnnpack"},
            expected="above 0.99",
            reason='the TFLite runtime is not installed; run: pip install "x[tflite]"',
        ),
        verdict(
            "performance",
            "roc_auc",
            Verdict.PASS,
            (0.818, 0.791, 0.845),
            expected="above 0.7",
            p_value=1.0,
            p_adjusted=1.0,
            n=1000,
            why="Sample size: for a true AUROC of 0.75 the interval clears 0.70 with 90 % power.",
        ),
        verdict(
            "performance",
            "roc_auc",
            Verdict.INCONCLUSIVE,
            (0.706, 0.646, 0.766),
            at={"skin_tone": "dark"},
            expected="above 0.65",
            p_value=0.96,
            p_adjusted=1.0,
            n=333,
            reason="0.706 [0.646, 0.766], n = 333 straddles; expected above 0.65",
        ),
        verdict(
            "performance",
            "calibration_error",
            Verdict.FAIL,
            (0.231, 0.206, 0.257),
            expected="below 0.2",
            severity="advisory",
            n=1000,
            p_value=0.001,
        ),
        verdict(
            "light",
            "pink.mean_change",
            Verdict.FAIL,
            (0.063, 0.057, 0.069),
            **margin,
            p_value=2e-9,
            p_adjusted=2.4e-8,
            fault=True,
            reason="0.063 [0.057, 0.069], n = 400; expected between -0.05 and 0.05",
        ),
        verdict(
            "light",
            "teal.mean_change",
            Verdict.FAIL,
            (-0.0551, -0.0598, -0.0503),
            **margin,
            p_value=0.02,
            p_adjusted=0.14,
            reason="-0.0551 [-0.0598, -0.0503], n = 400; expected between -0.05 and 0.05",
        ),
        verdict(
            "heatmaps",
            "occlusion.delta_aupc",
            Verdict.ERROR,
            at={"fill": "mean"},
            reason="the check raised ValueError: window larger than the image",
        ),
        verdict(
            "heatmaps",
            "gradcam.delta_aupc",
            Verdict.NOT_APPLICABLE,
            at={"fill": "mean"},
            reason="'dermanet' has no gradients",
        ),
        verdict(
            "lesion",
            "occlusion.coverage_above_chance",
            Verdict.NOT_INTERPRETABLE,
            (0.12, 0.05, 0.19),
            reason="rests on 'heatmaps', whose occlusion.delta_aupc is error",
        ),
        verdict(
            "lesion", "hostile", Verdict.NOT_RUN, expected=HOSTILE, reason=HOSTILE, why=HOSTILE
        ),
        verdict(
            "test_elsewhere",
            "accuracy",
            Verdict.PASS,
            (0.9, 0.8, 0.95),
            file="audits/test_elsewhere.py",
        ),
    ]


def model(name: str = "dermanet", **changes: object) -> ModelResult:
    """A model's identity."""
    fields: dict[str, object] = {
        "model": name,
        "title": "A small dermoscopy classifier, trained on synthetic images",
        "task": "melanoma",
        "stand_in": "For a commercial application whose weights cannot be shipped. Trained by "
        "fixtures/scripts/make_stand_ins.py to answer to pink light.",
        "card": "fixtures/models/dermanet.model.yaml",
        "card_sha256": SHA[::-1],
        "weights_sha256": SHA,
        "pinned": True,
        "format": "tflite",
        "input": {
            "size": 128,
            "crop": "centre",
            "resize": "bilinear",
            "scale": "unit",
            "mean": [0.5],
            "std": [0.5],
        },
        "output": {
            "kind": "probabilities",
            "classes": ["benign", "melanoma"],
            "classes_file": None,
            "score": 1,
        },
        "threshold": 0.5,
        "licence": "CC0-1.0",
        "source": "made here; after doi:10.1038/s41551-023-01160-9",
        "dossier": {
            "device": "",
            "manufacturer": "",
            "intended_use": "None: a test piece for audits.",
            "limitations": "",
            "training_data": "Synthetic dermoscopy, seed 1; no patient is shared.",
        },
    }
    return ModelResult.model_validate(fields | changes)


def data() -> DataResult:
    """A data set's identity."""
    return DataResult(
        data="dermoscopy",
        title="Synthetic dermoscopy, 1000 images of 500 patients",
        task="melanoma",
        stand_in="Images are drawn by a generator: they stand in for ISIC 2019.",
        card_sha256=SHA,
        manifest_sha256=SHA[::-1],
        images=1000,
        patients=500,
        labels={"benign": 600, "melanoma": 400},
        groups={
            "skin_tone": {"light": 334, "medium": 333, "dark": 333},
            "hair": {"none": 700, HOSTILE: 300},
        },
        licence="CC0-1.0",
        source="auditkit.data.synthetic.dermoscopy, generated on the fly",
        description="Twenty known attributes per image, a lesion mask, and a drawn label.",
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
            auditkit="0.1.0",
            python="3.11.2",
            platform="Linux-6.1-x86_64",
            packages={"torch": "2.14.1", "numpy": "2.3.1", "captum": "0.9.0"},
            device="cpu",
            precision="float32",
            commit="6719beb52a1c0f6f4ad1fbd0e8cd1f2d3c4b5a69",
        ),
        release=[
            Release(
                model="dermanet",
                decision="blocked",
                why="light: pink.mean_change at radius 5 fails: 0.063 [0.057, 0.069], n = 400; "
                "expected between -0.05 and 0.05 (7 more blocking expectations not met).",
                counts=counts,
            )
        ],
        deviations=Deviations(
            planned=14,
            judged=12,
            deselected=[
                "audits/dermoscopy/light.audit.yaml::teal.decision_flips.radius-5[dermanet]",
                f"audits/{HOSTILE}.audit.yaml::x[dermanet]",
            ],
            other_tasks={"imagenet": 4},
            reruns=True,
            dirty=True,
            stand_ins=["dermanet", "dermoscopy"],
        ),
        models=[model()],
        data=[data()],
        verdicts=found,
        audits=[
            reproduction(),
            performance(),
            light(folder),
            heatmaps(),
            importance(),
            lesion(folder),
        ],
    )


def passing() -> Results:
    """A small run in which the only blocking expectation passes."""
    item = verdict(
        "performance", "roc_auc", Verdict.PASS, (0.818, 0.791, 0.845), expected="above 0.7"
    )
    release = Release(
        model="dermanet",
        decision="pass",
        why="All 1 blocking expectations that apply pass.",
        counts={"pass": 1},
    )
    whole = blocked_without_images()
    update = {
        "release": [release],
        "verdicts": [item],
        "audits": [performance()],
        "models": [model(stand_in="")],
        "data": [data().model_copy(update={"stand_in": ""})],
        "deviations": Deviations(
            planned=1,
            judged=1,
            deselected=[],
            other_tasks={},
            reruns=False,
            dirty=False,
            stand_ins=[],
        ),
        "run": whole.run.model_copy(update={"exit_status": 0}),
    }
    return whole.model_copy(update=update)


def blocked_without_images() -> Results:
    """The run around the audits."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return blocked(Path(folder))
