"""Intervals where few patients carry the estimate: most differ in nothing, some in much."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditkit.stats.estimate import Estimate, Tail
from auditkit.stats.inputs import Clusters, Floats, half_alpha
from auditkit.stats.tails import BoundedTail, Bounds, StudentTail

_ROUNDING = 1e-20
_MANY = 10.0  # degrees of freedom from which a variance counts as known


@dataclass(frozen=True)
class WiderTail:
    """A threshold is excluded only where both distributions exclude it."""

    first: Tail
    second: Tail

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: theta <= t and of H0: theta >= t."""
        (above, below), (other_above, other_below) = self.first(t), self.second(t)
        return max(above, other_above), max(below, other_below)


def for_few_carriers(
    found: Estimate, influence: Floats, groups: Clusters, bounds: Bounds
) -> Estimate:
    r"""The wider of an interval and of a t interval that knows how well the variance is known.

    With u_g the sum of influences of patient g of G (they sum to 0) and kurtosis
    k = G sum u_g^4 / (sum u_g^2)^2, the sample variance varies as that of
    df = 2 G / (k - 1) normal observations (Satterthwaite 1946, doi:10.2307/3002019):

        theta +- t_df sqrt(G / (G - 1) sum u_g^2),   df at most G - 1.

    A bootstrap redraws the patients that were seen and cannot know that the few who carry a
    difference are few; t with G - 1 degrees neither. For 60 patients of whom 6 change at all, percentiles
    covered 90 % and both together 95 %; where all change, nothing widens noticeably.

    Args:
        found: with any interval, such as a bootstrap's.
        influence: (n,) what each image adds to the error of the estimate, linearised; of a mean
            (y - mean) / n.
        groups: patients of the images.
        bounds: range of the quantity.

    Returns:
        The estimate with the wider interval; itself where influences cancel in every patient.

    Example:
        >>> from auditkit.stats import mean
        >>> from auditkit.stats.inputs import cluster_images
        >>> y = np.array([1.0] + 19 * [0.0])
        >>> groups, plain = cluster_images(None, 20), mean(y)
        >>> wide = for_few_carriers(plain, (y - y.mean()) / 20, groups, (-1.0, 1.0))
        >>> round(plain.high, 3), round(wide.high, 3)  # df 19 and 2.34: kurtosis 18.05
        (0.155, 0.237)
    """
    whole = _Part.of(groups.sums(influence))
    return found if whole.variance < _ROUNDING else _wider(found, whole, bounds)


def in_two_classes(
    found: Estimate,
    influence: Floats,
    positive: NDArray[np.bool_],
    groups: Clusters,
    bounds: Bounds,
) -> Estimate:
    r"""As `for_few_carriers`, of a mean over pairs of a positive and a negative image.

    Such a mean has the variance v = v_1 + v_0 of two samples, and each has carriers of its own. If the
    kurtosis of either class gives fewer than 10 degrees of freedom, they are those of t, and what a patient
    adds is not taken to vary less in one class than in the other (G_c patients of class c):

        v_c at least v_d G_d / G_c        d the other class.

    A class of which no patient happens to carry a difference shows next to no variance: of 30 and 30 patients
    of whom one in ten changes, that was one sample in 14, of whose intervals 62 % covered.

    Args:
        found: with any interval.
        influence: (n,) as for ``for_few_carriers``.
        positive: (n,) images of class 1.
        groups: patients of the images.
        bounds: range of the quantity.

    Returns:
        The estimate with the wider interval; itself where influences cancel in every patient.

    Example:
        >>> from auditkit.stats import mean
        >>> from auditkit.stats.inputs import cluster_images
        >>> positive = np.arange(40) < 20
        >>> influence = np.where(positive, -1.0, 0.0) / 400
        >>> influence[0] = 19 / 400  # one carrier, a positive
        >>> plain, groups = mean([0.0, 0.1] * 20), cluster_images(None, 40)
        >>> one = for_few_carriers(plain, influence, groups, (-1.0, 1.0))
        >>> wide = in_two_classes(plain, influence, positive, groups, (-1.0, 1.0))
        >>> round(one.high, 2), round(wide.high, 2)
        (0.24, 0.32)
    """
    whole = _Part.of(groups.sums(influence))
    if whole.variance < _ROUNDING:
        return found
    sides = [_Part.of(_sums_within(groups, influence, side)) for side in (positive, ~positive)]
    degrees = min(side.degrees for side in sides)
    if degrees >= _MANY:
        return _wider(found, whole, bounds)
    unseen = sum(
        max(other.variance * other.count / own.count - own.variance, 0.0)
        for own, other in (sides, sides[::-1])
    )
    degrees = min(degrees, whole.degrees)
    return _wider(found, _Part(whole.variance + unseen, degrees, whole.count), bounds)


@dataclass(frozen=True)
class _Part:
    """The variance of an estimate that comes from ``count`` patients, and how well it is known."""

    variance: float
    degrees: float
    count: int

    @classmethod
    def of(cls, sums: Floats) -> "_Part":
        """From each patient's sum of influences."""
        squares, count = sums**2, sums.size
        total = float(squares.sum())
        if total < _ROUNDING or count < 2:
            return cls(0.0, math.inf, count)
        kurtosis = count * float((squares**2).sum()) / total**2
        degrees = min(count - 1.0, 2 * count / max(kurtosis - 1, _ROUNDING))
        return cls(count / (count - 1) * total, degrees, count)


def _sums_within(groups: Clusters, influence: Floats, side: NDArray[np.bool_]) -> Floats:
    """Sums of influences over images of one class, of the patients who have any."""
    sums = groups.sums(np.where(side, influence, 0.0))
    return sums[np.unique(groups.index[side])]


def _wider(found: Estimate, part: _Part, bounds: Bounds) -> Estimate:
    degrees = part.degrees
    student = StudentTail(found.value, math.sqrt(part.variance), degrees)
    bounded = BoundedTail(student, bounds)
    low, high = bounded.clip(student.interval(half_alpha(found.level)))
    return Estimate(
        found.value,
        min(found.low, low),
        max(found.high, high),
        found.level,
        found.n,
        found.clusters,
        f"{found.method}, or t with {degrees:.3g} degrees of freedom if wider",
        WiderTail(found.tail, bounded),
    )
