"""A tiny project whose audits are cheap enough to be run really."""

from pathlib import Path

import pytest

from auditkit.evidence import Settings, Store
from auditkit.evidence.engine import Engine
from auditkit.evidence.workroom import Workroom
from auditkit.planning import calibrating
from auditkit.planning.walking import Planner
from auditkit.spec.catalogue import catalogue
from auditkit.spec.selection import selected
from tests.conftest import COUNTS, LESIONS, LIGHT, STEADY

HEAT = """\
audit: heat
check: truthfulness
data: lesions
with:
  methods: [{method: occlusion, window: 0.5, stride: 0.5}, gradient]
  fills: [black]
  repeats: 1
  images: 22
expect:
  - {measure: occlusion.delta_aupc, at: {fill: black}, above: 0, severity: advisory}
"""


@pytest.fixture
def cards(tmp_path: Path, networks: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of cards, beside ``audits``; the current folder is the one above."""
    folder, audits = tmp_path / "fixtures", tmp_path / "audits"
    folder.mkdir()
    audits.mkdir()
    (folder / "random.safetensors").symlink_to(networks["random"])
    (folder / "random.model.yaml").write_text(STEADY.format(name="random"))
    (folder / "lesions.data.yaml").write_text(LESIONS)
    for name, text in (("counts", COUNTS), ("light", LIGHT), ("heat", HEAT)):
        (audits / f"{name}.audit.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def pairs(cards: Path):
    """The audits of the names given, each with the model, in this order."""

    def found(*names: str):
        paths = [Path("audits") / f"{name}.audit.yaml" for name in names]
        chosen = {audit.id: (audit, card) for audit, card in _selected(paths, cards).pairs()}
        return [chosen[name] for name in names]

    return found


def _selected(paths, cards):
    return selected(paths, catalogue([cards]), ["random"])


@pytest.fixture
def planner(cards: Path, monkeypatch: pytest.MonkeyPatch) -> Planner:
    """A planner over a store that does not exist, which tries whole shards whatever they take."""
    monkeypatch.setattr(calibrating, "_CHEAP", 1e6)
    monkeypatch.setattr("auditkit.planning.engine._MINUTE", 1e6)
    return Planner(Store(Path("store")), Settings(device="cpu"))


@pytest.fixture
def workroom(cards: Path) -> Workroom:
    """What audits are really run with, over the same store."""
    return Workroom(Engine(Store(Path("store")), 1), Settings(device="cpu"))
