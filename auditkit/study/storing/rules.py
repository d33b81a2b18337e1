"""Which answers a task takes."""

from collections.abc import Sequence

from auditkit.study.answers import Decision, HeatmapAnswer, PairAnswer, ScreeningAnswer
from auditkit.study.folder import Blinded
from auditkit.study.kinds import AnyAnswer, Phase
from auditkit.study.storing.normalising import normalised
from auditkit.study.storing.refusing import Refused

_KINDS: dict[Phase, type[AnyAnswer]] = {
    "screening": ScreeningAnswer,
    "stage-1": PairAnswer,
    "stage-2": PairAnswer,
    "rating": HeatmapAnswer,
}


def check(study: Blinded, phase: Phase, answer: AnyAnswer, *, submitted: bool) -> None:
    """Hold an answer against its task's phase and the plan.

    Raises:
        Refused: another kind, what the plan does not know, or submitted while something is missing.
    """
    if not isinstance(answer, _KINDS[phase]):
        raise Refused(f"the form of another task was sent: this is about {phase}")
    if isinstance(answer, PairAnswer):
        _check_pair(study, answer)
    if isinstance(answer, HeatmapAnswer):
        _check_heatmap(study, answer)
    if submitted and not answer.whole:
        raise Refused("something is missing; answer every question before you submit")


def check_kept(before: Decision | None, answer: AnyAnswer) -> None:
    """Hold an answer against the first prediction that was kept before.

    Raises:
        Refused: it would change.
    """
    if before is not None and (not isinstance(answer, HeatmapAnswer) or answer.before != before):
        raise Refused("the first prediction stays as it was: the heatmap has been shown since")


def _check_pair(study: Blinded, answer: PairAnswer) -> None:
    for one in answer.noted:
        _one_of("category", one.category, study.categories)
        if not normalised(one.attribute):
            raise Refused("the name of an attribute has nothing that can be read")


def _check_heatmap(study: Blinded, answer: HeatmapAnswer) -> None:
    for decision in (answer.before, answer.after):
        if decision is not None:
            _one_of("prediction", decision.decision, study.classes)
    if answer.rating is None or study.scale is None:
        return
    if not study.scale.holds(answer.rating):
        raise Refused(f"the rating {answer.rating:g} is not on the scale, {study.scale.wording}")


def _one_of(what: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise Refused(f"the {what} '{given}' is not one of {', '.join(known)}")
