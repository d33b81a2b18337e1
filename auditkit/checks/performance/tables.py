"""Tables of the check `performance`."""

from collections.abc import Sequence

import numpy as np

from auditkit import stats
from auditkit.checks.cells import interval_cell
from auditkit.checks.performance.groups import Part
from auditkit.checks.performance.measures import Answers
from auditkit.evidence import Evidence
from auditkit.findings import Findings, Table
from auditkit.stats import Estimate
from auditkit.stats.detectable import mean_influence
from auditkit.stats.roc import auroc_influence

_MAIN = ("roc_auc", "sensitivity", "specificity")
_MORE = ("accuracy", "balanced_accuracy", "pr_auc", "ppv", "npv")
_PROBABILITIES = ("brier", "calibration_error", "calibration_slope", "calibration_intercept")
_MOST = 200
_SLASH = "\u00a0/\u00a0"  # keeps the numbers on one line


def by_group(answers: Answers, parts: Sequence[Part], findings: Findings) -> list[Table]:
    """Every part with its numbers of images and its estimates, in up to three tables."""
    writer = _ByGroup(answers, parts, findings)
    if not answers.two_class:
        return [writer.main(("accuracy", "balanced_accuracy"), ("accuracy",))]
    return [
        writer.main(_MAIN, (*_MAIN, "accuracy")),
        writer.more(
            "decisions_by_group",
            "Decisions and precision by group",
            _MORE,
            "Accuracy, pr auc, ppv and npv depend on the prevalence, so they differ between groups even "
            "where the model does not. A score that knows nothing has the prevalence as its pr auc.",
        ),
        writer.more(
            "calibration_by_group",
            "Calibration by group",
            _PROBABILITIES,
            "Slope 1 and intercept 0 are calibrated. The calibration error is biased upwards, the "
            "more the smaller a group is.",
        ),
    ]


class _ByGroup:
    """Rows per part."""

    def __init__(self, answers: Answers, parts: Sequence[Part], findings: Findings) -> None:
        self.answers, self.parts, self.findings = answers, parts, findings

    def main(self, names: Sequence[str], detectable: Sequence[str]) -> Table:
        """Numbers of images, estimates, and what so many images can show."""
        rows, reasons = [], [self._why(part) for part in self.parts]
        for part, reason in zip(self.parts, reasons, strict=True):
            own = self.answers[part.rows]
            counts = [str(own.labels.size), str(np.unique(own.patients).size)]
            if own.two_class:
                counts.append(str(int((own.labels == 1).sum())))
            smallest = _SLASH.join(self._detectable(name, own, part) for name in detectable)
            cells = [part.title, *counts, *self._cells(part, names), smallest]
            rows.append([*cells, reason] if any(reasons) else cells)
        positive = ["positive"] if self.answers.two_class else []
        columns = ["images", "n", "patients", *positive, *_words(names), "detectable"]
        columns += ["why not"] if any(reasons) else []
        caption = (
            "Estimates with 95 % intervals over patients. Detectable: the smallest difference below "
            f"the estimate ({' / '.join(_words(detectable))}) that a test at 5 % shows with 80 % power "
            "on so many images."
        )
        return Table("by_group", "By group", columns, rows, caption)

    def more(self, name: str, title: str, names: Sequence[str], caption: str) -> Table:
        """Further estimates beside the prevalence."""
        rows = []
        for part in self.parts:
            labels = self.answers.labels[part.rows]
            prevalence = f"{(labels == 1).mean():.3f}" if labels.size else ""
            rows.append([part.title, str(labels.size), prevalence, *self._cells(part, names)])
        return Table(name, title, ["images", "n", "prevalence", *_words(names)], rows, caption)

    def _cells(self, part: Part, names: Sequence[str]) -> list[str]:
        return [interval_cell(self._estimate(name, part)) for name in names]

    def _estimate(self, name: str, part: Part) -> Estimate | None:
        found = self.findings.find(name, part.at)
        return found.estimate if found else None

    def _why(self, part: Part) -> str:
        """The reasons why anything of a part could not be estimated."""
        found = (self.findings.find(name, part.at) for name in (*_MAIN, *_MORE, *_PROBABILITIES))
        reasons = dict.fromkeys(m.reason for m in found if m is not None and m.reason)
        return "; ".join(reasons)

    def _detectable(self, name: str, own: Answers, part: Part) -> str:
        estimate = self._estimate(name, part)
        if estimate is None:
            return "–"
        return f"{detectable(name, own, estimate):.3f}"


def detectable(name: str, own: Answers, estimate: Estimate) -> float:
    """Smallest difference below an estimate that these images show with 80 % power."""
    if name != "roc_auc":
        rows = own.concerns(name)
        influence = mean_influence(own.right[rows].astype(np.float64))
        effect = stats.design_effect(influence, own.patients[rows])
        return stats.detectable_proportion(estimate.value, estimate.n, design_effect=effect)
    if not 0 < estimate.value < 1:
        # Perfect pairs stay perfect: their exact bound is reached for certain.
        return estimate.value - estimate.low
    labels = own.labels.astype(np.float64)
    effect = stats.design_effect(auroc_influence(labels, own.score), own.patients)
    positives = int(labels.sum())
    return stats.detectable_auroc(
        estimate.value, positives, labels.size - positives, design_effect=effect
    )


def probabilities(answers: Answers, bins: int) -> list[Table]:
    """The bins of the reliability diagram with their counts, and how the scores are spread."""
    labels, score = answers.labels, answers.score
    rows = [
        [
            f"{part.low:.3f} to {part.high:.3f}",
            str(part.observed.n),
            str(round(part.observed.value * part.observed.n)),
            f"{part.mean:.3f}",
            interval_cell(part.observed),
        ]
        for part in stats.reliability_bins(labels, score, bins, answers.patients)
    ]
    columns = ["probability", "images", "positive", "mean probability", "observed share"]
    parts = stats.brier_parts(labels, score, bins)
    caption = (
        f"Brier score = reliability {parts.reliability:.4f} - resolution {parts.resolution:.4f} + "
        f"uncertainty {parts.uncertainty:.4f} + {parts.within:.4f} within bins."
    )
    edges = np.linspace(0, 1, 11)
    counts = [np.histogram(score[labels == label], edges)[0] for label in (0, 1)]
    spread = [
        [f"{low:.1f} to {high:.1f}", str(negative), str(positive)]
        for low, high, negative, positive in zip(edges, edges[1:], *counts, strict=False)
    ]
    heads = ["probability", "negative images", "positive images"]
    return [
        Table("reliability", "Calibration in bins of equal size", columns, rows, caption),
        Table("scores", "Spread of the probabilities", heads, spread),
    ]


def decisions(evidence: Evidence, answers: Answers) -> Table:
    """Image by image, for models with many classes."""
    names = evidence.classes

    def name(index: int) -> str:
        return names[index] if names else str(index)

    rows = [
        [record.id, name(record.label), name(int(decided)), "yes" if right else "no"]
        for record, decided, right in zip(
            evidence.records[:_MOST], answers.decision, answers.right, strict=False
        )
    ]
    cut = f"The first {_MOST} of {evidence.n} images." if evidence.n > _MOST else ""
    return Table("decisions", "Decisions", ["image", "label", "decision", "right"], rows, cut)


def _words(names: Sequence[str]) -> list[str]:
    return [name.replace("_", " ") for name in names]
