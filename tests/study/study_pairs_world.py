"""Studies of pairs whose sides and models differ in everything that a file tells, on purpose.

Malignant pictures are noisy and were saved last, benign ones are flat; the models' files have other
formats, comments, names and times.
"""

import os
from pathlib import Path

import numpy as np
import yaml
from PIL import Image, PngImagePlugin

from auditkit.spec.catalogue import Catalogue
from auditkit.spec.study import read_plan
from auditkit.study.building.building import build
from auditkit.study.folder import read_blinded, read_key

SEED = "0123456789abcdef" * 2
NOTHING = Catalogue(())
SIDES = ("benign", "malignant")


def plan(folder: Path, models=("one", "two"), **changes):
    """A plan of pairs from folder/pairs.csv, as read."""
    given = {
        "study": "tiny",
        "title": "A tiny study",
        "task": "melanoma",
        "kind": "pairs",
        "data": "drawn",
        "models": list(models),
        "pairs": {"file": "pairs.csv"},
        "experts": [{"expert": "ada"}, {"expert": "ben"}],
        "practice": 0,
        "references": 100,
        **changes,
    }
    path = folder / "tiny.study.yaml"
    path.write_text(yaml.safe_dump({key: one for key, one in given.items() if one is not None}))
    return read_plan(path)


def look(model: int, side: int, rng, shape):
    """Flat if benign, noise if malignant; each model has its colour."""
    base = np.full((*shape, 3), (90, 120, 150), np.uint8)
    base[..., model % 3] += 60
    if side:
        base = rng.integers(0, 256, base.shape, dtype=np.uint8)
        base[..., model % 3] = 255
    return base


def save(path: Path, pixels, model: str, side: str, exif=None):
    """As PNG with a text, or as JPEG with EXIF, by the suffix; older if benign."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    if path.suffix == ".png":
        told = PngImagePlugin.PngInfo()
        told.add_text("Comment", f"{model} {side}")
        image.save(path, pnginfo=told)
    else:
        data = Image.Exif() if exif is None else exif
        data[0x010E] = f"{model} {side}"
        image.save(path, exif=data, quality=95)
    moment = 1_000_000_000 + 1000 * (side == "malignant") + len(model)
    os.utime(path, (moment, moment))


def write_rows(folder: Path, rows, columns=("model", "image", "benign", "malignant")):
    """folder/pairs.csv of rows in these columns."""
    lines = [",".join(columns), *(",".join(row) for row in rows)]
    (folder / "pairs.csv").write_text("\n".join(lines) + "\n")


def pairs(
    folder: Path,
    references=3,
    models=("one", "two"),
    shape=(24, 24),
    *,
    swap=(),
    patient="",
    image="i",
):
    """Pictures and their table; of images in `swap` the two sides trade places.

    Ids of images, and of patients if there are any, begin with what is given.
    """
    rng, rows = np.random.default_rng(5), []
    for place in range(references):
        for number, model in enumerate(models):
            suffix = (".png", ".jpg")[number % 2]
            names = [f"{model}/{side}-{place}{suffix}" for side in SIDES]
            for side, name in enumerate(names):
                save(folder / name, look(number, side, rng, shape), model, SIDES[side])
            names = names[::-1] if place in swap else names
            whose = [f"{patient}{place // 2}"] if patient else []
            rows.append((model, f"{image}{place}", *names, *whose))
    columns = ("model", "image", "benign", "malignant", *(["patient"] if patient else []))
    write_rows(folder, rows, columns)


def built(folder: Path, seed=SEED, **settings):
    """A study of what lies in the folder: Built, what is blinded, and the key."""
    asked = plan(folder, **settings)
    found = build(asked, NOTHING, folder / "study", seed=seed)
    return found, read_blinded(found.folder), read_key(found.folder)


def pixels(folder: Path, name: str):
    """A picture of a study."""
    return np.asarray(Image.open(folder / "pictures" / f"{name}.png"))
