"""Medians of images that come in clusters (patients)."""

import math

import numpy as np
from numpy.typing import ArrayLike

from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import Floats, cluster_images, finite_vector
from auditkit.stats.medians import median
from auditkit.stats.resampling import REPLICATES, Statistic, bootstrap
from auditkit.stats.tails import Bounds


def clustered_median(
    values: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    bounds: Bounds = (-math.inf, math.inf),
    level: float = 0.95,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Estimate:
    """Median over images: that of `median` where each is a patient, else with a cluster bootstrap.

    Args:
        values: (n,), finite.
        clusters: (n,) patient ids; None for independent images.
        bounds: range of the values, the limits where the data set none.
        level: two-sided confidence level.
        seed: of the draws (only for several images of a patient).
        replicates: of the bootstrap.

    Returns:
        The median.

    Raises:
        AuditError: empty, not finite, or several images of one patient only.

    Example:
        >>> clustered_median([1.0, 2.0, 2.5, 7.0], ["a", "a", "b", "b"]).value
        2.25
    """
    x = finite_vector("values", values)
    groups = cluster_images(clusters, x.size)
    if groups.independent:
        return median(x, bounds=bounds, level=level)
    return bootstrap(
        weighted_median(x),
        groups.index,
        x.size,
        seed=seed,
        replicates=replicates,
        level=level,
        bounds=bounds,
    )


def weighted_median(values: Floats) -> Statistic:
    """The median as a function of whole weights (B, n); of an even number the mean of the middle two."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]

    def statistic(weights: Floats) -> Floats:
        passed = np.cumsum(np.take(weights, order, axis=1), axis=1)
        half = passed[:, -1:] / 2
        # The first value by which half of the weight is reached, and by which it is passed.
        lower, upper = (passed < half).sum(axis=1), (passed <= half).sum(axis=1)
        found: Floats = (ordered[lower] + ordered[np.minimum(upper, ordered.size - 1)]) / 2
        return found

    return statistic
