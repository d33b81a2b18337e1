"""Check `plausibility`: do heatmaps lie on what clinicians marked, in the modalities that matter?

Jin et al. (arXiv:2202.10553), section 4.4.1: feature portion (FP, Eq. 2) and modality-specific feature
importance (MSFI, Eqs. 3 and 4).

Deviates: weights are max(phi, 0) over their sum, and intervals know that phi is estimated; a modality
without positive heat contributes 0 and is counted; annotations are widened only where a spec says so. The
published code of either task is there under `compat`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from auditkit import metrics, stats
from auditkit.checks.fitness import fitness_notes
from auditkit.checks.measuring import Measuring, decimals, worded
from auditkit.checks.pictures import legend, outlined, overlaid, png
from auditkit.checks.plausible import (
    Importance,
    Plausible,
    Score,
    how_scored,
    importance_of,
    plausible,
)
from auditkit.checks.sampling import Sampling
from auditkit.checks.slices import slice_example
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.findings import Example, Figure, Findings, Measurement, Series, Table
from auditkit.metrics.plausibility_estimates import msfi_mean
from auditkit.spec.declarations.plausibility import PLAUSIBILITY, Plausibility
from auditkit.spec.methods import Method
from auditkit.spec.postprocess import PRESETS

Floats = npt.NDArray[np.float64]
_SCORES: tuple[Score, ...] = ("fp", "msfi")


def plausibility(evidence: Evidence, parameters: Plausibility) -> Findings:
    """FP and MSFI of every method, against every control, with the most and least plausible cases."""
    compared = [*parameters.methods, *parameters.controls]
    importance = importance_of(evidence, parameters)
    found = {one.label: one for one in plausible(evidence, compared, parameters, importance)}
    planned = evidence.n + len(evidence.incomplete)
    measuring = Measuring.of(PLAUSIBILITY, parameters, planned)
    findings = Findings(list(_Measurer(evidence, measuring, found)(parameters)))
    shown = list(found.values())
    findings.figures.append(_forest(findings, shown))
    findings.tables += [_table(findings, shown, parameters), importance.table(parameters)]
    if len(importance.names) > 1:
        findings.tables.append(_by_modality(shown, importance))
    for one in shown:
        findings.examples += _examples(evidence, one, parameters.gallery)
    findings.notes += fitness_notes(evidence, compared)
    return findings


class _Measurer:
    """Measures methods, controls, and methods against controls."""

    def __init__(
        self, evidence: Evidence, measuring: Measuring, found: dict[str, Plausible]
    ) -> None:
        self.measuring, self.found = measuring, found
        self.patients, self.incomplete = evidence.patients, evidence.incomplete
        self.sampling = Sampling.of(evidence)
        self.reason = partial(_reason, evidence)

    def __call__(self, parameters: Plausibility) -> Iterator[Measurement]:
        """All declared measures, in their order."""
        for method in (*parameters.methods, *parameters.controls):
            for score in _SCORES:
                yield self._one(f"{method.label}.{score}", [method], partial(self._mean, score))
        for method in parameters.methods:
            for control in parameters.controls:
                name = f"{method.label}.msfi_over[{control.label}]"
                yield self._one(name, [method, control], self._over)

    def _one(
        self, name: str, methods: Sequence[Method], measured: Callable[..., Measurement]
    ) -> Measurement:
        unfit = next(filter(None, map(self.reason, methods)), "")
        if unfit:
            return self.measuring.inapplicable(name, unfit)
        return measured(name, *(self.found[method.label] for method in methods))

    def _mean(self, score: Score, name: str, one: Plausible) -> Measurement:
        rows = one.rows(score)

        def estimate() -> stats.Estimate:
            if score == "msfi":
                return msfi_mean(
                    one.portions.by_modality,
                    rows,
                    one.importance.estimated,
                    self.patients,
                    compat=one.how.compat,
                )
            if len(set(self.patients[rows].tolist())) < 2:
                raise AuditError("fewer than two patients could be evaluated")
            return stats.mean(one.values(score)[rows], self.patients[rows], bounds=(0.0, 1.0))

        sample = None if score == "msfi" else self.sampling.mean(one.values(score), rows)
        found = self._measurement(name, estimate, one.reasons(score), sample)
        return self._moved(found, one, one.portions.by_modality[rows]) if score == "msfi" else found

    def _over(self, name: str, one: Plausible, control: Plausible) -> Measurement:
        reasons = [
            own or (f"{control.label}: {other}" if other else "")
            for own, other in zip(one.reasons("msfi"), control.reasons("msfi"), strict=True)
        ]
        rows = np.array([not reason for reason in reasons], dtype=np.bool_)
        apart = one.portions.by_modality - control.portions.by_modality

        def estimate() -> stats.Estimate:
            return msfi_mean(
                apart,
                rows,
                one.importance.estimated,
                self.patients,
                compat=one.how.compat,
                bounds=(-1.0, 1.0),
            )

        return self._moved(self._measurement(name, estimate, reasons), one, apart[rows])

    def _moved(self, found: Measurement, one: Plausible, portions: Floats) -> Measurement:
        """With what cases that lack a modality could do to the weights, beside being absent."""
        if found.estimate is None or not one.importance.unseen:
            return found
        moved = one.importance.movement(portions.mean(axis=0), one.how)
        least, most = found.bounds
        absent = sum(found.not_evaluable.values()) / found.planned
        return replace(found, affected=min(1.0, absent + moved / (most - least)))

    def _measurement(
        self,
        name: str,
        estimate: Callable[[], stats.Estimate],
        reasons: Sequence[str],
        sample: stats.Sample | None = None,
    ) -> Measurement:
        skipped = [*self.incomplete, *filter(None, reasons)]
        return self.measuring(name, estimate, skipped=skipped, sample=sample)


def _reason(evidence: Evidence, method: Method) -> str:
    return evidence.fitness(method).reason


def _table(findings: Findings, shown: Sequence[Plausible], parameters: Plausibility) -> Table:
    controls = [control.label for control in parameters.controls]
    rows = []
    for one in shown:
        over = [findings.find(f"{one.label}.msfi_over[{label}]", {}) for label in controls]
        rows.append(
            [
                one.label,
                *(worded(findings.find(f"{one.label}.{score}", {})) for score in _SCORES),
                *("" if found is None else worded(found) for found in over),
                str(int(one.rows("msfi").sum())),
            ]
        )
    columns = ["method", "FP", "MSFI", *(f"MSFI over {label}" for label in controls), "images"]
    caption = f"Means over images with 95 % intervals over patients. {how_scored(parameters)}"
    return Table("plausibility", "Plausibility", columns, rows, caption)


def _by_modality(shown: Sequence[Plausible], importance: Importance) -> Table:
    rows = []
    for one in shown:
        kept = one.portions.evaluable
        means = one.portions.by_modality[kept].mean(axis=0) if kept.any() else []
        silent = one.portions.silent[kept].sum(axis=0)
        counts = [
            f"{name} {count}" for name, count in zip(importance.names, silent, strict=True) if count
        ]
        cells = [decimals(mean) for mean in means] or ["not evaluable"] * len(importance.names)
        rows.append([one.label, *cells, ", ".join(counts) or "none"])
    columns = ["method", *importance.names, "images without positive heat"]
    caption = (
        "Mean share of each modality's own heat on the annotation; 0 where it has no positive heat."
    )
    return Table("by_modality", "Feature portion of each modality", columns, rows, caption)


def _forest(findings: Findings, shown: Sequence[Plausible]) -> Figure:
    series = []
    for shift, score in ((0.0, "msfi"), (0.25, "fp")):
        found = [
            (place + shift, measured.estimate)
            for place, one in enumerate(shown)
            if (measured := findings.find(f"{one.label}.{score}", {})) and measured.estimate
        ]
        if found:
            x, estimates = [place for place, _ in found], [estimate for _, estimate in found]
            ends = [e.low for e in estimates], [e.high for e in estimates]
            series.append(Series(score.upper(), x, [e.value for e in estimates], *ends))
    return Figure(
        "plausibility",
        "Plausibility of heatmaps",
        "forest",
        "method",
        "share of the heat on the annotation",
        series,
        "Means over images with 95 % intervals over patients.",
        labels=[one.label for one in shown],
    )


def _examples(evidence: Evidence, one: Plausible, most: int) -> Iterator[Example]:
    """The most and the least plausible cases of a method, half of them each."""
    try:
        values = one.values("msfi")
    except AuditError:
        return
    rows = np.flatnonzero(np.isfinite(values))
    order = rows[np.argsort(values[rows], kind="stable")].tolist()
    best = order[::-1][: (most + 1) // 2]
    right = evidence.right(evidence.scores().decision)
    heat = evidence.heatmaps(one.method)
    for index in dict.fromkeys([*best, *order[: most // 2]]):
        decided = "right" if right[index] else "wrong"
        title = f"{one.label}: MSFI {values[index]:.2f}, FP {one.portions.fp[index]:.2f}, decided {decided}"
        if evidence.card.volume is None:
            yield _picture(evidence, one, index, title)
        else:
            maps = heat.by_modality(index, evidence.space)
            yield slice_example(evidence, one.label, index, maps, title)


def _picture(evidence: Evidence, one: Plausible, index: int, title: str) -> Example:
    picture, truth = evidence.picture(index), evidence.mask(index)
    assert truth is not None
    own = evidence.heatmaps(one.method).maps[index]
    strength = metrics.postprocessed(own, truth.shape, PRESETS["display"])
    panels = [
        ("with annotation", png(outlined(picture, truth))),
        (one.label, png(outlined(overlaid(picture, strength), truth))),
        ("magnitude of the heatmap", legend()),
    ]
    return Example(evidence.records[index].id, title, panels)
