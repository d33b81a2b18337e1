"""A log of requests without secrets: where somebody went, not what the address says."""

import logging
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOGGER: Final = logging.getLogger("auditkit.study.requests")
PLACES: Final = frozenset(
    {
        "advance",
        "grouping",
        "invitation",
        "next",
        "picture",
        "sign-out",
        "static",
        "task",
    }
)


class AccessLog:
    """One line per request: address, method, first part of the path, status, milliseconds."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.monotonic(), 500

        async def listening(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, listening)
        finally:
            took = round(1000 * (time.monotonic() - began))
            address = scope["client"][0] if scope.get("client") else "?"
            LOGGER.info("%s %s %s %d %d ms", address, *_shown(scope), status, took)


def _shown(scope: Scope) -> tuple[str, str]:
    """Method and place in words of ours: the rest can be a token, or an attempt to fake lines."""
    first, slash, rest = scope["path"].removeprefix("/").partition("/")
    method = scope["method"] if scope["method"] in {"GET", "HEAD", "POST"} else "OTHER"
    if not first:
        return method, "/"
    return method, f"/{first if first in PLACES else '?'}{'/...' if slash and rest else ''}"
