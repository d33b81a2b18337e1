"""Evidence with a planted answer, so that a check's numbers are known beforehand."""

from dataclasses import dataclass, field

import numpy as np

from auditkit.data.dataset import Record
from auditkit.evidence import Heatmaps, Scores
from auditkit.evidence.kinds import Fitness
from auditkit.evidence.removal import Removed
from auditkit.models.reading import decision_probabilities
from auditkit.spec.data_card import DataCard
from auditkit.spec.model_card import ModelCard

MODEL = ModelCard.model_validate(
    {
        "model": "planted",
        "task": "t",
        "format": "tflite",
        "weights": {"file": "x"},
        "input": {"size": 16},
        "output": {"kind": "probabilities", "score": 1, "classes": ["benign", "malignant"]},
        "threshold": 0.5,
    }
)
NO_ORDER = "all-zero heatmap"
DATA = DataCard.model_validate({"data": "d", "task": "t", "format": "table", "file": "x.csv"})


@dataclass
class Planted:
    """Stands where `Evidence` stands; every answer is given."""

    labels: np.ndarray
    score: np.ndarray
    shift: object = None
    maps: dict = field(default_factory=dict)
    masks: list = field(default_factory=list)
    decisions: dict = field(default_factory=dict)
    random: np.ndarray | None = None
    outputs: dict = field(default_factory=dict)
    groups: dict = field(default_factory=dict)
    images_per_patient: int = 1
    unfit: dict = field(default_factory=dict)
    features: dict = field(default_factory=dict)

    card = MODEL
    two_class = True
    classes = ("benign", "malignant")
    size = 16
    space = (16, 16)
    modalities = ("image",)
    incomplete = ()

    @property
    def n(self):
        return len(self.labels)

    @property
    def patients(self):
        return np.array([f"p{i // self.images_per_patient}" for i in range(self.n)])

    @property
    def records(self):
        return [
            Record(
                f"i{i}",
                f"digest{i}",
                int(label),
                p,
                features={name: str(values[i]) for name, values in self.features.items()},
                annotated=bool(self.masks),
            )
            for i, (label, p) in enumerate(zip(self.labels, self.patients, strict=True))
        ]

    @property
    def data(self):
        return type("Data", (), {"card": DATA})

    def group(self, column):
        return self.groups[column]

    def right(self, decision):
        return decision == self.labels.reshape(-1, *[1] * (decision.ndim - 1))

    def scores(self):
        return Scores(self.score, (self.score >= 0.5).astype(int))

    def shifted_scores(self, _space, shifts):
        moved = np.stack([self.score + self.shift(r, a) for r, a in shifts], axis=1)
        return Scores(moved, (moved >= 0.5).astype(int))

    def picture(self, _index):
        return np.full((16, 16, 3), 128, np.uint8)

    def mask(self, index):
        return self.masks[index]

    def heatmaps(self, method):
        return Heatmaps(self.maps[method.label], 16 // self.maps[method.label].shape[-1])

    def removal(self, method, plan):
        return self._removed(self.decisions[method.label], plan)

    def fitness(self, method):
        return Fitness(self.unfit.get(method.label, ""))

    def random_removal(self, _method, plan):
        return self._removed(self.random, plan)

    def _removed(self, decision, plan):
        """Images whose first decision is -1 have no order; the score is the decision."""
        fraction = np.broadcast_to(np.linspace(0, 1, plan.steps + 1), decision.shape)
        first = decision.reshape(len(decision), -1)[:, 0]
        reasons = np.where(first < 0, NO_ORDER, "")
        return Removed(decision, decision.astype(float), fraction, reasons)

    def output_step(self):
        return 1 / 256

    def answers(self, mode=None):
        return self.outputs[mode or self.card.mode]

    def runtime_answers(self, kernel="", *, vendor=False):
        return self.outputs["vendor" if vendor else kernel or "xnnpack"]

    def probabilities(self, raw):
        return decision_probabilities(self.card, raw)
