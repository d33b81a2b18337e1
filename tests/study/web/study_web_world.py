"""A small study, served by the real server in a thread, and somebody who speaks HTTP to it byte by byte."""

import contextlib
import http.client
import json
import re
import secrets
import socket
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode

import uvicorn

from auditkit.spec.ratings_card import Scale
from auditkit.spec.study import Expert
from auditkit.study.folder import Blinded, Item
from auditkit.study.storing import Store
from auditkit.study.web import create_app

ADA, BEN, COORDINATOR = "ada", "ben", "coordinator"
VALID = timedelta(hours=1)
CSRF = re.compile(r'name="csrf" value="([^"]+)"')
BYTES = 3000


def blinded(kind="pairs", **changes):
    names = 2 if kind == "pairs" else 3
    given = {
        "study": "skin",
        "title": "Two pictures of skin",
        "kind": kind,
        "question": "Which?",
        "instruction": "Look at <both> pictures.\nThen answer.",
        "experts": (Expert(expert=ADA), Expert(expert=BEN)),
        "coordinator": COORDINATOR,
        "categories": ("lesion", "background", "other"),
        "presets": ("lesion/pinker",),
        "prescreen": False,
        "references": 3,
        "stage_one": 3,
        "set_size": 2,
        "repeats": 0.0,
        "order_seed": "seed",
        "width": 8,
        "height": 8,
        "items": tuple(
            Item(
                item=f"item{n}",
                reference=f"reference{n // 2}",
                pictures=tuple(f"picture{n}-{side}" for side in range(names)),
                practice=False,
                told={} if kind == "pairs" else {"prediction": "melanoma"},
            )
            for n in range(6)
        ),
    }
    if kind == "heatmaps":
        given |= {"classes": ("nevus", "melanoma"), "scale": Scale(low=0, high=10, step=1)}
    return Blinded.model_validate(given | changes)


def draw(folder, study):
    """Pictures of equal length; the server never looks into them."""
    folder.mkdir()
    for item in study.items:
        for name in item.pictures:
            head = b"\x89PNG\r\n\x1a\n" + name.encode()
            (folder / f"{name}.png").write_bytes(head + b"\0" * (BYTES - len(head)))
    return folder


@dataclass
class Reply:
    status: int
    headers: list
    body: bytes

    def __getitem__(self, name):
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    def __contains__(self, name):
        return self[name] is not None

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Browser:
    """Keeps the cookie, and nothing else."""

    host: str
    port: int
    cookie: str = ""
    _csrf: str = field(default="", repr=False)

    def ask(self, method, path, body=None, headers=None):
        sent = {"Cookie": self.cookie} if self.cookie else {}
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path, body, sent | (headers or {}))
            got = connection.getresponse()
            return Reply(got.status, got.getheaders(), got.read())

    def get(self, path, **headers):
        return self.ask("GET", path, headers=headers)

    def post(self, path, fields, *, json=False, headers=None):
        body = fields if isinstance(fields, (str, bytes)) else urlencode(fields)
        given = {"Content-Type": "application/x-www-form-urlencoded"}
        if json:
            given["Accept"] = "application/json"
        return self.ask("POST", path, body, given | (headers or {}))

    def enter(self, token):
        reply = self.post(f"/invitation/{token}", "")
        if reply.status == 303:
            self.cookie = reply["Set-Cookie"].partition(";")[0]
        return reply

    @property
    def csrf(self):
        self._csrf = self._csrf or CSRF.search(self.get("/").text)[1]
        return self._csrf

    def raw(self, text):
        """The status of a request written by hand."""
        with socket.create_connection((self.host, self.port), timeout=10) as line:
            line.sendall(text.encode("latin-1"))
            return int(line.recv(65536).split(b" ", 2)[1])


@dataclass
class World:
    store: Store
    study: Blinded
    app: object
    port: int

    def stranger(self):
        return Browser("127.0.0.1", self.port)

    def signed_in(self, name):
        browser = self.stranger()
        assert browser.enter(self.store.invite(name, VALID)).status == 303
        return browser

    def tasks(self, name, phase=None):
        return self.store.tasks(name, phase or self.store.phase)

    def answers(self, name, slug):
        return [one.answer for one in self.store.revisions(name, slug)]

    def answer_all(self, name, **fields):
        """Everything of the phase, through the forms."""
        browser = self.signed_in(name)
        for task in self.tasks(name):
            assert browser.post(f"/task/{task.slug}", choice(browser, **fields)).status == 303


def choice(browser, **fields):
    """A whole answer to a pair."""
    given = {"csrf": browser.csrf, "nonce": secrets.token_urlsafe(12), "submitted": "yes"}
    return given | {"choice": "A"} | fields


@contextlib.contextmanager
def served(folder, study, **options):
    pictures = draw(folder / "pictures", study)
    store = Store(f"sqlite:///{folder / 'answers.sqlite'}", study)
    app = create_app(store, study, pictures, **({"secure": False} | options))
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
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
        threading.Event().wait(0.005)
    yield World(store, study, app, bound.getsockname()[1])
    server.should_exit = True
    thread.join(5)
