"""The application: routes, and what stands before them."""

from collections.abc import Collection
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from auditkit.study.folder import Blinded
from auditkit.study.storing import Store
from auditkit.study.web import (
    coordinating,
    entering,
    grouping,
    home,
    pictures,
    static_files,
    tasks,
)
from auditkit.study.web.access import Access, cookie_name
from auditkit.study.web.access_log import AccessLog
from auditkit.study.web.errors import on_fault, on_refusal
from auditkit.study.web.headers import SecurityHeaders
from auditkit.study.web.limits import Bodies, RateLimit
from auditkit.study.web.origins import LOCAL, SameOrigin
from auditkit.study.web.pages import Context
from auditkit.study.web.rates import Rates
from auditkit.study.web.rendering import Assets, environment

MODULES = (home, entering, tasks, grouping, pictures, coordinating, static_files)


def create_app(
    store: Store,
    study: Blinded,
    pictures: Path,
    *,
    secure: bool,
    hosts: Collection[str] = LOCAL,
    rates: Rates | None = None,
) -> Starlette:
    """The web application of a study.

    Args:
        store: the running study.
        study: what may be known of it.
        pictures: the folder of its pictures.
        secure: whether browsers come over TLS; then cookies are for TLS alone, and so is the study.
        hosts: names under which it answers, without ports.
        rates: limits; the usual ones if None.
    """
    limits = rates or Rates()
    access = Access(store, cookie_name(study, secure), secure, limits)
    assets = Assets()
    app = Starlette(
        routes=[route for module in MODULES for route in module.routes],
        middleware=[
            Middleware(AccessLog),
            Middleware(SecurityHeaders, secure=secure),
            Middleware(SameOrigin, hosts=hosts, secure=secure),
            Middleware(RateLimit, rates=limits),
            Middleware(Bodies),
        ],
        exception_handlers={HTTPException: on_refusal, Exception: on_fault},
    )
    # A missing slash is a wrong address: redirects would be built from what the request says.
    app.router.redirect_slashes = False
    app.state.context = Context(store, study, pictures, secure, access, assets, environment(assets))
    return app
