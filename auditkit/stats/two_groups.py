"""Two groups of images, such as right and wrong decisions: how far their values differ."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import (
    Clusters,
    Floats,
    binary_vector,
    cluster_images,
    finite_vector,
    half_alpha,
    same_length,
)
from auditkit.stats.roc import auroc_influence, auroc_point, independent_pairs
from auditkit.stats.sources import (
    Source,
    WiderTail,
    combined,
    effective_patients,
    from_sources,
    mean_source,
    negated,
)
from auditkit.stats.tails import BoundedTail, Bounds, StudentTail, UnvariedTail, logit

_UNIT: Bounds = (0.0, 1.0)
_ENOUGH = 5  # patients who show their own spread well enough


def group_superiority(
    first: ArrayLike, values: ArrayLike, clusters: ArrayLike | None = None, *, level: float = 0.95
) -> Estimate:
    r"""Probability of superiority P(X > Y) + P(X = Y) / 2 of X in the first group over Y in the other.

    The Mann-Whitney U over the number of pairs, which is the AUROC of the values as a detector of the first
    group. The wider of two intervals, since one of the groups is often small:

    * Brunner & Munzel (2000, doi:10.1002/(SICI)1521-4036(200001)42:1<17::AID-BIMJ17>3.0.CO;2-U) on the
      logit scale: influences summed within patients, t with Satterthwaite's degrees. It lets the groups
      differ in spread, but with two or three members cannot see its own error (it covered 87 %).
    * Newcombe's method 5 (2006, doi:10.1002/sim.2324): |theta - t| = z sqrt(V(t)) with
      V(t) = t (1 - t) / (m n) (1 + ((m + n) / 2 - 1) ((1 - t) / (2 - t) + t / (1 + t))), m and n the
      patients of the groups.

    Values that separate the groups completely, or are all equal, have the exact bound of `auroc`.

    Args:
        first: (n,) 1 in the first group, 0 in the other.
        values: (n,).
        clusters: (n,) patient ids; None for independent images.
        level: two-sided confidence level.

    Returns:
        The probability, in [0, 1]; 1/2 where neither group is higher.

    Raises:
        AuditError: fewer than two patients in a group.

    Example:
        >>> found = group_superiority([1, 1, 1, 0, 0], [0.9, 0.6, 0.2, 0.4, 0.1])
        >>> round(found.value, 6)  # 2 + 2 + 1 of 6 pairs
        0.833333
    """
    y, x, groups = _checked(first, values, clusters)
    value = auroc_point(y, x)
    counts = _patients(y, groups)
    if value in _UNIT or x.min() == x.max():
        pairs = independent_pairs(y, groups)
        unvaried = UnvariedTail(value, _UNIT, pairs)
        method = f"no variation: exact bound of {pairs} independent pairs"
        bounded = BoundedTail(unvaried, _UNIT)
        low, high = bounded.clip(unvaried.interval(half_alpha(level)))
        return Estimate(value, low, high, level, y.size, groups.count, method, bounded)
    influence = auroc_influence(y, x)
    sources = [Source(np.where(y == side, influence, 0.0), y == side) for side in (1, 0)]
    error, degrees = combined(sources, groups)
    slope = 1 / (value * (1 - value))
    student = StudentTail(logit(value), error * slope, degrees, "logit")
    tail = WiderTail(student, _ScoreTail(value, *counts))
    low, high = tail.interval(half_alpha(level))
    method = f"wider of Brunner-Munzel (logit) and Newcombe's method 5, {counts[0]} and {counts[1]} patients"
    return Estimate(value, low, high, level, y.size, groups.count, method, tail)


def group_difference(
    first: ArrayLike,
    values: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    bounds: Bounds = _UNIT,
    level: float = 0.95,
) -> Estimate:
    """Mean of the first group minus mean of the other, with Welch's interval over patients.

    See `from_sources`; a group whose values are all equal has its exact bound. A group of two to four
    patients can look almost constant by chance: then the interval with the variance pooled over both groups
    counts where it is wider.

    Args:
        first: (n,) 1 in the first group, 0 in the other.
        values: (n,), finite.
        clusters: (n,) patient ids; None for independent images.
        bounds: finite range of the values.
        level: two-sided confidence level.

    Returns:
        The difference, within +-(bounds[1] - bounds[0]).

    Raises:
        AuditError: fewer than two patients in a group.

    Example:
        >>> round(group_difference([1, 1, 0, 0], [0.8, 0.6, 0.3, 0.5]).value, 6)  # .7 - .4
        0.3
    """
    y, x, groups = _checked(first, values, clusters)
    value = float(x[y == 1].mean() - x[y == 0].mean())
    span = bounds[1] - bounds[0]
    sources = difference_sources(y, x, groups, bounds)
    least = pooled(value, sources, groups)
    return from_sources(value, sources, groups, bounds=(-span, span), least=least, level=level)


def difference_sources(
    first: Floats, values: Floats, groups: Clusters, bounds: Bounds
) -> list[Source]:
    """The errors of both groups' means."""
    own, other = (mean_source(values, first == side, groups, bounds) for side in (1, 0))
    return [own, negated(other)]


