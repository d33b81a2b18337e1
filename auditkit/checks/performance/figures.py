"""Figures of the check `performance`."""

from collections.abc import Sequence

import numpy as np

from auditkit import stats
from auditkit.checks.performance.groups import Part
from auditkit.checks.performance.measures import Answers
from auditkit.findings import Figure, Series
from auditkit.stats.inputs import Floats

MOST_POINTS = 400


def curves(answers: Answers, parts: Sequence[Part]) -> list[Figure]:
    """ROC and precision-recall curves: all images, and the groups of every column beside them.

    Groups too small for an estimate have curves as well; they claim nothing. Intersections have
    none: so many lines cannot be told apart.
    """
    columns = list(dict.fromkeys(part.column for part in parts if len(part.at) == 1)) or [""]
    figures = []
    for column in columns:
        shown = [part for part in parts if part.column in ("", column)]
        name = f"_{column}" if len(columns) > 1 else ""
        figures += [_roc(answers, shown, name), _precision_recall(answers, shown, name)]
    return figures


def _roc(answers: Answers, parts: Sequence[Part], name: str) -> Figure:
    lines = []
    for part in parts:
        labels = answers.labels[part.rows]
        if 0 < labels.sum() < labels.size:
            false, true = stats.roc_curve(labels, answers.score[part.rows])
            lines.append(_thinned(_legend(part), false, true))
    return Figure(
        f"roc{name}",
        "ROC curve",
        "lines",
        "1 - specificity",
        "sensitivity",
        lines,
        "Each curve shows all thresholds; the diagonal is chance.",
        diagonal=True,
    )


def _precision_recall(answers: Answers, parts: Sequence[Part], name: str) -> Figure:
    lines, shares = [], []
    for part in parts:
        labels = answers.labels[part.rows]
        if 0 < labels.sum() < labels.size:
            recall, precision = stats.precision_recall_curve(labels, answers.score[part.rows])
            lines.append(_thinned(_legend(part), recall, precision))
            shares.append(f"{_legend(part)} {labels.mean():.2f}")
    if lines:
        prevalence = float(answers.labels.mean())
        lines.append(Series("prevalence", [0.0, 1.0], [prevalence, prevalence], dashed=True))
    return Figure(
        f"precision_recall{name}",
        "Precision-recall curve",
        "lines",
        "sensitivity (recall)",
        "ppv (precision)",
        lines,
        "A score that knows nothing has the prevalence, which is dashed for all images. Prevalence: "
        f"{', '.join(shares) or 'one class only'}. Straight lines between points are for the eye.",
    )


def reliability(answers: Answers, bins: int) -> Figure:
    """Observed share of positives over the mean probability, in bins of equal mass."""
    found = stats.reliability_bins(answers.labels, answers.score, bins, answers.patients)
    seen = [part.observed for part in found]
    line = Series(
        "observed",
        [part.mean for part in found],
        [part.value for part in seen],
        [part.low for part in seen],
        [part.high for part in seen],
    )
    sizes = sorted({part.n for part in seen})
    images = f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"{sizes[0]}"
    return Figure(
        "calibration",
        "Calibration",
        "lines",
        "mean predicted probability",
        "observed share of positives",
        [line],
        f"{len(found)} bins of equal size ({images} images each) with 95 % intervals; on the "
        "diagonal, probabilities mean what they say.",
        diagonal=True,
    )


def _legend(part: Part) -> str:
    return ", ".join(f"{column} {value}" for column, value in part.at.items()) or "all images"


def _thinned(name: str, x: Floats, y: Floats) -> Series:
    """A line by at most ``MOST_POINTS`` evenly spaced points, both ends among them."""
    chosen = np.linspace(0, x.size - 1, min(x.size, MOST_POINTS)).round().astype(np.int64)
    return Series(name, x[chosen].tolist(), y[chosen].tolist())
