"""Polygons to masks."""

from collections.abc import Sequence

import numpy as np

from auditkit.data.dataset import Mask


def fill(corners: Sequence[float], shape: tuple[int, int]) -> Mask:
    """The pixels whose centres lie inside a polygon (even-odd rule).

    Deviates: COCO's own tools trace the outline at five times the resolution; the two differ by pixels on
    the outline only.

    Args:
        corners: x0, y0, x1, y1, ... in pixels; (0, 0) is the outer corner of the first pixel.
        shape: height and width of the picture.

    Returns:
        Mask (height, width).

    Raises:
        ValueError: there are fewer than three corners, or some lie outside the picture.

    Example:
        >>> fill([1, 0, 3, 0, 3, 2, 1, 2], (2, 4)).astype(int)
        array([[0, 1, 1, 0],
               [0, 1, 1, 0]])
    """
    height, width = shape
    points = np.asarray(corners, dtype=np.float64)
    if points.size < 6 or points.size % 2:
        raise ValueError("is a polygon of fewer than three corners (x, y)")
    x, y = points.reshape(-1, 2).T
    # Annotation tools round: a pixel beyond the edge is theirs, more is another picture's polygon.
    if not (x.min() >= -1 and y.min() >= -1 and x.max() <= width + 1 and y.max() <= height + 1):
        raise ValueError(f"is a polygon that leaves the picture of {width} x {height} pixels")
    x_next, y_next = np.roll(x, -1), np.roll(y, -1)
    flips = np.zeros((height, width + 1), dtype=np.int64)
    for x0, y0, x1, y1 in zip(x, y, x_next, y_next, strict=True):
        low, high = sorted((y0, y1))
        rows = np.arange(max(0, int(np.ceil(low - 0.5))), min(height, int(np.ceil(high - 0.5))))
        crossing = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0)) if rows.size else rows
        first = np.clip(np.ceil(crossing - 0.5), 0, width).astype(np.int64)
        np.add.at(flips, (rows, first), 1)
    return np.asarray(np.cumsum(flips, axis=1)[:, :width] % 2 == 1)
