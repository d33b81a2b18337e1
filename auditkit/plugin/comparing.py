"""The object behind the `audit` fixture, and the records of what its test compared."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from auditkit.errors import AuditError, Unavailable
from auditkit.findings import Findings, Measurement
from auditkit.plugin.judging import NotPassed, junit_properties, verdict_result
from auditkit.plugin.keys import AUDITOR, OPTIONS, RECORDS
from auditkit.plugin.measured import VIOLATED, Inconclusive, Measured
from auditkit.plugin.sending import send_audit, send_model, send_sources
from auditkit.plugin.sessions import session_of
from auditkit.plugin.shielding import shielded
from auditkit.provenance import relative
from auditkit.results import VerdictResult
from auditkit.session import hindrance
from auditkit.spec.audit import AuditSpec, Expectation
from auditkit.spec.beside import beside
from auditkit.spec.load import Audit, keyword_parameters
from auditkit.spec.model_card import ModelCard
from auditkit.spec.problems import nearest
from auditkit.verdict import Judgement, Verdict


class Auditor:
    """Runs checks on one model for one test."""

    def __init__(self, node: pytest.Item, card: ModelCard) -> None:
        self.node, self.card = node, card
        self.compared: list[tuple[str, Expectation, Measurement, Judgement]] = []
        self.audits: list[Audit] = []
        self.asked: Sequence[str] = ()
        self.hindered: Judgement | None = None
        node.stash[AUDITOR] = self

    @property
    def model(self) -> ModelCard:
        """The card of the model under audit."""
        return self.card

    def __call__(self, check: str, *, data: str, **parameters: Any) -> "Found":
        """Run a check.

        Args:
            check: name of the check.
            data: name of a data card.
            parameters: the check's parameters, as under ``with:`` in a spec.

        Raises:
            AuditError: a name or a parameter is not known.
        """
        audit = self._audit(check, data, parameters)
        self.asked = audit.check.guidelines
        self._ask_whether_it_can_be_asked(audit)
        try:
            found = session_of(self.node.config).findings(audit, self.card)
        except Unavailable as error:
            self.hindered = Judgement(Verdict.NOT_RUN, str(error))
            raise NotPassed(f"NOT RUN: {error}") from error
        self.audits.append(audit)
        return Found(self, audit, found)

    def _ask_whether_it_can_be_asked(self, audit: Audit) -> None:
        self.hindered = hindrance(audit, self.card)
        if audit.data.task != self.card.task:
            tasks = f"'{audit.data.data}' is about {audit.data.task}, "
            tasks += f"'{self.card.model}' about {self.card.task}"
            self.hindered = Judgement(Verdict.NOT_APPLICABLE, tasks)
        if self.hindered is None:
            return
        if self.hindered.verdict is Verdict.NOT_APPLICABLE:
            pytest.skip(f"not applicable: {self.hindered.reason}")
        raise NotPassed(f"{self.hindered.verdict.value.upper()}: {self.hindered.reason}")

    def _audit(self, check: str, data: str, parameters: dict[str, Any]) -> Audit:
        declaration, typed = keyword_parameters(check, parameters, self.node.path, self._line)
        again = f"-{len(self.audits) + 1}" if self.audits else ""
        name = f"{self.node.path.stem}.{self._test}{again}"
        spec = AuditSpec.model_construct(
            audit=name, check=check, title=self._title, why="", data=data, assumes=[], expect=[]
        )
        options = self.node.config.stash[OPTIONS]
        card = options.replaced(options.catalogue.data(data))
        cards = beside(typed, card, options.catalogue)
        return Audit(spec, declaration, typed, card, self.node.path, _digest(self.node), (), cards)

    @property
    def _test(self) -> str:
        """The test's name and its own parameters, without the model's."""
        name, model = self.node.name, self.card.model
        name = name.replace(f"[{model}]", "").replace(f"[{model}-", "[")
        return name.replace(f"-{model}]", "]")

    @property
    def _line(self) -> int:
        return (self.node.reportinfo()[1] or 0) + 1

    @property
    def _title(self) -> str:
        text = getattr(getattr(self.node, "obj", None), "__doc__", None) or self.node.name
        return next(iter(str(text).strip().splitlines()), self.node.name)

    def records(self, call: pytest.CallInfo[None]) -> list[dict[str, Any]]:
        """The test's records after it ran: one verdict per comparison, or one for the whole test."""
        last = len(self.compared) - 1
        ended = _ended_by_comparison(call.excinfo, self.compared[last][3] if last >= 0 else None)
        # A comparison after which the test went on held as the test meant it.
        verdicts = [
            self._verdict(*compared, held=not (ended and i == last))
            for i, compared in enumerate(self.compared)
        ]
        if not verdicts or (call.excinfo is not None and not ended):
            verdicts.append(self._whole(call))
        self.node.stash.setdefault(RECORDS, [])
        if self.node.config.stash[OPTIONS].junit_properties:
            self.node.user_properties += junit_properties(verdicts[-1])
        for audit in self.audits:
            shield = shielded(self.node.config, audit, self.card)
            verdicts = [shield.verdict(verdict) for verdict in verdicts]
        records = [{"verdict": verdict.model_dump(mode="json")} for verdict in verdicts]
        records += send_model(self.node.config, self.card)
        for audit in self.audits:
            records += send_sources(self.node.config, audit, self.card)
            records += send_audit(self.node.config, audit, self.card)
        return records

    def _verdict(
        self,
        audit: str,
        expectation: Expectation,
        measurement: Measurement,
        judgement: Judgement,
        *,
        held: bool,
    ) -> VerdictResult:
        result = verdict_result(
            node=self.node.nodeid,
            audit=audit,
            model=self.card.model,
            expectation=expectation,
            at=dict(measurement.at),
            judgement=judgement,
            measurement=measurement,
            file=relative(self.node.path, self.node.config.rootpath),
            line=self._line,
            guidelines=self._guidelines(audit, expectation.measure),
        )
        if held and judgement.verdict is Verdict.FAIL:
            # The test passed because it asked for the opposite (`assert not x > limit`).
            change = {
                "verdict": Verdict.PASS,
                "expected": f"not {result.expected}",
                "p_value": None,
            }
            return result.model_copy(update=change)
        return result

    def _guidelines(self, audit: str, measure: str) -> Sequence[str]:
        asked = next(each for each in self.audits if each.id == audit)
        return asked.check.guidelines_of(asked.check.measures(asked.parameters)[measure])

    def _whole(self, call: pytest.CallInfo[None]) -> VerdictResult:
        expectation = Expectation.model_construct(measure="test", **_NOTHING)
        if call.excinfo is None:
            # Nothing was measured against anything, so a release cannot rest on it.
            expectation = expectation.model_copy(update={"severity": "advisory"})
        result = verdict_result(
            node=self.node.nodeid,
            audit=self.audits[-1].id if self.audits else self.node.name.partition("[")[0],
            model=self.card.model,
            expectation=expectation,
            at={},
            judgement=self.hindered or _ending(call.excinfo),
            measurement=None,
            file=relative(self.node.path, self.node.config.rootpath),
            line=self._line,
            guidelines=self.asked if self.hindered else (),
        )
        return result.model_copy(update={"expected": "the test's own assertions hold"})


