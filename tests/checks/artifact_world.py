"""Lesions with a red dot, a model that looks at the centre, and generators that leave the dot or not."""

import hashlib

import torch
from counterfactual_world import generator_card, lesions, redness_card
from torch import nn

from auditkit.data import load_data
from auditkit.evidence import Evidence, Settings
from auditkit.evidence.engine import Engine
from auditkit.evidence.peers import Peers
from auditkit.evidence.store import Store
from auditkit.models.model import Model
from auditkit.spec.artifact import Artifact

SIZE, BINS, SLOPE, MIDDLE = 32, 10, 30.0, 0.18
SKIN = (0.7, 0.5, 0.45)
CENTRE = slice(SIZE // 4, -SIZE // 4)
# A square that holds the dot, whose centre is 4.8 pixels from the corner and whose radius is 1.9.
CORNER = slice(0, 8)


class Redness(nn.Module):
    """Logits (0, slope (mean red - mean green - middle)) over a part of the picture."""

    def __init__(self, part=CENTRE):
        super().__init__()
        self.part = part
        self.slope = nn.Parameter(torch.tensor(SLOPE), requires_grad=False)

    def forward(self, x):
        mean = x[:, :, self.part, self.part].flatten(2).mean(dim=2)
        logit = self.slope * (mean[:, 0] - mean[:, 1] - MIDDLE)
        return torch.stack([torch.zeros_like(logit), logit], dim=1)


class Leaving:
    """Reddens the centre until the score is the bin's."""

    bins = BINS

    def generate(self, images, targets, seeds):
        assert len(seeds) == len(images)
        mean = images[:, :, CENTRE, CENTRE].flatten(2).mean(dim=2)
        wanted = MIDDLE + torch.logit((targets + 0.5) / BINS) / SLOPE
        found = images.clone()
        found[:, 0, CENTRE, CENTRE] += (wanted - (mean[:, 0] - mean[:, 1])).view(-1, 1, 1)
        return found.clamp(0, 1)


class Erasing(Leaving):
    """Does so, and paints skin over the dot where a benign image is wanted."""

    def generate(self, images, targets, seeds):
        found = super().generate(images, targets, seeds)
        skin = torch.tensor(SKIN).view(3, 1, 1)
        for row, target in enumerate(targets.tolist()):
            if target < BINS // 2:
                found[row, :, CORNER, CORNER] = skin
        return found


def dotted_evidence(
    folder, monkeypatch, *, on="positive", part=CENTRE, batch=None, n=12, broken=None
):
    """Evidence of a model that looks at a part of the lesions, and generators with each discriminator."""
    folder.mkdir(parents=True, exist_ok=True)
    model = redness_card(folder, SIZE)
    cards = {kind: _card(folder, model, kind) for kind in ("unconditional", "class-conditional")}
    generators = {"unconditional": broken or Leaving(), "class-conditional": Erasing()}
    monkeypatch.setattr(
        "auditkit.models.counterfactuals.load.load_generator",
        lambda card, _model, _pipeline: generators[card.discriminator],
    )
    artifact = Artifact(draw="red-dot", on=on) if on else None
    data = lesions(n, SIZE).model_copy(update={"artifact": artifact})
    network = Model(model, [Redness(part).eval()], torch.device("cpu"))
    engine, settings = Engine(Store(folder / "store")), Settings(batch_size=batch)
    peers = Peers(counterfactuals={card.counterfactual: card for card in cards.values()})
    return Evidence(model, load_data(data), engine, settings, model=network.copy, peers=peers)


def _card(folder, model, kind):
    file = folder / f"{kind}.safetensors"
    file.write_bytes(kind.encode())
    weights = {"file": file.name, "sha256": hashlib.sha256(kind.encode()).hexdigest()}
    plain = generator_card(folder, model).model_dump(exclude={"path", "digest"})
    changed = {"counterfactual": kind, "discriminator": kind, "weights": weights}
    found = generator_card(folder, model).model_validate({**plain, **changed})
    return found.model_copy(update={"path": folder / f"{kind}.counterfactual.yaml"})
