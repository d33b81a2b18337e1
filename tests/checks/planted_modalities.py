"""Evidence of a model of three modalities whose answers to every subset are planted."""

from dataclasses import dataclass, field

import numpy as np

from auditkit.data.dataset import Record
from auditkit.evidence import Heatmaps, Scores
from auditkit.evidence.kinds import Fitness
from auditkit.spec.data_card import DataCard
from auditkit.spec.model_card import ModelCard

NAMES = ("t1c", "flair", "t1")
SPACE = (4, 4, 2)
CARD = ModelCard.model_validate(
    {
        "model": "planted",
        "task": "t",
        "format": "volume-cnn",
        "weights": {"file": "x"},
        "volume": {"modalities": list(NAMES), "size": list(SPACE)},
        "output": {"kind": "logits", "classes": ["low", "high"], "score": 1},
        "threshold": 0.5,
    }
)
CLASSES = {"kind": "logits", "classes": ["low", "high"]}
DATA = DataCard.model_validate(
    {"data": "d", "task": "t", "format": "synthetic-glioma", "with": {"n": 1, "seed": 0}}
)


def labels_of(n):
    return np.arange(n) % 2


def subsets(n=60, cues=(2.0, 1.0, 0.0), seed=0):
    """A score (n, 8) that is the sum of the cues that are there, plus noise of the case and modality."""
    rng = np.random.default_rng(seed)
    planted = np.array(cues)
    cue = (2 * labels_of(n)[:, None] - 1) * planted + rng.normal(size=(n, 3)) * (planted > 0)
    members = np.array([[subset >> m & 1 for m in range(3)] for subset in range(8)])
    return 1 / (1 + np.exp(-(cue @ members.T + 0.1)))


def heat(shares, n=60, spread=0.02, seed=0):
    """Maps (n, 3, *SPACE) whose modality sums are nearly these shares, with cold voxels between."""
    rng = np.random.default_rng(seed)
    own = np.clip(np.array(shares) + spread * rng.normal(size=(n, 3)), 0.001, None)
    maps = np.full((n, 3, *SPACE), -1.0, np.float32)
    maps[:, :, 0, 0, 0] = own
    return maps


@dataclass
class Modalities:
    """Stands where `Evidence` stands."""

    score: np.ndarray
    maps: dict = field(default_factory=dict)
    others: dict = field(default_factory=dict)
    unfit: dict = field(default_factory=dict)
    incomplete: list = field(default_factory=list)
    prefix: str = "p"
    per_patient: int = 1
    card: ModelCard = CARD
    labels: np.ndarray | None = None

    modalities = NAMES
    space = SPACE

    def __post_init__(self):
        if self.labels is None:
            self.labels = labels_of(self.n)

    @property
    def n(self):
        return len(self.score)

    @property
    def two_class(self):
        return self.card.scored

    @property
    def patients(self):
        return np.array([f"{self.prefix}{i // self.per_patient}" for i in range(self.n)])

    @property
    def records(self):
        return [
            Record(f"{self.prefix}-case{i}", f"digest{i}", int(label), patient)
            for i, (label, patient) in enumerate(zip(self.labels, self.patients, strict=True))
        ]

    @property
    def data(self):
        return type("Data", (), {"card": DATA})

    def gather(self, _name, _parameters, _worker, stage):
        assert stage == "coalitions"
        return {"score": self.score, "decision": (self.score >= 0.5).astype(int)}

    def scores(self):
        score = self.score[:, -1] if self.score.ndim == 2 else self.score
        return Scores(score, (score >= 0.5).astype(int))

    def heatmaps(self, method):
        return Heatmaps(self.maps[method.label], 1)

    def fitness(self, method):
        return Fitness(self.unfit.get(method.label, ""))

    def sibling(self, name):
        return self.others[name]
