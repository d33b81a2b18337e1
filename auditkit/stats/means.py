"""Means over images that come in clusters (patients)."""

import math

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import (
    Clusters,
    Floats,
    at_least_two_clusters,
    binary_vector,
    cluster_images,
    finite_vector,
    half_alpha,
    same_length,
    unit_vector,
)
from auditkit.stats.tails import BoundedTail, Bounds, PointTail, StudentTail, UnvariedTail

UNBOUNDED: Bounds = (-math.inf, math.inf)


def mean(
    values: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    bounds: Bounds = UNBOUNDED,
    level: float = 0.95,
) -> Estimate:
    r"""Mean over images with a cluster-robust Student-t interval.

    The mean is the ratio of patients' sums to patients' sizes, linearised (Taylor), with the CR1
    correction (Cameron & Miller 2015, doi:10.3368/jhr.50.2.317), G patients and n images:

        var = G / (G - 1) * sum_g (sum_{i in g} (y_i - mean))^2 / n^2,   t with G - 1 degrees.

    For independent images this is the ordinary one-sample t interval.

    Args:
        values: (n,), finite.
        clusters: (n,) patient ids; None for independent images.
        bounds: range that the values cannot leave; the interval is clipped to it.
        level: two-sided confidence level.

    Returns:
        The mean. If all values are equal and both bounds are finite, the interval is the exact
        bound of zero deviating patients (see ``UnvariedTail``), with Kish's effective number of
        patients; without bounds nothing can be said and the interval is the value itself, which
        ``method`` states. If the patients' deviations cancel exactly, the formula for independent
        images is used, with G - 1 degrees of freedom.

    Raises:
        AuditError: values not finite or out of bounds, or fewer than two patients.

    Example:
        >>> mean([1.0, 2.0, 3.0]).value
        2.0
        >>> round(mean([1.0, 2.0, 3.0]).low, 3)  # 2 - 4.303 / sqrt(3)
        -0.484
    """
    y = finite_vector("values", values)
    half, groups = half_alpha(level), cluster_images(clusters, y.size)
    at_least_two_clusters(groups, "mean")
    if y.min() < bounds[0] or y.max() > bounds[1]:
        raise AuditError(
            f"values range from {y.min():g} to {y.max():g}; expected them within {bounds}."
        )
    value, method = float(y.mean()), _name(groups)
    if y.min() == y.max():
        return _unvaried(float(y[0]), bounds, groups, level)
    error = _standard_error(y, groups)
    tail = StudentTail(value, error, groups.count - 1)
    bounded = BoundedTail(tail, bounds)
    low, high = bounded.clip(tail.interval(half))
    return Estimate(value, low, high, level, y.size, groups.count, method, bounded)


def brier(
    labels: ArrayLike,
    probabilities: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    level: float = 0.95,
) -> Estimate:
    """Brier score, the mean of (p - y)^2, in [0, 1]; smaller is better.

    Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2 (half of its two-class sum).

    Args:
        labels: (n,) 0 or 1.
        probabilities: (n,) predicted probability of class 1.
        clusters: (n,) patient ids; None for independent images.
        level: two-sided confidence level.

    Returns:
        The score with the interval of ``mean``.

    Raises:
        AuditError: labels not 0 or 1, probabilities outside [0, 1], or one patient only.

    Example:
        >>> round(brier([0, 1], [0.2, 0.6]).value, 6)  # (0.04 + 0.16) / 2
        0.1
    """
    y, p = binary_vector("labels", labels), unit_vector("probabilities", probabilities)
    same_length(labels=y, probabilities=p)
    return mean((p - y) ** 2, clusters, bounds=(0.0, 1.0), level=level)


def _name(groups: Clusters) -> str:
    if groups.independent:
        return "Student t"
    return f"cluster-robust t (CR1, {groups.count} patients)"


def _standard_error(y: Floats, groups: Clusters) -> float:
    residuals = y - y.mean()
    factor = groups.count / (groups.count - 1)
    variance = factor * float((groups.sums(residuals) ** 2).sum()) / y.size**2
    independent = float((residuals**2).sum()) / y.size / (y.size - 1)
    # Sums that cancel exactly in every patient leave only rounding, which is no evidence.
    return math.sqrt(variance if variance > 1e-20 * independent else independent)


def _unvaried(value: float, bounds: Bounds, groups: Clusters, level: float) -> Estimate:
    low, high = value, value
    if np.isfinite(bounds).all():
        tail = UnvariedTail(value, bounds, groups.effective_count)
        bounded = BoundedTail(tail, bounds)
        low, high = bounded.clip(tail.interval(half_alpha(level)))
        method = "all values equal: exact bound of no deviating patient"
        return Estimate(value, low, high, level, groups.index.size, groups.count, method, bounded)
    method = "all values equal and range unknown: no interval"
    return Estimate(
        value, low, high, level, groups.index.size, groups.count, method, PointTail(value)
    )
