"""Differences between groups: the largest gap, the worst group, all pairs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from auditkit import stats
from auditkit.checks.cells import interval_cell
from auditkit.checks.measuring import Measuring
from auditkit.checks.performance.groups import Part, Rows
from auditkit.checks.performance.measures import Answers
from auditkit.errors import AuditError
from auditkit.findings import Findings, Measurement, Table
from auditkit.spec.declarations.performance import GAPS, Performance
from auditkit.stats import Estimate, Gaps
from auditkit.stats.inputs import Clusters, Floats, Integers, cluster_images
from auditkit.stats.ranking import weighted_auroc
from auditkit.stats.recalls import weighted_proportion, weighted_recalls
from auditkit.stats.resampling import Statistic


def add(
    findings: Findings,
    answers: Answers,
    parts: Sequence[Part],
    parameters: Performance,
    measuring: Measuring,
) -> None:
    """The largest gap of every grouping, with tables of worst groups and of all pairs."""
    measures = GAPS if answers.two_class else ("accuracy", "balanced_accuracy")
    largest: list[list[str]] = []
    pairs: list[list[str]] = []
    for column in dict.fromkeys(part.column for part in parts if part.at):
        own = [part for part in parts if part.column == column]
        grouping = _Grouping.of(answers, own, measures)
        for measure in measures:
            found = [findings.find(measure, part.at) for part in own]
            comparison = _Comparison(answers, grouping, measure, [m for m in found if m])
            findings.measurements.append(comparison.measurement(measuring, column))
            largest.append([_title(own), measure, *comparison.largest()])
            pairs += [[_title(own), measure, *row] for row in comparison.pairs()]
    findings.tables += _tables(largest, pairs, parameters)


def _title(parts: Sequence[Part]) -> str:
    return " × ".join(parts[0].at)


@dataclass(frozen=True)
class _Grouping:
    """The groups of one grouping, with joint resamples of every measure.

    Attributes:
        parts: the J groups.
        replicates: (B, J) by measure; NaN for groups without images.
        shared: (J, J), whether two groups have patients in common.
    """

    parts: Sequence[Part]
    replicates: dict[str, Floats]
    shared: Rows

    @staticmethod
    def of(answers: Answers, parts: Sequence[Part], measures: Sequence[str]) -> "_Grouping":
        clusters = cluster_images(answers.patients, answers.patients.size)
        filled = [j for j, part in enumerate(parts) if part.rows.any()]
        members: list[Integers] = [np.flatnonzero(parts[j].rows) for j in filled]
        functions = [
            [_STATISTICS[name](answers[parts[j].rows]) for name in measures] for j in filled
        ]
        drawn = stats.replicate_groups(functions, members, clusters)
        replicates = np.full((*drawn.shape[:2], len(parts)), np.nan)
        replicates[:, :, filled] = drawn
        return _Grouping(
            parts, dict(zip(measures, replicates, strict=True)), _shared(parts, clusters)
        )


def _shared(parts: Sequence[Part], clusters: Clusters) -> Rows:
    there = np.zeros((len(parts), clusters.count), dtype=np.float32)
    for j, part in enumerate(parts):
        there[j, clusters.index[part.rows]] = 1
    shared: Rows = there @ there.T > 0
    return shared


def _floats(values: Rows) -> Floats:
    return values.astype(np.float64)


_STATISTICS: dict[str, Callable[[Answers], Statistic]] = {
    "roc_auc": lambda own: weighted_auroc(own.labels.astype(np.float64), own.score),
    "balanced_accuracy": lambda own: weighted_recalls(
        own.labels.astype(np.float64), _floats(own.right)
    ),
    **{
        name: lambda own, name=name: weighted_proportion(  # type: ignore[misc]
            _floats(own.concerns(name)), _floats(own.right)
        )
        for name in ("sensitivity", "specificity", "accuracy")
    },
}


class _Comparison:
    """One measure compared between the groups in which it could be estimated."""

    def __init__(
        self,
        answers: Answers,
        grouping: _Grouping,
        measure: str,
        found: Sequence[Measurement],
    ) -> None:
        self.measure, self.parts, self.found = measure, grouping.parts, found
        self.incomplete = answers.incomplete
        self.concerned = answers.concerns(measure)
        self.evaluable = [j for j, m in enumerate(found) if m.estimate is not None]
        self.estimates = [m.estimate for m in found if m.estimate is not None]
        self.gaps: Gaps | None = None
        if len(self.evaluable) > 1:
            chosen = np.ix_(self.evaluable, self.evaluable)
            rows = np.logical_or.reduce([self.parts[j].rows for j in self.evaluable])
            self.gaps = stats.compare_groups(
                self.estimates,
                grouping.replicates[measure][:, self.evaluable],
                grouping.shared[chosen],
                patients=np.unique(answers.patients[rows & self.concerned]).size,
            )

    def measurement(self, measuring: Measuring, column: str) -> Measurement:
        """The largest gap; images of groups that could not be evaluated are counted."""
        skipped = [
            f"{part.value}: {m.reason}"
            for part, m in zip(self.parts, self.found, strict=True)
            if m.estimate is None
            for _ in range(int((part.rows & self.concerned).sum()))
        ]
        skipped += self.incomplete
        planned = int(self.concerned.sum()) + len(self.incomplete)
        name = f"{self.measure}.largest_gap"
        return measuring(name, self._largest, {"by": column}, skipped, planned)

    def _largest(self) -> Estimate:
        if self.gaps is None:
            there = ", ".join(self._name(j) for j in range(len(self.evaluable))) or "none"
            raise AuditError(
                f"{self.measure} could be estimated in fewer than two of {len(self.parts)} groups "
                f"({there}), so there is no gap"
            )
        return self.gaps.largest

    def _name(self, j: int) -> str:
        return self.parts[self.evaluable[j]].value

    def largest(self) -> list[str]:
        """Gap, between whom, who is worst, how bad, and at least how good."""
        if self.gaps is None:
            return ["not evaluable", "", "", "", ""]
        gaps = self.gaps
        best = max(range(len(self.estimates)), key=lambda j: self.estimates[j].value)
        worst = self.estimates[gaps.worst]
        return [
            interval_cell(gaps.largest),
            f"{self._name(best)} and {self._name(gaps.worst)}",
            self._name(gaps.worst),
            f"{worst.value:.3f}",
            f"{gaps.worst_low:.3f}",
        ]

    def pairs(self) -> list[list[str]]:
        """Every pair with its simultaneous interval and its p-values, the least likely first."""
        pairs = sorted(self.gaps.pairs, key=lambda pair: pair.p_value) if self.gaps else []
        return [
            [
                self._name(pair.first),
                self._name(pair.second),
                f"{pair.difference:.3f} [{pair.low:.3f}, {pair.high:.3f}]",
                f"{pair.p_value:.2g}",
                f"{pair.p_adjusted:.2g}",
            ]
            for pair in pairs
        ]


def _tables(
    largest: list[list[str]], pairs: list[list[str]], parameters: Performance
) -> list[Table]:
    small = (
        f"Groups with fewer than {parameters.min_group} images, or {parameters.min_class} of a kind "
        "that the measure needs, take no part."
    )
    return [
        Table(
            "gaps",
            "Largest gaps between groups",
            [
                *("groups", "measure", "largest gap", "between", "worst group"),
                *("its estimate", "at least"),
            ],
            largest,
            "The largest of several estimated differences is too large on average; its limits hold "
            "for all pairs together (max-t over resamples of patients). 'At least' is a lower limit "
            f"that holds for all groups together. {small}",
        ),
        Table(
            "pairwise_gaps",
            "All pairs of groups",
            ["groups", "measure", "higher", "lower", "difference", "p", "p (Holm)"],
            pairs,
            "Differences with simultaneous 95 % intervals; two-sided p-values of no difference, "
            "adjusted over the pairs of one measure and grouping.",
        ),
    ]
