"""A tiny study behind a real server, and browsers in front of it."""

import importlib.util
import os
import shutil
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from auditkit.spec.study import Expert
from auditkit.study.folder import Blinded, Item

VALID = timedelta(hours=1)
CHROMIUM = shutil.which("chromium")
DESKTOP = {"width": 1440, "height": 900}
LYING = {"width": 1024, "height": 768}
STANDING = {"width": 768, "height": 1024}


def tiny(images=3, models=2, size=48, practice=True, **given):
    """A study of pairs whose names say nothing."""
    names = [(f"r{one}", f"i{one}{two}") for one in range(images) for two in range(models)]
    items = [
        Item(item=item, reference=reference, pictures=(f"p{item}a", f"p{item}b"))
        for reference, item in names
    ]
    if practice:
        items.append(Item(item="q", reference="rq", pictures=("pqa", "pqb"), practice=True))
    values = {
        "study": "tiny",
        "title": "A tiny study",
        "kind": "pairs",
        "question": "Which image appears most likely to represent a melanoma?",
        "instruction": "Look closely.",
        "experts": (Expert(expert="anna"), Expert(expert="bert")),
        "coordinator": "carla",
        "categories": ("lesion", "background", "other"),
        "presets": ("lesion/sharper border", "background/pinker", "background/more hair"),
        "prescreen": True,
        "references": 2,
        "stage_one": 2,
        "set_size": 2,
        "repeats": 0.0,
        "order_seed": "order",
        "width": size,
        "height": size,
        "items": tuple(items),
    }
    return Blinded(**(values | given))


def draw(study, folder):
    """Noise for every picture."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(1)
    for item in study.items:
        for name in item.pictures:
            pixels = noise.integers(0, 256, (study.height, study.width, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{name}.png", compress_level=0)


@dataclass
class World:
    """A study that is served."""

    address: str
    store: object
    study: Blinded

    def link(self, name):
        return f"{self.address}/invitation/{self.store.invite(name, VALID)}"


@contextmanager
def served(study, folder):
    """The study behind a server in a thread."""
    import uvicorn

    from auditkit.study.storing import Store
    from auditkit.study.web import create_app

    draw(study, folder / "pictures")
    store = Store(f"sqlite:///{folder}/answers.sqlite", study)
    app = create_app(store, study, folder / "pictures", secure=False)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield World(f"http://127.0.0.1:{listening.getsockname()[1]}", store, study)
    finally:
        server.should_exit = True
        thread.join(10)
        store.close()


@dataclass
class Seat:
    """Somebody's browser, and what it complained about.

    Attributes:
        tab: the page.
        told: messages of the console, errors of scripts, and addresses elsewhere.
        expected: parts of messages that a test brings about itself.
    """

    tab: object
    told: list = field(default_factory=list)
    expected: tuple = ()

    @property
    def complaints(self):
        return [text for text in self.told if not any(part in text for part in self.expected)]

    def ready(self):
        """Once the page's script runs."""
        self.tab.locator("html[data-ready=yes]").wait_for()

    def saved(self):
        """Once everything is saved."""
        self.tab.locator("#saved[data-state=saved]").wait_for()


@contextmanager
def seat(browser, world, name="", expected=(), invited=False, **given):
    """A browser of somebody's own, signed in: by invitation, or with the cookie that it would bring."""
    from auditkit.study.web.access import cookie_name

    context = browser.new_context(**({"viewport": DESKTOP} | given))
    context.set_default_timeout(8_000)
    here = Seat(context.new_page(), expected=expected)
    listen(here, urlsplit(world.address).netloc)
    if name and not invited:
        token = world.store.sign_in(world.store.invite(name, VALID), VALID)
        context.add_cookies(
            [{"name": cookie_name(world.study, False), "value": token, "url": world.address}]
        )
    elif name:
        here.tab.goto(world.link(name))
        here.tab.locator("main button").click()
        here.tab.wait_for_url(f"{world.address}/")
    yield here
    context.close()


def listen(here, own):
    """Hear whatever the page complains about, and wherever else it asks."""

    def asked(request):
        if urlsplit(request.url).netloc != own:
            here.told.append(f"asked {request.url}")

    def said(message):
        if message.type in {"error", "warning"}:
            here.told.append(f"{message.text} {message.location.get('url', '')}")

    here.tab.on("console", said)
    here.tab.on("pageerror", lambda error: here.told.append(str(error)))
    here.tab.on("request", asked)


def axe():
    """Source of axe-core, or a skip that says how to get it."""
    shipped = importlib.util.find_spec("axe_playwright_python")
    places = [os.environ.get("AUDITKIT_AXE", "")]
    if shipped and shipped.origin:
        places.append(str(Path(shipped.origin).with_name("axe.min.js")))
    found = next((Path(place) for place in places if place and Path(place).is_file()), None)
    if found is None:
        pytest.skip('axe-core is not there: pip install "axe-playwright-python"')
    return found.read_text(encoding="utf-8")


def onward(here, act):
    """Do what leads to another page, and wait until it is there."""
    before = here.tab.url
    act()
    here.tab.wait_for_url(lambda address: address != before and "/next" not in address)


def begin(here, world):
    """Open what is to be done next."""
    here.tab.goto(f"{world.address}/next")
    here.ready()


def answered(world, name, phase, answer, tasks=slice(None)):
    """Hand in the same answer to tasks of somebody, past the browser."""
    for task in world.store.tasks(name, phase)[tasks]:
        world.store.save(name, task.slug, f"past-{task.slug}", answer, submitted=True)


def ended(world, reason="the test wants it"):
    """End a phase, past the browser."""
    coordinator = next(one for one in world.store.people() if one.role == "coordinator")
    return world.store.advance(coordinator, reason)
