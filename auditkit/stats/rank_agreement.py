"""Whether two sets of blocks rank the same treatments alike."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.estimate import Estimate
from auditkit.stats.friedman import block_table
from auditkit.stats.inputs import (
    Clusters,
    Floats,
    at_least_two_clusters,
    cluster_images,
    half_alpha,
)
from auditkit.stats.resampling import REPLICATES, patient_weights, rows_per_chunk
from auditkit.stats.tails import BoundedTail

_DIGITS = 12  # means that agree to so many digits are tied
_UNVARIED = 1e-9  # standard error that is only rounding
_TOLERATED = 0.99
LEAST_ALIKE = 6  # so many equal differences have a sign at 5 % (2 / 2^6)


def kendall_tau_b(first: ArrayLike, second: ArrayLike) -> float:
    r"""Kendall's tau-b, in [-1, 1] (1945, doi:10.1093/biomet/33.3.239).

    tau_b = (C - D) / sqrt(n_1 n_2) with C concordant and D discordant pairs, n_1 the pairs that the
    first does not tie, n_2 those that the second does not.

    Args:
        first: (k,).
        second: (k,).

    Raises:
        AuditError: either is constant.

    Example:
        >>> kendall_tau_b([1, 2, 3, 4], [1, 3, 2, 4])  # 5 pairs agree, 1 does not
        0.6666666666666666
    """
    a, b = (
        np.sign(method_pairs(np.asarray(values, dtype=np.float64))) for values in (first, second)
    )
    untied = float((a**2).sum() * (b**2).sum())
    if untied == 0:
        raise AuditError("all treatments have the same mean, so there is no ranking to agree with.")
    return float(np.clip((a * b).sum() / np.sqrt(untied), -1.0, 1.0))


def rank_agreement(
    first: ArrayLike,
    second: ArrayLike,
    first_patients: ArrayLike,
    second_patients: ArrayLike,
    *,
    unseen: tuple[float, float] = (0.0, 0.0),
    seed: int = 0,
    replicates: int = REPLICATES,
    level: float = 0.95,
) -> Estimate:
    r"""Kendall's tau-b between the rankings of k treatments by their means in two sets of blocks.

    Jin et al. (arXiv:2202.10553, section 4.3) correlate the means so, and test the k pairs of ranks.

    Deviates: what is uncertain are the means, so that limits follow from patients. Noise mixes ranks and
    pulls tau towards 0, in every resample once more, so that percentiles of resampled taus miss
    rankings that agree (they covered tau = 1 in 23 % of simulations with 10 patients and 6 methods).
    Hence the order of two treatments counts as known where their mean difference exceeds z of its
    standard errors, in both sets, with z the ``level`` quantile of the largest studentised difference of
    any pair in either set over joint resamples of patients (max-t; Westfall & Young 1993). The pairs that
    are not known may all agree or all disagree:

        low = (C - D - U) / N,  high = (C - D + U) / N

    with C and D the known pairs that agree and disagree, U the others, N = k (k - 1) / 2. If all known
    orders are right, the true tau-b lies between, ties included.

    Args:
        first: (n, k), one row per block.
        second: (m, k).
        first_patients: (n,) ids; equal ids in both are one patient, drawn for both.
        second_patients: (m,) ids.
        unseen: most that a mean difference in the first and in the second set could change by if blocks
            that could not be evaluated were known; an order counts as known only beyond it.
        seed: of the draws.
        replicates: of the bootstrap.
        level: two-sided confidence level.

    Returns:
        tau-b in [-1, 1]; ``n`` is the number of blocks of both.

    Raises:
        AuditError: fewer than two treatments or blocks, or all treatments have one mean.

    Example:
        >>> ids = range(10), range(10, 20)
        >>> rank_agreement([[3, 2, 1]] * 10, [[3, 1, 2]] * 10, *ids).value  # one pair of three turned
        0.3333333333333333
    """
    sets = _Sets.of(first, second, first_patients, second_patients)
    value = kendall_tau_b(*sets.means())
    tail = _tail(sets, unseen, seed, replicates)
    critical = critical_value(tail.largest, level)
    low, high = tail.limits(critical)
    n, patients = len(sets.first) + len(sets.second), sets.clusters.count
    method = f"known orders of pairs: max-t over {replicates} resamples of {patients} patients"
    bounded = BoundedTail(tail, (-1.0, 1.0))
    return Estimate(value, min(low, value), max(high, value), level, n, patients, method, bounded)


@dataclass(frozen=True)
class _Sets:
    """Two sets of blocks and the patients of both, in one row of weights."""

    first: Floats
    second: Floats
    clusters: Clusters

    @staticmethod
    def of(
        first: ArrayLike, second: ArrayLike, first_patients: ArrayLike, second_patients: ArrayLike
    ) -> "_Sets":
        a, b = block_table(first), block_table(second)
        if a.shape[1] != b.shape[1]:
            raise AuditError(
                f"{a.shape[1]} treatments against {b.shape[1]}; the same ones in the same order were "
                "expected."
            )
        patients = np.concatenate([np.asarray(first_patients), np.asarray(second_patients)])
        clusters = cluster_images(patients, len(patients))
        at_least_two_clusters(clusters, "rank_agreement")
        return _Sets(a, b, clusters)

    def means(self) -> tuple[Floats, Floats]:
        """(k,) of either set."""
        return rounded_means(self.first.mean(axis=0)), rounded_means(self.second.mean(axis=0))

    def resampled(self, seed: int, replicates: int) -> Floats:
        """Differences of all pairs of means in both sets, (B, 2 pairs), one draw of patients for both."""
        generator, parts = np.random.default_rng(seed), []
        rows = rows_per_chunk(self.clusters.index.size)
        for start in range(0, replicates, rows):
            drawn = patient_weights(generator, min(rows, replicates - start), self.clusters.count)
            weights = np.take(drawn, self.clusters.index, axis=1)
            own, other = weights[:, : len(self.first)], weights[:, len(self.first) :]
            pairs = [
                method_pairs(_weighted(own, self.first)),
                method_pairs(_weighted(other, self.second)),
            ]
            parts.append(np.concatenate(pairs, axis=1))
        return np.concatenate(parts)

    @property
    def fewest(self) -> int:
        """Blocks of the smaller set."""
        return min(len(self.first), len(self.second))


@dataclass(frozen=True)
class PairTail:
    """Which pairs are known at each critical value.

    Attributes:
        known_below: (pairs,), the critical value below which the order of a pair is known in both sets.
        signs: (pairs,), 1 where the orders agree, -1 where they do not.
        largest: the largest studentised difference in each resample, sorted.
    """

    known_below: Floats
    signs: Floats
    largest: Floats

    def limits(self, critical: float) -> tuple[float, float]:
        """Limits of tau at a critical value."""
        return self._limits(self.known_below > critical)

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: tau <= t and of H0: tau >= t."""
        above = below = 1.0
        for critical in np.unique(self.known_below):
            low, high = self._limits(self.known_below >= critical)
            p_value = self._half(float(critical))
            above = min(above, p_value) if low > t else above
            below = min(below, p_value) if high < t else below
        return above, below

    def _limits(self, known: npt.NDArray[np.bool_]) -> tuple[float, float]:
        agreed, unknown = float(self.signs[known].sum()), int((~known).sum())
        return (agreed - unknown) / known.size, (agreed + unknown) / known.size

    def _half(self, critical: float) -> float:
        beyond = self.largest.size - int(np.searchsorted(self.largest, critical, side="left"))
        return (1 + beyond) / (self.largest.size + 1) / 2 if critical > 0 else 1.0


