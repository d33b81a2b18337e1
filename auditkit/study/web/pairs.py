"""A pair: which image, and what differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from auditkit.study.answers import COMPARATORS, MAX_COMMENT, MAX_NAME, MAX_ROWS, PairAnswer
from auditkit.study.kinds import Session, Task
from auditkit.study.web.forms import Fields, Form, checked
from auditkit.study.web.pages import Screen, Sent, context, page
from auditkit.study.web.sitting import rest

EMPTY_ROWS: Final = 3
"""Rows to fill of each category, for browsers without scripts."""


@dataclass(frozen=True)
class Row:
    """A row as it is shown, complete or not."""

    attribute: str = ""
    comparator: str = ""


@dataclass(frozen=True)
class Shown:
    """A form as it is shown: what was kept, or what was sent and refused.

    Attributes:
        choice: "A", "B" or "".
        unable: whether the pair cannot be assessed.
        rows: of each category, with empty ones at the end.
        comment: as typed.
    """

    choice: str
    unable: bool
    rows: Mapping[str, Sequence[Row]]
    comment: str


def show(request: Request, session: Session, task: Task, sent: Sent | None) -> Response:
    """The images and the form; between two sets a page to rest."""
    its = context(request)
    at = its.store.standing(task)
    between = rest(request, session, task, at) if sent is None else None
    if between:
        return between
    revisions = its.store.revisions(session.person.name, task.slug)
    last = revisions[-1].answer if revisions else None
    kept = last if isinstance(last, PairAnswer) else PairAnswer()
    categories = its.study.categories
    return page(
        request,
        "pair.html.j2",
        session,
        message=sent.message if sent else "",
        task=task,
        at=at,
        revisions=revisions,
        shown=_of_form(sent.form, categories) if sent else _of_answer(kept, categories),
        presets=_presets(its.store.attributes(), categories) if task.phase == "stage-2" else {},
        comparators=COMPARATORS,
        longest=MAX_NAME,
        longest_comment=MAX_COMMENT,
    )


def _presets(attributes: Sequence[str], categories: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Names that can be selected, by category, in alphabetical order."""
    split = [attribute.partition("/") for attribute in attributes]
    return {
        category: sorted((name for own, _, name in split if own == category), key=str.casefold)
        for category in categories
    }


def _of_answer(answer: PairAnswer, categories: Sequence[str]) -> Shown:
    given = [(one.category, Row(one.attribute, one.comparator)) for one in answer.noted]
    return Shown(answer.choice or "", answer.unable, _rows(given, categories), answer.comment)


def _of_form(form: Form, categories: Sequence[str]) -> Shown:
    given = [(one[0], Row(*one[1:])) for one in _parallel(form) if any(one[1:])]
    unable = form.one("unable") == "yes"
    return Shown(form.one("choice"), unable, _rows(given, categories), form.one("comment"))


def _rows(
    given: Sequence[tuple[str, Row]], categories: Sequence[str]
) -> Mapping[str, Sequence[Row]]:
    empty = [Row()] * EMPTY_ROWS
    return {
        category: [*(row for own, row in given if own == category), *empty]
        for category in categories
    }


def _parallel(form: Form) -> list[tuple[str, str, str]]:
    """Category, attribute and comparator of each row.

    Raises:
        HTTPException: 422, they are not equally many.
    """
    columns = [form.all(name) for name in ("category", "attribute", "comparator")]
    if len({len(column) for column in columns}) != 1:
        raise HTTPException(422, "category, attribute, comparator: expected equally many of each")
    return list(zip(*columns, strict=True))


def read(request: Request, session: Session, task: Task, form: Form) -> PairAnswer:
    """The answer in a form; rows without an attribute are no rows."""
    del session, task
    rows = [row for row in _parallel(form) if row[1].strip()]
    if len(rows) > MAX_ROWS:
        raise HTTPException(422, f"There are more than {MAX_ROWS} rows.")
    values = {
        "choice": form.one("choice") or None,
        "unable": form.yes("unable"),
        "noted": [_noted(*row, context(request).study.categories) for row in rows],
        "comment": form.one("comment"),
    }
    return checked(PairAnswer, values)


def _noted(
    category: str, attribute: str, comparator: str, categories: Sequence[str]
) -> dict[str, str]:
    if category not in categories:
        raise HTTPException(422, f"category: expected one of {', '.join(categories)}")
    if not comparator:
        raise HTTPException(422, f"{category}, '{attribute}': choose how it differs.")
    return {"category": category, "attribute": attribute, "comparator": comparator}


SCREEN: Final = Screen(
    Fields(("choice", "unable", "comment"), ("category", "attribute", "comparator")), show, read
)
