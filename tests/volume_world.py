"""A model of volumes whose decision is known, on volumes made for it: a bright cube in one of two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from auditkit.data.dataset import Incomplete, Mask, Record, Volume
from auditkit.errors import AuditError
from auditkit.evidence import Evidence, Settings
from auditkit.evidence.engine import Engine
from auditkit.evidence.store import Store
from auditkit.models.model import Model
from auditkit.spec.data_card import DataCard
from auditkit.spec.model_card import ModelCard

DATA = DataCard.model_validate(
    {
        "data": "cubes",
        "task": "t",
        "format": "volumes",
        "file": "cubes.csv",
        "volumes": {"modalities": {"t1c": "t1c", "flair": "flair"}},
    }
)
CUBE = (slice(2, 5), slice(1, 4), slice(3, 6))


class Bright(nn.Module):
    """Logits (0, 4 (mean of the cube in t1c - 1)): flair tells nothing, and noise around is ignored."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inside = x[(slice(None), 0, *CUBE[: x.dim() - 2])].flatten(1).mean(dim=1)
        return torch.stack([torch.zeros_like(inside), 4 * (inside - 1)], dim=1)


@dataclass
class Cubes:
    """Half of the cases have a cube of value 2 in t1c, the others of value .5; flair is noise alike."""

    n: int = 8
    seed: int = 0
    side: int = 8
    axes: int = 3
    wrong: int = 0
    card: DataCard = DATA
    modalities: Sequence[str] = ("t1c", "flair")
    incomplete: Sequence[Incomplete | str] = ()
    records: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        # A reason alone is that of a case before all others.
        self.incomplete = [
            Incomplete(f"lost{i}", one, 0) if isinstance(one, str) else one
            for i, one in enumerate(self.incomplete)
        ]
        self.records = [
            # The last `wrong` cases are labelled as the model does not decide.
            Record(
                f"case{i}",
                f"digest{i}",
                i % 2 ^ (i >= self.n - self.wrong),
                f"p{i}",
                annotated=True,
            )
            for i in range(self.n)
        ]

    @property
    def cube(self) -> tuple[slice, ...]:
        return CUBE[: self.axes]

    def volume(self, index: int) -> Mapping[str, Volume]:
        generator = np.random.default_rng([self.seed, index])
        space = (self.side,) * self.axes
        found = {name: generator.uniform(0.1, 0.3, space) for name in self.modalities}
        found["t1c"][self.cube] += 2.0 if index % 2 else 0.5
        return {name: array.astype(np.float32) for name, array in found.items()}

    def regions(self, _index: int) -> Mapping[str, Mask]:
        mask = np.zeros((self.side,) * self.axes, bool)
        mask[self.cube] = True
        return dict.fromkeys(self.modalities, mask)

    def image(self, _index: int) -> np.ndarray:
        raise AuditError("'cubes' are volumes")

    def mask(self, _index: int) -> None:
        raise AuditError("'cubes' are volumes")


def cubes_card(folder, side: int = 8, axes: int = 3, **volume) -> ModelCard:
    """A card whose weights are a file of nothing: the network is handed over."""
    (folder / "nothing.safetensors").write_bytes(b"nothing")
    return ModelCard.model_validate(
        {
            "model": "bright",
            "task": "t",
            "format": "volume-cnn",
            "weights": {"file": "nothing.safetensors"},
            "volume": {"modalities": ["t1c", "flair"], "size": [side] * axes, **volume},
            "output": {"kind": "logits", "classes": ["low", "high"], "score": 1},
            "threshold": 0.5,
        }
    ).model_copy(update={"path": folder / "bright.model.yaml", "folder": folder})


def cubes_evidence(folder, network=None, settings=None, **given) -> Evidence:
    """Evidence of `Bright` (or another network from (N, 2, *space) to (N, 2)) on `Cubes`."""
    data = Cubes(**given)
    card = cubes_card(folder, data.side, data.axes)
    model = Model(card, [(network or Bright()).eval()], torch.device("cpu"))
    engine = Engine(Store(folder / "store"))
    return Evidence(card, data, engine, settings or Settings(), model=lambda: model)
