"""Intervals where few patients carry the estimate: most differ in nothing, some in much."""

import math
from dataclasses import dataclass

from auditkit.stats.estimate import Estimate, Tail
from auditkit.stats.inputs import Clusters, Floats, half_alpha
from auditkit.stats.tails import BoundedTail, Bounds, StudentTail

_ROUNDING = 1e-20


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
        >>> import numpy as np
        >>> from auditkit.stats import mean
        >>> from auditkit.stats.inputs import cluster_images
        >>> y = np.array([1.0] + 19 * [0.0])
        >>> groups, plain = cluster_images(None, 20), mean(y)
        >>> wide = for_few_carriers(plain, (y - y.mean()) / 20, groups, (-1.0, 1.0))
        >>> round(plain.high, 3), round(wide.high, 3)  # df 19 and 2.34: kurtosis 18.05
        (0.155, 0.237)
    """
    squares = groups.sums(influence) ** 2
    total = float(squares.sum())
    if total < _ROUNDING:
        return found
    count = groups.count
    kurtosis = count * float((squares**2).sum()) / total**2
    degrees = min(count - 1.0, 2 * count / max(kurtosis - 1, _ROUNDING))
    student = StudentTail(found.value, math.sqrt(count / (count - 1) * total), degrees)
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
