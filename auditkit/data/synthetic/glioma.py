"""Synthetic glioma: brains of four MRI modalities with a tumour that is round or irregular.

After the synthetic data of Jin et al., arXiv:2202.10553, section 4.3.3, with planted alignments after Kim et
al., ICML 2018 (arXiv:1711.11279): lower-grade tumours are round, high-grade ones irregular. On T1C the
shape is that of the label with probability 1, on FLAIR with .7 (``with.glioma.alignment``); on T1 and T2 a
tumour is seen whose shape is drawn without the label.

In every modality the tumour has the same centre and, as a ball, the same volume, so that its shape is the
only cue. The region is the union of the four shapes, one mask for all modalities. How irregular a shape is
varies within both classes, with an overlap: no model is always right.

Deviates: surfaces are drawn by formula, not by a GAN, and brains are ellipsoids. The paper's arms of "0 %
alignment" show the opposite class, as 0 does here; .5 tells nothing.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from auditkit.data.dataset import Mask, Record, Volume
from auditkit.data.synthetic.cues import agrees, alignment_of
from auditkit.data.synthetic.drawn_volumes import Case, DrawnVolumes
from auditkit.data.synthetic.noise import stream
from auditkit.data.synthetic.space import Field, Waves, distance
from auditkit.data.synthetic.tumour import Tumour
from auditkit.spec.data_card import DataCard
from auditkit.spec.volume import Glioma

# The start of every record's identity. Raised when a change of the generator changes voxels or labels.
VERSION = "glioma 1"
MODALITIES = ("t1", "t1c", "t2", "flair")
ALIGNMENT = {"t1c": 1.0, "flair": 0.7}
# Tissue, and what a tumour adds to it.
_TISSUE = {"t1": 110.0, "t1c": 105.0, "t2": 85.0, "flair": 80.0}
_CONTRAST = {"t1": -45.0, "t1c": 65.0, "t2": 55.0, "flair": 60.0}
_TEXTURE, _NOISE = 7.0, 9.0
# Mean irregularity of round and of irregular tumours, its standard deviation, and its limits.
_IRREGULARITY, _SPREAD, _LIMITS = (0.09, 0.20), 0.035, (0.02, 0.35)
# By number of axes, the tumour is a like share of the brain: half axes, and limits of its radius.
_BRAIN, _RADIUS = np.array([0.90, 0.78, 0.84]), {2: (0.26, 0.34), 3: (0.36, 0.46)}


@dataclass(frozen=True)
class GliomaCase:
    """One case to be drawn.

    Attributes:
        label: 0 lower grade, 1 high grade.
        shown: the class whose shape each modality shows.
        irregularity: of the tumour's surface, per modality.
    """

    label: int
    shown: Mapping[str, int]
    irregularity: Mapping[str, float]


def sample_glioma(seed: int, index: int, alignment: Mapping[str, float]) -> GliomaCase:
    """Draw label, shown classes and irregularities of case `index` of the data set `seed`."""
    label = int(stream(seed, index, "glioma label").integers(2))
    shown, irregularity = {}, {}
    for name in MODALITIES:
        generator = stream(seed, index, f"irregularity on {name}")
        # Both classes' values are drawn, and one of them is shown.
        either = generator.normal(_IRREGULARITY, _SPREAD).clip(*_LIMITS)
        own = int(generator.integers(2))
        if name in alignment:
            own = label if agrees(seed, index, name, alignment[name]) else 1 - label
        shown[name], irregularity[name] = own, float(either[own])
    return GliomaCase(label, shown, irregularity)


class GliomaData(DrawnVolumes):
    """Synthetic glioma under the data-set interface, drawn from seeds when asked for."""

    modalities = MODALITIES

    def __init__(self, card: DataCard) -> None:
        super().__init__(card)
        axes = (self.given.glioma or Glioma()).dimensions
        self._shape = (self.given.size,) * axes
        alignment = alignment_of(card, ALIGNMENT)
        self._cases = [
            sample_glioma(self.given.seed, index, alignment) for index in range(self.given.n)
        ]
        self.records = [self._record(index, case) for index, case in enumerate(self._cases)]

    def case(self, index: int) -> GliomaCase:
        """The generator's own description of a case, for ground truth."""
        return self._cases[index]

    def drawn(self, index: int) -> Case:
        """Volumes and regions of a case."""
        case, seed = self._cases[index], self.given.seed
        generator = stream(seed, index, "glioma anatomy")
        brain, centre, radius = _anatomy(generator, len(self._shape))
        inside = distance(self._shape, np.zeros_like(brain), brain) < 1.0
        tissue = _texture(generator, self._shape)
        volumes: dict[str, Volume] = {}
        region: Mask = np.zeros(self._shape, np.bool_)
        for name in MODALITIES:
            own = stream(seed, index, f"glioma on {name}")
            lobes = Tumour.lobes_drawn(own, len(self._shape))
            tumour = Tumour(centre, radius, case.irregularity[name], lobes)
            covered = tumour.coverage(self._shape) * inside
            volumes[name] = _painted(own, name, covered, tissue) * inside
            region |= covered >= np.float32(0.5)
        return volumes, dict.fromkeys(MODALITIES, region)

    def _record(self, index: int, case: GliomaCase) -> Record:
        known = (VERSION, self._shape, self.given.seed, index, sorted(case.shown.items()))
        name = f"glioma-{self.given.seed}-{index:05d}"
        flair = {"flair_agrees": str(int(case.shown["flair"] == case.label))}
        return Record(
            id=name,
            digest=hashlib.sha256(repr(known).encode()).hexdigest(),
            label=case.label,
            patient=name,
            groups=flair,
            features={**flair, "irregularity": f"{case.irregularity['t1c']:.3f}"},
            annotated=True,
        )


def _anatomy(generator: np.random.Generator, axes: int) -> tuple[Field, Field, float]:
    """Half axes of the brain, and centre and radius of a tumour that lies within it.

    In two dimensions the slice is the one through the tumour's centre.
    """
    brain = (_BRAIN[-axes:] * generator.uniform(0.95, 1.05, axes)).astype(np.float32)
    radius = generator.uniform(*_RADIUS[axes])
    direction = generator.standard_normal(axes)
    direction *= generator.random() / np.linalg.norm(direction)
    centre = direction * np.maximum(brain - 1.25 * radius, 0.0)
    return brain, centre.astype(np.float32), float(radius)


def _texture(generator: np.random.Generator, shape: tuple[int, ...]) -> Field:
    return Waves.drawn(generator, len(shape), 6.0).on(shape)


def _painted(generator: np.random.Generator, name: str, covered: Field, tissue: Field) -> Volume:
    """Values of a modality, above 0 everywhere, float32 (*space)."""
    level, contrast = generator.uniform(0.85, 1.15, 2)
    own = _texture(generator, covered.shape)
    noise = generator.standard_normal(covered.shape, dtype=np.float32)
    found = _TISSUE[name] * level + _TEXTURE * (tissue + own) + _NOISE * noise
    found += (_CONTRAST[name] * contrast) * covered
    values: Volume = np.maximum(found, 1.0).astype(np.float32)
    return values