_NOTHING: dict[str, Any] = {
    "at": {},
    "above": 0.0,
    "below": None,
    "between": None,
    "in_": None,
    "not_worse_than": None,
    "margin": None,
    "min_n": 1,
    "severity": "blocking",
    "why": "",
    "waiver": None,
}


def _ended_by_comparison(
    error: pytest.ExceptionInfo[BaseException] | None, last: Judgement | None
) -> bool:
    """Whether an assert on a measure, or a comparison that is neither true nor false, ended the test."""
    if error is None:
        return False
    if error.errisinstance(pytest.skip.Exception):
        return last is not None and last.verdict is Verdict.NOT_APPLICABLE
    return isinstance(error.value, Inconclusive) or VIOLATED in str(error.value)


def _ending(error: pytest.ExceptionInfo[BaseException] | None) -> Judgement:
    """The verdict on a test that ended other than by a comparison."""
    if error is None:
        return Judgement(Verdict.PASS, "the test's own assertions hold")
    text = next(iter(str(error.value).splitlines()), error.typename)
    if error.errisinstance(pytest.skip.Exception):
        return Judgement(Verdict.NOT_RUN, f"the test skipped itself: {text}")
    if error.errisinstance((AssertionError, pytest.fail.Exception)):
        return Judgement(Verdict.FAIL, text)
    return Judgement(Verdict.ERROR, f"{error.typename}: {text}")


@dataclass
class Found:
    """Findings of a check, indexed by measure."""

    auditor: Auditor
    audit: Audit
    findings: Findings = field(repr=False)

    def __getitem__(self, name: str) -> Measured:
        """The measure of that name where it has one value; else use `at`."""
        return self.at(name)

    def at(self, name: str, **where: float | str) -> Measured:
        """The measure of that name at these values of its dimensions, such as ``radius=5``.

        Raises:
            AuditError: there is no such measure, or a dimension is missing or not computed.
        """
        declared = self.audit.check.measures(self.audit.parameters)
        if name not in declared:
            raise AuditError(f"unknown measure '{name}'; {nearest(name, declared)}")
        single = {k: v[0] for k, v in declared[name].at.items() if v and len(v) == 1}
        found = self.findings.find(name, {**single, **where})
        if found is None:
            places = [dict(m.at) for m in self.findings.measurements if m.name == name]
            raise AuditError(f"'{name}' has no value at {where}; computed: {places[:12]}")
        return Measured(found, self._keep)

    def _keep(self, expectation: Expectation, measurement: Measurement, judged: Judgement) -> None:
        self.auditor.compared.append((self.audit.id, expectation, measurement, judged))


def _digest(node: pytest.Item) -> str:
    import hashlib

    return hashlib.sha256(node.path.read_bytes()).hexdigest()
