"""Judging an item: the session's answer becomes a record and pytest's outcome."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from auditkit.comparison.baseline import Baseline
from auditkit.findings import Measurement
from auditkit.plugin.keys import OPTIONS, RECORDS, VERDICT
from auditkit.plugin.sending import send_audit, send_model, send_sources
from auditkit.plugin.sessions import session_of
from auditkit.plugin.shielding import shielded
from auditkit.provenance import relative
from auditkit.release import expired_words, reason_beside, waived_words
from auditkit.results import VerdictResult, WaiverResult, number
from auditkit.results.judged import KnownProficiency
from auditkit.spec.audit import CONDITIONS, Expectation, Waiver
from auditkit.spec.load import resolve_at
from auditkit.stats import Estimate
from auditkit.verdict import Judgement, Verdict, shown_beside

if TYPE_CHECKING:
    from auditkit.plugin.collection import AuditItem


class NotPassed(Exception):  # noqa: N818 a verdict, not an error
    """An expectation whose verdict is not a pass; the text begins with the verdict."""


class UnneededWaiver(pytest.PytestWarning):
    """An expectation that passes although somebody waived it: the waiver would hide a later failure."""


def judge_item(item: "AuditItem") -> None:
    """Judge an item's expectation and keep the record; an exception is recorded as an error."""
    records = item.stash.setdefault(RECORDS, [])
    session = session_of(item.config)
    try:
        judgement, measurement = session.judge(item.audit, item.card, item.expectation)
    except Exception as error:
        judgement, measurement = Judgement(Verdict.ERROR, f"{error}" or repr(error)), None
        _record(item, records, judgement, measurement)
        raise
    _record(item, records, judgement, measurement)
    # One method that does not fit leaves findings of the others; a check that cannot be asked has none.
    if measurement is not None or judgement.verdict not in (
        Verdict.NOT_APPLICABLE,
        Verdict.NOT_RUN,
    ):
        records += send_audit(item.config, item.audit, item.card)


def _record(
    item: "AuditItem",
    records: list[dict[str, Any]],
    judgement: Judgement,
    measurement: Measurement | None,
) -> None:
    measure = item.audit.check.measures(item.audit.parameters)[item.expectation.measure]
    verdict = verdict_result(
        node=item.nodeid,
        audit=item.audit.id,
        model=item.card.model,
        expectation=item.expectation,
        at=resolve_at(item.expectation, measure),
        judgement=judgement,
        measurement=measurement,
        file=relative(item.path, item.config.rootpath),
        line=item.line,
        guidelines=item.audit.check.guidelines_of(measure),
        waiver_origin=relative(item.waiver_origin, item.config.rootpath),
        baseline=session_of(item.config).baseline,
    )
    if measurement is not None:
        told = _known(item, measurement)
        verdict = verdict.model_copy(update={"proficiency": told})
    verdict = shielded(item.config, item.audit, item.card).verdict(verdict)
    item.stash[VERDICT] = verdict
    records.append({"verdict": verdict.model_dump(mode="json")})
    records.extend(send_model(item.config, item.card))
    records.extend(send_sources(item.config, item.audit, item.card))
    if item.config.stash[OPTIONS].junit_properties:
        item.user_properties += junit_properties(verdict)


def _known(item: "AuditItem", measurement: Measurement) -> KnownProficiency | None:
    """What studies of planted faults say of this expectation at these settings."""
    from auditkit.proficiency.known import known, studies

    return known(
        studies(item.config.stash[OPTIONS].proficiency),
        item.audit.check.name,
        item.audit.parameters.model_dump(mode="json"),
        item.expectation,
        measurement.estimate.n if measurement.estimate else 0,
    )


def verdict_result(
    *,
    node: str,
    audit: str,
    model: str,
    expectation: Expectation,
    at: dict[str, float | str],
    judgement: Judgement,
    measurement: Measurement | None,
    file: str,
    line: int,
    guidelines: Sequence[str] = (),
    waiver_origin: str = "",
    baseline: Baseline | None = None,
) -> VerdictResult:
    """A judged expectation as it stands in results.json."""
    paired = judgement.paired
    found = shown_beside(expectation, judgement, measurement)
    estimate = found if isinstance(found, Estimate) else None
    return VerdictResult(
        node=node,
        audit=audit,
        model=model,
        measure=expectation.measure,
        at=at,
        expected=expectation.wording,
        severity=expectation.severity,
        verdict=judgement.verdict,
        reason=reason_beside(judgement.verdict, judgement.reason, expectation.waiver),
        value=number(estimate.value) if estimate else None,
        low=number(estimate.low) if estimate else None,
        high=number(estimate.high) if estimate else None,
        n=int(found.n) if found else 0,
        p_value=number(judgement.p_value),
        p_adjusted=None,
        fault=False,
        file=file,
        line=line,
        why=expectation.why,
        condition=condition(expectation),
        waiver=waiver_result(expectation.waiver, judgement.verdict, waiver_origin or file),
        baseline=baseline.value(paired) if paired and baseline else None,
        guidelines=list(guidelines),
    )


def condition(expectation: Expectation) -> dict[str, Any]:
    """An expectation's condition as the spec has it, so that stored results can be judged again."""
    return expectation.model_dump(
        mode="json", by_alias=True, include={*CONDITIONS, "margin", "min_n"}, exclude_none=True
    )


def waiver_result(waiver: Waiver | None, verdict: Verdict, origin: str) -> WaiverResult | None:
    """A waiver as it stands in results.json, of what can be waived: an error or a pass cannot."""
    if waiver is None or verdict in (Verdict.PASS, Verdict.ERROR):
        return None
    return WaiverResult(
        approver=waiver.approver,
        reason=waiver.reason,
        expires=waiver.expires.isoformat(),
        reference=waiver.reference,
        origin=origin,
        in_force=datetime.now(UTC).date() <= waiver.expires,
    )


def junit_properties(verdict: VerdictResult) -> list[tuple[str, object]]:
    """A few flat properties, builtin types only, since xdist carries nothing else."""
    values = {
        "audit.verdict": verdict.verdict.value,
        "audit.measure": verdict.measure,
        "audit.expected": verdict.expected,
        "audit.estimate": verdict.value,
        "audit.low": verdict.low,
        "audit.high": verdict.high,
        "audit.n": verdict.n,
    }
    return [(name, value) for name, value in values.items() if value is not None]


def raise_verdict(item: "AuditItem") -> None:
    """Pytest's outcome for a verdict: nothing unknown is ever skipped, what is waived is an xfail."""
    verdict = item.stash[VERDICT]
    text = f"{verdict.verdict.value.upper()}: {verdict.measure}: {verdict.reason}"
    if verdict.verdict is Verdict.PASS:
        if item.expectation.waiver is not None:
            item.warn(UnneededWaiver(f"{verdict.audit}: {verdict.measure}: {verdict.reason}"))
        return
    if verdict.verdict is Verdict.NOT_APPLICABLE:
        pytest.skip(f"not applicable: {verdict.reason}")
    if verdict.waiver is not None:
        if verdict.waiver.in_force:
            waived = f"{waived_words(verdict.waiver)}: {text}"
            pytest.xfail(waived)
            raise NotPassed(waived)  # under --runxfail
        raise NotPassed(f"{text}\n{expired_words(verdict.waiver)}")
    if verdict.verdict is Verdict.INCONCLUSIVE:
        if item.expectation.on_inconclusive == "skip":
            pytest.skip(text)
        if item.expectation.on_inconclusive == "xfail":
            pytest.xfail(text)
    raise NotPassed(text)
