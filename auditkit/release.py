"""The decision about a model: intersection-union over blocking expectations, Holm for claimed faults."""

from collections import Counter
from collections.abc import Sequence

from auditkit.results import Deviations, Release, VerdictResult, WaiverResult
from auditkit.spec.audit import Waiver
from auditkit.stats import holm
from auditkit.verdict import Verdict

ALPHA = 0.025
# Stands in the reason of an expectation that passes although it is waived.
UNNEEDED = "its waiver"


def with_holm(verdicts: Sequence[VerdictResult]) -> list[VerdictResult]:
    """Adjusted p-values over each model's blocking expectations, and which failures are faults.

    A failure whose one-sided p-value exceeds 0.025 after Holm stays a failure of its test, but is not
    claimed as a fault.
    """
    judged = list(verdicts)
    for model in dict.fromkeys(verdict.model for verdict in verdicts):
        family = [
            i
            for i, verdict in enumerate(judged)
            if verdict.model == model
            and verdict.severity == "blocking"
            and verdict.p_value is not None
        ]
        p_values = [judged[i].p_value for i in family]
        adjusted = holm([p for p in p_values if p is not None])
        for i, p in zip(family, adjusted, strict=True):
            fault = judged[i].verdict is Verdict.FAIL and float(p) <= ALPHA
            judged[i] = judged[i].model_copy(update={"p_adjusted": float(p), "fault": fault})
    return judged


def decide(
    model: str,
    verdicts: Sequence[VerdictResult],
    refused: Sequence[str] = (),
    unjudged: Sequence[str] = (),
) -> Release:
    """Whether a model's release may pass, and why in one sentence.

    Args:
        model: name of the model.
        verdicts: all of the run, after `with_holm`.
        refused: reasons for which release mode refuses the whole run.
        unjudged: planned items about this model that were deselected or not reached.
    """
    own = [verdict for verdict in verdicts if verdict.model == model]
    counts = dict(Counter(verdict.verdict.value for verdict in own))
    blocking = [verdict for verdict in own if verdict.severity == "blocking"]
    hindering = [verdict for verdict in blocking if not _lets_pass(verdict)]
    if refused:
        why = f"Release mode refuses this run: {'; '.join(refused)}."
        return Release(model=model, decision="blocked", why=why, counts=counts)
    if hindering:
        return Release(model=model, decision="blocked", why=_why(hindering), counts=counts)
    if unjudged:
        planned = len({verdict.node for verdict in own} | set(unjudged))
        why = (
            f"{len(unjudged)} of {planned} planned items were not judged; what was judged does not "
            "hinder a release, the rest is unknown."
        )
        return Release(model=model, decision="partial", why=why, counts=counts)
    return _passing(model, blocking, counts)


def _passing(model: str, blocking: Sequence[VerdictResult], counts: dict[str, int]) -> Release:
    """The decision where nothing hinders a release: something has to have been shown."""
    passed = sum(verdict.verdict is Verdict.PASS for verdict in blocking)
    waived = [verdict for verdict in blocking if waived_now(verdict)]
    if not passed:
        why = "No blocking expectation was judged, so nothing was shown."
        if waived:
            why = f"No blocking expectation passes ({_are_waived(waived)}), so nothing was shown."
        return Release(model=model, decision="no blocking expectation", why=why, counts=counts)
    if waived:
        why = (
            f"Of {passed + len(waived)} blocking expectations that apply or are waived, {passed} "
            f"{'passes' if passed == 1 else 'pass'} and {_are_waived(waived)}."
        )
        return Release(model=model, decision="pass with waivers", why=why, counts=counts)
    why = (
        f"All {passed} blocking expectations that apply pass."
        if passed > 1
        else "The only blocking expectation that applies passes."
    )
    return Release(model=model, decision="pass", why=why, counts=counts)


def _are_waived(waived: Sequence[VerdictResult]) -> str:
    """How many are waived, by whom, and until when the first of the waivers holds."""
    waivers = [verdict.waiver for verdict in waived if verdict.waiver is not None]
    people = ", ".join(dict.fromkeys(waiver.approver for waiver in waivers))
    verb = "is" if len(waived) == 1 else "are"
    until = min(waiver.expires for waiver in waivers)
    first = "until" if len({waiver.expires for waiver in waivers}) == 1 else "the first until"
    return f"{len(waived)} {verb} waived by {people}, {first} {until}"


