"""A quantity measured on the same patients for several trainings of one model: both are samples.

Trainings x patients is a crossed design, as readers x cases is: all trainings see the same patients, so that
K trainings of n patients are never K n independent observations.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.differences import ReachTail
from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import Clusters, Floats, half_alpha
from auditkit.stats.reaches import STEPS
from auditkit.stats.tails import BoundedTail, Bounds, PointTail, TwoTails, UnvariedTail

_UNVARIED = 1e-12
_TOLERATED = 0.99


def mean_over_trainings(
    values: ArrayLike,
    drawn: ArrayLike,
    groups: Clusters,
    *,
    bounds: Bounds,
    level: float = 0.95,
) -> Estimate:
    r"""Mean over K trainings of a quantity, for other trainings and other patients than these.

    With s^2 the variance of the K values (over K - 1), C the mean covariance of two trainings over resamples
    of the G patients (times G / (G - 1); negative ones are 0) and t_f Student's quantile,

        mean +- sqrt(t_{K-1}^2 s^2 / K + t_{G-1}^2 C).

    s^2 / K holds what differs between trainings and what patients and trainings do together; what patients
    do to all trainings alike moves no value away from the others and is C: the variance of Obuchowski &
    Rockette (1995, doi:10.1080/03610919508813243) for readers and cases. Each part has its own degrees of
    freedom (Howe 1974, J. Am. Stat. Assoc. 69, 789-794), which covered 95.5 to 97 % in simulations with K = 2
    to 5 and G = 60, whichever part is the larger (benchmarks/trainings_coverage.py). Satterthwaite's one
    number for both falls to 92 % for K = 3 and 88 % for K = 2, K n independent values to 49 to 81 %.

    Args:
        values: (K,) of each training, K >= 2.
        drawn: (B, K) the same in joint resamples of patients; NaN where undefined.
        groups: patients of all images.
        bounds: finite range of the quantity.
        level: two-sided confidence level.

    Returns:
        The mean. If neither trainings nor resamples differ, the exact bound of min(K, patients) equal
        observations.

    Raises:
        AuditError: fewer than two trainings, or more than 1 % of the resamples are undefined.

    Example:
        >>> from auditkit.stats.inputs import cluster_images
        >>> groups, still = cluster_images(None, 10), np.zeros((99, 3)) + [0.1, 0.2, 0.3]
        >>> found = mean_over_trainings([0.1, 0.2, 0.3], still, groups, bounds=(-1.0, 1.0))
        >>> round(found.value, 9), round(found.high, 3)  # .2 + 4.303 * .1 / sqrt(3)
        (0.2, 0.448)
    """
    own, table = _checked(values, drawn)
    half, value, count = half_alpha(level), float(own.mean()), own.size
    between = float(own.std(ddof=1)) / math.sqrt(count)
    shared = _shared_error(table, groups)
    method = (
        f"mean of {count} trainings: Student t of {count - 1} degrees between them, and cluster bootstrap of "
        f"what they share ({groups.count} patients)"
    )
    tail: ReachTail | UnvariedTail
    if max(between, shared) <= _UNVARIED:
        tail = UnvariedTail(value, bounds, min(count, groups.effective_count))
        method = f"{count} trainings, no variation: exact bound"
    else:
        parts = zip((between, shared), (count - 1, groups.count - 1), strict=True)
        reach = np.sqrt(sum((_quantiles(degrees) * error) ** 2 for error, degrees in parts))
        tail = ReachTail(value, reach, reach)
    bounded = BoundedTail(tail, bounds)
    low, high = bounded.clip(tail.interval(half))
    return Estimate(value, low, high, level, groups.index.size, groups.count, method, bounded)


def sd_over_trainings(
    values: ArrayLike, groups: Clusters, *, most: float = 1.0, level: float = 0.95
) -> Estimate:
    r"""Standard deviation between trainings, as measured on these patients.

        s^2 = sum_k (x_k - mean)^2 / (K - 1)
        limits: s sqrt((K - 1) / chi2_{1 - a/2}) and s sqrt((K - 1) / chi2_{a/2})

    with chi2 of K - 1 degrees: exact for normal values. What patients do to all trainings alike is not in
    it; what they do to each is, so that it exceeds the deviation that endless patients would show. That is
    not taken off: the difference of two uncertain variances is often negative, and the limit that matters
    for stability is the upper one.

    Args:
        values: (K,) of each training, K >= 2.
        groups: patients of all images.
        most: the largest possible standard deviation, of K values without end.
        level: two-sided confidence level.

    Returns:
        The deviation, >= 0. Equal values of so few trainings exclude nothing: the interval is [0, most].

    Raises:
        AuditError: fewer than two trainings.

    Example:
        >>> from auditkit.stats.inputs import cluster_images
        >>> found = sd_over_trainings([0.1, 0.2, 0.3, 0.4, 0.5], cluster_images(None, 60))
        >>> round(found.value, 4), round(found.low, 4), round(found.high, 4)  # chi2: 11.143, 0.4844
        (0.1581, 0.0947, 0.4543)
    """
    own, _ = _checked(values, np.asarray(values)[np.newaxis])
    half, value = half_alpha(level), float(own.std(ddof=1))
    n, clusters = groups.index.size, groups.count
    if value <= _UNVARIED:
        two = TwoTails(PointTail(0.0), PointTail(most))
        method = f"{own.size} trainings with equal values: nothing excluded"
        return Estimate(0.0, 0.0, most, level, n, clusters, method, two)
    tail = DeviationTail(value, own.size - 1)
    bounded = BoundedTail(tail, (0.0, max(most, value)))
    low, high = bounded.clip(tail.interval(half))
    method = f"chi-square of {own.size - 1} degrees between {own.size} trainings"
    return Estimate(value, low, high, level, n, clusters, method, bounded)


@dataclass(frozen=True)
class DeviationTail:
    """A standard deviation of normal values, by the chi-square distribution.

    Attributes:
        deviation: the estimate, > 0.
        degrees: of freedom.
    """

    deviation: float
    degrees: int

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: sigma <= t and of H0: sigma >= t."""
        from scipy import special

        if t <= 0:
            return 0.0, 1.0
        ratio = self.degrees * (self.deviation / t) ** 2
        above, below = special.chdtrc(self.degrees, ratio), special.chdtr(self.degrees, ratio)
        return float(above), float(below)

    def interval(self, half: float) -> Bounds:
        """The limits that leave the probability ``half`` in each tail."""
        from scipy import special

        upper, lower = (special.chdtri(self.degrees, p) for p in (half, 1 - half))
        low, high = (math.sqrt(self.degrees / float(q)) for q in (upper, lower))
        return self.deviation * low, self.deviation * high


