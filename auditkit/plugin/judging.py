"""Judging an item: the session's answer becomes a record and pytest's outcome."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from auditkit.evidence import Settings, Store
from auditkit.evidence.engine import Engine, threads
from auditkit.findings import Findings, Measurement
from auditkit.plugin.keys import AUDITS, OPTIONS, RECORDS, SENT, SESSION, VERDICT
from auditkit.plugin.pictures import cases_result, example_result, gallery_result
from auditkit.plugin.progress import Progress
from auditkit.provenance import data_result, instruments, model_result, relative
from auditkit.results import (
    AuditResult,
    VerdictResult,
    WaiverResult,
    figure_result,
    measurement_result,
    number,
    table_result,
)
from auditkit.session import Session
from auditkit.spec.audit import CONDITIONS, Expectation, Waiver
from auditkit.spec.load import Audit, resolve_at
from auditkit.spec.model_card import ModelCard
from auditkit.verdict import Judgement, Verdict

if TYPE_CHECKING:
    from auditkit.plugin.collection import AuditItem


class NotPassed(Exception):  # noqa: N818 a verdict, not an error
    """An expectation whose verdict is not a pass; the text begins with the verdict."""


def session_of(config: pytest.Config) -> Session:
    """This process' session; made when the first item runs."""
    if SESSION not in config.stash:
        options = config.stash[OPTIONS]
        settings = Settings(options.device, options.precision, options.batch_size)
        audits: dict[str, Audit] = config.stash.setdefault(AUDITS, {})
        count = 1 if options.device in ("cuda", "mps") else threads(options.workers)
        engine = Engine(Store(options.store), count, Progress(config))
        config.stash[SESSION] = Session(engine, settings, audits)
    return config.stash[SESSION]


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
    )
    item.stash[VERDICT] = verdict
    records.append({"verdict": verdict.model_dump(mode="json")})
    records.extend(send_model(item.config, item.card))
    if item.config.stash[OPTIONS].junit_properties:
        item.user_properties += junit_properties(verdict)


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
) -> VerdictResult:
    """A judged expectation as it stands in results.json."""
    estimate = measurement.estimate if measurement else None
    evaluated = estimate or (measurement.choice if measurement else None)
    return VerdictResult(
        node=node,
        audit=audit,
        model=model,
        measure=expectation.measure,
        at=at,
        expected=expectation.wording,
        severity=expectation.severity,
        verdict=judgement.verdict,
        reason=judgement.reason,
        value=number(estimate.value) if estimate else None,
        low=number(estimate.low) if estimate else None,
        high=number(estimate.high) if estimate else None,
        n=int(evaluated.n) if evaluated else 0,
        p_value=number(judgement.p_value),
        p_adjusted=None,
        fault=False,
        file=file,
        line=line,
        why=expectation.why,
        condition=condition(expectation),
        waiver=waiver_result(expectation.waiver, judgement.verdict, file),
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
    """Pytest's outcome for a verdict: nothing unknown is ever skipped."""
    verdict = item.stash[VERDICT]
    text = f"{verdict.verdict.value.upper()}: {verdict.measure}: {verdict.reason}"
    if verdict.verdict is Verdict.PASS:
        return
    if verdict.verdict is Verdict.NOT_APPLICABLE:
        pytest.skip(f"not applicable: {verdict.reason}")
    if verdict.verdict is Verdict.INCONCLUSIVE:
        if item.expectation.on_inconclusive == "skip":
            pytest.skip(text)
        if item.expectation.on_inconclusive == "xfail":
            pytest.xfail(text)
    raise NotPassed(text)


def _first_time(config: pytest.Config, *key: str) -> bool:
    sent = config.stash.setdefault(SENT, set())
    new = key not in sent
    sent.add(key)
    return new


def send_model(config: pytest.Config, card: ModelCard) -> list[dict[str, Any]]:
    """The model's identity, once per process."""
    if not _first_time(config, "model", card.model):
        return []
    from auditkit.errors import AuditError

    try:
        found = model_result(card, config.rootpath)
    except AuditError:
        return []  # its weights cannot be read, which every verdict on it says
    return [{"model": found.model_dump(mode="json")}]


def send_audit(config: pytest.Config, audit: Audit, card: ModelCard) -> list[dict[str, Any]]:
    """All that the audit's check found, and the data's identity, once per process."""
    records = []
    session = session_of(config)
    if _first_time(config, "audit", audit.id, card.model):
        found = audit_result(config, audit, card, session.findings(audit, card))
        records.append({"audit": found.model_dump(mode="json")})
    for data in (audit.data, *audit.beside.data.values()):
        if _first_time(config, "data", data.data):
            found_data = data_result(data, session.dataset(data, card), card)
            records.append({"data": found_data.model_dump(mode="json")})
    records += [
        {"instrument": instrument.model_dump(mode="json")}
        for instrument in instruments(audit.beside, card.model)
        if _first_time(config, "instrument", instrument.kind, instrument.name)
    ]
    return records


def audit_result(
    config: pytest.Config, audit: Audit, card: ModelCard, findings: Findings
) -> AuditResult:
    """Findings as they stand in results.json; pictures go to the run's folder."""
    folder = config.stash[OPTIONS].folder
    return AuditResult(
        audit=audit.id,
        model=card.model,
        check=audit.check.name,
        title=audit.spec.title,
        why=audit.spec.why,
        paper=audit.check.paper,
        guidelines=list(audit.check.guidelines),
        data=audit.data.data,
        parameters=audit.parameters.model_dump(mode="json"),
        assumes=audit.spec.assumes,
        file=relative(audit.path, config.rootpath),
        sha256=audit.digest,
        measurements=[measurement_result(m) for m in findings.measurements],
        figures=[figure_result(figure) for figure in findings.figures],
        tables=[table_result(table) for table in findings.tables],
        examples=[example_result(example, folder) for example in findings.examples],
        galleries=[gallery_result(gallery, folder) for gallery in findings.galleries],
        counterfactuals=[cases_result(cases, folder) for cases in findings.counterfactuals],
        notes=findings.notes,
        hazards=audit.spec.hazards,
    )
