"""Medians with limits that assume no distribution."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import Floats, finite_vector, half_alpha
from auditkit.stats.tails import Bounds


@dataclass(frozen=True)
class SignTail:
    """The sign test: how many of n values lie on either side of a threshold.

    If the median is at most t, at most half of the values are expected above t, hence
    p(H0: median <= t) = P(Bin(n, 1/2) >= #{x > t}); likewise below.
    """

    ordered: Floats

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: median <= t and of H0: median >= t."""
        n = self.ordered.size
        above = n - int(np.searchsorted(self.ordered, t, side="right"))
        below = int(np.searchsorted(self.ordered, t, side="left"))
        return self._at_least(above), self._at_least(below)

    def _at_least(self, count: int) -> float:
        from scipy import special

        n = self.ordered.size
        return 1.0 if count == 0 else float(special.bdtrc(count - 1, n, 0.5))

    def interval(self, half: float, bounds: Bounds) -> Bounds:
        """The innermost order statistics with at most ``half`` beyond; the bounds where none is."""
        n = self.ordered.size
        place = 0
        while place < n // 2 and self._at_least(n - place) <= half:
            place += 1
        if place == 0:
            return bounds
        return float(self.ordered[place - 1]), float(self.ordered[n - place])


def median(
    values: ArrayLike, *, bounds: Bounds = (-math.inf, math.inf), level: float = 0.95
) -> Estimate:
    """Median of independent values with the interval of the sign test.

    [x_(k), x_(n + 1 - k)] with the largest k for which P(Bin(n, 1/2) <= k - 1) <= (1 - level) / 2
    (Conover 1999, Practical Nonparametric Statistics, section 3.2). It holds for any distribution, discrete
    ones included; fewer than six values set no limit at 95 %.

    Args:
        values: (n,) independent, finite.
        bounds: range of the values, the limits where the data set none.
        level: two-sided confidence level.

    Returns:
        The median.

    Raises:
        AuditError: empty or not finite.

    Example:
        >>> found = median([3.0, 1.0, 2.0, 6.0, 5.0, 4.0])
        >>> found.value, found.low, found.high  # both ends: 2 / 2^6 = 0.03 beyond
        (3.5, 1.0, 6.0)
    """
    ordered = np.sort(finite_vector("values", values))
    tail = SignTail(ordered)
    low, high = tail.interval(half_alpha(level), bounds)
    value, n = float(np.median(ordered)), int(ordered.size)
    return Estimate(value, low, high, level, n, n, "order statistics (sign test)", tail)
