"""Findings as they stand in results.json."""

import math

from auditkit.findings import Figure, Measurement, Table
from auditkit.results.found import (
    ChoiceResult,
    FigureResult,
    MeasurementResult,
    SeriesResult,
    TableResult,
)
from auditkit.stats import Choice


def number(value: float | None) -> float | None:
    """A finite builtin float, or null: JSON has neither NaN nor infinity."""
    if value is None or not math.isfinite(value):
        return None
    return float(value)


def measurement_result(measurement: Measurement) -> MeasurementResult:
    """A measurement as it stands in results.json."""
    estimate, choice = measurement.estimate, measurement.choice
    evaluated = estimate or choice
    return MeasurementResult(
        name=measurement.name,
        at=dict(measurement.at),
        value=number(estimate.value) if estimate else None,
        low=number(estimate.low) if estimate else None,
        high=number(estimate.high) if estimate else None,
        level=estimate.level if estimate else None,
        n=int(evaluated.n) if evaluated else 0,
        clusters=int(evaluated.clusters) if evaluated else 0,
        method=evaluated.method if evaluated else "",
        unit=measurement.unit,
        planned=int(measurement.planned),
        not_evaluable={reason: int(n) for reason, n in measurement.not_evaluable.items()},
        reason=measurement.reason,
        choice=_choice_result(choice) if choice else None,
        applicable=measurement.applicable,
        bounds=(number(measurement.bounds[0]), number(measurement.bounds[1])),
        affected=number(measurement.affected),
    )


def _choice_result(choice: Choice) -> ChoiceResult:
    return ChoiceResult(
        value=choice.value,
        candidates=list(choice.candidates),
        p_values={name: float(p) for name, p in choice.p_values.items()},
    )


def figure_result(figure: Figure) -> FigureResult:
    """A figure's numbers as they stand in results.json."""
    return FigureResult(
        name=figure.name,
        title=figure.title,
        kind=figure.kind,
        x_label=figure.x_label,
        y_label=figure.y_label,
        caption=figure.caption,
        diagonal=figure.diagonal,
        zero=figure.zero,
        labels=list(figure.labels),
        critical_difference=number(figure.critical_difference),
        reach=figure.reach,
        series=[
            SeriesResult(
                name=line.name,
                x=[float(x) for x in line.x],
                y=[number(y) for y in line.y],
                low=None if line.low is None else [number(y) for y in line.low],
                high=None if line.high is None else [number(y) for y in line.high],
                dashed=line.dashed,
                marks=None if line.marks is None else list(line.marks),
            )
            for line in figure.series
        ],
    )


def table_result(table: Table) -> TableResult:
    """A table as it stands in results.json."""
    return TableResult(
        name=table.name,
        title=table.title,
        columns=list(table.columns),
        rows=[[str(cell) for cell in row] for row in table.rows],
        caption=table.caption,
    )
