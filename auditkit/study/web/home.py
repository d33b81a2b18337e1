"""Where experts start and return to, and the way to their next task."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auditkit.study.kinds import Phase, Progress, Session, Task
from auditkit.study.web import coordinating
from auditkit.study.web.pages import context, page, redirect, signed_in

GROUPING: tuple[Phase, ...] = ("grouping", "final-grouping")


def home(request: Request) -> Response:
    """The start page of whoever is signed in."""
    session = signed_in(request)
    if session.person.role == "coordinator":
        return coordinating.home(request, session)
    task = _next_task(request, session)
    return page(
        request,
        "expert.html.j2",
        session,
        rows=_rows(request, session),
        at=context(request).store.standing(task) if task else None,
        onward=_onward(request, session, task),
    )


def onward(request: Request) -> Response:
    """To the next task, or home."""
    session = signed_in(request)
    return redirect(_onward(request, session, _next_task(request, session)) or "/")


def _next_task(request: Request, session: Session) -> Task | None:
    person = session.person
    return context(request).store.next_task(person.name) if person.role == "expert" else None


def _onward(request: Request, session: Session, task: Task | None) -> str:
    """Address of what an expert has to do next; "" if nothing is left."""
    store, person = context(request).store, session.person
    if person.role == "expert" and store.phase in GROUPING:
        return "" if person.name in store.board().agreed else "/grouping"
    return f"/task/{task.slug}" if task else ""


def _rows(request: Request, session: Session) -> list[Progress]:
    """How far the expert is in every phase."""
    return [one for one in context(request).store.progress() if one.person == session.person.name]


routes = [
    Route("/", home, methods=["GET"]),
    Route("/next", onward, methods=["GET"]),
]
