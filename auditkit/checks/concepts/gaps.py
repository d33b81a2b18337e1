"""Real images against images drawn from their captions: of the target, and of every concept."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from auditkit import stats
from auditkit.checks.concepts.judge import Judge, Judged
from auditkit.checks.concepts.target import UNITS, Patients, Target, performance
from auditkit.checks.measuring import Measuring, worded
from auditkit.errors import AuditError
from auditkit.evidence.kinds import Floats, Integers
from auditkit.findings import Measurement
from auditkit.metrics.permuted import Metric


@dataclass(frozen=True)
class Both:
    """Answers to real images, (m,), and to generated ones, (R, m), of the same captions."""

    metric: Metric
    labels: Integers
    real: Floats
    generated: Floats
    patients: Patients

    def gap(self) -> stats.Estimate:
        """Performance on real images minus that on generated ones."""
        if self.metric == "auroc":
            return stats.auroc_difference(self.labels, self.real, self.generated, self.patients)
        right = (self.generated == self.labels).mean(axis=0)
        return stats.mean((self.real == self.labels) - right, self.patients, bounds=(-1.0, 1.0))

    def on_real(self) -> stats.Estimate:
        """Performance on real images."""
        return performance(self.metric, self.labels, self.real[np.newaxis], self.patients)

    def on_generated(self) -> stats.Estimate:
        """Performance on generated images."""
        return performance(self.metric, self.labels, self.generated, self.patients)


@dataclass(frozen=True)
class Gap:
    """What was found for the target or for one concept; ``generated`` is measured of concepts."""

    name: str
    both: Both
    measured: Measurement
    generated: Measurement

    @property
    def value(self) -> float:
        """The estimate; -inf where there is none, so that it is no large gap."""
        return self.measured.estimate.value if self.measured.estimate else -np.inf

    @property
    def short(self) -> str:
        """Estimate and interval with two decimals."""
        return worded(self.measured, lambda value: f"{value:.2f}")


def target_gap(target: Target, measuring: Measuring) -> Gap:
    """Of the model under audit."""
    evidence = target.evidence
    patients = evidence.patients[target.rows]
    real = target.real[target.rows]
    both = Both(target.metric, target.labels, real, target.plain, patients)
    gap = measuring("target_gap", both.gap, skipped=filter(None, target.drawn.reasons))
    gap = replace(gap, unit=UNITS[target.metric], affected=target.affected(permuted=False))
    return Gap(evidence.card.model, both, gap, gap)


def concept_gap(judge: Judge, one: Judged, measuring: Measuring) -> Gap:
    """Of a concept, as the classifier sees it."""
    patients = judge.patients[one.rows]
    both = Both("auroc", one.labels, judge.real(one), judge.generated(one), patients)

    def measured(name: str, estimate: Callable[[], stats.Estimate]) -> Measurement:
        affected = one.affected(permuted=False)
        return replace(measuring(name, estimate, skipped=one.skipped), affected=affected)

    gap = measured(f"gap[{one.name}]", both.gap)
    generated = measured(f"generated_auroc[{one.name}]", both.on_generated)
    return Gap(one.name, both, gap, generated)


def cell(estimate: Callable[[], stats.Estimate]) -> str:
    """An estimate for a table."""
    try:
        found = estimate()
    except AuditError:
        return "not evaluable"
    # Adding 0 turns minus zero into zero.
    value, low, high = (round(x, 3) + 0.0 for x in (found.value, found.low, found.high))
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"
