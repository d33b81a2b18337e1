"""Which requests are for this server, from its own pages: against DNS rebinding and cross-site requests."""

import re
from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from auditkit.study.web.errors import error

LOCAL: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})

_HOST: Final = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class SameOrigin:
    """Refuses what comes for another host, without TLS where there should be, or from another site.

    Browsers send `Origin: null` with forms of pages that send no referrer, as all of ours; then their
    Sec-Fetch-Site decides. A program that sends neither is no browser that somebody could misuse.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], secure: bool) -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)
        self.secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        refused = self._refused(scope) if scope["type"] == "http" else None
        if refused and refused[0] == 421:
            # Whoever reached this by another name learns nothing of the study, not even its title.
            await PlainTextResponse(refused[1], refused[0])(scope, receive, send)
        elif refused:
            await error(Request(scope), *refused)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host = _only(headers, "host")
        named = _HOST.fullmatch(host)
        if named is None or named["name"] not in self.hosts:
            return 421, "This server does not answer under that name."
        if self.secure and scope["scheme"] != "https":
            return 403, (
                "This study is served over TLS alone; a proxy has to send X-Forwarded-Proto: https."
            )
        if scope["method"] not in _READING and not self._own(headers, host):
            return 403, "This was sent from a page of another site."
        return None

    def _own(self, headers: Headers, host: str) -> bool:
        fetched = headers.get("sec-fetch-site")
        if fetched is not None and fetched not in {"same-origin", "none"}:
            return False
        if "origin" not in headers:
            return True
        origin = _only(headers, "origin")
        if origin == "null":
            return fetched is not None
        return origin == f"{'https' if self.secure else 'http'}://{host}"


def _only(headers: Headers, name: str) -> str:
    """A header that comes once, in lower case; "" otherwise."""
    given = headers.getlist(name)
    return given[0].lower() if len(given) == 1 else ""
