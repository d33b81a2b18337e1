"""How far two categorical properties of images go together."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import Clusters, Floats, at_least_two_clusters, cluster_images
from auditkit.stats.resampling import REPLICATES, Statistic, bootstrap
from auditkit.stats.tails import TwoTails


def association(
    first: ArrayLike,
    second: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Estimate:
    r"""Cramér's V with bias correction, in [0, 1]: 0 independent, 1 one determines the other.

    With phi^2 = chi^2 / n over r x c values that occur (Bergsma 2013, doi:10.1016/j.jkss.2012.10.002):

        V = sqrt(max(0, phi^2 - (r-1)(c-1)/(n-1)) / (min(r', c') - 1)),  r' = r - (r-1)^2 / (n-1).

    Without the correction independent properties have a V of about
    sqrt((r-1)(c-1) / (n (min(r, c) - 1))), and the largest of many pairs looks related.

    The upper limit is a percentile of resampled V. Noise can only add to V, so that percentiles
    would put the lower limit above a true 0 (in up to 20 % of simulations with three images of a patient);
    it rests on the triangle inequality instead: V is the length of the vector
    e_ij = (p_ij - p_i p_j) / sqrt(p_i p_j), hence V >= |e_observed| - |e* - e_observed| in a resample *.

    Args:
        first: (n,) text or numbers, its distinct values are categories.
        second: (n,).
        clusters: (n,) patient ids; None for independent images.
        level: two-sided confidence level.
        seed: of the draws.
        replicates: of the bootstrap.

    Returns:
        The association.

    Raises:
        AuditError: one value only, one patient only, lengths differ, or values so rare that more than 1 %
            of the resamples have one value only.

    Example:
        >>> round(association(["a", "b"] * 50, ["x", "y"] * 50).value, 6)
        1.0
    """
    cells, shape, groups = _cells(first, second, clusters)
    n = groups.index.size
    lengths = _lengths(cells, shape)
    observed = _residuals((cells.sum(axis=0) / n).reshape(1, *shape))

    def without_noise(weights: Floats) -> Floats:
        shares = (weights @ cells / weights.sum(axis=1, keepdims=True)).reshape(-1, *shape)
        scale = np.sqrt(min(shape) - 1)
        noise = np.sqrt(((_residuals(shares) - observed) ** 2).sum(axis=(1, 2)))
        kept: Floats = (np.sqrt((observed**2).sum()) - noise) / scale
        return kept

    def limits(statistic: Statistic) -> Estimate:
        return bootstrap(
            statistic,
            None if groups.independent else groups.index,
            n,
            seed=seed,
            replicates=replicates,
            level=level,
            bounds=(0.0, 1.0),
        )

    upper = limits(lengths)
    if upper.value >= 1:  # one determines the other in every resample too
        return upper
    lower = limits(without_noise)
    return replace(upper, low=min(lower.low, upper.value), tail=TwoTails(lower.tail, upper.tail))


def _cells(
    first: ArrayLike, second: ArrayLike, clusters: ArrayLike | None
) -> tuple[Floats, tuple[int, int], Clusters]:
    """One-hot cells of the table (n, r c), its shape, and the patients."""
    places, counts = [], []
    for name, values in (("first", first), ("second", second)):
        array = np.asarray(values)
        if array.ndim != 1 or array.size == 0:
            raise AuditError(f"{name} has shape {array.shape}; expected one value for each image.")
        distinct, place = np.unique(array, return_inverse=True)
        if distinct.size < 2:
            raise AuditError(f"{name}: all images have one value; it goes together with nothing.")
        places.append(place.reshape(-1))
        counts.append(int(distinct.size))
    if places[0].size != places[1].size:
        raise AuditError(f"{places[0].size} values against {places[1].size}; expected as many.")
    groups = cluster_images(clusters, places[0].size)
    at_least_two_clusters(groups, "association")
    cells: Floats = np.eye(counts[0] * counts[1])[places[0] * counts[1] + places[1]]
    return cells, (counts[0], counts[1]), groups


def _residuals(shares: Floats) -> Floats:
    """(B, r, c) of e_ij; 0 where a value does not occur."""
    expected = shares.sum(axis=2, keepdims=True) * shares.sum(axis=1, keepdims=True)
    residuals: Floats = (shares - expected) / np.sqrt(np.where(expected > 0, expected, 1.0))
    return residuals


def _lengths(cells: Floats, shape: tuple[int, int]) -> Statistic:
    """Bias-corrected V as a function of weights; NaN where a property has one value only."""

    def statistic(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        shares = (weights @ cells / total[:, np.newaxis]).reshape(-1, *shape)
        squares = (_residuals(shares) ** 2).sum(axis=(1, 2))
        rows, columns = ((shares.sum(axis=axis) > 0).sum(axis=1) for axis in (2, 1))
        bias = (rows - 1) * (columns - 1) / (total - 1)
        least = np.minimum(
            rows - (rows - 1) ** 2 / (total - 1), columns - (columns - 1) ** 2 / (total - 1)
        )
        largest = np.where(np.minimum(rows, columns) > 1, least - 1, np.nan)
        found: Floats = np.sqrt(np.minimum(1.0, np.maximum(0.0, squares - bias) / largest))
        return np.where(found > 1 - 1e-12, 1.0, found)

    return statistic