def _checked(values: ArrayLike, drawn: ArrayLike) -> tuple[Floats, Floats]:
    own, table = np.asarray(values, np.float64), np.asarray(drawn, np.float64)
    if own.ndim != 1 or own.size < 2 or not np.isfinite(own).all():
        raise AuditError(
            f"values has shape {own.shape}; expected numbers of two or more trainings."
        )
    if table.ndim != 2 or table.shape[1] != own.size:
        raise AuditError(f"drawn has shape {table.shape}; expected (resamples, {own.size}).")
    defined = table[np.isfinite(table).all(axis=1)]
    if len(defined) < _TOLERATED * len(table):
        raise AuditError(
            f"{len(table) - len(defined)} of {len(table)} resamples of patients are undefined, for instance "
            "because a class is missing; use more patients of the rarer class."
        )
    return own, defined


def _shared_error(drawn: Floats, groups: Clusters) -> float:
    """Square root of the mean covariance of two trainings."""
    trainings = drawn.shape[1]
    covariance = np.atleast_2d(np.cov(drawn, rowvar=False))
    between = float(covariance.sum() - np.trace(covariance)) / (trainings * (trainings - 1))
    return math.sqrt(max(between, 0.0) * groups.count / (groups.count - 1))


def _quantiles(degrees: int) -> Floats:
    """Student's quantiles where the normal ones are ``STEPS``."""
    from scipy import special

    found: Floats = -special.stdtrit(degrees, special.ndtr(-STEPS))
    return found
