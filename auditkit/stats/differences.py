"""Paired differences: two quantities of the same images, resampled together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.estimate import Estimate
from auditkit.stats.gaps import replicate_groups
from auditkit.stats.inputs import (
    Clusters,
    Floats,
    at_least_two_clusters,
    binary_vector,
    cluster_images,
    finite_table,
    half_alpha,
)
from auditkit.stats.ranking import mean_of, weighted_auroc
from auditkit.stats.reaches import STEPS, reaches
from auditkit.stats.resampling import REPLICATES, Statistic, from_replicates, varies
from auditkit.stats.roc import independent_pairs
from auditkit.stats.tails import BoundedTail, UnvariedTail

_ROUNDING = 1e-12
_UNIT, _SIGNED = (0.0, 1.0), (-1.0, 1.0)

Key = TypeVar("Key")


@dataclass(frozen=True)
class Resampled:
    """A quantity in [0, 1] with its values in joint resamples of patients.

    Attributes:
        value: over all images.
        replicates: (B,) in resamples; NaN where undefined.
        units: independent observations that it rests on (patients, or pairs of them).
    """

    value: float
    replicates: Floats
    units: float

    @property
    def varies(self) -> bool:
        """Whether the resamples show any error."""
        finite = self.replicates[np.isfinite(self.replicates)]
        return finite.size > 0 and varies(finite)


@dataclass(frozen=True)
class ScorePair:
    """Two sets of scores of the same images; several repeats of a set are averaged.

    Attributes:
        labels: (n,) 0 or 1.
        first: (n,) or (R, n), higher means more like class 1.
        second: (n,) or (R, n).
    """

    labels: ArrayLike
    first: ArrayLike
    second: ArrayLike


def auroc_difference(
    labels: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Estimate:
    """AUROC of the first scores minus AUROC of the second ones, of the same images, in [-1, 1].

    Patients are drawn for both, so that what they have in common cancels. Cluster bootstrap with the
    interval of `difference`.

    Args:
        labels: (n,) 0 or 1.
        first: (n,), or (R, n) where R answers to each image are averaged as AUROCs.
        second: (n,) or (R, n).
        clusters: (n,) patient ids; None for independent images.
        level: two-sided confidence level.
        seed: of the draws.
        replicates: of the bootstrap.

    Returns:
        The difference.

    Raises:
        AuditError: one class only, one patient only, scores not finite, or so few images of a class that
            more than 1 % of the resamples have none.

    Example:
        >>> y, real, drawn = [0, 1] * 10, [0.2, 0.9] * 10, [0.2, 0.9, 0.9, 0.2] * 5
        >>> auroc_difference(y, real, drawn).value  # 1 - 0.5
        0.5
    """
    pair = {"": ScorePair(labels, first, second)}
    return auroc_differences(pair, clusters, level=level, seed=seed, replicates=replicates)[""]


def auroc_differences(
    pairs: Mapping[Key, ScorePair],
    clusters: ArrayLike | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> dict[Key, Estimate]:
    """`auroc_difference` of many pairs of scores of the same images, with the same draws of patients.

    Args:
        pairs: by any key; all of n images in one order.
        clusters: (n,) patient ids; None for independent images.
        level: two-sided confidence level of each interval.
        seed: of the draws.
        replicates: of the bootstrap.

    Returns:
        The differences by key.

    Raises:
        AuditError: as in `auroc_difference`.
    """
    labels = {key: two_classes(pair.labels) for key, pair in pairs.items()}
    sizes = {y.size for y in labels.values()}
    if len(sizes) != 1:
        raise AuditError(f"pairs: of {sorted(sizes)} images; all of the same images were expected.")
    groups = cluster_images(clusters, sizes.pop())
    sides = [
        mean_auroc(labels[key], side)
        for key, pair in pairs.items()
        for side in (pair.first, pair.second)
    ]
    drawn = resampled(sides, groups, seed=seed, replicates=replicates)
    found: dict[Key, Estimate] = {}
    for i, (key, y) in enumerate(labels.items()):
        first, second = (
            Resampled(value, values, independent_pairs(y, groups))
            for value, values in drawn[2 * i : 2 * i + 2]
        )
        found[key] = difference(first, second, groups, level=level)
    return found


def difference(
    first: Resampled, second: Resampled, groups: Clusters, *, level: float = 0.95
) -> Estimate:
    r"""First minus second, both in [0, 1] and resampled together, with an interval that never collapses.

    Percentiles of the resampled difference. Two cases show no error where there is some:

    * No resample differs: the exact bound of ``units`` observations without a deviating one.
    * One side alone never varies, as an AUROC of 1: its own exact bound l is added as MOVER does (Zou &
      Donner 2008, doi:10.1002/sim.3095), the other side's limits being those of the difference:
      low = D - sqrt((D - low_percentile)^2 + (first - l)^2).

    Args:
        first: from `resampled`.
        second: in the same resamples.
        groups: patients of all images.
        level: two-sided confidence level.

    Returns:
        The difference, in [-1, 1]; what rounding leaves of 0 is 0.

    Raises:
        AuditError: more than 1 % of the resamples are undefined.
    """
    value = float(_settled(np.array(first.value - second.value)))
    drawn = _settled(first.replicates - second.replicates)
    units = min(first.units, second.units)
    found = from_replicates(value, drawn, groups, level=level, bounds=_SIGNED, units=units)
    if first.varies == second.varies:
        return found
    below, above = reaches(found, _SIGNED)
    fixed = second if first.varies else first
    less, more = _fixed_reaches(fixed, groups, level)
    if fixed is second:
        less, more = more, less
    tail = ReachTail(value, np.hypot(below, less), np.hypot(above, more))
    low, high = tail.interval(half_alpha(level))
    bounded = BoundedTail(tail, _SIGNED)
    low, high = bounded.clip((low, high))
    method = f"{found.method}, with the exact bound of the side that never varies"
    return Estimate(value, low, high, level, found.n, found.clusters, method, bounded)


@dataclass(frozen=True)
class ReachTail:
    """Limits tabulated at the normal quantiles ``STEPS``.

    Attributes:
        value: the estimate.
        below: distances to the lower limit, not falling.
        above: distances to the upper limit, not falling.
    """

    value: float
    below: Floats
    above: Floats

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: theta <= t and of H0: theta >= t."""
        return self._p_value(self.value - t, self.below), self._p_value(t - self.value, self.above)

    def interval(self, half: float) -> tuple[float, float]:
        """The limits that leave the probability ``half`` in each tail."""
        from scipy import special

        z = -float(special.ndtri(half))
        reach = [float(np.interp(z, STEPS, side)) for side in (self.below, self.above)]
        return self.value - reach[0], self.value + reach[1]

    def _p_value(self, distance: float, side: Floats) -> float:
        from scipy import special

        if distance < 0:
            return 1.0
        return float(special.ndtr(-np.interp(distance, side, STEPS)))


