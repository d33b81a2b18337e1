"""Cases of files that are none: pipes, devices, circles of links, names and sizes that nobody expects."""

import os
from collections.abc import Callable
from pathlib import Path
from random import Random

from fuzz_cases import FIXTURES, ROOT, kind, traps
from fuzz_data import COLUMNS, HEADER, Made, _pictures, _rows, _write_card
from fuzz_pictures import raster
from fuzz_tables import csv_of
from fuzz_yaml import PATHS

SUFFIXES = (
    *("audit", "model", "data", "generator", "counterfactual", "assessment", "ratings", "answers"),
    *("study", "dossier", "training", "profile"),
)
LISTS = {
    "model": "models",
    "data": "data",
    "generator": "generators",
    "counterfactual": "counterfactuals",
}


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _circle(path: Path) -> None:
    path.symlink_to(path.name)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _nowhere(path: Path) -> None:
    path.symlink_to("/nowhere/at/all")


def _zeros(path: Path) -> None:
    path.write_bytes(bytes(30_000_000))


NO_FILES: tuple[Callable[[Path], None], ...] = (
    *(_pipe, _device, _circle, _sparse, _nowhere, _zeros, Path.mkdir),
)


@kind("no file")
def _no_file(random: Random, folder: Path) -> Made:
    """Something else under the name of a spec or a card."""
    suffix = random.choice(SUFFIXES)
    path = folder / f"x.{suffix}.yaml"
    random.choice(NO_FILES)(path)
    if suffix in LISTS and random.random() < 0.5:
        return path.name, "cli", ["list", LISTS[suffix], "--cards", str(folder)]
    if suffix == "data" and random.random() < 0.5:
        return path.name, "cli", ["data", "check", str(path)]
    return path.name, "cli", ["validate", str(random.choice([path, folder]))]


@kind("no table")
def _no_table(random: Random, folder: Path) -> Made:
    """Something else under the name of a table or a picture, or a path that leads elsewhere."""
    _pictures(folder)
    traps(folder)
    shape = random.choice(
        ["table", "coco", "picture", "folder", "classes", "ratings", "hugging-face"]
    )
    if shape == "ratings":
        return _table_of_ratings(random, folder)
    if shape == "classes":
        return _classes(random, folder)
    if shape in ("folder", "hugging-face"):
        return _folder(random, folder, shape)
    victim = folder / {"table": "t.csv", "coco": "c.json", "picture": "9.png"}[shape]
    random.choice(NO_FILES)(victim)
    rows = _rows()
    rows[0][0] = (
        random.choice(["9.png", random.choice(PATHS)]) if shape == "picture" else rows[0][0]
    )
    if shape == "picture":
        (folder / "t.csv").write_bytes(csv_of([HEADER, *rows]))
    kind = "coco" if shape == "coco" else "table"
    file = (
        "c.json"
        if shape == "coco"
        else random.choice(["t.csv", "t.csv", random.choice(PATHS[:30])])
    )
    keys = {"format": kind, "file": file, "positive": ["melanoma"]}
    card = _write_card(folder, **keys, **({} if kind == "coco" else {"columns": COLUMNS}))
    operation = random.choice(["cli", "load"])
    named = victim.name if file in ("t.csv", "c.json") else file
    return named, operation, [*(["data", "check"] if operation == "cli" else []), str(card)]


def _table_of_ratings(random: Random, folder: Path) -> Made:
    source = FIXTURES / "ratings" / "glioma.ratings.yaml"
    random.choice(NO_FILES)(folder / "glioma.csv")
    (folder / source.name).write_bytes(source.read_bytes())
    return "glioma.csv", "ratings", [str(folder / source.name)]


def _classes(random: Random, folder: Path) -> Made:
    """The file of a model's class names."""
    name = random.choice(["classes.txt", random.choice(PATHS[:30])])
    random.choice(NO_FILES)(folder / "classes.txt")
    card = folder / "m.model.yaml"
    weights = sorted((ROOT / "fixtures" / "models").glob("*.safetensors"))[0]
    (folder / "w.safetensors").symlink_to(weights)
    card.write_text(
        "model: m\ntask: t\nformat: timm\narchitecture: test_resnet\nweights: {file: w.safetensors}\n"
        f"input: {{size: 64}}\noutput: {{kind: logits, classes_file: {name!r}}}\n"
    )
    return "classes.txt", "model", [str(card)]


def _folder(random: Random, folder: Path, kind: str) -> Made:
    """Class folders, with names that are no text, circles of links, and things that are no pictures."""
    root = folder / "root" / "a"
    root.mkdir(parents=True)
    (root / "0.png").write_bytes(raster()["rgb.png"])
    if kind == "hugging-face":
        random.choice(NO_FILES)(
            folder / "root" / random.choice(["state.json", "dataset_dict.json", "x.parquet"])
        )
    elif random.random() < 0.5:
        random.choice(NO_FILES)(root / "1.png")
    else:
        name = random.choice(
            [
                b"\xff\xfe.png",
                b"a\nb.png",
                b"\x1b[2J.png",
                "\u202egnp.png".encode(),
                b"x" * 251 + b".png",
            ]
        )
        Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_bytes(
            random.choice([raster()["rgb.png"], b""])
        )
    (folder / "root" / "circle").symlink_to(".")
    keys = {"columns": {"label": "label"}} if kind == "hugging-face" else {}
    card = _write_card(
        folder,
        format=kind,
        folder=random.choice(["root", "root", random.choice(PATHS[:30])]),
        **keys,
    )
    operation = random.choice(["cli", "load"])
    return "root", operation, [*(["data", "check"] if operation == "cli" else []), str(card)]


@kind("argument")
def _argument(random: Random, folder: Path) -> Made:
    """A path on the command line."""
    traps(folder)
    text = random.choice([path for path in PATHS if "\0" not in path])
    place = random.choice([text, str(folder / text) if not text.startswith("/") else text])
    command = random.choice(
        [
            ["validate", place],
            ["validate", str(ROOT / "audits" / "photos"), "--cards", place],
            ["list", "models", "--cards", place],
            ["data", "check", f"{place}/x.data.yaml"],
            ["data", "check", place],
            ["weights", "list", place],
            ["study", "aggregate", place],
        ]
    )
    # Whole file systems are large, and other on every machine.
    command = [str(folder) if part in ("/", "..") else part for part in command]
    return place[:80], "cli", command
