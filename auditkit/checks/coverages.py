"""How much explanations and annotations overlap, image by image, for checks that need it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit import metrics
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.identity import seed_of
from auditkit.metrics import NotEvaluable
from auditkit.metrics.coverage import Mask
from auditkit.spec.methods import Method
from auditkit.spec.postprocess import HasRegions

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SCORES = ("explanation_coverage", "ground_truth_coverage", "iou", "relevance_mass")
"""The scores of an image, each in [0, 1]."""

NO_ANNOTATION = "no annotation"
_MORE = ("coverage_above_chance", "largest_iou")


class Annotations:
    """The annotated regions on the model's input, read once for all methods, a bit per pixel."""

    def __init__(self, evidence: Evidence) -> None:
        if not any(record.annotated for record in evidence.records):
            raise AuditError(
                f"data set '{evidence.data.card.data}' has neither masks nor boxes; name their column in "
                "the data card ('columns.mask' or 'columns.box')"
            )
        masks = (evidence.mask(index) for index in range(evidence.n))
        self._packed = [None if mask is None else (mask.shape, np.packbits(mask)) for mask in masks]

    def __getitem__(self, index: int) -> Mask | None:
        """One region, bool (*space); None if nothing was annotated."""
        packed = self._packed[index]
        if packed is None:
            return None
        shape, bits = packed
        return np.unpackbits(bits, count=int(np.prod(shape))).astype(np.bool_).reshape(shape)


@dataclass(frozen=True)
class Coverages:
    """One method's heatmaps against the annotations.

    Attributes:
        values: (n,) by score, and also ``coverage_above_chance`` (explanation coverage minus the
            annotation's share) and ``largest_iou`` (of any region as large as the explanation); NaN
            where the image is not evaluable.
        reasons: why an image is not evaluable; empty where it is.
    """

    values: Mapping[str, Floats]
    reasons: tuple[str, ...]

    @property
    def evaluable(self) -> Bools:
        """Which images have scores, (n,): all scores or none."""
        return np.array([not reason for reason in self.reasons], dtype=np.bool_)

    def skipped(self, rows: Bools) -> list[str]:
        """The reasons of those among some images that are not evaluable."""
        return [self.reasons[index] for index in np.flatnonzero(rows) if self.reasons[index]]


def coverages(
    evidence: Evidence, method: Method, regions: HasRegions, annotations: Annotations
) -> Coverages:
    """Score every image's heatmap against its annotation."""
    heat = evidence.heatmaps(method)
    values = {score: np.full(evidence.n, np.nan) for score in (*SCORES, *_MORE)}
    reasons = []
    for index, record in enumerate(evidence.records):
        ties = np.random.default_rng(seed_of("top", method.identity, record.digest))
        try:
            scores = _scores(heat.maps[index], annotations[index], regions, ties)
        except NotEvaluable as reason:
            reasons.append(reason.reason)
            continue
        reasons.append("")
        for score, value in scores.items():
            values[score][index] = value
    return Coverages(values, tuple(reasons))


def _scores(
    own: npt.NDArray[np.float32], truth: Mask | None, regions: HasRegions, ties: np.random.Generator
) -> dict[str, float]:
    if truth is None:
        raise NotEvaluable(NO_ANNOTATION)
    heat = metrics.postprocessed(own, truth.shape, regions.stage)
    region = metrics.explanation_region(heat, regions.rule, regions.signs, ties)
    there = metrics.truth_of(truth, region.shape)
    coverage = metrics.explanation_coverage(region, there)
    explained, annotated = np.count_nonzero(region), np.count_nonzero(there)
    return {
        "explanation_coverage": coverage,
        "ground_truth_coverage": metrics.ground_truth_coverage(region, there),
        "iou": metrics.iou(region, there),
        "relevance_mass": metrics.relevance_mass(heat, there, regions.signs),
        "coverage_above_chance": coverage - annotated / there.size,
        "largest_iou": min(explained, annotated) / max(explained, annotated),
    }
