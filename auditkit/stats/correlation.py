"""Pearson's correlation over images that come in clusters (patients)."""

import math

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import (
    Clusters,
    Floats,
    at_least_two_clusters,
    cluster_images,
    finite_vector,
    half_alpha,
    same_length,
)
from auditkit.stats.resampling import REPLICATES, Statistic, bootstrap
from auditkit.stats.tails import BoundedTail, PerfectCorrelationTail, StudentTail

_PERFECT = 1 - 1e-12  # |r| that differs from 1 by no more than rounding


def perfect_correlation(sign: int, n: int, groups: Clusters, level: float) -> Estimate:
    """A correlation of 1 or -1, bounded by disjoint pairs of patients, all of them concordant."""
    pairs = groups.count // 2
    perfect = PerfectCorrelationTail(sign, pairs)
    low, high = perfect.interval(half_alpha(level))
    method = f"perfect correlation: bound of {pairs} concordant pairs"
    tail = BoundedTail(perfect, (-1.0, 1.0))
    return Estimate(float(sign), low, high, level, n, groups.count, method, tail)


def pearson_r(
    x: ArrayLike,
    y: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Estimate:
    r"""Pearson's product-moment correlation r, in [-1, 1].

    * Independent images: Fisher's z = atanh(r) with standard error 1 / sqrt(n - 3).
    * Several images of a patient: standard error from the cluster bootstrap, on the scale of z,
      t with G - 1 degrees.
    * r of exactly 1 or -1: Fisher's interval would be the point. The images fall into
      m = floor(G / 2) disjoint pairs of patients, all of them concordant; under a bivariate
      normal distribution (Greiner's relation) rho >= sin(pi ((alpha / 2)^(1 / m) - 1/2)).
      Without an assumption of this kind m pairs set no limit, as one outlier can undo any r.

    Args:
        x: (n,), finite.
        y: (n,), finite.
        clusters: (n,) patient ids; None for independent images.
        level: two-sided confidence level.
        seed: seed of the bootstrap (only for several images of a patient).
        replicates: number of bootstrap replicates.

    Returns:
        The correlation.

    Raises:
        AuditError: fewer than four images, one patient only, or a constant x or y.

    Example:
        >>> round(pearson_r([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0]).value, 6)
        0.8
    """
    a, b = finite_vector("x", x), finite_vector("y", y)
    same_length(x=a, y=b)
    half, groups = half_alpha(level), cluster_images(clusters, a.size)
    at_least_two_clusters(groups, "pearson_r")
    _usable(a, b)
    a, b = _standardised(a), _standardised(b)
    value = min(1.0, max(-1.0, float((a * b).mean())))
    if abs(value) >= _PERFECT:
        return perfect_correlation(1 if value > 0 else -1, a.size, groups, level)
    if not groups.independent:
        return bootstrap(
            _weighted_correlation(a, b),
            groups.index,
            a.size,
            seed=seed,
            replicates=replicates,
            level=level,
            bounds=(-1.0, 1.0),
            interval="fisher-z",
        )
    fisher = StudentTail(math.atanh(value), 1 / math.sqrt(a.size - 3), scale="fisher-z")
    low, high = fisher.interval(half)
    return Estimate(value, low, high, level, a.size, groups.count, "Fisher z", fisher)


def _usable(a: Floats, b: Floats) -> None:
    if a.size < 4:
        raise AuditError(f"{a.size} images; Fisher's interval for a correlation needs at least 4.")
    for name, values in (("x", a), ("y", b)):
        if values.min() == values.max():
            raise AuditError(f"{name} is constant ({values[0]:g}); it correlates with nothing.")


def _standardised(values: Floats) -> Floats:
    # Dividing by the largest value first keeps tiny and huge units from under- and overflowing.
    centred = values - values.mean()
    centred /= np.abs(centred).max()
    scaled: Floats = centred / math.sqrt(float((centred**2).mean()))
    return scaled


def _weighted_correlation(a: Floats, b: Floats) -> Statistic:
    columns = np.stack([np.ones_like(a), a, b, a * a, b * b, a * b], axis=1)

    def statistic(weights: Floats) -> Floats:
        total, sa, sb, saa, sbb, sab = (weights @ columns).T
        var_a, var_b = saa / total - (sa / total) ** 2, sbb / total - (sb / total) ** 2
        covariance = sab / total - (sa / total) * (sb / total)
        # Rounding can leave a replicate without variation a variance of 1e-17 instead of 0.
        undefined = np.minimum(var_a, var_b) < 1e-12
        product = np.where(undefined, np.nan, var_a * var_b)
        correlation: Floats = np.clip(covariance / np.sqrt(product), -1.0, 1.0)
        return correlation

    return statistic
