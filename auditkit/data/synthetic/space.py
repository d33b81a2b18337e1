"""Smooth random fields and ellipsoids on grids of two or three axes, in coordinates of (-1, 1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.data.synthetic.noise import axis

Field = npt.NDArray[np.float32]


def coordinates(shape: Sequence[int]) -> list[Field]:
    """Coordinates along each axis of a grid, float32, one broadcastable array per axis.

    >>> [part.shape for part in coordinates((4, 2))]
    [(4, 1), (1, 2)]
    """
    axes = len(shape)
    return [
        axis(size).reshape([-1 if place == own else 1 for place in range(axes)])
        for own, size in enumerate(shape)
    ]


def distance(shape: Sequence[int], centre: Field, half_axes: Field) -> Field:
    """Distance from a centre in units of an ellipsoid's half axes, float32 (*shape): below 1 inside."""
    total = np.zeros(tuple(shape), np.float32)
    for place, middle, half in zip(coordinates(shape), centre, half_axes, strict=True):
        total += ((place - middle) / half) ** 2
    found: Field = np.sqrt(total)
    return found


@dataclass(frozen=True)
class Waves:
    """A sum of plane waves of random directions and phases: a smooth field, zero mean, unit variance.

    Attributes:
        vectors: radians per unit along each axis, float32 (count, axes).
        phases: float32 (count,).
    """

    vectors: Field
    phases: Field

    @classmethod
    def drawn(
        cls, generator: np.random.Generator, axes: int, frequency: float, count: int = 16
    ) -> "Waves":
        """Waves of a frequency, in radians per unit."""
        directions = generator.standard_normal((count, axes), dtype=np.float32)
        lengths = np.linalg.norm(directions, axis=1, keepdims=True)
        phases = generator.random(count, dtype=np.float32) * np.float32(2.0 * np.pi)
        return cls(directions * (np.float32(frequency) / lengths), phases)

    def at(self, points: Field) -> Field:
        """The field at points, float32 (...) of (..., axes)."""
        angles = points @ self.vectors.T + self.phases
        found: Field = np.cos(angles).sum(axis=-1) * self._scale
        return found

    def on(self, shape: Sequence[int]) -> Field:
        """The field on a whole grid, float32 (*shape): of each wave a product over the axes."""
        product = np.exp(1j * self.phases)[None]
        for size, along in zip(shape, self.vectors.T, strict=True):
            factor = np.exp(1j * axis(size)[:, None] * along[None])
            product = (product[:, None] * factor[None]).reshape(-1, len(along))
        found: Field = (product.real.sum(axis=-1) * self._scale).astype(np.float32)
        return found.reshape(tuple(shape))

    @property
    def _scale(self) -> np.float32:
        return np.float32(np.sqrt(2.0 / len(self.phases)))
