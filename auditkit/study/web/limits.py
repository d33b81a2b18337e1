"""How much and how often: bodies are read whole within limits; too many requests are sent away."""

import asyncio
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from auditkit.study.web.errors import error
from auditkit.study.web.forms import MAX_BODY
from auditkit.study.web.pages import BODY, context
from auditkit.study.web.rates import Rates

PATIENCE: Final = 30.0
"""Seconds in which a body has to arrive."""

# A browser that is cut off while it sends shows no answer; so a little more is read and thrown away.
_READ_ON: Final = 8 * MAX_BODY


class Bodies:
    """Reads the body of a request before anything handles it, so that handlers need not wait for it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            async with asyncio.timeout(PATIENCE):
                scope[BODY] = await _body(request)
        except ClientDisconnect:
            return
        except TimeoutError:
            await error(request, 408, "The form did not arrive in time.")(scope, receive, send)
            return
        if len(scope[BODY]) > MAX_BODY:
            text = f"At most {MAX_BODY // 1024} KiB can be sent at once."
            await error(request, 413, text, {"Connection": "close"})(scope, receive, send)
            return
        await self.app(scope, receive, send)


async def _body(request: Request) -> bytes:
    """The body; of one that is too large, a part that is too large."""
    kept, read = bytearray(), 0
    declared = request.headers.get("content-length", "0")
    if int(declared) > _READ_ON:
        return bytes(MAX_BODY + 1)
    async for chunk in request.stream():
        read += len(chunk)
        kept += chunk[: MAX_BODY + 1 - len(kept)]
        if read > _READ_ON:
            break
    return bytes(kept)


class RateLimit:
    """Sends too frequent requests away before they cost anything."""

    def __init__(self, app: ASGIApp, rates: Rates) -> None:
        self.app = app
        self.rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        wait = self._wait(scope) if scope["type"] == "http" else 0
        if wait:
            text = f"Wait for {wait} seconds, and try again."
            response = error(Request(scope), 429, text, {"Retry-After": str(wait)})
            await response(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _wait(self, scope: Scope) -> int:
        address = scope["client"][0] if scope.get("client") else ""
        request = Request(scope)
        token = context(request).access.token(request)
        entering = scope["path"].startswith("/invitation")
        return self.rates.spend(address, token, entering=entering)
