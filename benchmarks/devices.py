"""Ask the five devices' stand-ins for what was planted in them, and write docs/devices.md (marked long).

    python benchmarks/devices.py --images 200 --write docs

For each device: ROC-AUC on dermoscopy and on clinical photographs, each planted behaviour as its card
states it, with the measured change and its interval; and one figure, the mean change of the score over
the circle of colour shifts (DeGrave et al., doi:10.1038/s41551-023-01160-9, Fig. 3c).
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import auditkit  # noqa: E402 found by the line above
from auditkit.findings import Findings  # noqa: E402 the same

DEVICES = ("scanoma", "sscd", "modelderm-2018", "siim-isic", "deepderm")
RADIUS = 20


def cell(findings: Findings, measure: str, at: dict[str, float | str]) -> str:
    """Estimate and interval of a measure."""
    found = findings.find(measure, at)
    assert found is not None
    if found.estimate is None:
        return found.reason
    estimate = found.estimate
    return f"{estimate.value:+.3f} [{estimate.low:+.3f}, {estimate.high:+.3f}]"


def behaviours(name: str, model: Any, data: dict[str, Any], images: int, store: Path) -> list[str]:
    """One line per planted behaviour."""
    lines = []
    for planted in model.card.planted:
        parameters = {**planted.with_, "images": images}
        findings = auditkit.run(planted.check, model, data[planted.data], store=store, **parameters)
        found = findings.find(planted.measure, planted.at)
        sign = "nothing"
        if found is not None and found.estimate is not None:
            low, high = found.estimate.low, found.estimate.high
            sign = "positive" if low > 0 else "negative" if high < 0 else "undecided"
        where = f"{planted.data}: `{planted.check}` {planted.measure}"
        measured = cell(findings, planted.measure, planted.at)
        verdict = "found" if sign == planted.sign else f"NOT FOUND ({sign})"
        lines.append(
            f"| {name} | {planted.behaviour} | {where} | {planted.sign} | {measured} | {verdict} |"
        )
        print(lines[-1], flush=True)
    return lines


def curve(model: Any, data: Any, images: int, store: Path) -> tuple[list[float], list[float]]:
    """Mean change of the score over the angle at the paper's radius."""
    findings = auditkit.run(
        "colour-shift", model, data, store=store, radius=RADIUS, angles=16, images=images
    )
    points = [
        (float(m.at["angle"]), m.estimate.value)
        for m in findings.measurements
        if m.name == "mean_change" and m.estimate is not None
    ]
    angles, changes = zip(*sorted(points), strict=True)
    return list(angles), list(changes)


def draw(curves: dict[str, tuple[list[float], list[float]]], path: Path) -> None:
    """All curves over one axis."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "auditkit"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    for name, (angles, changes) in curves.items():
        axes.plot([*angles, 360.0], [*changes, changes[0]], label=name)
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.set_xticks(
        [0, 90, 180, 270, 360], ["0°\npink", "90°\nyellow", "180°\nteal", "270°\nblue", "360°"]
    )
    axes.set_ylabel("mean change of the score")
    figure.legend(loc="outside upper left", ncols=5, frameon=False)
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--device", action="append", dest="devices")
    parser.add_argument("--store", type=Path)
    parser.add_argument("--write", type=Path, help="folder for devices.md and devices.svg")
    given = parser.parse_args()
    os.environ.setdefault("AUDITKIT_CARDS", str(ROOT / "fixtures"))
    store = given.store or Path(tempfile.mkdtemp())
    data = {name: auditkit.load_data(name) for name in ("dermoscopy", "clinical")}
    aucs, lines, curves = [], [], {}
    for name in given.devices or DEVICES:
        model = auditkit.load_model(name)
        found = [auditkit.run("performance", model, one, store=store) for one in data.values()]
        aucs.append(
            f"| {name} | {' | '.join(cell(f, 'roc_auc', {}).replace('+', '') for f in found)} |"
        )
        print(aucs[-1], flush=True)
        lines += behaviours(name, model, data, given.images, store)
        curves[name] = curve(model, data["dermoscopy"], given.images, store)
    if given.write:
        draw(curves, given.write / "devices.svg")
        (given.write / "devices.md").write_text(_page(given.images, aucs, lines), encoding="utf-8")
    return 0 if all("NOT FOUND" not in line for line in lines) else 1


def _page(images: int, aucs: list[str], lines: list[str]) -> str:
    aucs_text, lines_text = "\n".join(aucs), "\n".join(lines)
    return f"""# The five devices

The five devices of DeGrave et al. 2023 (doi:10.1038/s41551-023-01160-9) are cards in `fixtures/models`
with their published parameters. Their files cannot be shipped; until you add yours
(`auditkit weights add NAME FILE...`), each stands for an openly labelled **stand-in** of the same format
and family, trained on synthetic pictures, in which a behaviour was planted that mirrors what the paper
reports of the device. Nothing on this page is a finding about the real devices.

Written by `python benchmarks/devices.py --images {images} --write docs`; intervals are 95 %, over patients.

## Discrimination (ROC-AUC, 1000 images of 500 patients each)

| device | dermoscopy | clinical photographs |
|---|---|---|
{aucs_text}

## Planted behaviours, and whether the audits find them ({images} images)

| device | planted | measured by | sign | mean change of the score | |
|---|---|---|---|---|---|
{lines_text}

## Response to colour shifts (CIELUV, radius {RADIUS}, dermoscopy)

![Mean change of the score over the angle of the shift](devices.svg)

The angle is where the image moves: 0° is pink, 180° teal. After Fig. 3c of the paper.
"""


if __name__ == "__main__":
    sys.exit(main())
