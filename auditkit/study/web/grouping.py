"""The board on which experts agree what their words mean: free text is grouped into attributes."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auditkit.study.answers import MAX_NAME
from auditkit.study.kinds import Board, Session
from auditkit.study.storing.store import Refused
from auditkit.study.web.forms import Fields, Form
from auditkit.study.web.pages import context, form, page, redirect, signed_in, wants_json

GROUPING: Final = ("grouping", "final-grouping")
OVER: Final = "The grouping is over, or has not begun."

_GROUP: Final = Fields(("category", "attribute", "own"), ("text",))
_AGREE: Final = Fields(("state",))


def show(request: Request) -> Response:
    """The board, as a page or as JSON for a page that is open."""
    session = signed_in(request, "expert")
    its = context(request)
    if its.store.phase not in GROUPING:
        return _over(request)
    return _shown(request, session, its.store.board())


def group(request: Request) -> Response:
    """Put texts of a category into an attribute; an empty one takes them out again."""
    session = signed_in(request, "expert")
    sent = form(request, session, _GROUP)
    its = context(request)
    category = sent.one("category")
    try:
        known = its.store.board().attributes
        for text in sent.all("text"):
            name = text if sent.yes("own") else sent.one("attribute")
            attribute = named(name, category, known, its.study.categories)
            its.store.group(session.person.name, category, text, attribute)
    except Refused as refused:
        return _refused(request, session, refused)
    return _done(request, session)


def agree(request: Request) -> Response:
    """Agree to the board as it was seen."""
    session = signed_in(request, "expert")
    sent: Form = form(request, session, _AGREE)
    try:
        context(request).store.agree(session.person.name, sent.one("state"))
    except Refused as refused:
        return _refused(request, session, refused)
    return _done(request, session)


def named(typed: str, category: str, known: Sequence[str], categories: Sequence[str]) -> str:
    """The attribute 'category/name' that somebody means.

    Without a known category in front it is one of the text's own category; one that is there already in other
    letter case is that one.
    """
    plain = " ".join(typed.split())
    if not plain:
        return ""
    own, _, rest = plain.partition("/")
    if own.strip() in categories and rest.strip():
        wanted = f"{own.strip()}/{rest.strip()}"
    else:
        wanted = f"{category}/{plain}"
    return next((each for each in known if each.casefold() == wanted.casefold()), wanted)


def _done(request: Request, session: Session) -> Response:
    its = context(request)
    if not wants_json(request):
        return redirect("/grouping")
    return _shown(request, session, its.store.board())


def _refused(request: Request, session: Session, refused: Refused) -> Response:
    store = context(request).store
    if wants_json(request):
        raise HTTPException(422, str(refused))
    if store.phase not in GROUPING:
        return redirect("/")
    return _shown(request, session, store.board(), str(refused))


def _over(request: Request) -> Response:
    if wants_json(request):
        raise HTTPException(409, OVER)
    return redirect("/")


def _shown(request: Request, session: Session, board: Board, message: str = "") -> Response:
    if wants_json(request):
        return JSONResponse(asdict(board))
    study = context(request).study
    texts = {
        category: [text for text in board.texts if text.category == category]
        for category in study.categories
    }
    return page(
        request,
        "grouping.html.j2",
        session,
        status=422 if message else 200,
        message=message,
        board=board,
        texts=texts,
        left=sum(not text.attribute for text in board.texts),
        members={
            attribute: [text for text in board.texts if text.attribute == attribute]
            for attribute in board.attributes
        },
        longest=MAX_NAME,
    )


routes = [
    Route("/grouping", show, methods=["GET"]),
    Route("/grouping", group, methods=["POST"]),
    Route("/grouping/agree", agree, methods=["POST"]),
]
