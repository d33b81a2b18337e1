"""Balanced accuracy: the mean of the recalls of all classes."""

import math

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.estimate import Estimate, Tail
from auditkit.stats.inputs import (
    Clusters,
    Floats,
    Integers,
    at_least_two_clusters,
    binary_vector,
    cluster_images,
    finite_vector,
    half_alpha,
    same_length,
)
from auditkit.stats.proportions import proportion
from auditkit.stats.resampling import Statistic
from auditkit.stats.tails import BoundedTail, PointTail, StudentTail, TwoTails


def balanced_accuracy(
    labels: ArrayLike,
    right: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    level: float = 0.95,
) -> Estimate:
    r"""Mean over the classes that occur of the share decided right (macro recall), in [0, 1].

    With two classes the mean of sensitivity and specificity (Brodersen et al. 2010,
    doi:10.1109/ICPR.2010.764). With K classes, recalls r_c and their Clopper-Pearson limits l_c
    and u_c at the effective number of images (see ``proportion``), the limits are recovered from
    those of the parts (MOVER; Zou & Donner 2008, doi:10.1002/sim.3095):

        low = mean - sqrt(F sum_c (r_c - l_c)^2) / K,  high = mean + sqrt(F sum_c (u_c - r_c)^2) / K,

    where F >= 1 is the factor by which patients with images of several classes inflate the
    linearised variance of the mean. A recall of exactly 0 or 1 thus keeps its uncertainty.

    Args:
        labels: (n,) class of each image.
        right: (n,) whether it was decided right.
        clusters: (n,) patient ids; None for independent images.
        level: two-sided confidence level.

    Returns:
        The mean recall. p-values at other levels follow the normal distribution of each side.

    Raises:
        AuditError: one patient only, or values other than 0 and 1 in ``right``.

    Example:
        >>> balanced_accuracy([0, 0, 1, 1, 1, 1], [1, 0, 1, 1, 1, 0]).value  # (0.5 + 0.75) / 2
        0.625
    """
    classes, hits = finite_vector("labels", labels), binary_vector("right", right)
    same_length(labels=classes, right=hits)
    groups = cluster_images(clusters, hits.size)
    at_least_two_clusters(groups, "balanced accuracy")
    kinds, kind = np.unique(classes, return_inverse=True)
    if kinds.size < 2:
        raise AuditError(
            f"labels: all {hits.size} images are of class {int(kinds[0])}; balanced accuracy needs "
            "at least two classes."
        )
    owners = None if groups.independent else groups.index
    recalls = [
        proportion(hits[kind == c], None if owners is None else owners[kind == c], level=level)
        for c in range(kinds.size)
    ]
    value = float(np.mean([recall.value for recall in recalls]))
    below = np.array([recall.value - recall.low for recall in recalls])
    above = np.array([recall.high - recall.value for recall in recalls])
    factors = [_inflation(hits, kind, groups, side) for side in (below, above)]
    low, high = (
        math.sqrt(factor * float((side**2).sum())) / kinds.size
        for factor, side in zip(factors, (below, above), strict=True)
    )
    reach = StudentTail(0.0, 1.0).interval(half_alpha(level))[1]
    tail = BoundedTail(TwoTails(_side(value, low / reach), _side(value, high / reach)), (0.0, 1.0))
    ends = tail.clip((value - low, value + high))
    method = f"MOVER over {kinds.size} Clopper-Pearson intervals"
    if not groups.independent:
        method += f", inflation {max(factors):.3g} ({groups.count} patients)"
    return Estimate(value, *ends, level, hits.size, groups.count, method, tail)


def weighted_recalls(labels: Floats, right: Floats) -> Statistic:
    """Mean recall as a function of weights (B, n); NaN where a class is left without images."""
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-np.inf))

    def statistic(weights: Floats) -> Floats:
        ordered = np.take(weights, order, axis=1)
        total = np.add.reduceat(ordered, starts, axis=1)
        with np.errstate(invalid="ignore"):
            recalls = np.add.reduceat(ordered * right[order], starts, axis=1) / total
        mean: Floats = recalls.mean(axis=1)
        return mean

    return statistic


def weighted_proportion(counted: Floats, right: Floats) -> Statistic:
    """Share of ``right`` among the ``counted`` images as a function of weights; NaN without any."""
    columns = np.stack([counted * right, counted], axis=1)

    def statistic(weights: Floats) -> Floats:
        hits, total = (weights @ columns).T
        with np.errstate(invalid="ignore"):
            share: Floats = hits / total
        return share

    return statistic


def _side(value: float, error: float) -> Tail:
    # A side without room has no error: the value is the end of the range.
    return StudentTail(value, error) if error > 0 else PointTail(value)


def _inflation(hits: Floats, kind: Integers, groups: Clusters, reaches: Floats) -> float:
    """Variance of the mean recall over what it would be if no patient had two classes, >= 1."""
    if groups.independent:
        return 1.0
    sizes = np.bincount(kind).astype(np.float64)
    recalls = np.bincount(kind, hits) / sizes
    influence = (hits - recalls[kind]) / sizes[kind]
    cells, cell = np.unique(groups.index * sizes.size + kind, return_inverse=True)
    apart = float((np.bincount(cell, influence) ** 2).sum())
    together = float((groups.sums(influence) ** 2).sum())
    if apart > 1e-20:
        return max(1.0, together / apart)
    if cells.size == groups.count or not reaches.any():  # no patient has two classes
        return 1.0
    # Nothing varies, so the errors of the classes may go together fully.
    return float(reaches.sum() ** 2 / (reaches**2).sum())
