"""The page between two sets."""

from starlette.requests import Request
from starlette.responses import Response

from auditkit.study.kinds import Session, Standing, Task
from auditkit.study.web.pages import context, page


def rest(request: Request, session: Session, task: Task, at: Standing) -> Response | None:
    """The page between two sets, when a new one begins; None otherwise.

    It comes before the task's own page, so that looking at it is no part of the time for an answer.
    """
    before = at.previous
    if before is None or before.sitting == task.sitting or "begin" in request.query_params:
        return None
    if context(request).store.revisions(session.person.name, task.slug):
        return None
    return page(request, "rest.html.j2", session, task=task, at=at, after=before.showing)
