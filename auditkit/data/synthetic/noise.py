"""Random streams and closed-form noise on a pixel grid.

Everything is a function of coordinates in [-1, 1], so that a picture looks the same at any size.
"""

from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]


def stream(seed: int, index: int, name: str) -> np.random.Generator:
    """Return the random numbers of one component of one picture, independent of all others."""
    entropy = np.random.SeedSequence([seed, index, crc32(name.encode())])
    return np.random.Generator(np.random.PCG64(entropy))


@lru_cache(maxsize=8)
def axis(size: int) -> Field:
    """Return the pixel centres of one axis, float32 of shape (size,), in (-1, 1)."""
    centres: Field = ((np.arange(size) + 0.5) * (2.0 / size) - 1.0).astype(np.float32)
    return centres


class View(NamedTuple):
    """A square of pixels and the place in it of a thing's own coordinates.

    Attributes:
        size: Pixels along an edge.
        zoom: Half pictures per unit of the thing: .5 shows it half as large as 1.
        right: Where the thing's origin lies, in half pictures from the picture's centre.
        down: The same, downwards.
    """

    size: int
    zoom: float = 1.0
    right: float = 0.0
    down: float = 0.0

    @property
    def x(self) -> Field:
        """Horizontal coordinate of each column, float32 (size,); -1..1 in the thing itself."""
        return _coordinates(self.size, self.zoom, self.right)

    @property
    def y(self) -> Field:
        """Vertical coordinate of each row, float32 (size,)."""
        return _coordinates(self.size, self.zoom, self.down)


@lru_cache(maxsize=16)
def _coordinates(size: int, zoom: float, origin: float) -> Field:
    coordinates: Field = (axis(size) - np.float32(origin)) / np.float32(zoom)
    return coordinates


@lru_cache(maxsize=64)
def _spline_basis(size: int, zoom: float, origin: float, cells: int) -> Field:
    """Cubic B-splines on `cells` intervals, rows scaled to unit length (size, cells + 3)."""
    # Beyond the thing the field goes on as at its edge, so that zoom changes no knot within it.
    within = np.clip(_coordinates(size, zoom, origin), -1.0, 1.0)
    position = (within.astype(np.float64) + 1.0) * (cells / 2.0)
    distance = np.abs(position[:, None] - np.arange(-1, cells + 2)[None, :])
    near = 2.0 / 3.0 - distance**2 + distance**3 / 2.0
    far = np.clip(2.0 - distance, 0.0, None) ** 3 / 6.0
    basis = np.where(distance < 1.0, near, far)
    scaled: Field = (basis / np.linalg.norm(basis, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def smooth_noise(generator: np.random.Generator, view: View, cells: int, count: int = 1) -> Field:
    """Return `count` smooth fields of zero mean and unit variance, float32 (count, size, size).

    Args:
        generator: Source of the grid values.
        view: Where the fields lie.
        cells: Grid cells along an edge: a field varies over about 1 / cells of -1..1.
        count: Number of independent fields.
    """
    rows = _spline_basis(view.size, view.zoom, view.down, cells)
    columns = _spline_basis(view.size, view.zoom, view.right, cells)
    knots = generator.standard_normal((count, cells + 3, cells + 3), dtype=np.float32)
    fields: Field = (rows @ knots @ columns.T).astype(np.float32, copy=False)
    return fields


def bumps(centres: Field, radii: Field, amounts: Field, view: View) -> Field:
    """Return a sum of round Gaussian bumps, float32 (size, size).

    Args:
        centres: (n, 2) x and y in the coordinates of `view`.
        radii: (n,) standard deviations in the same unit.
        amounts: (n,) heights.
        view: Where the bumps lie.
    """
    position = np.stack([view.x, view.y])
    offset = (position[:, None, :] - centres.T[:, :, None]) / radii[None, :, None]
    profiles: Field = np.exp(np.float32(-0.5) * offset * offset)
    total: Field = (profiles[1] * amounts[:, None]).T @ profiles[0]
    return total


def fade_in(value: float, count: int) -> Field:
    """Return how much of each of `count` things shows at `value` in [0, 1], one after another.

    >>> fade_in(0.625, 4).tolist()
    [1.0, 1.0, 0.5, 0.0]
    """
    amounts: Field = np.clip(value * count - np.arange(count), 0.0, 1.0).astype(np.float32)
    return amounts


def smoothstep(values: Field, low: float, high: float) -> Field:
    """Return the cubic step from 0 at `low` to 1 at `high`, float32 of the same shape."""
    t = np.clip((values - np.float32(low)) * np.float32(1.0 / (high - low)), 0.0, 1.0)
    step: Field = t * t * (3.0 - 2.0 * t)
    return step
