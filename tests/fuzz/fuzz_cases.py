"""Cases: a folder with damaged input, and what is asked of it. The same seed gives the same case."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import yaml
from fuzz_bytes import damage
from fuzz_yaml import damaged

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures"


@dataclass(frozen=True)
class Case:
    """One command on damaged input.

    Attributes:
        kind: of input.
        name: which file was damaged.
        operation: of `fuzz_worker`.
        arguments: of it.
        folder: holds everything that was made for it.
    """

    kind: str
    name: str
    operation: str
    arguments: tuple[str, ...]
    folder: Path


Maker = Callable[[Random, Path], tuple[str, str, list[str]]]
KINDS: dict[str, Maker] = {}


def kind(name: str) -> Callable[[Maker], Maker]:
    """Register what makes the cases of a kind: which file was damaged, the operation, its arguments."""

    def registered(maker: Maker) -> Maker:
        KINDS[name] = maker
        return maker

    return registered


def make(kind: str, seed: int, number: int, work: Path) -> Case:
    """One case, in a folder of its own below ``work``."""
    folder = work / f"{kind.replace(' ', '-')}-{seed}-{number}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    name, operation, arguments = KINDS[kind](Random(f"{kind} {seed} {number}"), folder)
    return Case(kind, name, operation, tuple(arguments), folder)


def traps(folder: Path) -> None:
    """What a path in damaged input may name: a pipe, a device, a folder, links that lead in circles."""
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "self").symlink_to(".")
    (folder / "zeros").symlink_to("/dev/zero")
    (folder / "folder").mkdir()


def _beside(source: Path, folder: Path) -> Path:
    """A folder like the source's, with links to what stands beside it and around it, and traps."""
    own = folder / source.parent.name
    own.mkdir()
    for path in source.parent.iterdir():
        if path != source:
            (own / path.name).symlink_to(path)
    for path in source.parent.parent.iterdir():
        if path.is_dir() and path != source.parent:
            (folder / path.name).symlink_to(path)
    traps(own)
    return own / source.name


def _specs() -> list[Path]:
    found = [*(ROOT / "audits").rglob("*.audit.yaml"), *(ROOT / "studies").rglob("*.audit.yaml")]
    return sorted(found)


def _assumed(source: Path) -> list[Path]:
    """The specs that a spec assumes, and those that they assume."""
    ids = {
        yaml.safe_load(path.read_text())["audit"]: path
        for path in source.parent.glob("*.audit.yaml")
    }
    found, left = set(), [source]
    while left:
        named = yaml.safe_load(left.pop().read_text()).get("assumes", [])
        fresh = {ids[name] for name in named if name in ids} - found
        found |= fresh
        left += fresh
    return sorted(found - {source})


@kind("spec")
def _spec(random: Random, folder: Path) -> tuple[str, str, list[str]]:
    """A spec among those that it assumes."""
    source = random.choice(_specs())
    for path in _assumed(source):
        shutil.copy(path, folder)
    file = folder / source.name
    file.write_bytes(damaged(source, random, damage))
    return source.name, "cli", ["validate", str(folder)]


@kind("planned spec")
def _planned(random: Random, folder: Path) -> tuple[str, str, list[str]]:
    """A spec, selected with a model under a profile."""
    source = random.choice(_specs())
    for path in _assumed(source):
        shutil.copy(path, folder)
    file = folder / source.name
    file.write_bytes(damaged(source, random, damage))
    profile = random.choice(["", *map(str, sorted((ROOT / "audits").glob("*.profile.yaml")))])
    return (
        source.name,
        "plan",
        [str(file), profile, random.choice(["scanoma", "glioma", "vgg11-rulers"])],
    )


@kind("profile")
def _profile(random: Random, folder: Path) -> tuple[str, str, list[str]]:
    """A profile by itself, or applied to a spec."""
    source = random.choice(sorted((ROOT / "audits").glob("*.profile.yaml")))
    file = folder / source.name
    file.write_bytes(damaged(source, random, damage))
    if random.random() < 0.5:
        return source.name, "cli", ["validate", str(file)]
    spec = ROOT / "audits" / "dermoscopy" / random.choice(["light", "performance", "heatmaps"])
    return source.name, "plan", [f"{spec}.audit.yaml", str(file), "scanoma"]


def _card(suffix: str, others: dict[str, str]) -> Maker:
    def maker(random: Random, folder: Path) -> tuple[str, str, list[str]]:
        source = random.choice(sorted(FIXTURES.rglob(f"*.{suffix}.yaml")))
        file = _beside(source, folder)
        file.write_bytes(damaged(source, random, damage))
        operation = random.choice(["validate", *others])
        if operation == "validate":
            return source.name, "cli", ["validate", str(file)]
        if others[operation] == "cli":
            return source.name, "cli", [*operation.split(), str(file)]
        return source.name, operation, [str(file)]

    return maker


for _name, _others in {
    "model": {"model": ""},
    "data": {"data check": "cli", "load": ""},
    "generator": {},
    "counterfactual": {},
    "assessment": {},
    "ratings": {"ratings": ""},
    "answers": {"answers": ""},
    "study": {},
    "dossier": {},
    "training": {},
}.items():
    KINDS[f"{_name} card"] = _card(_name, _others)