def waived_now(verdict: VerdictResult) -> bool:
    """Whether somebody accepts that an expectation is not met; an error is never accepted."""
    waivable = verdict.verdict not in (Verdict.PASS, Verdict.ERROR)
    return waivable and verdict.waiver is not None and verdict.waiver.in_force


def waived_words(waiver: WaiverResult) -> str:
    """Who accepts it, until when and why."""
    rests = f" ({waiver.reference})" if waiver.reference else ""
    return f"waived by {waiver.approver} until {waiver.expires}: {waiver.reason}{rests}"


def expired_words(waiver: WaiverResult) -> str:
    """That a waiver holds no longer."""
    return f"its waiver by {waiver.approver} expired on {waiver.expires}"


def reason_beside(verdict: Verdict, reason: str, waiver: Waiver | None) -> str:
    """A verdict's reason, which says so if a waiver is not needed: it would hide a later failure."""
    if waiver is None or verdict is not Verdict.PASS:
        return reason
    return (
        f"{reason}; it passes, so that {UNNEEDED} by {waiver.approver} until {waiver.expires} is to be "
        "removed"
    )


def unneeded_waivers(verdicts: Sequence[VerdictResult]) -> list[VerdictResult]:
    """Expectations that pass although somebody waived them."""
    return [v for v in verdicts if v.verdict is Verdict.PASS and UNNEEDED in v.reason]


def _lets_pass(verdict: VerdictResult) -> bool:
    return verdict.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE) or waived_now(verdict)


def _why(hindering: Sequence[VerdictResult]) -> str:
    """The gravest hindrance in a sentence, and how many more there are."""
    order = [Verdict.FAIL, Verdict.ERROR, Verdict.NOT_RUN, Verdict.NOT_INTERPRETABLE]

    def gravity(verdict: VerdictResult) -> tuple[int, int]:
        rank = order.index(verdict.verdict) if verdict.verdict in order else len(order)
        return (0 if verdict.fault else 1, rank)

    first = min(hindering, key=gravity)
    more = len(hindering) - 1
    rest = f" ({more} more blocking expectation{'s' * (more > 1)} not met)" if more else ""
    return f"{described(first)}{rest}."


def described(verdict: VerdictResult) -> str:
    """A verdict in words: audit, measure, where, and the reason."""
    at = ", ".join(
        f"{k} {v:g}" if not isinstance(v, str) else f"{k} {v}" for k, v in verdict.at.items()
    )
    where = f" at {at}" if at else ""
    word = f"is {verdict.verdict.value}"
    if verdict.verdict is Verdict.FAIL:
        unconfirmed = verdict.p_adjusted is not None and not verdict.fault
        word = "fails (not confirmed after Holm's correction)" if unconfirmed else "fails"
    reason = verdict.reason.rstrip(".")
    if verdict.waiver is not None and not verdict.waiver.in_force:
        reason += f"; {expired_words(verdict.waiver)}"
    return f"{verdict.audit}: {verdict.measure}{where} {word}: {reason}"


def refusals(deviations: Deviations, commit: str, verdicts: Sequence[VerdictResult]) -> list[str]:
    """What release mode does not accept in a run."""
    found = []
    unwaived = [
        f"{verdict.audit}: {verdict.measure}"
        for verdict in verdicts
        if verdict.verdict is Verdict.NOT_APPLICABLE
        and verdict.severity == "blocking"
        and not waived_now(verdict)
    ]
    if unwaived:
        found.append(f"not applicable without a waiver ({', '.join(unwaived)})")
    if not commit:
        found.append("the commit is unknown (no git repository)")
    if deviations.stand_ins:
        found.append(f"stand-ins ({', '.join(deviations.stand_ins)})")
    if deviations.empty_dossier:
        found.append(f"dossiers lack required fields ({_by_card(deviations.empty_dossier)})")
    if deviations.dirty:
        found.append("uncommitted changes")
    if deviations.reruns:
        found.append("a rerun plug-in is active")
    if deviations.deselected:
        found.append(f"{len(deviations.deselected)} expectations deselected or not reached")
    return found


def _by_card(fields: Sequence[str]) -> str:
    """Fields as `model NAME: dossier.KEY`, each card named once."""
    found: dict[str, list[str]] = {}
    for field in fields:
        card, _, key = field.rpartition(": ")
        found.setdefault(card, []).append(key)
    return "; ".join(f"{card}: {', '.join(keys)}" for card, keys in found.items())
