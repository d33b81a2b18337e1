"""Leaks planted into a study that is served: each tells side or model without a look at pixels."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin
from study_blinding_crawl import Served, Truth

from auditkit.study.folder import DATABASE, PICTURES, read_blinded, read_key

PHASE = "stage-1"


@dataclass(frozen=True)
class Leak:
    """What is done to a study, and which question it answers.

    Attributes:
        question: what it tells.
        folder: changes the study's folder.
        prepared: changes the store.
        wrapped: makes another application.
    """

    question: str
    folder: Callable[[Path], None] | None = None
    prepared: Callable[[Served], None] | None = None
    wrapped: Callable | None = None


def _compress(folder: Path) -> None:
    for path in (folder / PICTURES).iterdir():
        Image.open(path).save(path, optimize=True)


def _describe(folder: Path) -> None:
    """Metadata of one length in every picture."""
    keys = {one.item: one for one in read_key(folder).items}
    for item in read_blinded(folder).items:
        for place, name in enumerate(item.pictures):
            told = PngImagePlugin.PngInfo()
            told.add_text("Software", "made" if place == keys[item.item].malignant else "mild")
            path = folder / PICTURES / f"{name}.png"
            Image.open(path).save(path, compress_level=0, pnginfo=told)


def _models(study: Served) -> dict[str, int]:
    """0 or 1 by item."""
    key = read_key(study.folder)
    names = sorted(key.models)
    return {one.item: names.index(one.model) for one in key.items}


def _name_slugs(study: Served) -> None:
    """The first letter is of the first or of the second half of the alphabet."""
    models, rng = _models(study), np.random.default_rng(3)
    with closing(sqlite3.connect(study.folder / DATABASE)) as line, line:
        for number, slug, item in line.execute("SELECT id, slug, item FROM study_tasks").fetchall():
            letter = "abcdefghijklmnopqrstuvwxyz"[13 * models[item] + rng.integers(13)]
            line.execute(
                "UPDATE study_tasks SET slug = ? WHERE id = ?", (letter + slug[1:], number)
            )


def _order_models(study: Served) -> None:
    """Each expert's places stay; items move: one model's first, then the other's."""
    models = _models(study)
    with closing(sqlite3.connect(study.folder / DATABASE)) as line, line:
        query = "SELECT id, person, item, pictures FROM study_tasks ORDER BY person, place"
        rows = line.execute(query).fetchall()
        for person in {row[1] for row in rows}:
            own = [row for row in rows if row[1] == person]
            moved = sorted(own, key=lambda row: models[row[2]])
            for (number, *_), (_, _, item, pictures) in zip(own, moved, strict=True):
                line.execute(
                    "UPDATE study_tasks SET item = ?, pictures = ? WHERE id = ?",
                    (item, pictures, number),
                )


def _answering(change: Callable):
    """An application that is asked through `change(send, truth, path)`."""

    def wrapped(app, study: Served):
        truths: dict[str, Truth] = {}

        async def asked(scope, receive, send):
            if not truths:
                truths.update(study.truths("ada", PHASE))
            path = scope["path"]
            slug = path.split("/")[2] if path.count("/") > 1 else ""
            if slug in truths:
                send = await change(send, truths[slug], path)
            await app(scope, receive, send)

        return asked

    return wrapped


async def _head(send, truth: Truth, path: str):
    """A header, as a cache's tag, of pictures."""
    if not path.startswith("/picture/"):
        return send
    malignant = truth.malignant[int(path[-5])]

    async def sent(message):
        if message["type"] == "http.response.start":
            tag = b'"7c"' if malignant else b'"1f"'
            message["headers"] = [*message["headers"], (b"etag", tag)]
        await send(message)

    return sent


async def _wait(send, truth: Truth, path: str):
    """The second picture of one model takes longer."""
    if truth.model == "two" and path.endswith("/1.png"):
        await asyncio.sleep(0.015)
    return send


LEAKS = {
    "compressed pictures": Leak(f"{PHASE}: side", folder=_compress),
    "metadata of equal length": Leak(f"{PHASE}: side", folder=_describe),
    "a header of pictures": Leak(f"{PHASE}: side", wrapped=_answering(_head)),
    "slugs by model": Leak(f"{PHASE}: model", prepared=_name_slugs),
    "order by model": Leak(f"{PHASE}: model", prepared=_order_models),
    "slower for one model": Leak(f"{PHASE}: model", wrapped=_answering(_wait)),
}
