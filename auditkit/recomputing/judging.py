"""Measurements, verdicts and decisions computed again and held against those of the record."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from auditkit.findings import Findings, Measurement
from auditkit.recomputing.expected import expectation_of, other_condition, other_place
from auditkit.recomputing.numbers import apart, differ
from auditkit.recomputing.outcome import Compared, Remark
from auditkit.recomputing.plan import Plan
from auditkit.release import decide, reason_beside, refusals, with_holm
from auditkit.results import (
    AuditResult,
    Results,
    VerdictResult,
    figure_result,
    measurement_result,
    number,
    table_result,
)
from auditkit.session import Session
from auditkit.sharing.findings import held_back
from auditkit.spec.audit import Expectation
from auditkit.spec.model_card import ModelCard
from auditkit.stats import Estimate
from auditkit.verdict import Judgement, Verdict, judge, shown_beside

# Sums in another order; what is computed from the same arrays agrees to this.
_ROUNDING = 1e-9
_FIGURES = re.compile(r"[-+]?\d[\d.]*(?:e[-+]?\d+)?")
_REFUSED = "Release mode refuses this run"
_UNJUDGED = "cannot be judged again here: "


@dataclass
class Rejudging:
    """The record's numbers, computed again.

    Attributes:
        results: the record.
        plan: its audits, loaded again.
        session: which computes them.
        numbers: how many are the same, by kind.
        remarks: those that are not.
    """

    results: Results
    plan: Plan
    session: Session
    numbers: dict[str, Compared] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    share: float = _ROUNDING

    def run(self, share: Callable[[], float]) -> None:
        """Compute everything first, then compare.

        Args:
            share: told afterwards, how far numbers may be apart.
        """
        found = [(audit, self._findings(audit)) for audit in self.results.audits]
        judged = [(verdict, self._judged(verdict)) for verdict in self.results.verdicts]
        self.share = max(_ROUNDING, share())
        for recorded, findings in found:
            self._hold_findings(recorded, findings)
        for verdict, (new, reason) in judged:
            self._hold_verdict(verdict, new, reason)
        self._hold_decisions([new or verdict for verdict, (new, _) in judged])

    def _findings(self, recorded: AuditResult) -> Findings | str:
        audit, card = self.plan.audit(recorded), self.plan.models.get(recorded.model)
        if audit is None or card is None:
            return "its spec or model could not be loaded"
        if audit.parameters.model_dump(mode="json") != recorded.parameters:
            return "its parameters are not those of the spec"
        try:
            return self.session.findings(audit, card)
        except Exception as error:  # noqa: BLE001 whatever hinders this machine is a finding
            return f"{error}" or repr(error)

    def _hold_findings(self, recorded: AuditResult, findings: Findings | str) -> None:
        where = f"{recorded.audit} [{recorded.model}]"
        if isinstance(findings, str):
            self._count("measurements", 0, len(recorded.measurements))
            self._remark("not confirmed", "audit", where, f"cannot be measured again: {findings}")
            return
        for kind, old, new in _found(recorded, findings):
            places = {_place(part): part for part in new}
            same = 0
            for part in old:
                there = places.pop(_place(part), None)
                told = f"{where}: {_place(part)}"
                if there is None:
                    self._remark("differs", kind[:-1], told, "is recorded, but was not found again")
                elif text := apart(part, there, self.share):
                    self._remark("differs", kind[:-1], told, text)
                else:
                    same += 1
            for extra in places:
                self._remark("differs", kind[:-1], f"{where}: {extra}", "is missing in the record")
            self._count(kind, same, len(old))

    def _judged(self, verdict: VerdictResult) -> tuple[VerdictResult | None, str]:
        """The verdict judged again; None and why, if it cannot be."""
        card = self.plan.models.get(verdict.model)
        if card is None:
            return None, "its model could not be loaded"
        planned = self.plan.planned.get(verdict.file)
        if planned is None:
            return self._judged_test(verdict, card)
        expectation = expectation_of(planned, verdict)
        if expectation is None:
            return None, "the spec has no such expectation"
        if expectation.not_worse_than is not None and self.session.baseline is None:
            return None, "it rests on an earlier run as well, which is not at hand"
        day = self.results.run.started[:10]
        text = other_place(planned, verdict, expectation)
        text = text or other_condition(verdict, expectation, day)
        if text:
            return None, text
        try:
            judgement, measurement = self.session.judge(planned.audit, card, expectation)
        except Exception as error:  # noqa: BLE001 as pytest's items do
            judgement, measurement = Judgement(Verdict.ERROR, f"{error}" or repr(error)), None
        new, reason = _as_recorded(verdict, expectation, judgement, measurement)
        baseline, paired = self.session.baseline, judgement.paired
        if new is not None:
            beside = baseline.value(paired) if paired and baseline else None
            new = new.model_copy(update={"baseline": beside})
        return new, reason

    def _judged_test(
        self, verdict: VerdictResult, card: ModelCard
    ) -> tuple[VerdictResult | None, str]:
        audit = self.plan.tests.get(verdict.audit)
        if audit is None or not verdict.condition or verdict.measure == "test":
            return None, "it is a test's own assertion, and tests are not run"
        asked = {"measure": verdict.measure, "at": verdict.at, **verdict.condition}
        try:
            expectation = Expectation.model_validate(asked)
            measurement = self.session.findings(audit, card).find(verdict.measure, verdict.at)
        except Exception as error:  # noqa: BLE001 whatever hinders this machine is a finding
            return None, f"{error}" or repr(error)
        judgement = judge(expectation, measurement)
        if judgement.verdict is Verdict.FAIL and verdict.expected.startswith("not "):
            judgement = Judgement(Verdict.PASS, judgement.reason, None)
        return _as_recorded(verdict, expectation, judgement, measurement)

    def _hold_verdict(self, verdict: VerdictResult, new: VerdictResult | None, reason: str) -> None:
        where, confirmed = verdict.node.rpartition("::")[2], 0
        if new is None:
            kind = "not confirmed" if not reason.startswith("the spec") else "differs"
            self._remark(
                kind, "verdict", where, f"{'' if kind == 'differs' else _UNJUDGED}{reason}"
            )
        elif text := apart(_judgement(verdict), _judgement(new), self.share):
            self._remark("differs", "verdict", where, text)
        elif self._other_words(verdict, new):
            text = f"reason: recorded '{verdict.reason:.80}', found '{new.reason:.80}'"
            self._remark("differs", "verdict", where, text)
        else:
            confirmed = 1
        self._count("verdicts", confirmed, 1)

    def _other_words(self, verdict: VerdictResult, new: VerdictResult) -> bool:
        """Whether the reason is another; where ids were replaced in it, nobody can tell."""
        if self.results.redaction is not None or any(map(held_back, self.results.data)):
            return False
        words = [verdict.reason, new.reason]
        if self.share > _ROUNDING:
            # Figures in words are rounded, so that a hair apart may be a digit apart.
            words = [_FIGURES.sub("", text) for text in words]
        return words[0] != words[1]

    def _hold_decisions(self, verdicts: list[VerdictResult]) -> None:
        judged, results = with_holm(verdicts), self.results
        for old, new in zip(results.verdicts, judged, strict=True):
            if differ(old.p_adjusted, new.p_adjusted, self.share) or old.fault != new.fault:
                text = f"recorded {old.p_adjusted}, fault {old.fault}; found {new.p_adjusted}, {new.fault}"
                where = old.node.rpartition("::")[2]
                self._remark("differs", "adjusted p-value", where, text)
        for release in results.release:
            refused: list[str] = []
            if self._gated or release.why.startswith(_REFUSED):
                refused = refusals(results.deviations, results.environment.commit, judged)
            unjudged = [
                node for node in results.deviations.deselected if _is_of(node, release.model)
            ]
            found = decide(release.model, judged, refused, unjudged)
            same = found == release
            if not same:
                text = (
                    f"recorded '{release.decision}', follows from the verdicts: '{found.decision}'"
                )
                self._remark("differs", "decision", release.model, f"{text}: {found.why}")
            self._count("decisions", int(same), 1)

    @property
    def _gated(self) -> bool:
        """Whether the run was to decide on a release."""
        stated = bool(self.results.run.release)
        return stated or self.plan.release or "--audit-release" in self.results.run.command

    def _remark(self, kind: Any, what: str, where: str, text: str) -> None:
        self.remarks.append(Remark(kind=kind, what=what, where=where, text=text))

    def _count(self, kind: str, confirmed: int, total: int) -> None:
        known = self.numbers.get(kind, Compared(confirmed=0, total=0))
        self.numbers[kind] = Compared(
            confirmed=known.confirmed + confirmed, total=known.total + total
        )


def _found(recorded: AuditResult, findings: Findings) -> Iterator[tuple[str, list[Any], list[Any]]]:
    """Kind, recorded parts and parts found again."""
    yield "measurements", recorded.measurements, [*map(measurement_result, findings.measurements)]
    yield "figures", recorded.figures, [figure_result(one) for one in findings.figures]
    yield "tables", recorded.tables, [table_result(one) for one in findings.tables]


def _place(part: Any) -> str:
    at = getattr(part, "at", {})
    return " ".join([part.name, *(f"{name}={at[name]}" for name in sorted(at))])


def _as_recorded(
    verdict: VerdictResult,
    expectation: Expectation,
    judgement: Judgement,
    measurement: Measurement | None,
) -> tuple[VerdictResult | None, str]:
    """The verdict with what was found now; none if something is missing on this machine alone."""
    if (
        judgement.verdict in (Verdict.NOT_RUN, Verdict.ERROR)
        and judgement.verdict != verdict.verdict
    ):
        return None, judgement.reason
    found = shown_beside(expectation, judgement, measurement)
    estimate = found if isinstance(found, Estimate) else None
    told = judgement.verdict in (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE)
    reason = reason_beside(judgement.verdict, judgement.reason, expectation.waiver)
    update = {
        "verdict": judgement.verdict,
        "reason": reason if told else verdict.reason,
        "value": number(estimate.value) if estimate else None,
        "low": number(estimate.low) if estimate else None,
        "high": number(estimate.high) if estimate else None,
        "n": int(found.n) if found else 0,
        "p_value": number(judgement.p_value),
        "p_adjusted": None,
        "fault": False,
    }
    return verdict.model_copy(update=update), ""


def _judgement(verdict: VerdictResult) -> dict[str, Any]:
    names = ("verdict", "value", "low", "high", "n", "p_value")
    beside = verdict.baseline.model_dump() if verdict.baseline is not None else None
    return {**{name: getattr(verdict, name) for name in names}, "baseline": beside}


def _is_of(node: str, model: str) -> bool:
    name = node.rpartition("::")[2]
    return "[" not in name or name.endswith(f"[{model}]")
