"""Which audit rests on which: every audit below what it rests on, with the worst of its blocking verdicts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from auditkit.report.guidelines import WORST_FIRST
from auditkit.results import AuditResult, VerdictResult
from auditkit.verdict import Verdict


@dataclass(frozen=True)
class Branch:
    """One audit, and those that rest on it.

    Attributes:
        audit: its id.
        verdict: the worst blocking verdict; none where nothing blocking is expected.
        known: whether the run has anything about it.
        again: whether what rests on it is shown where it stands first.
        branches: the audits that rest on it.
    """

    audit: str
    verdict: Verdict | None
    known: bool
    again: bool
    branches: Sequence["Branch"]


def tree(audits: Sequence[AuditResult], verdicts: Sequence[VerdictResult]) -> list[Branch]:
    """The assumptions of one model's audits; empty if none rests on another."""
    assumed = {audit.audit: list(audit.assumes) for audit in audits}
    if not any(assumed.values()):
        return []
    for verdict in verdicts:
        assumed.setdefault(verdict.audit, [])
    known = set(assumed)
    for names in list(assumed.values()):
        for name in names:
            assumed.setdefault(name, [])
    grower = _Grower(assumed, known, verdicts)
    roots = [name for name, rests_on in assumed.items() if not rests_on]
    found = [grower.branch(name) for name in roots]
    # Audits that rest on one another in a circle have no root; they are shown all the same.
    return [*found, *(grower.branch(name) for name in assumed if name not in grower.shown)]


class _Grower:
    """Grows branches; what stands twice is grown once."""

    def __init__(
        self,
        assumed: Mapping[str, Iterable[str]],
        known: set[str],
        verdicts: Sequence[VerdictResult],
    ) -> None:
        self.assumed, self.known, self.verdicts = assumed, known, verdicts
        self.shown: set[str] = set()

    def branch(self, name: str) -> Branch:
        """The branch of an audit."""
        resting = [other for other, rests_on in self.assumed.items() if name in rests_on]
        again = name in self.shown and bool(resting)
        self.shown.add(name)
        branches = [] if again else [self.branch(other) for other in resting]
        return Branch(name, self._worst(name), name in self.known, again, branches)

    def _worst(self, name: str) -> Verdict | None:
        own = [
            verdict.verdict
            for verdict in self.verdicts
            if verdict.audit == name and verdict.severity == "blocking"
        ]
        return min(own, key=WORST_FIRST.index) if own else None
