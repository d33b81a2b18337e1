"""A model that reads how red a picture is, and a generator that makes it redder or less so."""

import hashlib
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from auditkit.data.load import load_data
from auditkit.evidence import Evidence, Settings
from auditkit.evidence.engine import Engine
from auditkit.evidence.peers import Peers
from auditkit.evidence.store import Store
from auditkit.models.counterfactuals.networks import generator
from auditkit.models.counterfactuals.trained_on import TRAINED, image_keys
from auditkit.models.identity import model_digest
from auditkit.models.model import Model
from auditkit.spec.counterfactual_card import CounterfactualCard, GeneratorNetwork
from auditkit.spec.data_card import DataCard
from auditkit.spec.model_card import ModelCard

SLOPE, MIDDLE = 30.0, 0.18
BINS = 10


class Redness(nn.Module):
    """Logits (0, slope (mean red - mean green - middle)): half of the synthetic lesions are above 0."""

    def __init__(self, slope: float = SLOPE) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.flatten(2).mean(dim=2)
        logit = self.slope * (mean[:, 0] - mean[:, 1] - MIDDLE)
        return torch.stack([torch.zeros_like(logit), logit], dim=1)


def redness(weights: Path) -> nn.Module:
    """The factory that the model's card names."""
    from safetensors.torch import load_file

    return Redness(float(load_file(weights)["slope"]))


def redness_card(folder: Path, size: int = 16, slope: float = SLOPE) -> ModelCard:
    """The card of `Redness`, beside its weights."""
    save_file({"slope": torch.tensor(slope)}, folder / "redness.safetensors")
    return ModelCard.model_validate(
        {
            "model": "redness",
            "task": "melanoma",
            "format": "python",
            "python": {
                "factory": "counterfactual_world:redness",
                "allow_code": True,
                "version": "1",
            },
            "weights": {"file": "redness.safetensors"},
            "input": {"size": size},
            "output": {"kind": "logits", "classes": ["benign", "malignant"], "score": 1},
            "threshold": 0.5,
        }
    ).model_copy(update={"path": folder / "redness.model.yaml", "folder": folder})


def lesions(n: int = 8, size: int = 16, seed: int = 5) -> DataCard:
    """Synthetic lesions, two per patient, with annotations."""
    return DataCard.model_validate(
        {
            "data": "lesions",
            "task": "melanoma",
            "format": "synthetic-dermoscopy",
            "with": {"n": n, "seed": seed, "size": size, "images_per_patient": 2},
        }
    )


class Reddening:
    """Adds red until the model's score is the bin's centre: the best counterfactual there is."""

    bins = BINS

    def generate(
        self, images: torch.Tensor, targets: torch.Tensor, scores: torch.Tensor
    ) -> torch.Tensor:
        mean = images.flatten(2).mean(dim=2)
        wanted = MIDDLE + torch.logit((targets + 0.5) / self.bins) / SLOPE
        found = images.clone()
        found[:, 0] += (wanted.to(images) - (mean[:, 0] - mean[:, 1])).view(-1, 1, 1)
        return found.clamp(0, 1)


def reddening() -> tuple[GeneratorNetwork, dict[str, torch.Tensor]]:
    """A generator by hand: moves red minus green of each cell towards what the bin's score needs.

    The stem's two channels are the positive and the negative part of (red - green) minus the wanted
    value; everything behind it but the last convolution passes them on. What an image's own score is said
    to be matters a little.
    """
    described = GeneratorNetwork(
        kind="delta", width=4, grid=2, downsamplings=0, blocks=1, textures=0
    )
    network = generator(described, BINS)
    stem, gains = network.stem, "gains.0.weight"
    with torch.no_grad():
        for name, value in network.named_parameters():
            value.fill_(1.0 if name.endswith(gains) and "second" not in name else 0.0)
        red, green, middle = slice(0, 4), slice(4, 8), (1, 1)
        centres = (torch.arange(BINS) + 0.5) / BINS
        wanted = 2 * (MIDDLE + torch.logit(centres) / SLOPE)  # the network's images are in [-1, 1]
        for channel, sign in enumerate((1.0, -1.0)):
            stem.convolution.weight[(channel, red, *middle)] = sign / 4
            stem.convolution.weight[(channel, green, *middle)] = -sign / 4
            stem.norm.offsets[0].weight[:, channel] = -sign * wanted
            stem.norm.offsets[1].weight[:, channel] = -sign * (centres - 0.5) / 20
            network.head.weight[(0, channel, *middle)] = -1.5 * sign
    return described, network.state_dict()


def generator_card(folder: Path, model: ModelCard, *, seed: int = 0) -> CounterfactualCard:
    """The card of the generator, beside its weights."""
    file = folder / f"generator-{seed}.safetensors"
    described, state = reddening()
    save_file({**state, TRAINED: torch.from_numpy(image_keys([]))}, file)
    return CounterfactualCard.model_validate(
        {
            "counterfactual": f"redness-{seed}",
            "task": "melanoma",
            "model": "redness",
            "model_sha256": model_digest(model),
            "data": "training",
            "seed": seed,
            "size": model.input.size,
            "bins": BINS,
            "network": described.model_dump(),
            "weights": {
                "file": file.name,
                "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            },
        }
    ).model_copy(update={"path": folder / f"redness-{seed}.counterfactual.yaml"})


def counterfactual_evidence(
    folder: Path,
    n: int = 8,
    size: int = 16,
    settings: Settings | None = None,
    peers: Peers | None = None,
) -> tuple[Evidence, CounterfactualCard]:
    """Evidence of `Redness` on n lesions, and the card of its generator."""
    folder.mkdir(parents=True, exist_ok=True)
    model = redness_card(folder, size)
    network = Model(model, [redness(folder / "redness.safetensors").eval()], torch.device("cpu"))
    evidence = Evidence(
        model,
        load_data(lesions(n, size)),
        Engine(Store(folder / "store")),
        settings or Settings(),
        model=network.copy,
        peers=peers,
    )
    return evidence, generator_card(folder, model)
