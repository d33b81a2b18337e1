"""Cumulative feature removal: everything but the model's predictions.

Jin, Li, Fatehi & Hamarneh 2023, "Guidelines and evaluation of clinical explainable AI in medical
image analysis", arXiv 2202.10553, doi:10.1016/j.media.2022.102684, section 4.3.1: the most
important features of a heatmap H are removed first, and performance is plotted against the share
removed (the perturbation curve, PC). A truthful heatmap makes it fall faster than a random order
H_b does:

    ΔAUPC(H) = AUPC(H_b) - AUPC(H).

Features are removed in cells, squares of the size that the heatmap can resolve, and the random
order shuffles cells of the same size: pixel noise at random is a stronger attack on a network
than blocks are, which would favour the heatmap with the coarser grain.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auditkit.errors import AuditError
from auditkit.metrics.coverage import Mask, descending_order, ranked_values

Floats = NDArray[np.float64]
Order = NDArray[np.int64]


def grid_shape(shape: tuple[int, int], cell: int) -> tuple[int, int]:
    """Rows and columns of cells in an image of H x W pixels; the last ones may be smaller.

    Example:
        >>> grid_shape((224, 230), 32)
        (7, 8)
    """
    if cell < 1 or min(shape) < 1:
        raise AuditError(f"shape {shape}, cell {cell}: expected sizes in pixels of at least 1.")
    return -(-shape[0] // cell), -(-shape[1] // cell)


def removal_order(heatmap: ArrayLike, cell: int, generator: np.random.Generator) -> Order:
    """Cells from the most to the least important (arXiv 2202.10553, section 4.3.1).

    A cell's importance is the mean of the signed heatmap over its pixels. Equal cells, up to
    rounding, follow in random order.

    Deviates: the published code removes everything above a quantile of the non-zero values, so
    that ties are removed at once and zeros never; here every cell has a rank of its own.

    Args:
        heatmap: (H, W), the importance of each pixel of one image.
        cell: side of a cell in pixels, the heatmap's own granularity.
        generator: breaks ties.

    Returns:
        int64 (cells,), row-major indices of the cells.

    Raises:
        NotEvaluable: the map is not finite, or is zero or constant over cells.
        AuditError: not two-dimensional.

    Example:
        >>> heat = [[9, 9, 0, 0], [9, 9, 0, 0], [1, 1, 5, 5], [1, 1, 5, 5]]
        >>> removal_order(heat, 2, np.random.default_rng(0)).tolist()
        [0, 3, 2, 1]
    """
    values = np.asarray(heatmap, dtype=np.float64)
    if values.ndim != 2:
        raise AuditError(f"heatmap has shape {values.shape}; expected (height, width).")
    means = _cell_means(ranked_values(values), cell)
    return descending_order(ranked_values(means.reshape(-1)), generator)


def random_order(cells: int, generator: np.random.Generator) -> Order:
    """One draw of the baseline H_b: the cells in random order.

    Deviates: the paper permutes the heatmap itself, zeros included, so that baselines of
    different heatmaps remove different shares; here all heatmaps of one grid share a baseline.

    Args:
        cells: number of cells, rows times columns of ``grid_shape``.
        generator: the random numbers.

    Returns:
        int64 (cells,), a permutation.

    Example:
        >>> sorted(random_order(4, np.random.default_rng(0)).tolist())
        [0, 1, 2, 3]
    """
    if cells < 1:
        raise AuditError(f"cells is {cells}; expected at least 1.")
    return generator.permutation(cells).astype(np.int64)


def removal_steps(cells: int, steps: int = 10) -> tuple[Order, Floats]:
    """How many cells are gone after each step, and the share that is.

    Args:
        cells: number of cells.
        steps: number of steps; the paper takes 10. With fewer cells than steps, one cell a step.

    Returns:
        Counts int64 (k + 1,) from 0 to ``cells``, strictly rising, and the shares really removed
        float64 (k + 1,) from 0 to 1, which are the x axis of the curve; k = min(steps, cells).

    Raises:
        AuditError: no cell or no step.

    Example:
        >>> removal_steps(49, 4)[0].tolist()  # 12.25, 24.5, 36.75 rounded, halves up
        [0, 12, 25, 37, 49]
    """
    if cells < 1 or steps < 1:
        raise AuditError(f"cells {cells}, steps {steps}: expected at least 1 of each.")
    taken = min(steps, cells)
    counts = (2 * np.arange(taken + 1, dtype=np.int64) * cells + taken) // (2 * taken)
    return counts, counts / cells


def removal_rank_map(order: Order, cell: int, shape: tuple[int, int]) -> Order:
    """At which place each pixel is removed: all masks of an image at once are ``map < count``.

    Args:
        order: (cells,) from ``removal_order`` or ``random_order``.
        cell: side of a cell in pixels.
        shape: height and width of the image.

    Returns:
        int64 (H, W), 0 for the pixels that go first.

    Raises:
        AuditError: the order is not a permutation of the grid's cells.

    Example:
        >>> removal_rank_map(np.array([1, 0]), 2, (2, 3)).tolist()
        [[1, 1, 0], [1, 1, 0]]
    """
    rows, columns = grid_shape(shape, cell)
    cells = rows * columns
    if order.shape != (cells,) or not (np.sort(order) == np.arange(cells)).all():
        raise AuditError(
            f"order has shape {order.shape}; expected a permutation of {rows} x {columns} cells "
            f"of {cell} pixels in an image of {shape[0]} x {shape[1]}."
        )
    ranks = np.empty(cells, dtype=np.int64)
    ranks[order] = np.arange(cells)
    tall = np.repeat(ranks.reshape(rows, columns), cell, axis=0)[: shape[0]]
    return np.repeat(tall, cell, axis=1)[:, : shape[1]]


def segment_order(
    heatmap: ArrayLike, segments: NDArray[np.integer], generator: np.random.Generator
) -> Order:
    """Superpixels from the most to the least important, as `removal_order` does for cells.

    Args:
        heatmap: (H, W), the importance of each pixel of one image.
        segments: int (H, W), the superpixel of each pixel, numbered from 0 without gaps.
        generator: breaks ties.

    Returns:
        int64 (superpixels,), numbers of the superpixels.

    Raises:
        NotEvaluable: the map is not finite, or is zero or constant over superpixels.

    Example:
        >>> segment_order([[1, 5], [1, 7]], np.array([[0, 1], [0, 1]]), np.random.default_rng(0)).tolist()
        [1, 0]
    """
    values = ranked_values(np.asarray(heatmap, dtype=np.float64))
    sizes = np.bincount(segments.ravel())
    means = np.bincount(segments.ravel(), weights=values.ravel()) / sizes
    scale = float(np.abs(values).max())
    return descending_order(ranked_values(np.round(means / scale, 12)), generator)


def segment_rank_map(segments: NDArray[np.integer], order: Order) -> Order:
    """At which place each pixel is removed when superpixels go in an order, row by row within each.

    Args:
        segments: int (H, W), the superpixel of each pixel, numbered from 0 without gaps.
        order: (superpixels,) from `segment_order` or `random_order`.

    Returns:
        int64 (H, W), a permutation of 0 .. H W - 1.

    Raises:
        AuditError: the order is not a permutation of the superpixels.

    Example:
        >>> segment_rank_map(np.array([[0, 1], [0, 1]]), np.array([1, 0])).tolist()
        [[2, 0], [3, 1]]
    """
    count = int(segments.max()) + 1
    if order.shape != (count,) or not (np.sort(order) == np.arange(count)).all():
        raise AuditError(
            f"order has shape {order.shape}; expected a permutation of {count} superpixels."
        )
    places = np.empty(count, dtype=np.int64)
    places[order] = np.arange(count)
    ranks = np.empty(segments.size, dtype=np.int64)
    ranks[np.argsort(places[segments.ravel()], kind="stable")] = np.arange(segments.size)
    return ranks.reshape(segments.shape)


def removed_mask(order: Order, count: int, cell: int, shape: tuple[int, int]) -> Mask:
    """The pixels that are gone after the first ``count`` cells of the order.

    Args:
        order: (cells,) from ``removal_order`` or ``random_order``.
        count: number of cells removed, from ``removal_steps``.
        cell: side of a cell in pixels.
        shape: height and width of the image.

    Returns:
        bool (H, W).

    Raises:
        AuditError: the order does not fit the grid.

    Example:
        >>> removed_mask(np.array([1, 0]), 1, 2, (2, 3)).tolist()
        [[False, False, True], [False, False, True]]
    """
    mask: Mask = removal_rank_map(order, cell, shape) < count
    return mask


def _cell_means(values: Floats, cell: int) -> Floats:
    if cell < 1:
        raise AuditError(f"cell is {cell}; expected the side of a cell in pixels, at least 1.")
    if cell == 1:
        return values
    rows, columns = (np.arange(0, size, cell) for size in values.shape)
    sums = np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1)
    heights = np.diff(np.append(rows, values.shape[0]))
    widths = np.diff(np.append(columns, values.shape[1]))
    means = sums / np.outer(heights, widths)
    # Smaller cells at the edge round differently, and rounding must not decide between ties.
    scale = float(np.abs(values).max())
    rounded: Floats = np.round(means / scale, 12)
    return rounded
