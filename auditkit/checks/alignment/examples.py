"""Example images of the check `alignment`: the best and the worst covered of each method."""

from collections.abc import Iterator

import numpy as np

from auditkit import metrics
from auditkit.checks.aligned import Aligned
from auditkit.checks.coverages import Annotations
from auditkit.checks.pictures import legend, outlined, overlaid, png
from auditkit.evidence import Evidence
from auditkit.findings import Example
from auditkit.spec.postprocess import PRESETS

SHOWN = 2


def examples(evidence: Evidence, aligned: Aligned, annotations: Annotations) -> Iterator[Example]:
    """Picture with annotation, heatmap over the picture, colour bar."""
    label = aligned.method.label
    coverage = aligned.coverages.values["explanation_coverage"]
    rows = np.flatnonzero(aligned.coverages.evaluable)
    order = rows[np.argsort(coverage[rows], kind="stable")].tolist()
    heat = evidence.heatmaps(aligned.method)
    for index in dict.fromkeys([*order[-SHOWN:][::-1], *order[:SHOWN]]):
        picture, truth = evidence.picture(index), annotations[index]
        assert truth is not None
        strength = metrics.postprocessed(heat.maps[index], truth.shape, PRESETS["display"])
        panels = [
            ("with annotation", png(outlined(picture, truth))),
            (label, png(outlined(overlaid(picture, strength), truth))),
            ("magnitude of the heatmap", legend()),
        ]
        decided = "right" if aligned.right[index] else "wrong"
        title = f"{label}: explanation coverage {coverage[index]:.2f}, decided {decided}"
        yield Example(evidence.records[index].id, title, panels)
