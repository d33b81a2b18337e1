"""In by an invitation, and out."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auditkit.study.web.access import SESSION_VALID
from auditkit.study.web.forms import Fields, parse
from auditkit.study.web.pages import BODY, context, form, page, redirect, signed_in


def invitation(request: Request) -> Response:
    """What an invitation opens: a button, since programs that look at links in letters must not enter."""
    return page(request, "invitation.html.j2")


def enter(request: Request) -> Response:
    """Sign in with the invitation in the address."""
    if request.scope[BODY]:
        parse(request.scope[BODY], request.headers.get("content-type", ""), Fields())
    its = context(request)
    token = its.store.sign_in(request.path_params["token"], SESSION_VALID)
    if token is None:
        raise HTTPException(
            403, "This invitation does not hold, or no longer. Ask the study's coordinator."
        )
    response = redirect("/")
    its.access.let_in(response, token)
    return response


def leave(request: Request) -> Response:
    """Sign out."""
    session = signed_in(request)
    form(request, session, Fields())
    its = context(request)
    its.store.sign_out(its.access.token(request))
    response = page(request, "signed_out.html.j2")
    its.access.let_out(response)
    return response


routes = [
    Route("/invitation/{token}", invitation, methods=["GET"]),
    Route("/invitation/{token}", enter, methods=["POST"]),
    Route("/sign-out", leave, methods=["POST"]),
]
