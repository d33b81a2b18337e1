"""Verdicts of two runs: which turned, and where to."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

from auditkit.comparison.result import Transition, Turn
from auditkit.results import VerdictResult
from auditkit.results.samples import Place, place
from auditkit.verdict import Verdict

# From what lets a release pass to what is known to be wrong. An error hides what a failure shows.
_GRAVITY: Final = {
    Verdict.PASS: 0,
    Verdict.NOT_APPLICABLE: 1,
    Verdict.INCONCLUSIVE: 2,
    Verdict.NOT_INTERPRETABLE: 3,
    Verdict.NOT_RUN: 3,
    Verdict.ERROR: 4,
    Verdict.FAIL: 4,
}
# Only what was judged can be better: a failure that is not asked about any more is none less.
_JUDGED: Final = (Verdict.PASS, Verdict.INCONCLUSIVE)
_TURNS: Final[tuple[Turn, ...]] = ("worse", "removed", "better", "other", "added")

Both = tuple[VerdictResult | None, VerdictResult | None]
Key = tuple[str, Place, bool]


def transitions(
    old: Sequence[VerdictResult], new: Sequence[VerdictResult]
) -> tuple[list[Transition], Counter[str]]:
    """Verdicts about one model that are not as they were, and counts of those that are.

    Args:
        old: of the earlier run, about one model.
        new: of the later run, about its counterpart.

    Returns:
        New failures first, then by audit; unchanged expectations by verdict.
    """
    turned, same = [], Counter[str]()
    for before, after in matched(old, new):
        if before is not None and after is not None and before.verdict is after.verdict:
            same[after.verdict.value] += 1
        else:
            turned.append(_transition(before, after))
    return sorted(turned, key=order), same


def order(found: Transition) -> tuple[bool, int, bool, str, str]:
    """Blocking ones that are worse first, and among them failures."""
    failure = found.new in (Verdict.FAIL, Verdict.ERROR)
    hinders = found.turn in ("worse", "removed") and found.severity == "blocking"
    return (not hinders, _TURNS.index(found.turn), not failure, found.audit, found.measure)


def matched(old: Sequence[VerdictResult], new: Sequence[VerdictResult]) -> Iterator[Both]:
    """Expectations of the later run with those of the earlier one, then those that are gone.

    The same measure of the same audit at the same place, first with the same severity, then with another.
    """
    left: dict[Key, list[VerdictResult]] = {}
    for verdict in old:
        left.setdefault(_key(verdict), []).append(verdict)
    found: dict[int, VerdictResult] = {}
    for same_severity in (True, False):
        for i, verdict in enumerate(new):
            candidates = left.get(_key(verdict), [])
            fitting = [c for c in candidates if not same_severity or c.severity == verdict.severity]
            if i not in found and fitting:
                found[i] = fitting[0]
                candidates.remove(fitting[0])
    yield from ((found.get(i), verdict) for i, verdict in enumerate(new))
    yield from ((verdict, None) for gone in left.values() for verdict in gone)


def blocking_places(verdicts: Iterable[VerdictResult]) -> set[tuple[str, Place]]:
    """Audits and measures on which blocking expectations rest."""
    return {
        (verdict.audit, place(verdict.measure, verdict.at))
        for verdict in verdicts
        if verdict.severity == "blocking"
    }


def _key(verdict: VerdictResult) -> Key:
    return verdict.audit, place(verdict.measure, verdict.at), "not_worse_than" in verdict.condition


def _turn(old: VerdictResult | None, new: VerdictResult | None) -> Turn:
    if old is None:
        return "added"
    if new is None:
        return "removed"
    change = _GRAVITY[new.verdict] - _GRAVITY[old.verdict]
    if change > 0:
        return "worse"
    return "better" if change < 0 and new.verdict in _JUDGED else "other"


def _transition(old: VerdictResult | None, new: VerdictResult | None) -> Transition:
    shown = new or old
    assert shown is not None
    both = [verdict for verdict in (old, new) if verdict is not None]
    blocking = any(verdict.severity == "blocking" for verdict in both)
    severity: Literal["blocking", "advisory"] = "blocking" if blocking else "advisory"
    return Transition(
        model=shown.model,
        audit=shown.audit,
        measure=shown.measure,
        at=shown.at,
        severity=severity,
        old=old.verdict if old else None,
        new=new.verdict if new else None,
        turn=_turn(old, new),
        expected=shown.expected,
        reason=shown.reason,
    )
