"""What every page is made with: who asks, the form that was sent, the page or the answer that goes back.

A screen of tasks is a `Screen`: a module makes one, `auditkit.study.web.tasks` names it for its phase.
"""

import math
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, cast

from jinja2 import Environment
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from auditkit.study.folder import Blinded, Item
from auditkit.study.kinds import AnyAnswer, Progress, Role, Session, Task
from auditkit.study.storing import Store
from auditkit.study.storing.store import Conflict, Refused
from auditkit.study.web.access import Access, check_csrf
from auditkit.study.web.forms import Fields, Form, parse
from auditkit.study.web.rendering import Assets

BODY: Final = "auditkit.body"
"""Where the body of a request lies in its scope, read whole before any handler runs."""

ANSWER_FIELDS: Final = ("nonce", "submitted", "seconds")
LONGEST: Final = 24 * 3600.0

_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")


@dataclass(frozen=True)
class Context:
    """What handlers work with.

    Attributes:
        store: the running study.
        study: what may be known of it.
        pictures: the folder of its pictures.
        secure: whether browsers come over TLS.
        access: who is signed in.
        assets: style sheets and scripts.
        templates: pages.
    """

    store: Store
    study: Blinded
    pictures: Path
    secure: bool
    access: Access
    assets: Assets
    templates: Environment

    @cached_property
    def items(self) -> Mapping[str, Item]:
        """Items by name."""
        return {item.item: item for item in self.study.items}


@dataclass(frozen=True)
class Sent:
    """A form that was refused, to be shown again.

    Attributes:
        form: what was sent.
        message: what is wrong with it.
    """

    form: Form
    message: str


@dataclass(frozen=True)
class Screen:
    """The page of one kind of task.

    Attributes:
        fields: of its form, beside csrf, nonce, submitted and seconds.
        show: the page, by `page(request, template, session, ...)`; with `Sent`, what was refused is shown
            again together with its message (status 422 is set by the caller).
        read: the answer in a form; what is wrong is an HTTPException with status 422 (`forms.checked`).
    """

    fields: Fields
    show: Callable[[Request, Session, Task, Sent | None], Response]
    read: Callable[[Request, Session, Task, Form], AnyAnswer]


def context(request: Request) -> Context:
    """What the application was made with."""
    return cast("Context", request.app.state.context)


def signed_in(request: Request, role: Role | None = None) -> Session:
    """Who asks.

    Raises:
        HTTPException: 403, nobody is signed in, or nobody in that role.
    """
    return context(request).access.signed_in(request, role)


def page(
    request: Request,
    template: str,
    session: Session | None = None,
    *,
    status: int = 200,
    message: str = "",
    **values: object,
) -> Response:
    """A page from a template.

    Templates get `study`, `session`, `phase` (None for strangers), `progress` (of an expert in a phase of
    tasks; else None), `message`, a fresh `nonce`, and what is given.
    """
    its = context(request)
    phase = its.store.phase if session else None
    text = its.templates.get_template(template).render(
        study=its.study,
        session=session,
        phase=phase,
        progress=_progress(its.store, session) if session else None,
        message=message,
        nonce=secrets.token_urlsafe(16),
        **values,
    )
    return HTMLResponse(text, status)


def _progress(store: Store, session: Session) -> Progress | None:
    if session.person.role != "expert":
        return None
    phase, name = store.phase, session.person.name
    return next((p for p in store.progress() if (p.person, p.phase) == (name, phase)), None)


def form(request: Request, session: Session, fields: Fields) -> Form:
    """The form that was sent, made for this session.

    Raises:
        HTTPException: 403 without the session's token; 415, 422 as `forms.parse`.
    """
    known = Fields((*fields.single, "csrf"), fields.repeated)
    sent = parse(request.scope[BODY], request.headers.get("content-type", ""), known)
    check_csrf(session, sent.one("csrf"))
    return sent


def answer(
    request: Request, session: Session, task: Task, given: AnyAnswer, sent: Form
) -> Response:
    """Keep an answer to a task, and say so: its revision as JSON, or the way on.

    Raises:
        HTTPException: 409 the nonce came with another answer; 422 it cannot be kept, with the reason.
    """
    name, submitted = session.person.name, sent.yes("submitted")
    try:
        saved = context(request).store.save(
            name, task.slug, _nonce(sent), given, submitted=submitted, seconds=_seconds(sent)
        )
    except Conflict as refused:
        raise HTTPException(409, str(refused)) from None
    except Refused as refused:
        raise HTTPException(422, str(refused)) from None
    if wants_json(request):
        return JSONResponse({"revision": saved.revision})
    return redirect("/next" if submitted else f"/task/{task.slug}")


def _nonce(sent: Form) -> str:
    if not _NONCE.fullmatch(sent.one("nonce")):
        raise HTTPException(422, "nonce: expected 8 to 64 letters, digits, '-' or '_'")
    return sent.one("nonce")


def _seconds(sent: Form) -> float | None:
    text = sent.one("seconds")
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise HTTPException(422, "seconds: expected a number from 0")
    return min(seconds, LONGEST)


def redirect(address: str) -> Response:
    """To another page of the study, by GET."""
    return RedirectResponse(address, status_code=303)


def wants_json(request: Request) -> bool:
    """Whether a script asks."""
    return "application/json" in request.headers.get("accept", "").lower()
