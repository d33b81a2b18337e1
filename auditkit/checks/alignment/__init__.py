"""Check `alignment`: explanation region against annotated region.

Boggust et al., Shared Interest (arXiv:2107.09234): explanation coverage |GT and E| / |E|, ground-truth
coverage |GT and E| / |GT|, IoU |GT and E| / |GT or E|; right and wrong decisions with low and high
scores, and the eight cases of the CHI paper (doi:10.1145/3491102.3501965).

Deviates: E is by default exactly the hottest ``top`` share of pixels, ties broken by seed (a percentile
of a two-level map would take half of it); an empty region is not evaluable with its reason, instead of
0 or NaN; the coverage is also given above chance, since a large annotation is covered by any map; the
paper sorts images, here cut-offs and an undecided band are declared.
"""

import numpy as np

from auditkit.checks.aligned import Aligned
from auditkit.checks.alignment.examples import examples
from auditkit.checks.alignment.measured import Measurer
from auditkit.checks.alignment.tables import Tables, ranked
from auditkit.checks.coverages import Annotations, coverages
from auditkit.checks.fitness import fitness_notes
from auditkit.checks.galleries import alignment_gallery
from auditkit.checks.measuring import Measuring
from auditkit.checks.performance.groups import partition
from auditkit.checks.sampling import Sampling
from auditkit.evidence import Evidence
from auditkit.findings import Figure, Findings, Series
from auditkit.spec.declarations.alignment import ALIGNMENT, Alignment
from auditkit.spec.declarations.performance import Performance

__all__ = ["alignment"]


def alignment(evidence: Evidence, parameters: Alignment) -> Findings:
    """Scores per image, their means, quadrants and cases, and the images at both ends."""
    annotations = Annotations(evidence)
    findings = Findings(notes=fitness_notes(evidence, parameters.methods))
    parts = partition(evidence, Performance(by=parameters.by))
    _, patients = np.unique(evidence.patients, return_inverse=True)
    measuring = Measuring.of(ALIGNMENT, parameters, evidence.n)
    measurer = Measurer(measuring, patients, Sampling.of(evidence), parts, parameters.min_group)
    right = evidence.right(evidence.scores().decision)
    aligned: dict[str, Aligned] = {}
    for method in parameters.methods:
        if reason := evidence.fitness(method).reason:
            findings.measurements += measurer.inapplicable(method.label, reason)
            continue
        found = coverages(evidence, method, parameters, annotations)
        aligned[method.label] = one = Aligned.of(method, found, right, parameters.cuts)
        findings.measurements += measurer(one)
        findings.examples += examples(evidence, one, annotations)
    shown = list(aligned.values())
    findings.notes += _out_of_reach(shown, parameters.cuts.iou)
    findings.tables += Tables(parameters, findings, parts, aligned)()
    if parameters.ranked and shown:
        findings.tables.append(ranked(evidence, shown, parameters.ranked))
    findings.figures.append(_spread(shown))
    if parameters.gallery and shown:
        most = parameters.gallery
        findings.galleries.append(
            alignment_gallery(evidence, shown, annotations, parameters.by, most)
        )
    return findings


def _out_of_reach(shown: list[Aligned], cut: float) -> list[str]:
    """A note where 'human aligned' is out of reach because of the regions' sizes alone."""
    largest = [one.coverages.values["largest_iou"][one.coverages.evaluable] for one in shown]
    labels = [
        one.method.label
        for one, most in zip(shown, largest, strict=True)
        if most.size and (most < cut).mean() > 0.5
    ]
    if not labels:
        return []
    note = (
        f"{', '.join(labels)}: on most images no region as large as the explanation reaches an IoU of "
        f"{cut:g}, wherever it lies; 'human aligned' needs another `binarise`, `top` or `cuts.iou`."
    )
    return [note]


def _spread(aligned: list[Aligned]) -> Figure:
    lines, counts = [], []
    for one in aligned:
        rows = one.coverages.evaluable
        values = np.sort(one.coverages.values["explanation_coverage"][rows])
        share = (np.arange(values.size) + 0.5) / max(values.size, 1)
        lines.append(Series(one.method.label, share.tolist(), values.tolist()))
        counts.append(f"{one.method.label} {values.size}")
    return Figure(
        "explanation_coverage",
        "Explanation coverage over images",
        "lines",
        "share of images, from the least covered",
        "explanation coverage",
        [line for line in lines if line.x],
        "A line near 1 means explanations inside the annotation on most images. Images: "
        f"{', '.join(counts) or 'none'}.",
    )
