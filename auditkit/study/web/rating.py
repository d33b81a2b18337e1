"""A heatmap: one's own prediction without it, then with it and the model's, and a rating.

After the survey of Jin et al. (arXiv:2202.10553, Fig. 2). Two steps: the second one is shown once the first
prediction is kept, and the first one cannot be changed from then on.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from auditkit.spec.ratings_card import Scale
from auditkit.study.answers import MAX_COMMENT, Decision, HeatmapAnswer
from auditkit.study.kinds import Revision, Session, Task
from auditkit.study.web.forms import Fields, Form, checked
from auditkit.study.web.pages import Screen, Sent, context, page
from auditkit.study.web.sitting import rest

MOST_BUTTONS: Final = 11
"""Ratings up to which each is a button of its own."""

# Python would also take 1_0 for 10, digits of other scripts, and numbers of any length.
_CONFIDENCE: Final = re.compile(r"100|[0-9]{1,2}")
_RATING: Final = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{0,9})?")


@dataclass(frozen=True)
class Shown:
    """A form as it is shown: what was kept, or what was sent and refused; "" for nothing."""

    decision: str = ""
    confidence: str = ""
    rating: str = ""
    unable: bool = False
    comment: str = ""


def show(request: Request, session: Session, task: Task, sent: Sent | None) -> Response:
    """The case alone, or with heatmap, overlay and the model's prediction."""
    its = context(request)
    at = its.store.standing(task)
    between = rest(request, session, task, at) if sent is None else None
    if between:
        return between
    revisions = its.store.revisions(session.person.name, task.slug)
    kept = _kept(revisions)
    return page(
        request,
        "rating.html.j2",
        session,
        message=sent.message if sent else "",
        task=task,
        at=at,
        revisions=revisions,
        before=kept.before,
        told=its.items[task.item].told if kept.before else {},
        shown=_of_form(sent.form) if sent else _of_answer(kept),
        ratings=_buttons(its.study.scale),
        longest_comment=MAX_COMMENT,
    )


def read(request: Request, session: Session, task: Task, form: Form) -> HeatmapAnswer:
    """The answer in a form, whichever step it is of.

    A form says its step, so that a first prediction that is sent again because its answer was lost on the
    way is not taken for the second one.
    """
    kept = _kept(context(request).store.revisions(session.person.name, task.slug))
    if form.one("step") not in {"", "first", "second"}:
        raise HTTPException(422, "step: expected first or second")
    if (form.one("step") or ("second" if kept.before else "first")) == "first":
        return _first(_decision(form), kept)
    if kept.before is None:
        raise HTTPException(422, "Your prediction without the heatmap comes first.")
    values = {
        "before": kept.before,
        "after": _decision(form),
        "rating": _rating(form.one("rating")),
        "unable": form.yes("unable"),
        "comment": form.one("comment"),
    }
    return checked(HeatmapAnswer, values)


def _first(given: Decision | None, kept: HeatmapAnswer) -> HeatmapAnswer:
    if given is None:
        raise HTTPException(422, "Choose what you predict, and say how confident you are.")
    if kept.before is None:
        return HeatmapAnswer(before=given)
    if kept.before != given:
        raise HTTPException(
            422, "Your first prediction is kept: it cannot change once the heatmap was shown."
        )
    return kept


def _kept(revisions: Sequence[Revision]) -> HeatmapAnswer:
    last = revisions[-1].answer if revisions else None
    return last if isinstance(last, HeatmapAnswer) else HeatmapAnswer()


def _decision(form: Form) -> Decision | None:
    """What was chosen; None if nothing was."""
    decision, confidence = form.one("decision"), form.one("confidence").strip()
    if not decision and not confidence:
        return None
    if not decision or not confidence:
        raise HTTPException(422, "Choose what you predict, and say how confident you are.")
    if not (_CONFIDENCE.fullmatch(confidence)):
        raise HTTPException(422, "confidence: expected a whole number from 0 to 100")
    return Decision(decision=decision, confidence=int(confidence))


def _rating(text: str) -> float | None:
    if not text.strip():
        return None
    if not _RATING.fullmatch(text.strip()):
        raise HTTPException(422, "rating: expected a number")
    return float(text)


def _buttons(scale: Scale | None) -> Sequence[str]:
    """Every rating that can be given, where they are few; else none, and a number is asked for."""
    if scale is None or scale.step is None:
        return ()
    count = round((scale.high - scale.low) / scale.step) + 1
    if count > MOST_BUTTONS:
        return ()
    return [f"{scale.low + place * scale.step:.10g}" for place in range(count)]


def _of_answer(answer: HeatmapAnswer) -> Shown:
    return Shown(
        answer.after.decision if answer.after else "",
        str(answer.after.confidence) if answer.after else "",
        "" if answer.rating is None else f"{answer.rating:.10g}",
        answer.unable,
        answer.comment,
    )


def _of_form(form: Form) -> Shown:
    one = form.one
    return Shown(
        one("decision"), one("confidence"), one("rating"), one("unable") == "yes", one("comment")
    )


SCREEN: Final = Screen(
    Fields(("step", "decision", "confidence", "rating", "unable", "comment")), show, read
)
