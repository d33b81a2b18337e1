"""Differences between groups, all at once: a maximum of noisy estimates is not an estimate of it.

The largest of several differences is biased upwards, more with more and smaller groups (Lum, Zhang
& Bower 2022, doi:10.1145/3531146.3533105). So every pair gets a simultaneous interval, and the
limits of the largest gap are those of the pairs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError
from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import Clusters, Floats, Integers, half_alpha
from auditkit.stats.multiplicity import holm
from auditkit.stats.reaches import STEPS, reaches
from auditkit.stats.resampling import (
    REPLICATES,
    Statistic,
    patient_weights,
    rows_per_chunk,
)
from auditkit.stats.tails import BoundedTail, Bounds

_UNVARIED = 1e-9  # standard deviation of replicates that is only rounding


@dataclass(frozen=True)
class Pair:
    """The difference of two groups.

    Attributes:
        first: index of the group with the larger estimate.
        second: index of the other one.
        difference: first minus second, >= 0.
        low: lower simultaneous limit, over all pairs.
        high: upper simultaneous limit.
        p_value: two-sided p-value of no difference, for this pair alone.
        p_adjusted: after Holm over all pairs.
    """

    first: int
    second: int
    difference: float
    low: float
    high: float
    p_value: float
    p_adjusted: float


@dataclass(frozen=True)
class Gaps:
    """All groups compared.

    Attributes:
        largest: the largest difference, with limits for the true one.
        pairs: every pair, in the order of the groups.
        worst: index of the group with the smallest estimate.
        worst_low: its lower limit, simultaneous over all groups.
    """

    largest: Estimate
    pairs: tuple[Pair, ...]
    worst: int
    worst_low: float


def compare_groups(
    estimates: Sequence[Estimate],
    replicates: Floats,
    shared: npt.NDArray[np.bool_],
    *,
    patients: int,
    bounds: Bounds = (0.0, 1.0),
    level: float = 0.95,
) -> Gaps:
    r"""Simultaneous intervals for all differences of groups, and for the largest one.

    With d_l(z) and d_u(z) the distances from an estimate to its own limits at the normal quantile
    z, and rho the correlation of two groups that share patients (0 if they share none), a
    difference D = e_j - e_k has the limits (MOVER; Zou & Donner 2008, doi:10.1002/sim.3095;
    correlated: Zou 2007, doi:10.1037/1082-989X.12.4.399)

        D - sqrt(d_l,j^2 + d_u,k^2 - 2 rho d_l,j d_u,k),  D + sqrt(d_u,j^2 + d_l,k^2 - ...).

    z is the ``level`` quantile of the largest studentised difference of any pair over joint
    resamples of patients, T = max |D* - mean D*| / sd D* (single-step max-t; Westfall & Young
    1993; Hothorn, Bretz & Westfall 2008, doi:10.1002/bimj.200810425). If all pairs cover, then

        max lower limit <= largest true difference <= max upper limit.

    Intervals of the groups themselves decide how far limits reach, so that a group without any
    error, whose resamples do not vary, keeps its uncertainty.

    Args:
        estimates: of J >= 2 groups.
        replicates: (B, J), the estimates in joint resamples (``replicate_groups``); NaN where one
            is undefined.
        shared: (J, J), whether two groups have patients in common.
        patients: number of patients in all groups together.
        bounds: range of the estimates.
        level: two-sided simultaneous level.

    Returns:
        The comparison. ``largest.value`` is the plug-in maximum, biased upwards as said.

    Raises:
        AuditError: fewer than two groups.
    """
    if len(estimates) < 2:
        raise AuditError("fewer than two groups can be evaluated, so there is no gap.")
    deviations, flat = _deviations(estimates, replicates)
    related = shared & ~flat & ~flat[:, np.newaxis]
    correlation = np.where(related, np.corrcoef(deviations, rowvar=False), 0.0)
    limits = _Limits.of(estimates, correlation, bounds)
    largest_t = np.sort(_largest_differences(deviations))
    critical = _quantile(largest_t, level)
    tail = GapTail(*limits.largest(), largest_t)
    low, high = (float(np.interp(critical, STEPS, side)) for side in (tail.low, tail.high))
    values = np.array([estimate.value for estimate in estimates])
    span = bounds[1] - bounds[0]
    method = (
        f"largest of {len(estimates)} groups: simultaneous MOVER limits, max-t over "
        f"{largest_t.size} resamples of {patients} patients (critical value {critical:.3g})"
    )
    largest = Estimate(
        float(values.max() - values.min()),
        max(0.0, low),
        min(span, high),
        level,
        sum(estimate.n for estimate in estimates),
        patients,
        method,
        BoundedTail(tail, (0.0, span)),
    )
    worst = int(values.argmin())
    studentised = np.abs(deviations / deviations.std(axis=0, ddof=1))
    reach = _quantile(np.sort(studentised.max(axis=1)), level)
    worst_low = float(values[worst] - np.interp(reach, STEPS, limits.below[worst]))
    return Gaps(largest, limits.pairs(critical), worst, worst_low)


def replicate_groups(
    statistics: Sequence[Sequence[Statistic]],
    members: Sequence[Integers],
    clusters: Clusters,
    *,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Floats:
    """Statistics of every group in joint resamples of patients.

    Patients are drawn once for all groups, so that those who occur in several groups are drawn for
    all of them together.

    Args:
        statistics: for each group, S functions of weights (B, images of the group).
        members: for each group, the indices of its images, in the order of the weights.
        clusters: patients of all images.
        seed: seed of the draws.
        replicates: number B of resamples.

    Returns:
        (S, B, groups); NaN where a statistic is undefined.
    """
    generator = np.random.default_rng(seed)
    owners = [clusters.index[rows] for rows in members]
    found = np.empty((len(statistics[0]), replicates, len(members)))
    rows = rows_per_chunk(clusters.index.size)
    for start in range(0, replicates, rows):
        part = slice(start, min(start + rows, replicates))
        drawn = patient_weights(generator, part.stop - part.start, clusters.count)
        for group, (owner, wanted) in enumerate(zip(owners, statistics, strict=True)):
            weights = np.take(drawn, owner, axis=1)
            for i, statistic in enumerate(wanted):
                found[i, part, group] = statistic(weights)
    return found


@dataclass(frozen=True)
class GapTail:
    """The largest gap: its limits at each normal quantile, and how probable such a quantile is.

    Attributes:
        low: lower limits at ``STEPS``, falling.
        high: upper limits at ``STEPS``, rising.
        largest_t: the largest studentised difference in each resample, sorted.
    """

    low: Floats
    high: Floats
    largest_t: Floats

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: gap <= t and of H0: gap >= t."""
        above = float(np.interp(-t, -self.low, STEPS))
        below = float(np.interp(t, self.high, STEPS))
        return self._half(above), self._half(below)

    def _half(self, z: float) -> float:
        beyond = self.largest_t.size - int(np.searchsorted(self.largest_t, z, side="left"))
        return (1 + beyond) / (self.largest_t.size + 1) / 2 if z > 0 else 1.0


