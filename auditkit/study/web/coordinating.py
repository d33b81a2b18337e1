"""What the coordinator sees and does: progress, phases and the trail, but no answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auditkit.study.kinds import Event, Phase, Session
from auditkit.study.storing import Store
from auditkit.study.storing.store import Conflict, NotReady, Refused
from auditkit.study.storing.tasks import PHASES
from auditkit.study.web.forms import Fields
from auditkit.study.web.pages import context, form, page, redirect, signed_in

SHOWN: Final = 200
"""Events on the page, the last ones first."""

DETAILS: Final = ("from", "to", "reason", "not done")
"""Details of events that say nothing about answers."""


@dataclass(frozen=True)
class Row:
    """One expert's progress, a cell for each phase."""

    name: str
    simulated: bool
    cells: Sequence[str]


@dataclass(frozen=True)
class Line:
    """An event in words."""

    at: datetime
    person: str
    what: str


def home(
    request: Request, session: Session, message: str = "", reason: str = "", status: int = 200
) -> Response:
    """The coordinator's page."""
    store = context(request).store
    trail = store.trail()
    phases = list(dict.fromkeys(one.phase for one in store.progress()))
    return page(
        request,
        "coordinator.html.j2",
        session,
        status=status,
        message=message,
        reason=reason,
        phases=phases,
        rows=_rows(store, phases),
        waiting=_waiting(store),
        events=[_line(event) for event in reversed(trail[-SHOWN:])],
        left_out=max(0, len(trail) - SHOWN),
    )


def _rows(store: Store, phases: Sequence[Phase]) -> list[Row]:
    known = {(one.person, one.phase): f"{one.done} of {one.tasks}" for one in store.progress()}
    return [
        Row(one.name, one.simulated, [known.get((one.name, phase), "") for phase in phases])
        for one in store.people()
        if one.role == "expert"
    ]


def _waiting(store: Store) -> list[str]:
    """Experts who are not done with the phase."""
    phase = store.phase
    if phase in {"grouping", "final-grouping"}:
        agreed = store.board().agreed
        return [p.name for p in store.people() if p.role == "expert" and p.name not in agreed]
    return [one.person for one in store.progress() if one.phase == phase and one.done < one.tasks]


def _line(event: Event) -> Line:
    shown = ((key, event.detail.get(key, "")) for key in DETAILS)
    details = [f"{key}: {value}" for key, value in shown if value]
    what = f"{event.action} ({'; '.join(details)})" if details else event.action
    return Line(event.at, event.person, what)


def _expected(phase: str) -> Phase | None:
    """The phase that the coordinator saw; None if the form does not say."""
    if not phase:
        return None
    if phase not in PHASES:
        raise HTTPException(422, "phase: there is none of that name")
    return phase


def advance(request: Request) -> Response:
    """End the phase that the coordinator saw."""
    session = signed_in(request, "coordinator")
    sent = form(request, session, Fields(("phase", "reason")))
    store, reason = context(request).store, " ".join(sent.one("reason").split())
    if len(reason) > 500:
        raise HTTPException(422, "reason: longer than 500 characters")
    try:
        # A button that is pressed twice ends one phase, not two, whichever server is asked.
        store.advance(session.person, reason, _expected(sent.one("phase")))
    except NotReady as refused:
        return home(request, session, str(refused), reason, status=422)
    except Conflict as refused:
        raise HTTPException(409, "That phase has ended already.") from refused
    except Refused as refused:
        raise HTTPException(422, str(refused)) from None
    return redirect("/")


routes = [Route("/advance", advance, methods=["POST"])]
