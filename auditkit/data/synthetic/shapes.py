"""Synthetic shapes: six coloured shapes that are there or not, on a grid of nine places.

After the synthetic data set of Jabbour et al., ECCV 2024, section 4.1 (arXiv:2407.14509): {red, green,
blue} x {circle, rectangle}, each there with probability .5.

Deviates: every picture owns six different places of a 3 x 3 grid, one per shape, also for shapes that are
absent, where the paper places shapes freely. So "the same picture with that shape" is one picture,
shapes never overlap, and a place can be told in words. Rectangles are elongated, so that none looks like
a circle. The ground is black: each shape is then alone in its colour channel, and a picture without a
shape differs from one with it exactly where the shape is.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.data.dataset import Mask, Picture, Record
from auditkit.data.synthetic.noise import Field, stream
from auditkit.data.synthetic.telling import told_of
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard
from auditkit.spec.problems import nearest

SHAPES = tuple(
    f"{colour} {kind}" for kind in ("circle", "rectangle") for colour in ("red", "green", "blue")
)
PLACES = tuple(
    f"{row} {column}"
    for row in ("top", "middle", "bottom")
    for column in ("left", "centre", "right")
)
# The start of every record's identity. Raised when a change of the generator changes pixels or labels.
VERSION = "shapes 1"
Depth = npt.NDArray[np.float64]
_SIDE = 3
# In pixels of a picture of 32, as are sizes; half a pixel of a shape's rim is blurred.
_UNIT, _RIM = 32.0, 0.5
_RADIUS, _HALF_WIDTH, _HALF_HEIGHT = (3.6, 4.8), (4.0, 4.9), (2.2, 3.4)


@dataclass(frozen=True)
class Shape:
    """One shape of a picture, whether it is there or not.

    Attributes:
        place: cell of the grid, row by row from 0.
        x: horizontal position of its centre, in pictures of side 1.
        y: vertical position.
        half_width: radius of a circle, or half the width of a rectangle.
        half_height: the same, or half the height.
    """

    place: int
    x: float
    y: float
    half_width: float
    half_height: float


@dataclass(frozen=True)
class ShapesCase:
    """One picture to be drawn: all six shapes and which of them are there, by name."""

    shapes: Mapping[str, Shape]
    there: Mapping[str, bool]


def sample_shapes(seed: int, index: int) -> ShapesCase:
    """Draw places, sizes and presence of the six shapes of picture `index` of the data set `seed`."""
    generator = stream(seed, index, "shapes")
    places = generator.permutation(_SIDE * _SIDE)
    there = generator.random(len(SHAPES)) < 0.5
    shapes = {
        name: _placed(generator, name, int(place))
        for name, place in zip(SHAPES, places[: len(SHAPES)], strict=True)
    }
    return ShapesCase(shapes, {name: bool(flag) for name, flag in zip(SHAPES, there, strict=True)})


def _placed(generator: np.random.Generator, name: str, place: int) -> Shape:
    sizes = (_RADIUS, _RADIUS) if name.endswith("circle") else (_HALF_WIDTH, _HALF_HEIGHT)
    first, second = (generator.uniform(*ends) / _UNIT for ends in sizes)
    half_width, half_height = first, first if name.endswith("circle") else second
    # What the shape and its rim leave free of the cell.
    cell, (right, down) = 1.0 / _SIDE, generator.uniform(-1.0, 1.0, 2)
    slack = [max(0.0, cell / 2 - half - _RIM / _UNIT) for half in (half_width, half_height)]
    x = (place % _SIDE + 0.5) * cell + right * slack[0]
    y = (place // _SIDE + 0.5) * cell + down * slack[1]
    return Shape(place, float(x), float(y), float(half_width), float(half_height))


def coverage(shape: Shape, *, circle: bool, size: int) -> Field:
    """Share of each pixel that a shape covers, from its distance to the rim, (size, size) in 0..1."""
    centres = (np.arange(size) + 0.5) / size
    across, down = np.abs(centres - shape.x)[None, :], np.abs(centres - shape.y)[:, None]
    if circle:
        covered = _within(shape.half_width - np.hypot(across, down), size)
    else:
        covered = _within(shape.half_width - across, size) * _within(shape.half_height - down, size)
    return covered.astype(np.float32)


def _within(depth: Depth, size: int) -> Depth:
    return np.clip(depth * size + 0.5, 0.0, 1.0)


def render_shapes(case: ShapesCase, size: int) -> Picture:
    """Draw a case: sRGB uint8 (size, size, 3)."""
    light = np.zeros((size, size, 3), dtype=np.float32)
    for name, shape in case.shapes.items():
        if case.there[name]:
            channel = ("red", "green", "blue").index(name.split()[0])
            light[..., channel] += coverage(shape, circle=name.endswith("circle"), size=size)
    picture: Picture = np.rint(light * 255.0).astype(np.uint8)
    return picture


class ShapesData:
    """Synthetic shapes under the data-set interface, drawn from seeds when asked for."""

    def __init__(self, card: DataCard) -> None:
        assert card.with_ is not None
        self.card = card
        self._with = card.with_
        self._cases = [sample_shapes(self._with.seed, index) for index in range(self._with.n)]
        self.records: Sequence[Record] = [
            self._record(index, case) for index, case in enumerate(self._cases)
        ]

    def case(self, index: int) -> ShapesCase:
        """The generator's own description of a picture, for ground truth."""
        return self._cases[index]

    def image(self, index: int) -> Picture:
        """The picture, sRGB uint8 (size, size, 3)."""
        return render_shapes(self._cases[index], self._with.size)

    def mask(self, index: int) -> None:
        """None: no region of the picture decides on its label."""

    def with_concepts(self, index: int, changed: Mapping[str, str]) -> Picture:
        """The picture with shapes set to be there ("1") or not ("0") and everything else held.

        Raises:
            AuditError: there is no such shape, or the value is another.
        """
        there = dict(self._cases[index].there)
        for name, value in changed.items():
            if value not in ("0", "1"):
                raise AuditError(
                    f"'{_known(name)}' was set to '{value}'; 0 (absent) or 1 was expected"
                )
            there[_known(name)] = value == "1"
        return render_shapes(ShapesCase(self._cases[index].shapes, there), self._with.size)

    def concept_mask(self, index: int, name: str) -> Mask | None:
        """The pixels of which a shape covers half or more, bool (size, size); None if it is absent.

        Raises:
            AuditError: there is no such shape.
        """
        case = self._cases[index]
        if not case.there[_known(name)]:
            return None
        circle = name.endswith("circle")
        return coverage(case.shapes[name], circle=circle, size=self._with.size) >= np.float32(0.5)

    def _record(self, index: int, case: ShapesCase) -> Record:
        known = (VERSION, self._with.size, self._with.seed, index)
        columns = {name: str(int(there)) for name, there in case.there.items()}
        columns |= {f"place of {name}": PLACES[shape.place] for name, shape in case.shapes.items()}
        told = told_of(self.card, columns)
        name = f"shapes-{self._with.seed}-{index:05d}"
        return Record(
            id=name,
            digest=hashlib.sha256(repr(known).encode()).hexdigest(),
            label=shapes_label(case.there, self._with.weights),
            patient=name,
            concepts=told.concepts,
            details=told.details,
            text=told.text,
        )


def shapes_label(there: Mapping[str, bool], weights: Sequence[float] | None) -> int:
    """1 where the weights of the shapes that are there sum to more than half of all, else 0.

    Without weights all are 1: four shapes or more.
    """
    given = dict(zip(SHAPES, weights or [1.0] * len(SHAPES), strict=True))
    return int(sum(given[name] for name in SHAPES if there[name]) > sum(given.values()) / 2.0)


def _known(name: str) -> str:
    if name not in SHAPES:
        raise AuditError(f"there is no shape '{name}'; {nearest(name, SHAPES)}")
    return name