def resampled(
    statistics: list[Statistic], groups: Clusters, *, seed: int, replicates: int
) -> list[tuple[float, Floats]]:
    """Value and replicates (B,) of each statistic of the same images, in the same resamples.

    Raises:
        AuditError: one patient only.
    """
    at_least_two_clusters(groups, "bootstrap")
    n = groups.index.size
    everyone = np.arange(n, dtype=np.int64)
    drawn = replicate_groups([statistics], [everyone], groups, seed=seed, replicates=replicates)
    values = [float(statistic(np.ones((1, n)))[0]) for statistic in statistics]
    return list(zip(values, drawn[:, :, 0], strict=True))


def mean_auroc(labels: Floats, scores: ArrayLike) -> Statistic:
    """Mean AUROC of scores (n,) or (R, n) as a function of weights."""
    repeats = finite_table("scores", scores, labels.size)
    return mean_of([weighted_auroc(labels, repeat) for repeat in repeats])


def two_classes(labels: ArrayLike) -> Floats:
    """The labels, 0 and 1, if both occur."""
    y = binary_vector("labels", labels)
    if y.min() == y.max():
        raise AuditError(
            f"labels: all {y.size} images are of class {int(y[0])}; an AUROC needs both classes."
        )
    return y


def _fixed_reaches(fixed: Resampled, groups: Clusters, level: float) -> tuple[Floats, Floats]:
    """How far the exact bound of a quantity without variation reaches, down and up."""
    tail = BoundedTail(UnvariedTail(fixed.value, _UNIT, fixed.units), _UNIT)
    n, value = groups.index.size, fixed.value
    return reaches(Estimate(value, value, value, level, n, groups.count, "", tail), _UNIT)


def _settled(values: Floats) -> Floats:
    """Differences without what rounding leaves of 0."""
    settled: Floats = np.where(np.abs(values) < _ROUNDING, 0.0, values)
    return settled
