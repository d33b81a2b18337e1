"""Evidence of volumes with planted heatmaps, annotations and answers to every subset of modalities."""

from dataclasses import dataclass, field

import numpy as np
from volume_world import DATA, cubes_card

from auditkit.data.dataset import Record
from auditkit.evidence import Heatmaps, Scores, Settings
from auditkit.evidence.kinds import Fitness

SIDE = 6
CUBE = (slice(1, 3), slice(2, 4), slice(1, 4))


def cube():
    mask = np.zeros((2, SIDE, SIDE, SIDE), bool)
    mask[(slice(None), *CUBE)] = True
    return mask


def heat_with(portions):
    """(M, *space) with these shares of each modality's heat on the cube; None: a modality without heat."""
    heat = np.zeros((len(portions), SIDE, SIDE, SIDE), np.float32)
    for m, portion in enumerate(portions):
        if portion is not None:
            heat[m] = (1 - portion) / (SIDE**3 - 12)
            heat[m][CUBE] = portion / 12
    return heat


@dataclass
class Volumes:
    """Stands where `Evidence` stands, of a model of t1c and flair."""

    folder: object
    maps: dict
    labels: np.ndarray
    score: np.ndarray
    subsets: np.ndarray | None = None
    masks: list | None = None
    patients_of: np.ndarray | None = None
    groups: dict = field(default_factory=dict)
    features: dict = field(default_factory=dict)
    unfit: dict = field(default_factory=dict)
    incomplete: tuple = ()

    two_class = True
    classes = ("low", "high")
    modalities = ("t1c", "flair")
    space = (SIDE, SIDE, SIDE)

    @property
    def card(self):
        return cubes_card(self.folder, SIDE)

    @property
    def data(self):
        return type("Data", (), {"card": DATA, "records": self.records})

    @property
    def n(self):
        return len(self.labels)

    @property
    def patients(self):
        if self.patients_of is not None:
            return np.asarray(self.patients_of)
        return np.array([f"p{i}" for i in range(self.n)])

    @property
    def records(self):
        return [
            Record(
                f"i{i}",
                f"d{i}",
                int(label),
                str(self.patients[i]),
                features={name: str(values[i]) for name, values in self.features.items()},
                annotated=self.region(i) is not None,
            )
            for i, label in enumerate(self.labels)
        ]

    def region(self, index):
        return cube() if self.masks is None else self.masks[index]

    def volume(self, index):
        rng = np.random.default_rng(index)
        return rng.uniform(0.1, 1, (2, *self.space)).astype(np.float32)

    def group(self, column):
        return self.groups[column]

    def scores(self):
        return Scores(self.score, (self.score >= 0.5).astype(int))

    def right(self, decision):
        return decision == self.labels.reshape(-1, *[1] * (decision.ndim - 1))

    def fitness(self, method):
        return Fitness(self.unfit.get(method.label, ""))

    def heatmaps(self, method):
        return Heatmaps(np.stack(self.maps[method.label]), 1)

    def gather(self, _name, parameters, worker, stage=None, digests=None):
        if stage == "coalitions":
            return {"score": self.subsets * 1.0, "decision": self.subsets}
        return worker(self, None, Settings(), parameters)(range(self.n))