def _tail(sets: _Sets, unseen: tuple[float, float], seed: int, replicates: int) -> PairTail:
    differences = np.concatenate([method_pairs(mean) for mean in sets.means()])
    drawn = sets.resampled(seed, replicates)
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    if len(drawn) < _TOLERATED * replicates:
        raise AuditError(
            f"{replicates - len(drawn)} of {replicates} resamples of {sets.clusters.count} patients leave "
            "one of the two sets empty; use more patients."
        )
    deviations = drawn - drawn.mean(axis=0)
    errors = deviations.std(axis=0, ddof=1) * math.sqrt(sets.fewest / (sets.fewest - 1))
    scale = np.abs(differences).max()
    varied = errors > _UNVARIED * scale
    largest = np.abs(deviations[:, varied] / errors[varied]).max(axis=1, initial=0.0)
    beyond = np.maximum(np.abs(differences) - np.repeat(unseen, differences.size // 2), 0.0)
    # A difference that never varies is known if there are enough patients for any sign to be.
    alike = math.inf if sets.fewest >= LEAST_ALIKE else 0.0
    studentised = np.where(beyond > _UNVARIED * scale, alike, 0.0)
    studentised[varied] = beyond[varied] / errors[varied]
    first, second = np.split(np.arange(differences.size), 2)
    known_below = np.minimum(studentised[first], studentised[second])
    return PairTail(
        known_below, np.sign(differences[first] * differences[second]), np.sort(largest)
    )


def critical_value(ordered: Floats, level: float) -> float:
    """The value that at most 1 - level of the resamples exceed, itself counted."""
    allowed = int(2 * half_alpha(level) * (ordered.size + 1)) - 1
    if allowed < 0:
        raise AuditError(f"{ordered.size} resamples are too few for limits at level {level:g}.")
    return float(ordered[-allowed - 1])


def method_pairs(values: Floats) -> Floats:
    """Differences of all pairs (i < j) of the last axis."""
    i, j = np.triu_indices(values.shape[-1], k=1)
    differences: Floats = values[..., i] - values[..., j]
    return differences


def _weighted(weights: Floats, values: Floats) -> Floats:
    """Weighted means (B, k); NaN where a resample has no block."""
    with np.errstate(invalid="ignore"):
        means: Floats = weights @ values / weights.sum(axis=1, keepdims=True)
    return means


def rounded_means(means: Floats) -> Floats:
    """Means without the last digits, in which equal ones can differ."""
    scale = float(np.abs(means).max()) or 1.0
    rounded: Floats = np.round(means / scale, _DIGITS) * scale
    return rounded
