r"""AUPC and ΔAUPC where the performance is the AUROC over images.

Jin et al. 2023, arXiv 2202.10553, section 4.3.1 ("AUC for the knee task"). With s_i^k the score of image i
at step k, x_k the share removed and c_k what the trapezoid rule makes of x_k, the area is

    AUPC = sum_k c_k AUROC(s^k) = mean over pairs (i of class 1, j of class 0) of sum_k c_k u(s_i^k - s_j^k),

u(d) = 1, 1/2, 0 for d > 0, = 0, < 0. So one matrix of pairs holds steps, repeats and both orders, and a
resample of patients with weights w is w_1' K w_0 / (sum w_1 sum w_0).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auditkit.errors import AuditError
from auditkit.metrics.perturbation_curve import trapezoid_weights
from auditkit.stats import Estimate
from auditkit.stats.differences import resampled, two_classes
from auditkit.stats.few_carriers import in_two_classes
from auditkit.stats.inputs import cluster_images
from auditkit.stats.resampling import REPLICATES, Statistic, from_replicates
from auditkit.stats.roc import independent_pairs

Floats = NDArray[np.float64]


def auroc_aupc_estimate(
    labels: ArrayLike,
    scores: ArrayLike,
    fractions: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """AUPC of the AUROC with a cluster bootstrap interval over patients.

    Args:
        labels: (n,) 0 or 1.
        scores: (n, k) at each step; higher means more like class 1.
        fractions: (k,) from 0 to 1, not falling: the share removed, on average over images.
        clusters: (n,) patient ids; None for independent images.
        seed: seed of the bootstrap.
        level: two-sided confidence level.

    Returns:
        The area, in [0, 1]; .5 for scores that know nothing.

    Raises:
        AuditError: wrong shapes, one class or one patient only, or so few images of a class that more than
            1 % of the resamples have none (fewer such resamples count against both ends).

    Example:
        >>> scores = np.repeat([[0.1, 0.5], [0.9, 0.5]], 9, axis=0)
        >>> auroc_aupc_estimate([0] * 9 + [1] * 9, scores, [0.0, 1.0]).value  # (1 + .5) / 2
        0.75
    """
    y = two_classes(labels)
    pairs = area_pairs(y, _table("scores", scores, y.size, 2)[:, np.newaxis], fractions)
    return mean_over_pairs(y, pairs, clusters, (0.0, 1.0), seed=seed, level=level)


def auroc_delta_aupc_estimate(
    labels: ArrayLike,
    scores: ArrayLike,
    random_scores: ArrayLike,
    fractions: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    random_fractions: ArrayLike | None = None,
    seed: int = 0,
    level: float = 0.95,
    replicates: int = REPLICATES,
) -> Estimate:
    """ΔAUPC of the AUROC with a paired cluster bootstrap interval over patients.

    Args:
        labels: (n,) 0 or 1.
        scores: (n, k) as for ``auroc_aupc_estimate``, features of the heatmap removed first.
        random_scores: (n, repeats, k) the same under random orders, or in one other order; the areas of the
            repeats are averaged.
        fractions: (k,) from 0 to 1, not falling.
        clusters: (n,) patient ids; None for independent images.
        random_fractions: (repeats, k), where each order has removed other shares; None: ``fractions``.
        seed: seed of the bootstrap.
        level: two-sided confidence level.
        replicates: of the bootstrap.

    Returns:
        The difference, in [-1, 1].

    Raises:
        AuditError: as ``auroc_aupc_estimate``.

    Example:
        >>> random = np.repeat([[[0.1, 0.2]], [[0.9, 0.8]]], 9, axis=0)
        >>> heat = np.repeat([[0.1, 0.5], [0.9, 0.5]], 9, axis=0)
        >>> auroc_delta_aupc_estimate([0] * 9 + [1] * 9, heat, random, [0.0, 1.0]).value  # 1 - .75
        0.25
    """
    own = fractions if random_fractions is None else random_fractions
    pairs = pair_delta_aupc(labels, scores, random_scores, fractions, own)
    return mean_over_pairs(
        labels, pairs, clusters, (-1.0, 1.0), seed=seed, level=level, replicates=replicates
    )


def pair_delta_aupc(
    labels: ArrayLike,
    scores: ArrayLike,
    random_scores: ArrayLike,
    fractions: ArrayLike,
    random_fractions: ArrayLike,
) -> Floats:
    """ΔAUPC of each pair of a positive and a negative image, whose mean is that of the AUROC.

    Args:
        labels: (n,) 0 or 1.
        scores: (n, k) at each step.
        random_scores: (n, repeats, k) the same under random orders.
        fractions: (k,) from 0 to 1, not falling.
        random_fractions: (repeats, k) or (k,).

    Returns:
        float64 (positives, negatives), each in [-1, 1].

    Raises:
        AuditError: wrong shapes, or one class only.

    Example:
        >>> random, heat = [[[0.1, 0.2]], [[0.9, 0.8]]], [[0.1, 0.5], [0.9, 0.5]]
        >>> pair_delta_aupc([0, 1], heat, random, [0, 1], [0, 1]).tolist()
        [[0.25]]
    """
    y = two_classes(labels)
    heatmap = area_pairs(y, _table("scores", scores, y.size, 2)[:, np.newaxis], fractions)
    random = area_pairs(y, _table("random_scores", random_scores, y.size, 3), random_fractions)
    return random - heatmap


def auroc_steps(
    labels: ArrayLike,
    scores: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    seed: int = 0,
    level: float = 0.95,
) -> list[Estimate]:
    """The AUROC at each step, the mean over repeats: the curve itself.

    Args:
        labels: (n,) 0 or 1.
        scores: (n, repeats, k).
        clusters: (n,) patient ids; None for independent images.
        seed: seed of the bootstrap.
        level: two-sided confidence level of each.

    Returns:
        k estimates, in [0, 1].

    Raises:
        AuditError: as ``auroc_aupc_estimate``.

    Example:
        >>> scores = np.repeat([[[0.1, 0.5]], [[0.9, 0.5]]], 9, axis=0)
        >>> [found.value for found in auroc_steps([0] * 9 + [1] * 9, scores)]
        [1.0, 0.5]
    """
    y = two_classes(labels)
    table = _table("scores", scores, y.size, 3)
    found = []
    for step in range(table.shape[2]):
        pairs = area_pairs(y, np.repeat(table[:, :, [step]], 2, axis=2), [0.0, 1.0])
        found.append(mean_over_pairs(y, pairs, clusters, (0.0, 1.0), seed=seed, level=level))
    return found


def area_pairs(y: Floats, scores: Floats, fractions: ArrayLike) -> Floats:
    """Each pair's part of the area, the mean over repeats, (positives, negatives).

    Args:
        y: (n,) labels.
        scores: (n, R, k).
        fractions: (k,) or (R, k).
    """
    positive, negative = scores[y == 1], scores[y == 0]
    shape = scores.shape[1:]
    weights = np.broadcast_to(trapezoid_weights(fractions, shape), shape) / shape[0]
    total = np.zeros((len(positive), len(negative)))
    for repeat, step in np.ndindex(*shape):
        if weights[repeat, step]:
            high, low = positive[:, repeat, step, np.newaxis], negative[:, repeat, step]
            total += weights[repeat, step] * ((high > low) + 0.5 * (high == low))
    return total


def mean_over_pairs(
    labels: ArrayLike,
    pairs: Floats,
    clusters: ArrayLike | None,
    bounds: tuple[float, float],
    *,
    seed: int = 0,
    level: float = 0.95,
    replicates: int = REPLICATES,
) -> Estimate:
    """The mean over pairs, patients being drawn with replacement; never narrower than `in_two_classes`.

    Args:
        labels: (n,) 0 or 1.
        pairs: (positives, negatives) of each pair.
        clusters: (n,) patient ids; None for independent images.
        bounds: range of the mean.
        seed: seed of the bootstrap.
        level: two-sided confidence level.
        replicates: of the bootstrap.

    Returns:
        The mean, within the bounds.

    Raises:
        AuditError: as ``auroc_aupc_estimate``.

    Example:
        >>> mean_over_pairs([0] * 9 + [1] * 9, np.full((9, 9), 0.25), None, (-1.0, 1.0)).value
        0.25
    """
    y = two_classes(labels)
    groups = cluster_images(clusters, y.size)
    mean = weighted_pair_mean(y == 1, pairs)
    ((value, drawn),) = resampled([mean], groups, seed=seed, replicates=replicates)
    units = independent_pairs(y, groups)
    found = from_replicates(value, drawn, groups, level=level, bounds=bounds, units=units)
    influence = np.empty(y.size)
    influence[y == 1] = (pairs.mean(axis=1) - value) / pairs.shape[0]
    influence[y == 0] = (pairs.mean(axis=0) - value) / pairs.shape[1]
    return in_two_classes(found, influence, y == 1, groups, bounds)


def weighted_pair_mean(positive: NDArray[np.bool_], pairs: Floats) -> Statistic:
    """The mean over pairs as a function of weights on images; NaN where a class is empty."""

    def statistic(weights: Floats) -> Floats:
        first, second = weights[:, positive], weights[:, ~positive]
        with np.errstate(invalid="ignore"):
            total = np.einsum("bi,bi->b", first @ pairs, second)
            means: Floats = total / (first.sum(axis=1) * second.sum(axis=1))
        return means

    return statistic


def _table(name: str, values: ArrayLike, n: int, dimensions: int) -> Floats:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != dimensions or table.shape[0] != n or table.size == 0:
        expected = "(images, repeats, steps)" if dimensions == 3 else "(images, steps)"
        raise AuditError(f"{name} has shape {table.shape}; expected {expected} of {n} images.")
    if not np.isfinite(table).all():
        raise AuditError(f"{name} holds NaN or infinite values; count such images instead.")
    return table
