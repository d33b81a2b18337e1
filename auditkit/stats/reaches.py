"""How far an interval reaches at every level, read off the p-values that belong to it."""

import numpy as np

from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import Floats
from auditkit.stats.tails import Bounds

STEPS: Floats = np.linspace(0.0, 7.5, 301)
"""Normal quantiles z at which limits are tabulated; the one-sided level is Phi(z)."""

_POINTS = np.linspace(0.0, 1.0, 161) ** 3  # densest near the estimate


def reaches(estimate: Estimate, bounds: Bounds) -> tuple[Floats, Floats]:
    """Distances from the estimate to its lower and its upper limit at ``STEPS``.

    The limit at z is where the one-sided p-value is Phi(-z), interpolated between thresholds.

    Args:
        estimate: with any kind of interval.
        bounds: finite range of the quantity.

    Returns:
        Two arrays like ``STEPS``, >= 0 and not falling; at most the distance to the bound.

    Example:
        >>> from auditkit.stats import mean
        >>> found = mean([0.2, 0.4, 0.5, 0.7] * 10, bounds=(0.0, 1.0))
        >>> below, above = reaches(found, (0.0, 1.0))
        >>> round(float(np.interp(1.959964, STEPS, below)), 4) == round(found.value - found.low, 4)
        True
    """
    down, up = estimate.value - bounds[0], bounds[1] - estimate.value
    below = [estimate.p_above(estimate.value - down * point) for point in _POINTS]
    above = [estimate.p_below(estimate.value + up * point) for point in _POINTS]
    return _reach(np.array(below), down), _reach(np.array(above), up)


def _reach(p_values: Floats, room: float) -> Floats:
    from scipy import special

    quantiles = np.maximum.accumulate(-special.ndtri(p_values))
    finite = np.isfinite(quantiles)
    if not finite.any():
        return np.full(STEPS.size, room)
    reach: Floats = np.interp(STEPS, quantiles[finite], room * _POINTS[finite], right=room)
    return reach
