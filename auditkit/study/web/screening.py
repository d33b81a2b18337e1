"""Pre-screening: one image, and whether it contains artifacts."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from auditkit.study.answers import ScreeningAnswer
from auditkit.study.kinds import Session, Task
from auditkit.study.web.forms import Fields, Form, checked
from auditkit.study.web.pages import Screen, Sent, context, page

_ARTIFACT: Final = {"yes": True, "no": False, "": None}


def show(request: Request, session: Session, task: Task, sent: Sent | None) -> Response:
    """The image and two buttons."""
    store = context(request).store
    revisions = store.revisions(session.person.name, task.slug)
    last = revisions[-1].answer if revisions else None
    kept = last if isinstance(last, ScreeningAnswer) else ScreeningAnswer()
    return page(
        request,
        "screening.html.j2",
        session,
        message=sent.message if sent else "",
        task=task,
        at=store.standing(task),
        revisions=revisions,
        artifact=kept.artifact,
        comment=sent.form.one("comment") if sent else kept.comment,
    )


def read(request: Request, session: Session, task: Task, form: Form) -> ScreeningAnswer:
    """The answer in a form."""
    del request, session, task
    given = form.one("artifact")
    if given not in _ARTIFACT:
        raise HTTPException(422, "artifact: expected yes or no")
    values = {"artifact": _ARTIFACT[given], "comment": form.one("comment")}
    return checked(ScreeningAnswer, values)


SCREEN: Final = Screen(Fields(("artifact", "comment")), show, read)
