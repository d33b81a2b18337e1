"""What a browser of many images shows of each: a small picture, a small heatmap, an outline."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from auditkit.checks.pictures import OPACITY, coloured, png
from auditkit.data.dataset import Mask, Picture

SIDE = 128
CELLS = 64
_UNIT = 1000
# In cells of the reduced mask: stairs of one cell become slopes, corners stay.
_TOLERANCE = 0.8

Points = npt.NDArray[np.int64]


def small_picture(picture: Picture) -> bytes:
    """PNG of at most 128 pixels a side."""
    from PIL import Image

    image = Image.fromarray(picture)
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    return png(np.asarray(image))


def small_heatmap(heatmap: npt.NDArray[np.float32]) -> bytes:
    """RGBA PNG of a heatmap's magnitude at its own granularity, at most 64 cells a side.

    Means over pixels where the map is finer, clipped at their 99th percentile; values that are not
    finite are shown as 0. Empty if nothing is to be shown.
    """
    from PIL import Image

    heat = np.abs(np.nan_to_num(heatmap, nan=0.0, posinf=0.0, neginf=0.0))
    if max(heat.shape) > CELLS:
        size = (min(heat.shape[1], CELLS), min(heat.shape[0], CELLS))
        heat = np.asarray(Image.fromarray(heat).resize(size, Image.Resampling.BOX))
    most = float(np.percentile(heat, 99)) or float(heat.max())
    if not most:
        return b""
    strength = np.minimum(heat.astype(np.float64) / most, 1.0)
    alpha = np.rint(255 * OPACITY * strength).astype(np.uint8)
    return png(np.dstack([coloured(strength), alpha]))


def outline(mask: Mask) -> str:
    """The edge of a mask as SVG path data in a square from 0 to 1000; inside by the even-odd rule.

    Example:
        >>> outline(np.array([[True, False], [True, False]]))
        'M0 0L500 0L500 1000L0 1000Z'
    """
    reduced = _reduced(mask)
    scale = _UNIT / np.array(reduced.shape)
    loops = (_simplified(loop) for loop in _loops(reduced))
    return "".join(_path(np.rint(loop * scale).astype(np.int64)) for loop in loops)


def _path(points: Points) -> str:
    return f"M{'L'.join(f'{column} {row}' for row, column in points.tolist())}Z"


def _reduced(mask: Mask) -> Mask:
    rows, columns = (
        (2 * np.arange(min(side, SIDE)) + 1) * side // (2 * min(side, SIDE)) for side in mask.shape
    )
    return mask[np.ix_(rows, columns)]


def _loops(mask: Mask) -> Iterator[Points]:
    """Closed walks along the edges between cells inside and outside, as corners (row, column)."""
    onward = _edges(mask)
    while onward:
        start = next(iter(onward))
        corners, here = [start], start
        while True:
            here = onward[here].pop() if len(onward[here]) > 1 else onward.pop(here)[0]
            if here == start:
                break
            corners.append(here)
        yield np.array(corners)


def _edges(mask: Mask) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """From each corner of a cell to the next, with the inside on the right."""
    padded = np.pad(mask, 1)
    onward: dict[tuple[int, int], list[tuple[int, int]]] = {}
    # The neighbour that must be outside, and the two corners of the edge towards it.
    sides = (
        ((-1, 0), (0, 0), (0, 1)),
        ((0, 1), (0, 1), (1, 1)),
        ((1, 0), (1, 1), (1, 0)),
        ((0, -1), (1, 0), (0, 0)),
    )
    for (down, right), first, second in sides:
        outside = ~np.roll(padded, (-down, -right), axis=(0, 1))
        for row, column in (np.argwhere(padded & outside) - 1).tolist():
            start = (row + first[0], column + first[1])
            onward.setdefault(start, []).append((row + second[0], column + second[1]))
    return onward


def _simplified(loop: Points) -> Points:
    """The corners that matter (Ramer, Douglas and Peucker), of a closed line."""
    far = int(np.argmax(((loop - loop[0]) ** 2).sum(axis=1)))
    closed = np.vstack([loop, loop[:1]])
    kept = {0, far}
    spans = [(0, far), (far, len(loop))]
    while spans:
        first, last = spans.pop()
        chord = closed[last] - closed[first]
        between = closed[first + 1 : last] - closed[first]
        if not len(between):
            continue
        away = np.abs(chord[0] * between[:, 1] - chord[1] * between[:, 0]) / np.hypot(*chord)
        if away.max() > _TOLERANCE:
            split = first + 1 + int(away.argmax())
            kept.add(split)
            spans += [(first, split), (split, last)]
    return closed[sorted(kept)]
