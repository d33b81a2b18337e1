"""Cumulative feature removal: everything but the model's predictions.

Jin, Li, Fatehi & Hamarneh 2023, "Guidelines and evaluation of clinical explainable AI in medical
image analysis", arXiv 2202.10553, doi:10.1016/j.media.2022.102684, section 4.3.1: the most
important features of a heatmap H are removed first, and performance is plotted against the share
removed (the perturbation curve, PC). A truthful heatmap makes it fall faster than a random order
H_b does:

    ΔAUPC(H) = AUPC(H_b) - AUPC(H).

Features are removed in units: squares or cubes of the size that the heatmap can resolve, of each
modality by itself, or a method's own superpixels. Both orders remove the same units of the same
support: pixel noise at random is a stronger attack on a network than blocks are, and background that
nobody reads costs nothing. With a fill that is a function of image and support both end in the same
input; noise is drawn from what each order ranks lowest, so that its two ends differ.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auditkit.errors import AuditError
from auditkit.metrics.coverage import Mask, descending_order, ranked_values
from auditkit.metrics.not_evaluable import NotEvaluable

Floats = NDArray[np.float64]
Order = NDArray[np.int64]
Units = NDArray[np.int32]
"""Which unit each voxel belongs to, from 0 without gaps; -1 outside the support."""

OUTSIDE = -1
NO_SUPPORT = "nothing of the image may be removed: all of it is background"


def grid_shape(space: tuple[int, ...], cell: int) -> tuple[int, ...]:
    """Cells along each spatial axis; the last ones may be smaller.

    Example:
        >>> grid_shape((224, 230), 32)
        (7, 8)
    """
    if cell < 1 or not space or min(space) < 1:
        raise AuditError(f"space {space}, cell {cell}: expected sizes in pixels of at least 1.")
    return tuple(-(-size // cell) for size in space)


def cell_units(shape: tuple[int, ...], cell: int, support: Mask | None = None) -> Units:
    """Squares or cubes of each modality, row by row, modality after modality.

    Args:
        shape: (M, *space), modalities and sizes of the spatial axes.
        cell: side of a cell in pixels, the heatmap's own granularity.
        support: bool (M, *space), what may be removed; None for everything. Cells without any of
            it are no units.

    Returns:
        int32 (M, *space), see `Units`.

    Raises:
        AuditError: sizes below 1, or a support of another shape.

    Example:
        >>> cell_units((2, 1, 4), 2).tolist()
        [[[0, 0, 1, 1]], [[2, 2, 3, 3]]]
    """
    grid = grid_shape(shape[1:], cell)
    numbers = np.arange(shape[0] * int(np.prod(grid)), dtype=np.int32).reshape(shape[0], *grid)
    for axis, size in enumerate(shape[1:], start=1):
        numbers = numbers.take(np.arange(size) // cell, axis=axis)
    return numbers if support is None else _within(numbers, support)


def segment_units(segments: NDArray[np.integer], support: Mask | None = None) -> Units:
    """A method's own superpixels: one that covers several modalities stays one.

    Args:
        segments: int (M, *space), the superpixel of each voxel, numbered from 0.
        support: bool (M, *space), what may be removed; None for everything.

    Returns:
        int32 (M, *space), see `Units`.

    Raises:
        AuditError: a support of another shape.

    Example:
        >>> segment_units(np.array([[0, 1, 2]]), np.array([[True, False, True]])).tolist()
        [[0, -1, 1]]
    """
    everything = np.ones(segments.shape, dtype=bool)
    return _within(segments.astype(np.int32), everything if support is None else support)


def removal_order(heatmap: ArrayLike, units: Units, generator: np.random.Generator) -> Order:
    """Units from the most to the least important (arXiv 2202.10553, section 4.3.1).

    A unit's importance is the mean of the signed heatmap over its voxels in the support. Equal
    units, up to rounding, follow in random order.

    Deviates: the published code removes everything above a quantile of the non-zero values, so
    that ties are removed at once and zeros never; here every unit has a rank of its own. See
    `published_thresholds` for theirs.

    Args:
        heatmap: (M, *space), the importance of each voxel of one image.
        units: int32 (M, *space) from `cell_units` or `segment_units`.
        generator: breaks ties.

    Returns:
        int64 (units,), numbers of the units.

    Raises:
        NotEvaluable: the map is not finite, or is zero or constant over units; or there is no unit.
        AuditError: shapes that differ.

    Example:
        >>> heat = [[[9, 9, 0, 0], [9, 9, 0, 0], [1, 1, 5, 5], [1, 1, 5, 5]]]
        >>> removal_order(heat, cell_units((1, 4, 4), 2), np.random.default_rng(0)).tolist()
        [0, 3, 2, 1]
    """
    values = np.asarray(heatmap, dtype=np.float64)
    if values.shape != units.shape:
        raise AuditError(
            f"heatmap has shape {values.shape}; expected that of units, {units.shape}."
        )
    inside = units != OUTSIDE
    if not inside.any():
        raise NotEvaluable(NO_SUPPORT)
    values = ranked_values(values)
    sizes = unit_sizes(units)
    means = np.bincount(units[inside], weights=values[inside], minlength=sizes.size) / sizes
    if sizes.max() > 1:
        # Sums over units of other sizes round differently, and rounding must not decide between ties.
        means = np.round(means / float(np.abs(values).max()), 12)
    return descending_order(ranked_values(means), generator)


def random_order(units: int, generator: np.random.Generator) -> Order:
    """One draw of the baseline H_b: the units in random order.

    Deviates: the paper permutes the heatmap itself, zeros and background included, so that
    baselines of different heatmaps remove different shares; here all heatmaps with the same units
    share a baseline.

    Args:
        units: number of units.
        generator: the random numbers.

    Returns:
        int64 (units,), a permutation.

    Example:
        >>> sorted(random_order(4, np.random.default_rng(0)).tolist())
        [0, 1, 2, 3]
    """
    if units < 1:
        raise AuditError(f"units is {units}; expected at least 1.")
    return generator.permutation(units).astype(np.int64)


def removal_steps(ranks: int, steps: int = 10) -> tuple[Order, Floats]:
    """How many ranks are gone after each step, and the share that is: round(k / steps * ranks).

    Args:
        ranks: number of units, or of voxels where superpixels are removed voxel by voxel.
        steps: number of steps; the paper takes 10.

    Returns:
        Counts int64 (steps + 1,) from 0 to ``ranks``, and the same as shares float64 (steps + 1,).
        With fewer ranks than steps some steps remove nothing.

    Raises:
        AuditError: no rank or no step.

    Example:
        >>> removal_steps(49, 4)[0].tolist()  # 12.25, 24.5, 36.75 rounded, halves up
        [0, 12, 25, 37, 49]
    """
    if ranks < 1 or steps < 1:
        raise AuditError(f"ranks {ranks}, steps {steps}: expected at least 1 of each.")
    counts = (2 * np.arange(steps + 1, dtype=np.int64) * ranks + steps) // (2 * steps)
    return counts, counts / ranks


def removal_rank_map(units: Units, order: Order) -> Units:
    """At which place each voxel is removed: a unit goes whole, and ``ranks < count`` is the mask.

    Args:
        units: int32 (M, *space) from `cell_units` or `segment_units`.
        order: (units,) from `removal_order` or `random_order`.

    Returns:
        int32 (M, *space), 0 for the voxels that go first; the number of units outside the support.

    Raises:
        AuditError: the order is not a permutation of the units.

    Example:
        >>> removal_rank_map(np.array([[0, 0, 1, -1]]), np.array([1, 0])).tolist()
        [[1, 1, 0, 2]]
    """
    places = _places(units, order)
    ranks: Units = np.append(places, places.size).astype(np.int32)[units]
    return ranks


def segment_rank_map(units: Units, order: Order) -> Units:
    """At which place each voxel is removed when units go one after the other, row by row within each.

    Superpixels differ in size, so the last one of a step may be gone in part only.

    Args:
        units: int32 (M, *space) from `segment_units`.
        order: (units,) from `removal_order` or `random_order`.

    Returns:
        int32 (M, *space), a permutation of 0 .. V - 1 over the V voxels of the support; V outside.

    Raises:
        AuditError: the order is not a permutation of the units.

    Example:
        >>> segment_rank_map(np.array([[0, 1], [0, 1]]), np.array([1, 0])).tolist()
        [[2, 0], [3, 1]]
    """
    inside = units != OUTSIDE
    places = _places(units, order)[units[inside]]
    among = np.empty(places.size, dtype=np.int32)
    among[np.argsort(places, kind="stable")] = np.arange(places.size, dtype=np.int32)
    ranks = np.full(units.shape, places.size, dtype=np.int32)
    ranks[inside] = among
    return ranks


def removed_mask(ranks: Units, count: int) -> Mask:
    """The voxels that are gone after ``count`` ranks of a rank map.

    Example:
        >>> removed_mask(np.array([[1, 1, 0]]), 1).tolist()
        [[False, False, True]]
    """
    mask: Mask = ranks < count
    return mask


def removed_shares(ranks: Units, counts: Order, voxels: int) -> Floats:
    """The share of the support that is gone after each count of ranks: the curve's x axis.

    Args:
        ranks: int32 (M, *space) from a rank map.
        counts: (k,) from `removal_steps`.
        voxels: in the support.

    Returns:
        float64 (k,), from 0 to 1, not falling.

    Example:
        >>> removed_shares(np.array([[1, 1, 0, 2]]), np.array([0, 1, 2]), 3).tolist()
        [0.0, 0.3333333333333333, 1.0]
    """
    gone = np.append(0, np.cumsum(np.bincount(ranks.reshape(-1), minlength=int(counts[-1]))))
    shares: Floats = gone[counts] / voxels
    return shares


def unit_sizes(units: Units) -> Order:
    """Voxels of each unit, int64 (units,)."""
    return np.bincount(units[units != OUTSIDE]).astype(np.int64)


def _within(numbers: Units, support: Mask) -> Units:
    """The numbers inside the support, renumbered without gaps."""
    if support.shape != numbers.shape or support.dtype != np.bool_:
        raise AuditError(
            f"support is {support.dtype} {support.shape}; expected bool {numbers.shape}."
        )
    occurs = np.bincount(numbers[support], minlength=int(numbers.max()) + 1) > 0
    renumbered = np.where(occurs, np.cumsum(occurs) - 1, OUTSIDE).astype(np.int32)
    units: Units = np.where(support, renumbered[numbers], np.int32(OUTSIDE))
    return units


def _places(units: Units, order: Order) -> Order:
    """The place of each unit in the order."""
    count = int(units.max()) + 1
    if order.shape != (count,) or not (np.sort(order) == np.arange(count)).all():
        raise AuditError(f"order has shape {order.shape}; expected a permutation of {count} units.")
    places = np.empty(count, dtype=np.int64)
    places[order] = np.arange(count)
    return places
