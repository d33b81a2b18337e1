"""Stored results as what was judged: measurements and expectations, so that `judge` can be asked again."""

import math
from collections.abc import Mapping

from pydantic import ValidationError

from auditkit.errors import AuditError
from auditkit.findings import Findings, Measurement
from auditkit.results import AuditResult, ChoiceResult, MeasurementResult, VerdictResult
from auditkit.spec.audit import Expectation
from auditkit.stats import Choice, Estimate


def findings_of(audit: AuditResult) -> Findings:
    """The measurements of an audit; curves, tables and pictures are not judged."""
    return Findings(measurements=[measurement_of(each) for each in audit.measurements])


def measurement_of(stored: MeasurementResult) -> Measurement:
    """A stored quantity as a measurement, without its p-values: they are not stored at every limit."""
    low, high = stored.bounds
    return Measurement(
        name=stored.name,
        at=stored.at,
        estimate=_estimate(stored),
        unit=stored.unit,
        bounds=(_or(low, -math.inf), _or(high, math.inf)),
        planned=stored.planned,
        not_evaluable=stored.not_evaluable,
        reason=stored.reason,
        applicable=stored.applicable,
        affected=stored.affected,
        choice=_choice(stored, stored.choice) if stored.choice else None,
    )


def expectation_of(verdict: VerdictResult) -> Expectation | None:
    """A stored expectation; none where the file does not hold its condition (schema 1.0).

    Raises:
        AuditError: the stored condition is none.
    """
    if not verdict.condition:
        return None
    fields: Mapping[str, object] = {
        "measure": verdict.measure,
        "at": verdict.at,
        "severity": verdict.severity,
        "why": verdict.why,
        **verdict.condition,
    }
    try:
        return Expectation.model_validate(fields)
    except ValidationError as error:
        text = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise AuditError(f"{verdict.node}: its stored condition cannot be read: {text}") from None


def key_of(verdict: VerdictResult) -> str:
    """The expectation's part of the test's name, as its spec gives it."""
    name = verdict.node.rpartition("::")[2]
    return name.removeprefix(f"{verdict.audit}.").removesuffix(f"[{verdict.model}]")


def _estimate(stored: MeasurementResult) -> Estimate | None:
    if stored.value is None:
        return None
    return Estimate(
        value=stored.value,
        low=_or(stored.low, -math.inf),
        high=_or(stored.high, math.inf),
        level=_or(stored.level, 0.95),
        n=stored.n,
        clusters=stored.clusters,
        method=stored.method,
        tail=lambda _: (1.0, 1.0),
    )


def _choice(stored: MeasurementResult, choice: ChoiceResult) -> Choice:
    return Choice(
        value=choice.value,
        candidates=tuple(choice.candidates),
        p_values=choice.p_values,
        n=stored.n,
        clusters=stored.clusters,
        method=stored.method,
    )


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
