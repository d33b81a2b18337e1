"""What cannot be answered, said in plain words: as a page, or as JSON to a script."""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auditkit.study.kinds import Session
from auditkit.study.web.headers import harden
from auditkit.study.web.pages import context, page, wants_json

HEADINGS: Final[Mapping[int, str]] = {
    403: "This is not for you",
    404: "There is nothing here",
    405: "This cannot be done here",
    408: "That took too long",
    409: "This was answered already",
    413: "That is too much",
    415: "This cannot be read",
    421: "Another address, please",
    422: "This cannot be saved",
    429: "Too many requests",
    500: "Something went wrong",
}
TEXTS: Final[Mapping[int, str]] = {
    404: "The address is wrong, or what was here is not for you.",
    405: "The address is right, but it is not asked in this way.",
    500: "It is a fault of this program and was logged. Answers that were saved are safe.",
}


def error(
    request: Request,
    status: int,
    text: str = "",
    headers: Mapping[str, str] | None = None,
    session: Session | None = None,
) -> Response:
    """A response that says what is wrong."""
    said = text or TEXTS.get(status, "")
    if wants_json(request):
        response: Response = JSONResponse({"error": said}, status)
    else:
        heading = HEADINGS.get(status, "This cannot be answered")
        response = page(
            request, "error.html.j2", session, status=status, heading=heading, text=said
        )
    response.headers.update(headers or {})
    return response


def on_refusal(request: Request, refused: Exception) -> Response:
    """The response to what a handler refused."""
    assert isinstance(refused, HTTPException)
    # The router's own refusals have no words of ours.
    text = "" if refused.status_code in {404, 405} else refused.detail
    session = context(request).access.session(request)
    return error(request, refused.status_code, text, refused.headers, session)


def on_fault(request: Request, _: Exception) -> Response:
    """The response to a fault of ours; it passes by the middleware, so it is hardened here."""
    response = error(request, 500)
    harden(MutableHeaders(raw=response.raw_headers), context(request).secure)
    return response
