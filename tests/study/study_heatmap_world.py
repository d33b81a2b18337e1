"""A heatmap study of the glioma stand-in, built once, and rated by programs."""

import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import uvicorn

from auditkit.evidence import Settings
from auditkit.evidence import Store as EvidenceStore
from auditkit.evidence.engine import Engine
from auditkit.session import Session
from auditkit.spec.catalogue import catalogue
from auditkit.spec.study import read_plan
from auditkit.study.building.building import build
from auditkit.study.folder import Blinded, read_blinded
from auditkit.study.kinds import Person
from auditkit.study.simulated.answering_heatmaps import simulate_ratings
from auditkit.study.storing import Store
from auditkit.study.web import create_app

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "fixtures/studies/glioma-heatmaps.study.yaml"
IMAGES = 4


@dataclass
class World:
    """A built study with the session that computed its evidence."""

    folder: Path
    study: Blinded
    session: Session


def built(folder: Path) -> World:
    """The shipped plan on fewer cases."""
    path = folder / "plan.study.yaml"
    text = SHIPPED.read_text(encoding="utf-8")
    assert "images: 12" in text
    path.write_text(text.replace("images: 12", f"images: {IMAGES}"), encoding="utf-8")
    session = Session(Engine(EvidenceStore(folder / "store")), Settings())
    build(read_plan(path), catalogue([ROOT / "fixtures"]), folder / "study", session=session)
    return World(folder / "study", read_blinded(folder / "study"), session)


@contextmanager
def served(world: World, store: Store):
    """The study behind a real server; its address."""
    app = create_app(store, world.study, world.folder / "pictures", secure=False)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


def rate_all(world: World, store: Store) -> dict:
    """Programs answer everything through the forms, and the study ends; fields of both steps by slug."""
    kept: dict = {}

    def acknowledged(one):
        first, second = kept.setdefault(one.slug, ({}, {}))
        (second if one.submitted else first).update(one.fields)

    with served(world, store) as address:
        for expert in world.study.experts:
            invitation = store.invite(expert.expert, timedelta(minutes=5))
            done = simulate_ratings(address, invitation, expert.expert, acknowledged=acknowledged)
            assert done == len(store.tasks(expert.expert, "rating"))
    assert store.advance(Person(world.study.coordinator, "coordinator")) == "closed"
    return kept
