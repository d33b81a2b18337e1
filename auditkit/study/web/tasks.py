"""Tasks: each phase has its screen; what they share is here."""

from collections.abc import Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auditkit.study.kinds import Phase, Session, Task
from auditkit.study.web import pairs, rating, screening
from auditkit.study.web.forms import Fields
from auditkit.study.web.pages import (
    ANSWER_FIELDS,
    Screen,
    Sent,
    answer,
    context,
    form,
    signed_in,
    wants_json,
)

SCREENS: Final[Mapping[Phase, Screen]] = {
    "screening": screening.SCREEN,
    "stage-1": pairs.SCREEN,
    "stage-2": pairs.SCREEN,
    "rating": rating.SCREEN,
}


def show(request: Request) -> Response:
    """The page of a task."""
    session, task = own_task(request)
    return SCREENS[task.phase].show(request, session, task, None)


def keep(request: Request) -> Response:
    """A revision of a task's answer."""
    session, task = own_task(request)
    screen = SCREENS[task.phase]
    fields = Fields((*screen.fields.single, *ANSWER_FIELDS), screen.fields.repeated)
    sent = form(request, session, fields)
    try:
        return answer(request, session, task, screen.read(request, session, task, sent), sent)
    except HTTPException as refused:
        if wants_json(request) or refused.status_code != 422:
            raise
        shown = screen.show(request, session, task, Sent(sent, refused.detail))
        shown.status_code = refused.status_code
        return shown


def own_task(request: Request) -> tuple[Session, Task]:
    """The task in the address, of the expert who asks.

    Raises:
        HTTPException: 403 not an expert; 404 no such task, or another's, or of a later phase, all alike.
    """
    session = signed_in(request, "expert")
    task = context(request).store.task(session.person.name, request.path_params["slug"])
    if task is None or task.phase not in SCREENS:
        raise HTTPException(404)
    return session, task


routes = [
    Route("/task/{slug}", show, methods=["GET"]),
    Route("/task/{slug}", keep, methods=["POST"]),
]