@dataclass(frozen=True)
class _Limits:
    """How far the limits of groups (J, steps) and of their differences reach, at each quantile."""

    values: Floats
    below: Floats
    above: Floats
    correlation: Floats

    @staticmethod
    def of(estimates: Sequence[Estimate], correlation: Floats, bounds: Bounds) -> "_Limits":
        below, above = zip(*(reaches(estimate, bounds) for estimate in estimates), strict=True)
        values = np.array([estimate.value for estimate in estimates])
        return _Limits(values, np.stack(below), np.stack(above), correlation)

    def largest(self) -> tuple[Floats, Floats]:
        """The largest lower limit of any pair, never rising, and the largest upper one."""
        low, high = (np.full(STEPS.size, -np.inf) for _ in range(2))
        for j in range(self.values.size):
            others = np.arange(self.values.size) != j
            low = np.maximum(low, self._low(j)[others].max(axis=0))
            high = np.maximum(high, self._high(j)[others].max(axis=0))
        return np.minimum.accumulate(low), np.maximum.accumulate(high)

    def pairs(self, critical: float) -> tuple[Pair, ...]:
        """Every pair, the larger estimate first, with its limits at the critical value."""
        found = [pair for j in range(self.values.size) for pair in self._pairs_of(j, critical)]
        adjusted = holm([pair.p_value for pair in found])
        return tuple(
            replace(pair, p_adjusted=float(p)) for pair, p in zip(found, adjusted, strict=True)
        )

    def _pairs_of(self, j: int, critical: float) -> Iterator[Pair]:
        """The pairs whose larger estimate is that of j; among equals, the earlier group's."""
        low, high = self._low(j), self._high(j)
        for k, value in enumerate(self.values):
            if (-self.values[j], j) < (-value, k):
                ends = [float(np.interp(critical, STEPS, side[k])) for side in (low, high)]
                difference = float(self.values[j] - value)
                p_value = _p_value(low[k])
                yield Pair(j, k, difference, ends[0], ends[1], p_value, p_value)

    def _low(self, j: int) -> Floats:
        """Lower limits of j minus every group, (J, steps)."""
        return self._differences(j) - self._reach(self.below[j], self.above, j)

    def _high(self, j: int) -> Floats:
        return self._differences(j) + self._reach(self.above[j], self.below, j)

    def _differences(self, j: int) -> Floats:
        differences: Floats = (self.values[j] - self.values)[:, np.newaxis]
        return differences

    def _reach(self, own: Floats, others: Floats, j: int) -> Floats:
        together = 2 * self.correlation[j][:, np.newaxis] * own * others
        reach: Floats = np.sqrt(np.maximum(own**2 + others**2 - together, 0.0))
        return reach