def pooled(
    value: float, sources: Sequence[Source], groups: Clusters, other: float = 0.0
) -> StudentTail | None:
    """Student's interval of a difference of two means, with one variance for both groups.

    Args:
        value: the difference.
        sources: of `difference_sources`.
        groups: patients of all images.
        other: variance from another source.

    Returns:
        The tail, its degrees those of the patients; None if both groups have at least five patients, or
        neither varies.
    """
    if min(int(np.unique(groups.index[source.members]).size) for source in sources) >= _ENOUGH:
        return None
    sizes = [int(source.members.sum()) for source in sources]
    residuals = [size * source.influence for size, source in zip(sizes, sources, strict=True)]
    patients = [effective_patients(source.members, groups) for source in sources]
    variance = float(sum((one**2).sum() for one in residuals)) / (sum(sizes) - 2)
    error = math.sqrt(variance * sum(1 / count for count in patients) + other)
    members = sources[0].members | sources[1].members
    degrees = max(1, int(np.unique(groups.index[members]).size) - 2)
    return StudentTail(value, error, degrees) if error > 0 else None


@dataclass(frozen=True)
class _ScoreTail:
    """Newcombe's method 5: the variance of the probability of superiority under each hypothesis."""

    value: float
    first: float
    second: float

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: theta <= t and of H0: theta >= t."""
        from scipy import special

        if not 0 < t < 1:
            return (0.0, 1.0) if t <= 0 else (1.0, 0.0)
        larger = (1 - t) / (2 - t) + t / (1 + t)
        inflation = 1 + ((self.first + self.second) / 2 - 1) * larger
        variance = t * (1 - t) / (self.first * self.second) * inflation
        z = (self.value - t) / math.sqrt(variance)
        return float(special.ndtr(-z)), float(special.ndtr(z))

    def interval(self, half: float) -> Bounds:
        """Where the p-values fall to ``half``; the value lies between 0 and 1."""
        from scipy import optimize

        tiny = 1e-12
        low = optimize.brentq(lambda t: self(t)[0] - half, tiny, self.value)
        high = optimize.brentq(lambda t: self(t)[1] - half, self.value, 1 - tiny)
        return float(low), float(high)


def _checked(
    first: ArrayLike, values: ArrayLike, clusters: ArrayLike | None
) -> tuple[Floats, Floats, Clusters]:
    y, x = binary_vector("first", first), finite_vector("values", values)
    same_length(first=y, values=x)
    groups = cluster_images(clusters, y.size)
    require_two_groups(y, groups)
    return y, x, groups


def require_two_groups(first: Floats, groups: Clusters) -> None:
    """Refuses a group of fewer than two patients, in whom no variance can be seen.

    Args:
        first: (n,) 1 in the first group, 0 in the other, NaN in none.
        groups: patients of all images.

    Raises:
        AuditError: there is such a group.
    """
    counts = _patients(first, groups)
    if min(counts) < 2:
        raise AuditError(
            f"groups of {counts[0]} and {counts[1]} patients; at least two in each are needed to compare "
            "them."
        )


def _patients(y: Floats, groups: Clusters) -> tuple[int, int]:
    """Patients with an image in the first group, and in the other."""
    first, other = (int(np.unique(groups.index[y == side]).size) for side in (1, 0))
    return first, other
