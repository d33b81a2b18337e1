"""Throughput inside one worker: where time goes, and what each measure against it gains.

    python benchmarks/throughput.py                 # about 20 minutes on two quiet cores
    python benchmarks/throughput.py --quick         # about 2 minutes
    python benchmarks/throughput.py --only compile

Times are processor time of one thread, so that other work on the machine disturbs them less.
"""

import argparse
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import throughput_parts as parts
from throughput_parts import MODELS, ROOT, Row, cards

from auditkit.checks import compute
from auditkit.evidence import Evidence, Settings
from auditkit.evidence.kinds import FAST_TOLERANCE, Floats
from auditkit.findings import Measurement
from auditkit.spec.load import Audit, load_audit
from auditkit.spec.model_card import ModelCard
from auditkit.verdict import judge

AUDITS = {
    "scanoma": ("dermoscopy/performance", "dermoscopy/light", "dermoscopy/heatmaps"),
    "efficientnet-lite0": ("photos/names", "photos/colours", "photos/where"),
}
WAYS = {
    "float32": Settings(device="cpu"),
    "fast": Settings(device="cpu", fast=True),
    "bfloat16": Settings(device="cpu", precision="bfloat16"),
}


class Outcome(NamedTuple):
    """An audit's findings, its verdicts by expectation, the scores it rests on, and what it took."""

    measurements: Mapping[tuple[str, str], Measurement]
    verdicts: Mapping[str, str]
    scores: Floats
    seconds: float


def warm_up(evidence: Evidence) -> None:
    """Load the model, read or draw every image once, and run one pass."""
    model = evidence.own_model()
    parts.passes(model, evidence.settings.batch)[0]()
    for index in range(evidence.n):
        evidence.source(index)


def run(audit: Audit, card: ModelCard, images: int, settings: Settings) -> Outcome:
    """One audit on an empty store."""
    limited = audit.parameters.model_copy(
        update={"images": images} if hasattr(audit.parameters, "images") else {}
    )
    with TemporaryDirectory() as folder:
        evidence = parts.evidence(card.model, audit.data.data, images, settings, Path(folder))
        warm_up(evidence)
        began = time.process_time()
        findings = compute(audit.check, evidence, limited)
        seconds = time.process_time() - began
        scores = evidence.scores().score
    measures = {(m.name, repr(dict(m.at))): m for m in findings.measurements}
    verdicts = {}
    for expectation in audit.spec.expect:
        wanted = [m for m in findings.measurements if m.name == expectation.measure]
        found = findings.find(expectation.measure, expectation.at) or next(iter(wanted), None)
        if expectation.not_worse_than is None:
            verdicts[expectation.key] = judge(expectation, found, None).verdict.value
    return Outcome(measures, verdicts, scores, seconds)


def share_of_interval(one: Measurement, other: Measurement) -> float:
    """Change of an estimate, in half widths of its interval; 0 where there is neither."""
    first, second = one.estimate, other.estimate
    if first is None or second is None:
        return 0.0 if first is second else float("inf")
    half = (first.high - first.low) / 2
    change = abs(first.value - second.value)
    return change / half if half > 0 else (0.0 if change == 0 else float("inf"))


def arithmetic(images: int) -> list[Row]:
    """Fast mode and bfloat16 against float32: time, scores, measurements, verdicts."""
    head = ("audit", "against float32", "speed", "score changes by", "estimate by", "verdicts")
    rows: list[Row] = [head]
    for model, names in AUDITS.items():
        card = cards().model(model)
        for name in names:
            audit = load_audit(ROOT / "audits" / f"{name}.audit.yaml", cards())
            usual = run(audit, card, images, WAYS["float32"])
            for way in ("fast", "bfloat16"):
                other = run(audit, card, images, WAYS[way])
                rows.append((name, way, *_compared(usual, other)))
    return rows


def _compared(usual: Outcome, other: Outcome) -> tuple[str, ...]:
    changes = [
        share_of_interval(one, other.measurements[key])
        for key, one in usual.measurements.items()
        if key in other.measurements
    ]
    changed = [key for key, one in usual.verdicts.items() if other.verdicts[key] != one]
    return (
        f"{usual.seconds / other.seconds:.2f}",
        f"{abs(usual.scores - other.scores).max():.1e}",
        f"{100 * max(changes, default=0.0):.2g} %",
        f"{len(changed)} of {len(usual.verdicts)} changed" + f" {changed}" * bool(changed),
    )


def show(title: str, rows: Sequence[Row]) -> None:
    """A table in Markdown."""
    print(f"\n## {title}\n")
    for number, row in enumerate(rows):
        print("| " + " | ".join(row) + " |")
        if not number:
            print("|" + " --- |" * len(row))


def main() -> None:
    """Print every table, or those that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    images, audited = (8, 16) if given.quick else (24, 64)
    sizes = (4, 16, 32) if given.quick else (1, 4, 8, 16, 32, 64)
    tables: dict[str, tuple[str, Callable[[], list[Row]]]] = {
        "pages": ("Stages, per image", lambda: parts.huge_pages(images)),
        "batches": ("Milliseconds per input", lambda: parts.batch_sizes(sizes)),
        "ahead": ("Reading ahead", parts.overlap),
        "forwards": ("Inputs through the model", lambda: parts.forwards(images)),
        "arithmetic": (f"Arithmetic, {audited} images", lambda: arithmetic(audited)),
        "compile": ("torch.compile", parts.compilation),
    }
    import torch

    torch.set_num_threads(1)
    print(f"{platform.machine()}, torch {torch.__version__}, {len(MODELS)} models")
    print(f"declared tolerance of fast mode: {FAST_TOLERANCE}")
    for key, (title, table) in tables.items():
        if not given.only or key in given.only:
            show(title, table())


if __name__ == "__main__":
    main()