def _p_value(low: Floats) -> float:
    """Two-sided p-value of no difference: at its quantile the lower limit is 0."""
    from scipy import special

    quantile = np.interp(0.0, -np.minimum.accumulate(low), STEPS)
    return float(2 * special.ndtr(-quantile))


def _deviations(
    estimates: Sequence[Estimate], replicates: Floats
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Replicates minus their means, undefined ones without deviation, and who has no variation.

    Where no resample shows an error, noise as wide as the group's own interval stands for it.
    """
    defined = np.isfinite(replicates)
    counts = np.maximum(defined.sum(axis=0), 1)
    means = np.where(defined, replicates, 0.0).sum(axis=0) / counts
    deviations: Floats = np.where(defined, replicates - means, 0.0)
    flat: npt.NDArray[np.bool_] = deviations.std(axis=0) < _UNVARIED
    widths = np.array([estimate.high - estimate.low for estimate in estimates])
    noise = np.random.default_rng(0).standard_normal((deviations.shape[0], int(flat.sum())))
    deviations[:, flat] = noise * np.maximum(widths[flat], _UNVARIED) / 4
    return deviations, flat


def _largest_differences(deviations: Floats) -> Floats:
    largest = np.zeros(deviations.shape[0])
    for j in range(deviations.shape[1] - 1):
        differences = deviations[:, j + 1 :] - deviations[:, [j]]
        spread = np.maximum(differences.std(axis=0, ddof=1), _UNVARIED)
        np.maximum(largest, np.abs(differences / spread).max(axis=1), out=largest)
    return largest


def _quantile(ordered: Floats, level: float) -> float:
    """The smallest value that at most 1 - level of the resamples reach, itself counted."""
    allowed = int(2 * half_alpha(level) * (ordered.size + 1)) - 1
    if allowed < 1:
        raise AuditError(
            f"{ordered.size} resamples are too few for simultaneous limits at level {level:g}."
        )
    return float(np.nextafter(ordered[-allowed - 1], np.inf))
