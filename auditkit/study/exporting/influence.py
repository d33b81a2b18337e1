"""What seeing the model's prediction and its heatmap did to experts' own predictions.

The physician's decision before and after, as the survey of Jin et al. (arXiv:2202.10553, Fig. 2) embeds it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditkit import stats
from auditkit.errors import AuditError
from auditkit.stats.paired import paired_difference
from auditkit.study.answers import Decision
from auditkit.study.exporting.heatmap_rows import HeatmapRow

EVERYBODY = "all experts"

_UNIT = (0.0, 1.0)
_PERCENT = (0.0, 100.0)

Judged = Callable[[HeatmapRow, Decision], float]


@dataclass(frozen=True)
class Influence:
    """One quantity of one expert.

    Attributes:
        expert: who; ``EVERYBODY`` for all of them.
        quantity: ``agreement`` (share of predictions that are the model's), ``accuracy`` (that are the
            reference standard's) or ``confidence`` (0 to 100).
        when: ``before`` the prediction and the heatmap were shown, ``after``, or ``change`` (after - before).
        estimate: with an interval over patients; None if there is none.
        reason: why there is none.
    """

    expert: str
    quantity: str
    when: str
    estimate: stats.Estimate | None
    reason: str = ""


def influence(rows: Sequence[HeatmapRow], labels: Mapping[str, str]) -> list[Influence]:
    """Agreement with the model, accuracy and confidence before and after, of each expert and of all.

    Only an expert's first heatmap of a case counts, since the prediction before a second one is made by
    somebody who knows the model's; and only where both predictions were made. Patients are the clusters,
    also over experts, whose answers to one patient go together.

    Args:
        rows: as exported.
        labels: class of each case by its id, where the reference standard is known; accuracy is over these.
    """
    first = [row for row in rows if row.showing == "first" and not row.seen_before]
    used = [row for row in first if row.answer.before and row.answer.after]
    experts = list(dict.fromkeys(row.expert for row in rows))
    found = []
    for name in [*experts, *([EVERYBODY] if len(experts) > 1 else [])]:
        own = [row for row in used if name in (row.expert, EVERYBODY)]
        found += _quantities(name, own, labels)
    return found


def _quantities(
    name: str, rows: Sequence[HeatmapRow], labels: Mapping[str, str]
) -> list[Influence]:
    known = [row for row in rows if row.image in labels]
    found = _three(name, "agreement", rows, lambda row, own: own.decision == row.predicted, _UNIT)
    if labels:
        found += _three(
            name, "accuracy", known, lambda row, own: own.decision == labels[row.image], _UNIT
        )
    return found + _three(name, "confidence", rows, lambda _, own: own.confidence, _PERCENT)


def _three(
    name: str,
    quantity: str,
    rows: Sequence[HeatmapRow],
    judged: Judged,
    bounds: tuple[float, float],
) -> list[Influence]:
    """Before, after and the change."""
    sides = [_sample(rows, judged, after=after) for after in (False, True)]
    estimates: list[tuple[str, Callable[[], stats.Estimate]]] = [
        ("before", lambda: _average(sides[0], bounds)),
        ("after", lambda: _average(sides[1], bounds)),
        ("change", lambda: paired_difference(*sides, bounds=bounds).estimate),
    ]
    return [_estimated(name, quantity, when, estimate, rows) for when, estimate in estimates]


def _estimated(
    name: str,
    quantity: str,
    when: str,
    estimate: Callable[[], stats.Estimate],
    rows: Sequence[HeatmapRow],
) -> Influence:
    if len({_patient(row) for row in rows}) < 2:
        reason = "predictions before and after of two patients at least were expected"
        return Influence(name, quantity, when, None, reason)
    try:
        return Influence(name, quantity, when, estimate())
    except AuditError as error:
        return Influence(name, quantity, when, None, str(error))


def _average(sample: stats.Sample, bounds: tuple[float, float]) -> stats.Estimate:
    patients = np.array(sample.patients, dtype=np.str_)
    if bounds == _UNIT:
        return stats.proportion(sample.values, patients)
    return stats.mean(sample.values, patients, bounds=bounds)


def _sample(rows: Sequence[HeatmapRow], judged: Judged, *, after: bool) -> stats.Sample:
    values = []
    for row in rows:
        own = row.answer.after if after else row.answer.before
        assert own is not None
        values.append(float(judged(row, own)))
    # One person's prediction of one case is what is compared with itself.
    units = [f"{row.expert}/{row.image}" for row in rows]
    return stats.Sample("mean", units, [_patient(row) for row in rows], np.array(values))


def _patient(row: HeatmapRow) -> str:
    """Unknown patients are one per image."""
    return row.patient or f"image {row.image}"
