"""Pictures of a case and its heatmap for people who rate: image, heatmap, overlay, of equal size.

After Fig. 2 of Jin et al. (arXiv:2202.10553). A volume is one picture of tiles: a row per modality, a
column per slice, so that one place shows the same slice of all modalities, heatmaps and overlays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from auditkit import metrics
from auditkit.checks.pictures import coloured, overlaid
from auditkit.data.dataset import Picture, Volume
from auditkit.metrics import NotEvaluable
from auditkit.spec.postprocess import PRESETS

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Heat = npt.NDArray[np.floating[Any]]
Three = tuple[Picture, Picture, Picture]

MOST_SLICES: Final = 24
MOST_PIXELS: Final = 192
"""Longer side of a tile at most: a picture of four modalities then has 10 MB, not being compressed."""

_WINDOW: Final = (1, 99)
_FLAT: Final = 3
"""Axes of modalities of two spatial axes."""

_GREY: Final = 2


@dataclass(frozen=True)
class Case:
    """A case as it is shown, small enough that all cases of a study are kept at once.

    Attributes:
        shown: uint8 (h, w, 3) of a photograph; a grey sheet of tiles (h, w) of a volume.
        slices: those of the volume that are shown; None of a photograph.
    """

    shown: Bytes
    slices: Sequence[int] | None = None

    def strength(self, heat: Heat) -> Bytes:
        """A heatmap of the model's input size as the colour map shows it: uint8 (h, w), 255 the strongest."""
        if self.slices is None:
            return _bytes(_strength(heat))
        return _bytes(_sheet(_sliced(_strength(heat))[:, self.slices]))

    def pictures(self, strength: Bytes) -> Three:
        """The case, its heatmap and the heatmap over the case in grey, uint8 (h, w, 3)."""
        share = strength / 255
        picture = self.shown
        if picture.ndim == _GREY:
            picture = np.repeat(picture[..., None], 3, axis=-1)
        return picture, coloured(share), overlaid(picture, share)


def photograph(picture: Picture) -> Case:
    """A picture (h, w, 3)."""
    return Case(picture)


def tiles(volume: Volume, columns: int) -> Case:
    """A volume as tiles, (M * h, columns * w).

    Args:
        volume: (M, slices, h, w) as it is stored, or (M, h, w) of flat cases.
        columns: slices shown, evenly spaced among those that contain anything.
    """
    chosen = spread(_sliced(volume), columns)
    return Case(_bytes(_sheet(_sliced(_windowed(volume))[:, chosen])), chosen)


def columns_of(space: Sequence[int]) -> int:
    """How many slices are shown of volumes of this size; slices lie along the first axis."""
    return min(MOST_SLICES, space[0]) if len(space) >= _FLAT else 1


def spread(sliced: Volume, columns: int) -> list[int]:
    """So many slices, evenly spaced from the first to the last in which any modality has anything.

    A voxel is something if it differs from the least of its modality (air), as it is in MRI and CT. Where
    these slices are fewer, their neighbours are shown as well, so that no slice comes twice.

    Args:
        sliced: (M, slices, h, w).
        columns: at most ``slices``.
    """
    least = sliced.min(axis=(1, 2, 3), keepdims=True)
    there = np.flatnonzero((sliced > least).any(axis=(0, 2, 3)))
    count = sliced.shape[1]
    first, last = (int(there[0]), int(there[-1])) if there.size else (0, count - 1)
    lacking = max(0, columns - (last - first + 1))
    first = min(max(0, first - lacking // 2), count - columns) if lacking else first
    last = max(last, first + columns - 1)
    places: list[int] = np.rint(np.linspace(first, last, columns)).astype(int).tolist()
    return places


def _strength(heat: Heat) -> Floats:
    """Magnitude in [0, 1], clipped at its 99th percentile: the same for all methods, which blinds them."""
    try:
        return metrics.postprocessed(heat, heat.shape, PRESETS["display"])
    except NotEvaluable:
        return np.zeros(heat.shape)


def _bytes(share: Floats) -> Bytes:
    return np.rint(255 * share).astype(np.uint8)


def _windowed(volume: Volume) -> Floats:
    """Each modality between two percentiles of what is not its least value, in [0, 1]."""
    found = np.zeros(volume.shape)
    for modality, values in enumerate(volume):
        inside = values[values > values.min()]
        low, high = np.percentile(inside, _WINDOW) if inside.size else (0.0, 0.0)
        found[modality] = np.clip((values - low) / ((high - low) or 1), 0, 1)
    return found


def _sliced(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(M, slices, height, width); a flat case has one slice."""
    return array[:, None] if array.ndim == _FLAT else array


def _sheet(sliced: Floats) -> Floats:
    """Tiles (M, columns, h, w) as one sheet (M * h, columns * w)."""
    rows, columns, height, width = sliced.shape
    if max(height, width) > MOST_PIXELS:
        sliced = _reduced(sliced)
        height, width = sliced.shape[2:]
    return sliced.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)


def _reduced(sliced: Floats) -> Floats:
    """Tiles with the longer side at its most; each pixel the mean over what it covers."""
    from PIL import Image

    height, width = sliced.shape[2:]
    scale = MOST_PIXELS / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))

    def smaller(tile: Floats) -> Floats:
        image = Image.fromarray(tile.astype(np.float32))
        return np.asarray(image.resize(size, Image.Resampling.BOX), dtype=np.float64)

    return np.stack([np.stack([smaller(tile) for tile in row]) for row in sliced])
