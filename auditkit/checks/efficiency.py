"""Check `efficiency`: what a heatmap costs on this machine, and how good it is for that.

Jin et al. (arXiv:2202.10553), guideline G5 and section 5.4: seconds per heatmap, one image at a time. Beside
them stand the passes through the model, the memory and the error, which a change of budget trades.

Deviates: medians with limits that assume no distribution instead of mean and standard deviation, since
times are skewed; see `auditkit.evidence.efficiency` for what is timed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.fitness import fitness_notes
from auditkit.checks.measuring import Measuring, worded
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.efficiency import CostPlan, Costs
from auditkit.findings import Figure, Findings, Measurement, Series, Table
from auditkit.spec.declarations.efficiency import EFFICIENCY, PARTS, Efficiency
from auditkit.spec.methods import Method

Floats = npt.NDArray[np.float64]

NO_ERROR = "the method states no error of its heatmaps"
NOTHING = "there was nothing to be explained, of which an error could be a share"
_MIB = 2.0**20
_BUSY = 0.1
_MEDIANS = "Medians over images with 95 % limits from order statistics."


def efficiency(evidence: Evidence, parameters: Efficiency) -> Findings:
    """Time, passes, memory and error of every method, for calls of each batch size."""
    findings = Findings(notes=fitness_notes(evidence, parameters.methods))
    measuring = Measuring.of(EFFICIENCY, parameters, evidence.n)
    measured = []
    for method, batch in product(parameters.methods, parameters.batch):
        reason = evidence.fitness(method).reason
        at = {"batch": float(batch)}
        if reason:
            names = [f"{method.label}.{part}" for part in PARTS]
            findings.measurements += [measuring.inapplicable(name, reason, at) for name in names]
            continue
        plan = CostPlan(batch, parameters.repeats, parameters.warm_up, parameters.threads)
        one = _Measured(method, batch, evidence.costs(method, plan))
        findings.measurements += one.measurements(measuring)
        measured.append(one)
    findings.figures += [_figure(findings, parameters, batch) for batch in parameters.batch]
    findings.tables.append(_table(findings, parameters))
    findings.notes += _notes(measured, parameters)
    return findings


@dataclass(frozen=True)
class _Measured:
    """The costs of one method in calls of one batch size."""

    method: Method
    batch: int
    costs: Costs

    def measurements(self, measuring: Measuring) -> Iterator[Measurement]:
        """All parts; the error where the method states one."""
        at, label = {"batch": float(self.batch)}, self.method.label
        for part, values in self._parts().items():
            yield measuring(f"{label}.{part}", partial(_median, values), at)
        if self.costs.error is None:
            yield measuring.inapplicable(f"{label}.error", NO_ERROR, at)
            return
        known = np.isfinite(self.costs.error)
        found, skipped = self.costs.error[known], [NOTHING] * int((~known).sum())
        error = measuring(f"{label}.error", partial(_median, found), at, skipped)
        # A median is no average: whatever is missing could carry it anywhere.
        yield replace(error, affected=1.0)

    def _parts(self) -> Mapping[str, Floats]:
        return {
            "seconds": self.costs.seconds,
            "forwards": self.costs.forwards,
            "backwards": self.costs.backwards,
            "peak_memory": self.costs.memory / _MIB,
        }


def _median(values: Floats) -> stats.Estimate:
    if not values.size:
        raise AuditError(NOTHING)
    return stats.median(values, bounds=(0.0, math.inf))


def _figure(findings: Findings, parameters: Efficiency, batch: int) -> Figure:
    """Seconds per heatmap, the fastest method first."""
    found = []
    for method in parameters.methods:
        measurement = findings.find(f"{method.label}.seconds", {"batch": float(batch)})
        if measurement and measurement.estimate:
            found.append((measurement.estimate, method.label))
    found.sort(key=lambda pair: pair[0].value)
    estimates = [estimate for estimate, _ in found]
    line = Series(
        "median over images",
        list(map(float, range(len(found)))),
        [estimate.value for estimate in estimates],
        [estimate.low for estimate in estimates],
        [estimate.high for estimate in estimates],
    )
    each = "one image at a time" if batch == 1 else f"in calls of {batch} images"
    return Figure(
        f"seconds_{batch}",
        f"Seconds per heatmap, {each}",
        "forest",
        "method",
        "seconds per heatmap",
        [line] if found else [],
        f"{_MEDIANS} On this machine only.",
        zero=True,
        labels=[label for _, label in found],
    )


def _table(findings: Findings, parameters: Efficiency) -> Table:
    """Methods by batch size, the fastest first."""
    rows: list[tuple[float, list[str]]] = []
    for batch, method in product(parameters.batch, parameters.methods):
        at = {"batch": float(batch)}
        found = [findings.find(f"{method.label}.{part}", at) for part in PARTS]
        first = found[0].estimate if found[0] else None
        cells = [str(first.n if first else 0), *(worded(each, _significant) for each in found)]
        rows.append((first.value if first else math.inf, [str(batch), method.label, *cells]))
    rows.sort(key=lambda row: (int(row[1][0]), row[0]))
    columns = ["images per call", "method", "images", "seconds", "forwards", "backwards", "MiB"]
    columns.append("error")
    return Table(
        "costs",
        "Cost of one heatmap",
        columns,
        [row for _, row in rows],
        f"{_MEDIANS} Forwards and backwards are inputs through the model for one heatmap; MiB the "
        "most memory of a call beyond the model and its inputs; error the relative standard error of the "
        "heatmap or its completeness residual, where the method states one.",
    )


def _significant(value: float) -> str:
    """Seconds and passes differ by orders of magnitude."""
    return "∞" if math.isinf(value) else f"{value:.4g}"


def _notes(measured: Sequence[_Measured], parameters: Efficiency) -> list[str]:
    """On what it was timed, and whether something else was running."""
    if not measured:
        return []
    stated = measured[0].costs.machine
    where = stated["processor"] if stated["device"] == "cpu" else stated["device"]
    machine = f"{stated['system']}, {stated['cores']} processors, torch {stated['torch']}"
    timed = (
        f"Timed on {where} ({machine}) with {parameters.threads} thread(s) per operation: medians of "
        f"{parameters.repeats} calls after {parameters.warm_up} others. They hold for this machine only."
    )
    notes = [timed]
    busy = [one for one in measured if float(np.median(one.costs.waited)) > _BUSY]
    if busy:
        names = ", ".join(dict.fromkeys(one.method.label for one in busy))
        notes.append(
            f"The machine was busy with something else while these were timed: {names}. Time them alone, "
            "without other processes (-n) beside them."
        )
    return notes
