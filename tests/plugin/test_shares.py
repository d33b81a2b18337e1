"""How many worker processes the engine of each xdist worker has."""

from dataclasses import dataclass

import pytest

from auditkit.plugin.sessions import _share
from auditkit.spec.engines import EngineChoice


@dataclass
class Asked:
    engine: EngineChoice
    workers: int
    device: str = "cpu"


@pytest.mark.parametrize(
    ("name", "asked", "xdist", "device", "found"),
    [
        ("processes", None, 2, "cpu", 4),
        ("processes", None, 1, "cpu", None),
        ("processes", 3, 2, "cpu", 3),
        ("inline", None, 2, "cpu", None),
        ("ray", None, 2, "cpu", None),
        ("processes", None, 2, "cuda", None),
    ],
)
def test_cores_are_shared_between_xdist_workers(monkeypatch, name, asked, xdist, device, found):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    options = Asked(EngineChoice(name, asked), xdist, device)
    assert _share(options, cores=4) == EngineChoice(name, found)
