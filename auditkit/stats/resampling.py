"""The cluster bootstrap: patients are drawn with replacement, never single images."""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import (
    Clusters,
    Floats,
    at_least_two_clusters,
    cluster_images,
    half_alpha,
)
from auditkit.stats.tails import (
    BoundedTail,
    Bounds,
    ReplicateTail,
    StudentTail,
    UnvariedTail,
    logit,
)

Statistic = Callable[[Floats], Floats]
"""Maps weights (B, n), non-negative whole numbers, to one value per row, (B,)."""

Interval = Literal["percentile", "logit", "fisher-z"]

REPLICATES = 2000
_CELLS_PER_CHUNK = 2**17  # 1 MiB of weights at a time: they stay in the processor's cache
_TOLERATED_LOSS = 0.01
_ROUNDING = 1e-12


def bootstrap(
    statistic: Statistic,
    clusters: ArrayLike | None,
    n: int,
    *,
    seed: int,
    replicates: int = REPLICATES,
    level: float = 0.95,
    bounds: Bounds = (-math.inf, math.inf),
    interval: Interval = "percentile",
) -> Estimate:
    """Cluster bootstrap of any statistic that can be written with weights on the images.

    Each replicate draws G of G patients with replacement; an image's weight is how often its
    patient was drawn. Everything the statistic sees of one image shares that weight, so paired
    quantities stay paired.

    * "percentile": Hesterberg's expanded percentile interval (2015,
      doi:10.1080/00031305.2015.1089789), widened for a small number of patients.
    * "logit", "fisher-z": the replicates give the standard error only; t interval with G - 1
      degrees on the transformed scale. For quantities near the end of their range, where
      percentiles follow the skewed sample and miss too often.

    Args:
        statistic: maps weights (B, n) to values (B,); ``ones((1, n))`` gives the estimate itself.
        clusters: (n,) patient ids; None for independent images.
        n: number of images.
        seed: seed of the draws; the same seed gives the same draws on every machine.
        replicates: number B of replicates.
        level: two-sided confidence level.
        bounds: range of the statistic; the interval is clipped to it. Where the patients or the
            replicates are too few to set a limit at this level, the bound is the limit.
        interval: how the replicates become an interval.

    Returns:
        The estimate. In a percentile interval a replicate that is not finite counts against both
        ends. If no replicate differs from the value and the bounds are finite, the interval is the
        exact bound of zero deviating patients (see ``UnvariedTail``).

    Raises:
        AuditError: one patient only, or more than 1 % of the replicates not finite.

    Example:
        >>> y = np.array([1.0, 2.0, 6.0])
        >>> bootstrap(lambda w: w @ y / w.sum(axis=1), None, 3, seed=0).value
        3.0
    """
    groups = cluster_images(clusters, n)
    at_least_two_clusters(groups, "bootstrap")
    value = float(statistic(np.ones((1, n)))[0])
    drawn = _replicate(statistic, groups, n, replicates, seed)
    return from_replicates(value, drawn, groups, level=level, bounds=bounds, interval=interval)


def from_replicates(
    value: float,
    drawn: Floats,
    groups: Clusters,
    *,
    level: float = 0.95,
    bounds: Bounds = (-math.inf, math.inf),
    interval: Interval = "percentile",
    units: float | None = None,
) -> Estimate:
    """An estimate from its values in resamples of patients, as `bootstrap` makes it.

    Args:
        value: the estimate itself.
        drawn: (B,) its values in resamples; NaN where undefined.
        groups: patients of all images.
        level: two-sided confidence level.
        bounds: range of the quantity.
        interval: how the replicates become an interval.
        units: independent observations, for the bound where no replicate differs; None: patients.

    Raises:
        AuditError: more than 1 % of the replicates not finite.
    """
    half = half_alpha(level)
    finite = _finite(drawn, groups)
    lost = drawn.size - finite.size
    percentile = ReplicateTail(finite, lost, groups.count)
    count = groups.effective_count if units is None else units
    tail, name = _tail(value, percentile, count, bounds, interval)
    bounded = BoundedTail(tail, bounds)
    low, high = bounded.clip(tail.interval(half))
    method = f"cluster bootstrap ({name}, {groups.count} patients, {drawn.size} replicates"
    method += f", {lost} of them undefined)" if lost else ")"
    return Estimate(value, low, high, level, groups.index.size, groups.count, method, bounded)


def _finite(drawn: Floats, groups: Clusters) -> Floats:
    finite: Floats = np.sort(drawn[np.isfinite(drawn)])
    lost = drawn.size - finite.size
    if lost > _TOLERATED_LOSS * drawn.size:
        raise AuditError(
            f"bootstrap: the statistic is undefined in {lost} of {drawn.size} resamples of "
            f"{groups.count} patients (at most 1 % is tolerated), for instance because a class "
            "is missing. Use more patients of the rarer class."
        )
    return finite


def _tail(
    value: float, percentile: ReplicateTail, units: float, bounds: Bounds, interval: Interval
) -> tuple[ReplicateTail | StudentTail | UnvariedTail, str]:
    drawn = percentile.replicates
    if not varies(drawn) and np.isfinite(bounds).all():
        return UnvariedTail(value, bounds, units), "no variation: exact bound"
    # At an end of its scale a value has no finite standard error there.
    if interval == "percentile" or value >= 1 or value <= (0 if interval == "logit" else -1):
        return percentile, "percentile"
    slope = 1 / (value * (1 - value)) if interval == "logit" else 1 / (1 - value**2)
    centre = logit(value) if interval == "logit" else math.atanh(value)
    error = float(drawn.std(ddof=1)) * slope
    return StudentTail(
        centre, error, percentile.clusters - 1, interval
    ), f"standard error, {interval}"


def varies(drawn: Floats) -> bool:
    """Whether values in resamples differ by more than rounding."""
    return float(np.ptp(drawn)) > _ROUNDING * max(1.0, float(np.abs(drawn).max()))


def _replicate(
    statistic: Statistic, groups: Clusters, n: int, replicates: int, seed: int
) -> Floats:
    generator = np.random.default_rng(seed)
    rows = rows_per_chunk(n)
    parts = []
    for start in range(0, replicates, rows):
        weights = patient_weights(generator, min(rows, replicates - start), groups.count)
        parts.append(statistic(weights if groups.independent else weights[:, groups.index]))
    return np.concatenate(parts)


def rows_per_chunk(n: int) -> int:
    """Number of resamples of n images to handle at a time."""
    return max(1, _CELLS_PER_CHUNK // n)


def patient_weights(generator: np.random.Generator, rows: int, count: int) -> Floats:
    """How often each of ``count`` patients is drawn in each of ``rows`` resamples."""
    # Counting draws is several times faster than Generator.multinomial with thousands of cells.
    draws = generator.integers(count, size=(rows, count))
    draws += count * np.arange(rows)[:, np.newaxis]
    weights = np.bincount(draws.reshape(-1), minlength=rows * count)
    return weights.reshape(rows, count).astype(np.float64)
