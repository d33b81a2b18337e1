"""What the specs expect, against what the record says that they do."""

from auditkit.results import VerdictResult
from auditkit.spec.applying import Planned
from auditkit.spec.audit import Expectation, Waiver
from auditkit.spec.load import resolve_at


def expectation_of(planned: Planned, verdict: VerdictResult) -> Expectation | None:
    """The spec's own expectation, under the profile of the run."""
    for index, key in enumerate(planned.keys):
        if verdict.node.endswith(f"::{planned.audit.id}.{key}[{verdict.model}]"):
            return planned.expectation(index, verdict.model)[0]
    return None


def other_condition(verdict: VerdictResult, expectation: Expectation, day: str) -> str:
    """What of the condition, its severity or its waiver is not as the spec has it on the day of the run."""
    if verdict.expected != expectation.wording:
        return f"the spec asks for {expectation.wording}, the record for {verdict.expected}"
    given = verdict.condition.get("min_n", expectation.min_n)
    if given != expectation.min_n:
        return f"the spec asks for {expectation.min_n} independent units, the record for {given}"
    if verdict.severity != expectation.severity:
        return f"the spec says {expectation.severity}, the record {verdict.severity}"
    if verdict.waiver is not None and not _same_waiver(verdict, expectation.waiver):
        return "the spec and its profile have no such waiver"
    if verdict.waiver is not None and verdict.waiver.in_force and day > verdict.waiver.expires:
        return "the spec's waiver had expired on the day of the run"
    return ""


def other_place(planned: Planned, verdict: VerdictResult, expectation: Expectation) -> str:
    """What of the audit, the measure, the place or the threshold's origin is not as the spec has it."""
    measure = planned.audit.check.measures(planned.audit.parameters)[expectation.measure]
    at = resolve_at(expectation, measure)
    asked = planned.audit.id, expectation.measure, at, expectation.why
    stated = verdict.audit, verdict.measure, verdict.at, verdict.why
    words = ("audit", "measure", "place", "why")
    for word, one, other in zip(words, asked, stated, strict=True):
        if one != other:
            return f"the spec has the {word} {one!r}, the record {other!r}"
    return ""


def _same_waiver(verdict: VerdictResult, waiver: Waiver | None) -> bool:
    told = verdict.waiver
    if told is None or waiver is None:
        return told is None
    return (told.approver, told.reason, told.expires, told.reference) == (
        waiver.approver,
        waiver.reason,
        waiver.expires.isoformat(),
        waiver.reference,
    )
