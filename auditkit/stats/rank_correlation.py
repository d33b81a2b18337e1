"""Spearman's rank correlation over images that come in clusters (patients)."""

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.correlation import perfect_correlation
from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import (
    Floats,
    at_least_two_clusters,
    cluster_images,
    finite_vector,
    same_length,
)
from auditkit.stats.resampling import REPLICATES, Statistic, bootstrap

_PERFECT = 1 - 1e-12  # |rho| that differs from 1 by no more than rounding
_LEAST = 5


def spearman(
    x: ArrayLike,
    y: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Estimate:
    r"""Spearman's rank correlation rho, in [-1, 1]: Pearson's correlation of midranks.

    Standard error from the cluster bootstrap, in which every resample is ranked anew, on the scale of
    Fisher's z; t with G - 1 degrees. A rho of exactly 1 or -1 has the bound of concordant pairs of patients
    that `pearson_r` has.

    Args:
        x: (n,), finite.
        y: (n,), finite.
        clusters: (n,) patient ids; None for independent images.
        level: two-sided confidence level.
        seed: of the draws.
        replicates: of the bootstrap.

    Returns:
        The correlation.

    Raises:
        AuditError: fewer than five images, one patient only, a constant x or y, or so few other values
            that more than 1 % of the resamples are constant.

    Example:
        >>> round(spearman([1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 1.0, 4.0, 3.0, 5.0]).value, 6)
        0.8
    """
    a, b = finite_vector("x", x), finite_vector("y", y)
    same_length(x=a, y=b)
    groups = cluster_images(clusters, a.size)
    at_least_two_clusters(groups, "spearman")
    _usable(a, b)
    statistic = weighted_spearman(a, b)
    value = float(statistic(np.ones((1, a.size)))[0])
    if abs(value) >= _PERFECT:
        return perfect_correlation(1 if value > 0 else -1, a.size, groups, level)
    return bootstrap(
        statistic,
        None if groups.independent else groups.index,
        a.size,
        seed=seed,
        replicates=replicates,
        level=level,
        bounds=(-1.0, 1.0),
        interval="fisher-z",
    )


def weighted_spearman(x: Floats, y: Floats) -> Statistic:
    """Spearman's rho as a function of weights (B, n); NaN where x or y is constant."""
    ranked = [_weighted_ranks(values) for values in (x, y)]

    def statistic(weights: Floats) -> Floats:
        a, b = (ranks(weights) for ranks in ranked)
        total = np.maximum(weights.sum(axis=1), 1.0)
        a, b = (r - ((weights * r).sum(axis=1) / total)[:, np.newaxis] for r in (a, b))
        spread = (weights * a**2).sum(axis=1) * (weights * b**2).sum(axis=1)
        # Ranks are multiples of a half, so that a product below this is rounding.
        product = np.where(spread > 1e-9, spread, np.nan)
        rho: Floats = np.clip((weights * a * b).sum(axis=1) / np.sqrt(product), -1.0, 1.0)
        return rho

    return statistic


def _weighted_ranks(values: Floats) -> Statistic:
    """Midranks (B, n) of images that count as often as their weights (B, n) say."""
    _, place = np.unique(values, return_inverse=True)
    place = place.reshape(-1)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(place.max() + 1))

    def ranks(weights: Floats) -> Floats:
        counts = np.add.reduceat(np.take(weights, order, axis=1), starts, axis=1)
        middle = np.cumsum(counts, axis=1) - counts / 2
        found: Floats = np.take(middle, place, axis=1)
        return found

    return ranks


def _usable(a: Floats, b: Floats) -> None:
    if a.size < _LEAST:
        raise AuditError(f"{a.size} images; a rank correlation needs at least {_LEAST}.")
    for name, values in (("first", a), ("second", b)):
        if values.min() == values.max():
            raise AuditError(
                f"the {name} of the two is constant ({values[0]:g}); it correlates with nothing."
            )
