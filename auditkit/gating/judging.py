"""Stored measurements judged under rules, by `auditkit.verdict.judge` as in a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from auditkit.errors import AuditError
from auditkit.findings import Findings, Measurement
from auditkit.gating.assumptions import Held, deciding, failed_assumption, resting_on
from auditkit.gating.rebuilding import expectation_of, findings_of, key_of
from auditkit.gating.rules import Rule
from auditkit.results import AuditResult, Results
from auditkit.spec.audit import Expectation
from auditkit.spec.profile import Profile
from auditkit.verdict import Judgement, Verdict, judge

# A measurement that was judged at another limit: nobody can say how probable the violation is.
UNKNOWN_P = -1.0
_NO_P = "no p-value at this limit is stored, so that no fault is claimed"


@dataclass
class Judging:
    """Judges each rule once, and what it rests on before it."""

    results: Results
    rules: Sequence[Rule]
    profile: Profile | None
    origin: str
    _found: dict[str, Judgement] = field(default_factory=dict)
    _findings: dict[tuple[str, str], Findings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._audits: Mapping[tuple[str, str], AuditResult] = {
            (audit.audit, audit.model): audit for audit in self.results.audits
        }

    def judged(self, rule: Rule) -> Judgement:
        """The verdict under the rule; its p-value is `UNKNOWN_P` where there is one that is not stored."""
        node = rule.stored.node
        if node not in self._found:
            if rule.from_spec:
                self._found[node] = self._judge(rule)
            else:
                # A test in Python may compare many times; its own code decided.
                return _as_it_was(rule)
        return self._found[node]

    def _judge(self, rule: Rule) -> Judgement:
        stored = rule.stored
        audit = self._audits.get((stored.audit, stored.model))
        if rule.hindrance:
            return Judgement(Verdict.NOT_RUN, f"{rule.hindrance}; run: {self._command(rule)}")
        if audit is None or stored.verdict is Verdict.ERROR:
            return _as_it_was(rule)
        measurement = self._measurement(rule, audit)
        if measurement is None or measurement.applicable:
            failed = self._failed_assumption(rule, audit)
            if failed:
                # Of several failed expectations a run names the first, which may not be in this file.
                kept = self.profile is None and stored.verdict is Verdict.NOT_INTERPRETABLE
                return Judgement(Verdict.NOT_INTERPRETABLE, stored.reason if kept else failed)
        expectation = rule.expectation
        if expectation is None or expectation.not_worse_than is not None:
            return self._kept(rule, expectation)
        return _rejudged(rule, expectation, measurement)

    def _measurement(self, rule: Rule, audit: AuditResult) -> Measurement | None:
        key = (audit.audit, audit.model)
        if key not in self._findings:
            self._findings[key] = findings_of(audit)
        return self._findings[key].find(rule.stored.measure, rule.stored.at)

    def _kept(self, rule: Rule, expectation: Expectation | None) -> Judgement:
        """What can only be judged where the images are: against a baseline, or of an old file."""
        before = expectation_of(rule.stored)
        same = expectation is None or (
            before is not None
            and (before.wording, before.min_n) == (expectation.wording, expectation.min_n)
        )
        if same and rule.stored.verdict is not Verdict.NOT_INTERPRETABLE:
            return _as_it_was(rule)
        what = "a difference from a baseline" if expectation else "an expectation of schema 1.0"
        reason = f"{what} cannot be judged again from this file; run: {self._command(rule)}"
        return Judgement(Verdict.NOT_RUN, reason)

    def _failed_assumption(self, rule: Rule, audit: AuditResult) -> str:
        """The first assumed audit without success, and why; empty if all hold."""
        stored = rule.stored
        for name in audit.assumes:
            others = [
                other
                for other in self.rules
                if other.from_spec
                and (other.stored.audit, other.stored.model) == (name, stored.model)
            ]
            held = [self._held(other) for other in others]
            assumed = self._audits.get((name, stored.model))
            every, problem = resting_on(audit, assumed, stored.measure, held)
            partial = not others or self._partial(name, stored.model)
            if partial and self._touched(name):
                return f"rests on '{name}', which the profile changes and which is not all in this file"
            if problem and not partial:
                return f"rests on '{name}', {problem}"
            failed = failed_assumption(name, deciding(every))
            if failed:
                return failed
            if partial and stored.verdict is Verdict.NOT_INTERPRETABLE:
                return stored.reason  # what it rested on in the run is not in this file
        return ""

    def _held(self, rule: Rule) -> Held:
        found = self.judged(rule)
        audit = self._audits.get((rule.stored.audit, rule.stored.model))
        measured = audit is not None and self._measurement(rule, audit) is not None
        return Held(
            key_of(rule.stored),
            rule.stored.measure,
            rule.severity,
            found.verdict,
            found.reason,
            measured,
        )

    def _partial(self, audit: str, model: str) -> bool:
        return any(
            f"::{audit}." in node and node.endswith(f"[{model}]")
            for node in self.results.deviations.deselected
        )

    def _touched(self, audit: str) -> bool:
        """Whether the profile changes what an audit expects or is measured with."""
        if self.profile is None:
            return False
        spec = self.profile.spec
        return any(one.audit == audit for one in spec.expect) or any(
            audit in one.audits for one in spec.parameters
        )

    def _command(self, rule: Rule) -> str:
        profile = f" --audit-profile {self.origin}" if self.profile else ""
        return f"pytest {rule.stored.file} --model {rule.stored.model}{profile}"


def _as_it_was(rule: Rule) -> Judgement:
    return Judgement(rule.stored.verdict, rule.stored.reason, rule.stored.p_value)


def _rejudged(rule: Rule, expectation: Expectation, measurement: Measurement | None) -> Judgement:
    stored = rule.stored
    if measurement is None and stored.verdict in (Verdict.PASS, Verdict.FAIL):
        raise AuditError(
            f"{stored.node} is {stored.verdict.value}, but its measurement is not in the file: the file was "
            "changed after the run"
        )
    found = judge(expectation, measurement)
    if found.verdict is stored.verdict is Verdict.NOT_RUN:
        return _as_it_was(rule)
    if found.p_value is None or (measurement is not None and measurement.choice is not None):
        return found
    if stored.p_value is not None and _limits(expectation) == _limits(expectation_of(stored)):
        return replace(found, p_value=stored.p_value)
    reason = f"{found.reason}; {_NO_P}" if found.verdict is Verdict.FAIL else found.reason
    return replace(found, p_value=UNKNOWN_P, reason=reason)


def _limits(expectation: Expectation | None) -> tuple[object, ...]:
    if expectation is None:
        return ()
    return expectation.above, expectation.below, expectation.between
