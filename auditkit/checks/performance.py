"""Check `performance`: discrimination at the card's threshold and calibration, overall and by group.

DeGrave et al. (doi:10.1038/s41551-023-01160-9), Fig. 1, compare devices by ROC-AUC per data set and
skin type. Their published error bars cover the central 5 % instead of 95 %; ours are intervals over
patients.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.measuring import Measuring
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.findings import At, Figure, Findings, Measurement, Series, Table
from auditkit.spec.declarations.performance import PERFORMANCE, Performance
from auditkit.stats import Estimate

Rows = npt.NDArray[np.bool_]


def performance(evidence: Evidence, parameters: Performance) -> Findings:
    """Measure everything over all images, then per value of each group column."""
    findings = Findings()
    scores = evidence.scores()
    everything = np.ones(evidence.n, dtype=bool)
    parts: list[tuple[At, Rows]] = [({}, everything)]
    for column in parameters.by:
        group = evidence.group(column)
        parts += [({column: str(value)}, group == value) for value in np.unique(group)]
    measuring = Measuring.of(PERFORMANCE, parameters, evidence.n)
    for at, rows in parts:
        part = _Part(evidence, scores.score, scores.decision, rows, parameters.bins)
        for name, estimate in part.estimates().items():
            findings.measurements.append(measuring(name, estimate, at, planned=int(rows.sum())))
    findings.tables.append(_table(findings.measurements, parts))
    if evidence.two_class:
        _warn_if_constant(findings, scores.score)
        findings.figures += _figures(evidence, scores.score, parts, parameters.bins)
    else:
        findings.tables.append(_mistakes(evidence, scores.decision))
    return findings


class _Part:
    """The quantities of one part of the images."""

    def __init__(
        self,
        evidence: Evidence,
        score: npt.NDArray[np.float64],
        decision: npt.NDArray[np.int64],
        rows: Rows,
        bins: int,
    ) -> None:
        self.two_class = evidence.two_class
        self.labels, self.score = evidence.labels[rows], score[rows]
        self.decision, self.patients = decision[rows], evidence.patients[rows]
        self.right = evidence.right(decision)[rows]
        self.bins = bins

    def estimates(self) -> dict[str, Callable[[], Estimate]]:
        """Each measure's estimator; two-class models have scores, others decisions only."""
        found: dict[str, Callable[[], Estimate]] = {
            "accuracy": lambda: stats.proportion(self.right, self.patients)
        }
        if not self.two_class:
            return found
        labels, score, patients = self.labels, self.score, self.patients
        return found | {
            "roc_auc": lambda: stats.auroc(labels, score, patients),
            "sensitivity": lambda: self._share(1),
            "specificity": lambda: self._share(0),
            "brier": lambda: stats.brier(labels, score, patients),
            "calibration_error": lambda: stats.calibration_error(
                labels, score, bins=self.bins, clusters=patients
            ),
            "calibration_slope": lambda: stats.calibration_slope(labels, score, patients),
            "calibration_intercept": lambda: stats.calibration_intercept(labels, score, patients),
        }

    def _share(self, label: int) -> Estimate:
        rows = self.labels == label
        if not rows.any():
            kind = "positive" if label else "negative"
            raise AuditError(f"no {kind} image: one class only")
        return stats.proportion(self.right[rows], self.patients[rows])


def _warn_if_constant(findings: Findings, score: npt.NDArray[np.float64]) -> None:
    if len(np.unique(score)) == 1:
        findings.notes.append(
            f"The model answers {score[0]:.3g} for every image: a constant tells nothing apart."
        )


def _figures(
    evidence: Evidence,
    score: npt.NDArray[np.float64],
    parts: list[tuple[At, Rows]],
    bins: int,
) -> list[Figure]:
    roc = []
    for at, rows in parts:
        labels = evidence.labels[rows]
        if 0 < labels.sum() < len(labels):
            false, true = stats.roc_curve(labels, score[rows])
            name = ", ".join(f"{k} {v}" for k, v in at.items()) or "all images"
            roc.append(Series(name, false.tolist(), true.tolist()))
    order = np.array_split(np.argsort(score, kind="stable"), bins)
    filled = [rows for rows in order if len(rows)]
    mean = [float(score[rows].mean()) for rows in filled]
    seen = [
        stats.proportion(evidence.labels[rows] == 1, evidence.patients[rows]) for rows in filled
    ]
    reliability = Series(
        "observed",
        mean,
        [part.value for part in seen],
        [part.low for part in seen],
        [part.high for part in seen],
    )
    return [
        Figure(
            "roc",
            "ROC curve",
            "lines",
            "1 - specificity",
            "sensitivity",
            roc,
            "Each curve shows all thresholds; the diagonal is chance.",
            diagonal=True,
        ),
        Figure(
            "calibration",
            "Calibration",
            "lines",
            "mean predicted probability",
            "observed share of positives",
            [reliability],
            f"{bins} bins of equal size with 95 % intervals; on the diagonal, probabilities "
            "mean what they say.",
            diagonal=True,
        ),
    ]


def _table(measurements: list[Measurement], parts: list[tuple[At, Rows]]) -> Table:
    shown = ["roc_auc", "accuracy", "sensitivity", "specificity", "brier", "calibration_error"]
    names = [name for name in shown if any(m.name == name for m in measurements)]
    rows = []
    for at, members in parts:
        found = {m.name: m for m in measurements if dict(m.at) == dict(at)}
        title = ", ".join(f"{k}: {v}" for k, v in at.items()) or "all images"
        rows.append([title, str(int(members.sum())), *(_cell(found.get(name)) for name in names)])
    return Table(
        "by_group",
        "By group",
        ["images", "n", *(name.replace("_", " ") for name in names)],
        rows,
        "Estimates with 95 % intervals over patients.",
    )


def _cell(measurement: Measurement | None) -> str:
    if measurement is None or measurement.estimate is None:
        return "not evaluable"
    found = measurement.estimate
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _mistakes(evidence: Evidence, decision: npt.NDArray[np.int64]) -> Table:
    names = evidence.classes

    def name(index: int) -> str:
        return names[index] if names else str(index)

    rows = [
        [record.id, name(record.label), name(int(decided)), "yes" if right else "no"]
        for record, decided, right in zip(
            evidence.records, decision, evidence.right(decision), strict=True
        )
    ]
    return Table("decisions", "Decisions", ["image", "label", "decision", "right"], rows[:200])
