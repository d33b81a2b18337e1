"""An HTTP client of a running study: the standard library's, with a cookie, redirects and patience."""

import http.client
import json
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from auditkit.errors import AuditError

Fields = Sequence[tuple[str, str]]

_FORM: Final = "application/x-www-form-urlencoded"
_MOST: Final = 32 * 1024 * 1024
_REDIRECTS: Final = 5
_AGAIN: Final = 0.05
_MOVED: Final = (301, 302, 303, 307, 308)
_LATER: Final = (429, 503)


@dataclass(frozen=True)
class Acknowledged:
    """An answer of which the server said that it is kept.

    Attributes:
        slug: of the task.
        nonce: under which it was sent.
        revision: number that the server gave it.
        submitted: whether it was handed in.
        fields: of the form, without its tokens.
    """

    slug: str
    nonce: str
    revision: int
    submitted: bool
    fields: Fields


@dataclass(frozen=True)
class Reply:
    """What the server said, redirects followed.

    Attributes:
        path: of the page that it came from.
        status: of HTTP.
        body: as it came.
    """

    path: str
    status: int
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", errors="replace")

    @property
    def json(self) -> Any:
        """The body as JSON. Raises AuditError: it is none."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise AuditError(f"{self.path}: JSON was expected, got '{self.text:.80}'") from error


class Client:
    """A browser's part of the conversation: one connection, one cookie.

    A connection that breaks is made again and the request sent again, until patience ends: every form of a
    study may be sent twice.
    """

    def __init__(self, url: str, patience: float) -> None:
        """A client of a study.

        Args:
            url: address of the study, `http://HOST:PORT`.
            patience: seconds for which an answer is waited for and asked for again.

        Raises:
            AuditError: the address is none.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
            raise AuditError(
                f"'{url}' is not the address of a study; http://HOST:PORT was expected"
            )
        self._parts, self._patience = parts, patience
        self._connection: http.client.HTTPConnection | None = None
        self._cookies: dict[str, str] = {}

    def get(self, path: str, *, json: bool = False) -> Reply:
        """A page."""
        return self._asked("GET", path, None, json=json)

    def post(self, path: str, fields: Fields, *, json: bool = False) -> Reply:
        """What a form leads to."""
        return self._asked("POST", path, urlencode(list(fields)).encode(), json=json)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _asked(self, method: str, path: str, body: bytes | None, *, json: bool) -> Reply:
        for _ in range(_REDIRECTS):
            response, content = self._patiently(method, path, body, json=json)
            if response.status not in _MOVED:
                return Reply(path, response.status, content)
            method, path, body = "GET", _within(response.getheader("Location", "")), None
        raise AuditError(f"{path}: the server redirects without end")

    def _patiently(
        self, method: str, path: str, body: bytes | None, *, json: bool
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """One answer; asked for again while the server is away, or says that it is busy."""
        end = time.monotonic() + self._patience
        while True:
            try:
                response, content = self._once(method, path, body, json=json)
                wait = _wait(response)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if time.monotonic() > end:
                    raise AuditError(
                        f"{self._parts.geturl()} does not answer ({error or type(error).__name__})"
                    ) from error
                wait = _AGAIN
            else:
                if not wait or time.monotonic() > end:
                    return response, content
            time.sleep(wait)

    def _once(
        self, method: str, path: str, body: bytes | None, *, json: bool
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = self._connection = self._connection or self._connected()
        headers = {"Accept": "application/json" if json else "text/html, image/png"}
        if body is not None:
            headers["Content-Type"] = _FORM
        if self._cookies:
            headers["Cookie"] = "; ".join(
                f"{name}={value}" for name, value in self._cookies.items()
            )
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        content = response.read(_MOST)
        self._keep(response)
        return response, content

    def _connected(self) -> http.client.HTTPConnection:
        host, port = str(self._parts.hostname), self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(
                host, port, timeout=self._patience, context=ssl.create_default_context()
            )
        return http.client.HTTPConnection(host, port, timeout=self._patience)

    def _keep(self, response: http.client.HTTPResponse) -> None:
        for header in response.headers.get_all("Set-Cookie") or ():
            cookies: SimpleCookie = SimpleCookie()
            try:
                cookies.load(header)
            except CookieError as error:
                raise AuditError(
                    f"the server sent a cookie that cannot be read: {error}"
                ) from error
            self._cookies |= {name: one.value for name, one in cookies.items()}


def _wait(response: http.client.HTTPResponse) -> float:
    """Seconds after which the server wants to be asked again; 0 if it answered."""
    if response.status not in _LATER:
        return 0
    after = response.getheader("Retry-After", "")
    return float(after) if after.isdigit() and after.isascii() else _AGAIN


def _within(location: str) -> str:
    """The path of a redirect. Raises AuditError: it leads elsewhere."""
    if not location.startswith("/") or location.startswith("//"):
        raise AuditError(f"the server redirects to '{location:.80}', which is not on it")
    return location
