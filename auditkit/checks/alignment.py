"""Check `alignment`: explanation region against annotated region.

Boggust et al., Shared Interest (arXiv:2107.09234): explanation coverage |GT and E| / |E|, ground-truth
coverage |GT and E| / |GT|, IoU |GT and E| / |GT or E|.

Deviates: E is exactly the hottest ``top`` share of pixels, ties broken by seed (a percentile of a
two-level map would take half of it); an empty region is not evaluable with its reason, instead of 0 or
NaN; the coverage is also given above chance, since a large annotation is covered by any map.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from auditkit import metrics, stats
from auditkit.checks.measuring import Measuring
from auditkit.checks.pictures import outlined, overlaid, png
from auditkit.errors import AuditError
from auditkit.evidence import Evidence, Heatmaps
from auditkit.evidence.identity import seed_of
from auditkit.findings import Example, Figure, Findings, Series, Table
from auditkit.metrics import NotEvaluable
from auditkit.spec.declarations.alignment import ALIGNMENT, Alignment
from auditkit.spec.methods import Method

PARTS = ("explanation_coverage", "ground_truth_coverage", "iou", "coverage_above_chance")
SHOWN = 2


@dataclass
class _Coverages:
    """The coverages of one method's heatmaps."""

    rows: list[int] = field(default_factory=list)
    values: list[dict[str, float]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def of(self, part: str) -> npt.NDArray[np.float64]:
        return np.array([value[part] for value in self.values])


def alignment(evidence: Evidence, parameters: Alignment) -> Findings:
    """Coverages per image, their means, and the images at both ends."""
    if not any(record.annotated for record in evidence.records):
        raise AuditError(
            f"data set '{evidence.data.card.data}' has neither masks nor boxes; name their column in "
            "the data card ('columns.mask' or 'columns.box')"
        )
    findings = Findings()
    measuring = Measuring.of(ALIGNMENT, parameters, evidence.n)
    spread = []
    for method in parameters.methods:
        heat = evidence.heatmaps(method)
        found = _coverages(evidence, method, heat, parameters)
        for part in PARTS:
            findings.measurements.append(
                measuring(
                    f"{method.label}.{part}",
                    _estimator(evidence, found, part),
                    skipped=found.skipped,
                )
            )
        spread.append(_spread(method, found))
        findings.examples += _examples(evidence, method, heat, found)
    findings.tables.append(_table(findings, parameters))
    findings.figures.append(
        Figure(
            "explanation_coverage",
            "Explanation coverage over images",
            "lines",
            "share of images, from the least covered",
            "explanation coverage",
            [line for line in spread if line.x],
            "A line near 1 means explanations inside the annotation on most images.",
        )
    )
    return findings


def _coverages(
    evidence: Evidence, method: Method, heat: Heatmaps, parameters: Alignment
) -> _Coverages:
    found = _Coverages()
    for index, record in enumerate(evidence.records):
        truth = evidence.mask(index)
        if truth is None:
            found.skipped.append("no annotation")
            continue
        ties = np.random.default_rng(seed_of("top", method.identity, record.digest))
        try:
            region = metrics.top_fraction_mask(
                heat.full(index, evidence.size), parameters.top, parameters.signs, tie_break=ties
            )
            coverage = metrics.explanation_coverage(region, truth)
            value = {
                "explanation_coverage": coverage,
                "ground_truth_coverage": metrics.ground_truth_coverage(region, truth),
                "iou": metrics.iou(region, truth),
                "coverage_above_chance": coverage - float(truth.mean()),
            }
        except NotEvaluable as reason:
            found.skipped.append(reason.reason)
            continue
        found.rows.append(index)
        found.values.append(value)
    return found


def _estimator(evidence: Evidence, found: _Coverages, part: str) -> Callable[[], stats.Estimate]:
    def estimate() -> stats.Estimate:
        if len(found.rows) < 2:
            raise AuditError("fewer than two images could be evaluated")
        bounds = (-1.0, 1.0) if part == "coverage_above_chance" else (0.0, 1.0)
        return stats.mean(found.of(part), evidence.patients[found.rows], bounds=bounds)

    return estimate


def _spread(method: Method, found: _Coverages) -> Series:
    values = np.sort(found.of("explanation_coverage")) if found.values else np.array([])
    share = (np.arange(len(values)) + 0.5) / max(len(values), 1)
    return Series(method.label, share.tolist(), values.tolist())


def _table(findings: Findings, parameters: Alignment) -> Table:
    rows = []
    for method in parameters.methods:
        found = [findings[f"{method.label}.{part}"] for part in PARTS]
        cells = [
            f"{m.estimate.value:.3f} [{m.estimate.low:.3f}, {m.estimate.high:.3f}]"
            if m.estimate
            else "not evaluable"
            for m in found
        ]
        rows.append([method.label, *cells, str(sum(found[0].not_evaluable.values()))])
    return Table(
        "coverage",
        "Coverage by method",
        ["method", *(part.replace("_", " ") for part in PARTS), "not evaluable"],
        rows,
        f"Means over images with 95 % intervals over patients; the explanation is the hottest "
        f"{parameters.top:.0%} of pixels.",
    )


def _examples(
    evidence: Evidence, method: Method, heat: Heatmaps, found: _Coverages
) -> list[Example]:
    """The best and the worst covered images of a method."""
    if not found.values:
        return []
    order = np.argsort(found.of("explanation_coverage"), kind="stable")
    picked = list(dict.fromkeys([*order[-SHOWN:][::-1], *order[:SHOWN]]))
    examples = []
    for position in picked:
        index = found.rows[int(position)]
        coverage = found.values[int(position)]["explanation_coverage"]
        picture = evidence.picture(index)
        truth = evidence.mask(index)
        assert truth is not None
        panels = [
            ("with annotation", png(outlined(picture, truth))),
            (method.label, png(overlaid(picture, heat.full(index, evidence.size)))),
        ]
        title = f"{method.label}: explanation coverage {coverage:.2f}"
        examples.append(Example(evidence.records[index].id, title, panels))
    return examples
