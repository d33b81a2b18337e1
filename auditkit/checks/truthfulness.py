"""Check `truthfulness`: does removing what a heatmap highlights hurt more than removing at random?

Jin et al. (arXiv:2202.10553), section 4.3.1: cells are removed from the most to the least important, the
accuracy is drawn over the removed fraction (perturbation curve), AUPC(H) is the area under it, and
delta-AUPC = AUPC(H_b) - AUPC(H) with H_b a random permutation of H, 15 times.

Deviates, each for a measured reason: all pixels are ranked once with seeded ties, and the x axis is the
fraction really removed; the random baseline permutes the map's own cells over the same support, so that
both curves end in the same picture; intervals are over patients (paired), not over repeats; maps without
an order (all zero, constant, not finite) are counted, never dropped.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.fitness import fitness_notes
from auditkit.checks.measuring import Measuring, worded
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.findings import Figure, Findings, Measurement, Series, Table
from auditkit.metrics import aupc_estimate, delta_aupc_estimate
from auditkit.spec.declarations.truthfulness import TRUTHFULNESS, Truthfulness
from auditkit.spec.methods import Method

NO_ORDER = "the heatmap is constant, all zero or not finite"


def truthfulness(evidence: Evidence, parameters: Truthfulness) -> Findings:
    """Removal curves of every method and fill, and their distance from random removal."""
    findings = Findings()
    measuring = Measuring.of(TRUTHFULNESS, parameters, evidence.n)
    fit = [method for method in parameters.methods if not evidence.fitness(method).reason]
    curves = list(_curves(evidence, parameters, fit))
    for curve in curves:
        at = {"fill": curve.fill}
        for part, estimate in (("delta_aupc", curve.delta), ("aupc", curve.area)):
            name = f"{curve.method.label}.{part}"
            findings.measurements.append(measuring(name, estimate, at, curve.skipped))
    findings.measurements += _inapplicable(evidence, parameters, measuring)
    for fill in parameters.fills:
        findings.figures += [curve.figure() for curve in curves if curve.fill == fill]
    findings.tables.append(_table(findings, parameters))
    findings.notes += fitness_notes(evidence, parameters.methods)
    findings.notes += _sign_changes(findings, parameters)
    return findings


def _inapplicable(
    evidence: Evidence, parameters: Truthfulness, measuring: Measuring
) -> Iterator[Measurement]:
    for method in parameters.methods:
        reason = evidence.fitness(method).reason
        for fill, part in product(parameters.fills if reason else (), ("delta_aupc", "aupc")):
            yield measuring.inapplicable(f"{method.label}.{part}", reason, {"fill": fill})


def _curves(
    evidence: Evidence, parameters: Truthfulness, methods: Sequence[Method]
) -> Iterator["_Curve"]:
    for fill in parameters.fills:
        for method in methods:
            yield _Curve(evidence, method, fill, parameters)


def at_random(
    evidence: Evidence, method: Method, fill: str, steps: int, repeats: int
) -> npt.NDArray[np.int64]:
    """Decisions while what a method's heatmaps tell apart is removed in random order."""
    heat = evidence.heatmaps(method)
    own = None if heat.segments is None else method
    return evidence.random_removal(heat.cell, fill, steps, repeats, own)


class _Curve:
    """Whether decisions are right while cells are removed: by heatmap and at random."""

    def __init__(
        self, evidence: Evidence, method: Method, fill: str, parameters: Truthfulness
    ) -> None:
        decisions, self.fractions = evidence.removal(method, fill, parameters.steps)
        random = at_random(evidence, method, fill, parameters.steps, parameters.repeats)
        ordered = decisions[:, 0] >= 0
        self.method, self.fill = method, fill
        self.skipped = [NO_ORDER] * int((~ordered).sum())
        self.right = evidence.right(decisions)[ordered].astype(float)
        self.random = evidence.right(random)[ordered].astype(float)
        self.patients = evidence.patients[ordered]
        self.enough = len(set(self.patients.tolist())) >= 2

    def delta(self) -> stats.Estimate:
        """AUPC(H_b) - AUPC(H)."""
        self._need_images()
        return delta_aupc_estimate(self.right, self.random, self.fractions, self.patients)

    def area(self) -> stats.Estimate:
        """AUPC(H): the mean over images of the area under 'right or wrong'."""
        self._need_images()
        return aupc_estimate(self.right, self.fractions, self.patients)

    def _need_images(self) -> None:
        if not self.enough:
            raise AuditError(f"heatmaps of fewer than two patients have an order: {NO_ORDER}")

    def figure(self) -> Figure:
        """Both curves with bands over patients."""
        series = []
        if self.enough:
            random = self.random.mean(axis=1)
            series = [
                self._series(self.method.label, self.right, dashed=False),
                self._series("removed at random", random, dashed=True),
            ]
        return Figure(
            f"{self.method.label}_{self.fill}".replace("-", "_"),
            f"Removal by {self.method.label}, filled with {self.fill}",
            "lines",
            "fraction of the image removed",
            "accuracy",
            series,
            "A truthful heatmap falls faster than random removal. Bands are 95 % intervals over patients.",
        )

    def _series(self, name: str, right: npt.NDArray[np.float64], *, dashed: bool) -> Series:
        found = [stats.mean(column, self.patients, bounds=(0.0, 1.0)) for column in right.T]
        return Series(
            name,
            self.fractions.tolist(),
            [estimate.value for estimate in found],
            [estimate.low for estimate in found],
            [estimate.high for estimate in found],
            dashed,
        )


def _table(findings: Findings, parameters: Truthfulness) -> Table:
    rows = []
    for method in parameters.methods:
        for fill in parameters.fills:
            cells = []
            for part in ("delta_aupc", "aupc"):
                found = findings.find(f"{method.label}.{part}", {"fill": fill})
                cells.append(worded(found))
            count = found.estimate.n if found and found.estimate else 0
            missing = found.not_evaluable if found else {}
            rows.append([method.label, fill, *cells, str(count), str(sum(missing.values()))])
    return Table(
        "delta_aupc",
        "ΔAUPC by method",
        ["method", "fill", "ΔAUPC", "AUPC", "n", "not evaluable"],
        rows,
        "ΔAUPC above zero: the heatmap finds what matters better than chance.",
    )


def _sign_changes(findings: Findings, parameters: Truthfulness) -> list[str]:
    notes = []
    for method in parameters.methods:
        found = [
            measurement.estimate
            for measurement in findings.measurements
            if measurement.name == f"{method.label}.delta_aupc" and measurement.estimate
        ]
        if any(e.low > 0 for e in found) and any(e.high < 0 for e in found):
            notes.append(
                f"{method.label}: the sign of ΔAUPC depends on what fills removed pixels; "
                "do not rest a conclusion on one fill."
            )
    return notes
