"""Synthetic knees: three views, each with a meniscus that has a line through it (a tear) or not.

After the knee task of Jin et al., arXiv:2202.10553, section 3.2, in the layout of MRNet (Bien et al., 2018,
doi:10.1371/journal.pmed.1002699): sagittal, coronal and axial volumes with grids of their own, slices first.
Alignments are planted as in `auditkit.data.synthetic.glioma`: what the sagittal view shows is that of the
label with probability 1, the coronal view with .7, the axial view with .5 (``with.glioma.alignment``).

A meniscus is a bright wedge over a few slices. A line darkens it in part; intact ones have a faint line
too, and how dark lines are varies within both classes, with an overlap. Regions are boxes around
the meniscus, as radiologists drew for the paper.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from auditkit.data.dataset import Mask, Record, Volume
from auditkit.data.synthetic.cues import agrees, alignment_of
from auditkit.data.synthetic.drawn_volumes import Case, DrawnVolumes
from auditkit.data.synthetic.noise import stream
from auditkit.data.synthetic.space import Field, Waves, coordinates, distance
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard

# The start of every record's identity. Raised when a change of the generator changes voxels or labels.
VERSION = "knee 1"
# Slices per 32 pixels of a slice's side.
SLICES = {"sagittal": 12, "coronal": 10, "axial": 14}
ALIGNMENT = {"sagittal": 1.0, "coronal": 0.7, "axial": 0.5}
_TISSUE, _TEXTURE, _NOISE = {"sagittal": 90.0, "coronal": 80.0, "axial": 100.0}, 7.0, 8.0
_BRIGHT = 80.0
# Half axes, slices first: the knee goes on beyond the outermost slices.
_KNEE = np.array([1.2, 0.9, 0.8])
# Share of the meniscus' brightness that a line takes: mean of intact and torn, spread, limits.
_DEPTH, _SPREAD, _LIMITS = (0.30, 0.80), 0.16, (0.0, 1.0)
# In half sides of a slice; slices in half stacks.
_LENGTH, _THICK, _REACH, _HALF_LINE = (0.42, 0.55), (0.30, 0.40), 0.45, 0.075


@dataclass(frozen=True)
class KneeCase:
    """One case to be drawn.

    Attributes:
        label: 0 intact, 1 tear.
        shown: the class that each view shows.
        depth: share of the meniscus' brightness that the line takes, per view.
    """

    label: int
    shown: Mapping[str, int]
    depth: Mapping[str, float]


def sample_knee(seed: int, index: int, alignment: Mapping[str, float]) -> KneeCase:
    """Draw label, shown classes and lines of case `index` of the data set `seed`."""
    label = int(stream(seed, index, "knee label").integers(2))
    shown, depth = {}, {}
    for name in SLICES:
        either = stream(seed, index, f"line on {name}").normal(_DEPTH, _SPREAD).clip(*_LIMITS)
        shown[name] = label if agrees(seed, index, name, alignment[name]) else 1 - label
        depth[name] = float(either[shown[name]])
    return KneeCase(label, shown, depth)


class KneeData(DrawnVolumes):
    """Synthetic knees under the data-set interface, drawn from seeds when asked for."""

    modalities = tuple(SLICES)

    def __init__(self, card: DataCard) -> None:
        super().__init__(card)
        if self.given.glioma is not None and self.given.glioma.dimensions != 3:
            raise AuditError(f"{card.path}: with.glioma.dimensions: knees have 3; drop it")
        alignment = alignment_of(card, ALIGNMENT)
        self._cases = [
            sample_knee(self.given.seed, index, alignment) for index in range(self.given.n)
        ]
        self.records = [self._record(index, case) for index, case in enumerate(self._cases)]

    def case(self, index: int) -> KneeCase:
        """The generator's own description of a case, for ground truth."""
        return self._cases[index]

    def drawn(self, index: int) -> Case:
        """Volumes and regions of a case."""
        volumes: dict[str, Volume] = {}
        regions: dict[str, Mask] = {}
        for name, depth in self._cases[index].depth.items():
            own = stream(self.given.seed, index, f"knee on {name}")
            volumes[name], regions[name] = _view(own, name, self._shape(name), depth)
        return volumes, regions

    def _shape(self, name: str) -> tuple[int, int, int]:
        return (SLICES[name] * self.given.size // 32, self.given.size, self.given.size)

    def _record(self, index: int, case: KneeCase) -> Record:
        size, seed = self.given.size, self.given.seed
        known = (VERSION, size, seed, index, sorted(case.shown.items()))
        name = f"knee-{seed}-{index:05d}"
        coronal = {"coronal_agrees": str(int(case.shown["coronal"] == case.label))}
        return Record(
            id=name,
            digest=hashlib.sha256(repr(known).encode()).hexdigest(),
            label=case.label,
            patient=name,
            groups=coronal,
            features={**coronal, "depth": f"{case.depth['sagittal']:.3f}"},
            annotated=True,
        )


def _view(
    generator: np.random.Generator, name: str, shape: tuple[int, int, int], depth: float
) -> tuple[Volume, Mask]:
    """One view, above 0 inside the knee and 0 outside, and the box around its meniscus."""
    half_axes = (_KNEE * generator.uniform(0.95, 1.05, 3)).astype(np.float32)
    inside = distance(shape, np.zeros(3, np.float32), half_axes) < 1.0
    wedge, line = _meniscus(generator, shape)
    level, bright = generator.uniform(0.85, 1.15, 2)
    found = _TISSUE[name] * level + _TEXTURE * Waves.drawn(generator, 3, 6.0).on(shape)
    found += _NOISE * generator.standard_normal(shape, dtype=np.float32)
    found += (_BRIGHT * bright) * wedge * (1.0 - depth * line)
    values = (np.maximum(found, 1.0) * inside).astype(np.float32)
    return values, _box((wedge >= np.float32(0.5)) & inside)


def _meniscus(generator: np.random.Generator, shape: tuple[int, int, int]) -> tuple[Field, Field]:
    """Share of each voxel in the wedge, and how much of a line there is, float32 (*shape)."""
    slices, down, right = coordinates(shape)
    middle = generator.uniform([-0.3, -0.25, -0.2], [0.3, 0.25, 0.2]).astype(np.float32)
    length, thick = generator.uniform(*_LENGTH), generator.uniform(*_THICK)
    side = 1.0 if generator.random() < 0.5 else -1.0  # which way the wedge points
    along = side * (right - middle[2]) / length
    reach = 2.0 / shape[1]
    # From its full thickness at one end to nothing at the other.
    half = thick * (1.0 - along) / 2.0
    across = np.clip((half - np.abs(down - middle[1])) / reach + 0.5, 0.0, 1.0)
    ends = np.clip((1.0 - np.abs(along)) * length / reach + 0.5, 0.0, 1.0)
    stack = np.clip((_REACH - np.abs(slices - middle[0])) * shape[0] / 2.0 + 0.5, 0.0, 1.0)
    slope, place = generator.uniform(-0.7, 0.7), generator.uniform(-0.5, -0.1)
    away = np.abs((along - place) * length - slope * (down - middle[1])) / np.hypot(1.0, slope)
    line = np.clip((_HALF_LINE - away) / reach + 0.5, 0.0, 1.0)
    wedge: Field = (across * ends * stack).astype(np.float32)
    return wedge, np.broadcast_to(line, shape).astype(np.float32)


def _box(inside: Mask) -> Mask:
    """The smallest box that holds a region, bool of its shape."""
    found = np.zeros_like(inside)
    places = [np.flatnonzero(inside.any(tuple({0, 1, 2} - {own}))) for own in range(3)]
    found[tuple(slice(int(place[0]), int(place[-1]) + 1) for place in places)] = True
    return found
