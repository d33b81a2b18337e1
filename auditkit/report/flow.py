"""How many images an audit planned, evaluated and could not evaluate, and why: the reader's flow of data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditkit.results import AuditResult, DataResult, MeasurementResult


@dataclass(frozen=True)
class Flow:
    """What became of a data set in one audit.

    Attributes:
        data: the data set, if it was read.
        planned: fewest and most images that a measure was to be evaluated on.
        evaluated: fewest and most images in an estimate; none if nothing was estimated.
        clusters: the same of patients.
        lost: images that could not be evaluated, by reason: the most in any measure.
        inapplicable: measures that cannot be asked of the model, by reason.
    """

    data: DataResult | None
    planned: tuple[int, int]
    evaluated: tuple[int, int] | None
    clusters: tuple[int, int] | None
    lost: Mapping[str, int]
    inapplicable: Mapping[str, int]


def flow(audit: AuditResult, data: Sequence[DataResult]) -> Flow | None:
    """The flow of an audit; none if it measured nothing."""
    if not audit.measurements:
        return None
    asked = [found for found in audit.measurements if found.applicable]
    estimated = [found for found in asked if found.n]
    inapplicable: dict[str, int] = {}
    for found in audit.measurements:
        if not found.applicable:
            inapplicable[found.reason] = inapplicable.get(found.reason, 0) + 1
    return Flow(
        data=next((each for each in data if each.data == audit.data), None),
        planned=_range([found.planned for found in asked]) or (0, 0),
        evaluated=_range([found.n for found in estimated]),
        clusters=_range([found.clusters for found in estimated]),
        lost=_lost(asked),
        inapplicable=inapplicable,
    )


def _range(counts: Sequence[int]) -> tuple[int, int] | None:
    return (min(counts), max(counts)) if counts else None


def _lost(asked: Sequence[MeasurementResult]) -> dict[str, int]:
    most: dict[str, int] = {}
    for found in asked:
        for reason, count in found.not_evaluable.items():
            most[reason] = max(count, most.get(reason, 0))
    return dict(sorted(most.items(), key=lambda item: -item[1]))
