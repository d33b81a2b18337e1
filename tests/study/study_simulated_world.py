"""A study of drawn lesions that is served: model `pink` makes skin pinker, `dark` makes lesions darker."""

import json
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import numpy as np
import uvicorn
from PIL import Image

from auditkit.spec.catalogue import catalogue
from auditkit.spec.study import read_plan
from auditkit.study.building.building import build
from auditkit.study.folder import PICTURES
from auditkit.study.storing import Store
from auditkit.study.web.app import create_app

SIDE = 64
VALID = timedelta(hours=1)


def lesion(seed, *, pinker=0.0, darker=0.0):
    """A round brown lesion on skin; ``pinker`` and ``darker`` in steps of 8 bits."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    centre = generator.uniform(-0.05, 0.05, 2)
    inside = np.hypot(x - centre[0], y - centre[1]) < generator.uniform(0.18, 0.24)
    pixels = np.empty((SIDE, SIDE, 3))
    pixels[:] = np.array([200.0, 160, 140]) + generator.uniform(-8, 8, 3)
    pixels[inside] = np.array([120.0, 80, 60]) + generator.uniform(-8, 8, 3)
    pixels += generator.normal(0, 1.5, (SIDE, SIDE, 1))
    pixels += np.where(inside[..., None], -darker, pinker * np.array([1.0, -0.6, -0.1]))
    return pixels.clip(0, 255).round().astype(np.uint8)


def build_study(folder: Path, *, references=6, experts=("sim-a", "sim-b"), people=(), **changes):
    """Draw the pictures, write their table and a plan, and build a study of them."""
    source = folder / "source"
    source.mkdir(parents=True)
    lines = ["model,image,benign,malignant"]
    for number in range(references + 1):
        for model, change in (("pink", {"pinker": 14}), ("dark", {"darker": 22})):
            names = [f"{model}-{number}-{side}.png" for side in ("benign", "malignant")]
            for name, amount in zip(names, ({}, change), strict=True):
                Image.fromarray(lesion(number, **amount)).save(source / name)
            lines.append(f"{model},image-{number},{','.join(names)}")
    (source / "pairs.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    named = [{"expert": name, "simulated": True} for name in experts]
    plan = {
        "study": "drawn",
        "title": "Drawn lesions",
        "task": "melanoma",
        "kind": "pairs",
        "data": "drawn",
        "models": ["pink", "dark"],
        "pairs": {"file": "pairs.csv"},
        "experts": [*named, *({"expert": name} for name in people)],
        "presets": [{"attribute": "background/pinker"}],
        "references": references,
        "practice": 1,
        "stage_one": references,
        "set_size": 5,
        **changes,
    }
    (source / "plan.study.yaml").write_text(json.dumps(plan), encoding="utf-8")
    return build(
        read_plan(source / "plan.study.yaml"), catalogue([source]), folder / "study", seed="7a" * 16
    )


class Served:
    """A study that is served: its address, its store, and invitations."""

    def __init__(self, folder, study):
        """Open the answers of a study."""
        self.folder, self.study = folder, study
        self.store = Store(f"sqlite:///{folder / 'answers.sqlite'}", study)
        self.url = ""

    def invitation(self, name):
        """A new token."""
        return self.store.invite(name, VALID)


@contextmanager
def served(built):
    """Serve a study from a thread."""
    own = Served(built.folder, built.study)
    app = create_app(own.store, built.study, built.folder / PICTURES, secure=False)
    config = uvicorn.Config(
        app, port=0, http="h11", ws="none", lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    own.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield own
    finally:
        server.should_exit = True
        thread.join(10)
        own.store.close()
