"""A data set of captions, a tiny generator, and a model that looks at colours."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from auditkit.data.dataset import Record
from auditkit.evidence import Evidence, Settings, Store
from auditkit.evidence.engine import Engine
from auditkit.evidence.evidence import Peers
from auditkit.models.diffusion.small import PixelTextToImage
from auditkit.models.geometry import to_input
from auditkit.spec.data_card import DataCard
from auditkit.spec.generator_card import GeneratorCard
from auditkit.spec.model_card import ModelCard

DATA = DataCard.model_validate(
    {
        "data": "drawings",
        "task": "shapes",
        "format": "synthetic-shapes",
        "with": {"n": 7, "seed": 0},
        "concepts": [
            {"name": "circle"},
            {"name": "red"},
            {"name": "size", "values": ["small", "medium", "large"]},
        ],
    }
)
# circle, red, size; the last has an unknown value.
ROWS = ["1 0 small", "0 0 large", "1 1 small", "0 1 large", "1 0 large", "0 0 small", "0  small"]
MODEL = {
    "model": "colours",
    "task": "shapes",
    "format": "timm",
    "architecture": "none",
    "weights": {"file": "none.safetensors"},
    "input": {"size": 16},
    "output": {"kind": "probabilities", "classes": ["no", "yes"], "score": 1},
    "threshold": 0.5,
}


def records(rows=ROWS):
    found = []
    for place, row in enumerate(rows):
        values = dict(zip(("circle", "red", "size"), row.split(" "), strict=True))
        found.append(Record(f"{place}", f"digest {place}", place % 2, f"{place}", concepts=values))
    return found


class Colours:
    """Answers with the mean of two channels; a row does not depend on its neighbours."""

    device = torch.device("cpu")

    def __init__(self, card):
        self.card = card

    def prepare(self, pictures):
        return torch.stack([to_input(picture, self.card.input) for picture in pictures])

    def probabilities(self, inputs, _table=None):
        return inputs.double().mean((2, 3))[:, :2]


class Seen(Evidence):
    """Evidence of a model without a file."""

    @property
    def model_identity(self):
        return {"model": self.card.model, **self.settings.arithmetic}


@pytest.fixture(scope="session")
def generator_card(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generator")
    words = ["red", "circle", "small", "medium", "large"]
    parts = PixelTextToImage.untrained(words, size=16, factor=2, channels=(16, 16), width=16)
    parts.save(folder / "tiny")
    given = {"generator": "tiny", "task": "shapes", "folder": "tiny", "steps": 1, "guidance": 2}
    card = GeneratorCard.model_validate(given)
    return card.model_copy(update={"path": folder / "tiny.generator.yaml"})


@pytest.fixture
def seen(generator_card):
    """Makes evidence of a model on (some of) the drawings."""

    def make(store, *, model="colours", rows=None, batch=4, batches=1, threads=1, card=None):
        parsed = ModelCard.model_validate({**MODEL, "model": model})
        data = SimpleNamespace(card=DATA, records=rows or records(), mask=None)
        return Seen(
            parsed,
            data,
            Engine(Store(store), threads),
            Settings(device="cpu", batch_size=batch, batches=batches),
            None,
            lambda: Colours(parsed),
            peers=Peers(generators={"tiny": card or generator_card}),
        )

    return make


@pytest.fixture
def counted(monkeypatch):
    """Captions in the order in which they are drawn."""
    from auditkit.evidence.concepts import drawer

    captions = []
    draw = drawer.Drawer.draw

    def counting(self, said, seeds):
        captions.extend(said)
        return draw(self, said, seeds)

    monkeypatch.setattr(drawer.Drawer, "draw", counting)
    return captions


def levels(first, second):
    """The greatest difference between images, in grey levels."""
    return np.abs(first.astype(int) - second.astype(int)).max()
