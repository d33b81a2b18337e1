"""An expert's browser that writes down all that it receives, over the real server."""

import contextlib
import http.client
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import uvicorn

from auditkit.study.folder import DATABASE, PICTURES, read_blinded, read_key
from auditkit.study.kinds import Phase
from auditkit.study.storing import Store
from auditkit.study.web import create_app
from auditkit.study.web.rates import Rate, Rates

HOUR = timedelta(hours=1)
MANY = Rate(1e9, 1e9)
PICTURE = re.compile(r'"(/picture/[^"]+)"')
TASK = re.compile(r"/task/([^/?]+)")
SENT_BY_BROWSERS = {
    "User-Agent": "Mozilla/5.0",
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Accept-Encoding": "gzip, deflate, br",
}


@dataclass(frozen=True)
class Response:
    """All of one response, headers in order, and how long it took."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    seconds: float


@dataclass(frozen=True)
class Seen:
    """All that belongs to one task, in the order in which it was asked."""

    slug: str
    place: int
    responses: dict[str, Response]
    pictures: Sequence[Response]


@dataclass(frozen=True)
class Truth:
    """What the browser must not know of a task."""

    phase: Phase
    sitting: int
    repeat: bool
    reference: str
    model: str
    malignant: tuple[bool, ...]


@dataclass(frozen=True)
class Served:
    """A study that is served."""

    folder: Path
    store: Store
    port: int

    def truths(self, name: str, phase: Phase) -> dict[str, Truth]:
        """By slug, of all tasks but practice."""
        keys = {one.item: one for one in read_key(self.folder).items}
        items = {item.item: item for item in read_blinded(self.folder).items}
        return {
            task.slug: Truth(
                phase,
                task.sitting,
                task.showing == "repeat",
                items[task.item].reference,
                keys[task.item].model,
                tuple(place == keys[task.item].malignant for place in task.order),
            )
            for task in self.store.tasks(name, phase)
            if task.showing != "practice"
        }


@contextlib.contextmanager
def served(folder: Path, wrapped=None, prepared=None) -> Iterator[Served]:
    """A study's folder over HTTP.

    Args:
        folder: as it was built.
        wrapped: makes another application of the server's and of `Served`, to leak.
        prepared: does something to the store before anybody asks, to leak.
    """
    study = read_blinded(folder)
    store = Store(f"sqlite:///{folder / DATABASE}", study)
    # With the protocol named, asyncio sends small answers at once (TCP_NODELAY).
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.bind(("127.0.0.1", 0))
    found = Served(folder, store, bound.getsockname()[1])
    if prepared:
        prepared(found)
    rates = Rates(MANY, MANY, MANY)
    app = create_app(store, study, folder / PICTURES, secure=False, rates=rates)
    config = uvicorn.Config(
        wrapped(app, found) if wrapped else app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    try:
        yield found
    finally:
        server.should_exit = True
        thread.join(10)


class Browser:
    """Signed in as an expert, on one connection that is kept."""

    def __init__(self, study: Served, name: str) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", study.port, timeout=30)
        self._cookie = ""
        entered = self.ask("POST", f"/invitation/{study.store.invite(name, HOUR)}", {})
        self._cookie = dict(entered.headers)["set-cookie"].partition(";")[0]

    def ask(self, method: str, path: str, fields=None, **headers: str) -> Response:
        sent = {**SENT_BY_BROWSERS, **({"Cookie": self._cookie} if self._cookie else {}), **headers}
        body = None
        if fields is not None:
            body = urlencode(fields)
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        started = time.perf_counter()
        self._line.request(method, path, body, sent)
        answer = self._line.getresponse()
        content = answer.read()
        seconds = time.perf_counter() - started
        # As bytes on the line, but for names that HTTP makes no difference of.
        named = [(name.lower(), value) for name, value in answer.getheaders()]
        return Response(answer.status, named, content, seconds)

    def crawl(self) -> list[Seen]:
        """Everything of the present phase, each task answered at once."""
        found: list[Seen] = []
        while True:
            onward = self.ask("GET", "/next")
            address = dict(onward.headers).get("location", "/")
            matched = TASK.search(address)
            if matched is None:
                return found
            found.append(self._seen(matched[1], len(found), address, onward))

    def _seen(self, slug: str, place: int, address: str, onward: Response) -> Seen:
        responses = {"next": onward, "page": self.ask("GET", address)}
        if f"{address}?begin".encode() in responses["page"].body:  # between two sets
            responses |= {"rest": responses["page"], "page": self.ask("GET", f"{address}?begin")}
        page = responses["page"]
        text = page.body.decode()
        shown = list(dict.fromkeys(PICTURE.findall(text)))
        pictures = [self.ask("GET", path) for path in shown]
        fields = {"csrf": _field(text, "csrf"), "nonce": _field(text, "nonce"), "submitted": "yes"}
        # What is answered is nobody's judgement: it must not depend on what is seen.
        fields |= {"choice": "A"} if len(pictures) == 2 else {"artifact": "no"}
        fields |= {"comment": secrets.token_hex(3)}
        answer = self.ask("POST", f"/task/{slug}", fields, Accept="application/json")
        assert (page.status, answer.status) == (200, 200), (address, answer.body)
        return Seen(slug, place, responses | {"answer": answer}, pictures)


def _field(text: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', text)
    assert found
    return found[1]
