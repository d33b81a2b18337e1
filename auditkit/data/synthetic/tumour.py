"""Tumours whose surface is a random function of direction: round, or irregular."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from auditkit.data.synthetic.space import Field, Waves, coordinates

# Radians around the surface: about so many lobes on a great circle.
_LOBES = 4.0
# Of the mean radius: no surface comes closer to the centre.
_LEAST = 0.25
_DIRECTIONS = 256


@dataclass(frozen=True)
class Tumour:
    """A star-shaped tumour: in direction u its surface is at r (1 + a f(u)), of one volume for all a.

    Attributes:
        centre: float32 (axes,), in volumes of (-1, 1).
        radius: r of a ball of its volume.
        irregularity: a, the standard deviation of the surface's distance over directions, in radii.
        lobes: f, of zero mean and unit variance over directions.
    """

    centre: Field
    radius: float
    irregularity: float
    lobes: Waves

    def coverage(self, shape: Sequence[int]) -> Field:
        """Share of each voxel that lies inside, from its distance to the surface, float32 (*shape)."""
        offsets = [
            place - middle for place, middle in zip(coordinates(shape), self.centre, strict=True)
        ]
        away = np.sqrt(sum(offset**2 for offset in offsets))
        points = np.stack(np.broadcast_arrays(*offsets), axis=-1)
        found: Field = np.zeros(tuple(shape), np.float32)
        near = away < self.radius * (1.0 + 4.0 * self.irregularity) + 2.0 / min(shape)
        reach = self._surface(points[near] / np.maximum(away[near], 1e-6)[:, None])
        found[near] = np.clip((reach - away[near]) * (min(shape) / 2.0) + 0.5, 0.0, 1.0)
        return found

    def _surface(self, directions: Field) -> Field:
        """Distance of the surface from the centre in directions, float32 (n,) of (n, axes)."""
        axes = len(self.centre)
        known = self.lobes.at(_spread(axes))
        amount = np.float32(self.irregularity)

        def relative(values: Field) -> Field:
            lobes: Field = (values - known.mean()) / known.std()
            kept: Field = np.maximum(1.0 + amount * lobes, np.float32(_LEAST))
            return kept

        mean_volume = (relative(known) ** axes).mean() ** (1.0 / axes)
        found: Field = relative(self.lobes.at(directions)) * np.float32(self.radius / mean_volume)
        return found

    @classmethod
    def lobes_drawn(cls, generator: np.random.Generator, axes: int) -> Waves:
        """The surface's form before its irregularity is known."""
        return Waves.drawn(generator, axes, _LOBES)


@lru_cache(maxsize=2)
def _spread(axes: int) -> Field:
    """Directions that cover the circle or the sphere evenly, float32 (256, axes)."""
    steps = np.arange(_DIRECTIONS) + 0.5
    if axes == 2:
        angle = steps * (2.0 * np.pi / _DIRECTIONS)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    # Fibonacci's spiral: equal steps in height, the golden angle around.
    height, angle = 1.0 - 2.0 * steps / _DIRECTIONS, steps * np.pi * (3.0 - np.sqrt(5.0))
    across = np.sqrt(1.0 - height**2)
    points = [height, across * np.cos(angle), across * np.sin(angle)]
    return np.stack(points, axis=1).astype(np.float32)
