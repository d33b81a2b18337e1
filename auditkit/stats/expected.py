"""What a sample of planned size will say of a proportion: how wide, and what it would show."""

import math

import numpy as np

from auditkit.errors import AuditError
from auditkit.stats.inputs import Floats, half_alpha
from auditkit.stats.sample_size import checked


def expected_half_width(
    proportion: float, n: int, *, level: float = 0.95, design_effect: float = 1.0
) -> float:
    r"""Expected half width of the Clopper-Pearson interval of a proportion.

    With m = n / deff trials (rounded down, at least 1) and [l_x, u_x] the interval of x successes,

        sum_x P(X = x | m, p) (u_x - l_x) / 2.

    Args:
        proportion: the true proportion p, in [0, 1].
        n: number of images, or of images times raters.
        level: two-sided confidence level.
        design_effect: by how much answers of one patient inflate the variance, at least 1.

    Returns:
        In (0, 0.5].

    Raises:
        AuditError: an argument out of range.

    Example:
        >>> round(expected_half_width(0.0, 60), 4)  # (1 - 0.025 ** (1 / 60)) / 2
        0.0298
    """
    from scipy import special, stats

    half = half_alpha(level)
    trials = _trials(proportion, n, design_effect)
    x = np.arange(trials + 1.0)
    # The two ends have no limit on one side; their place in the formula is not looked at.
    low: Floats = np.where(x > 0, special.betaincinv(np.maximum(x, 1), trials - x + 1, half), 0.0)
    high: Floats = np.where(
        x < trials, special.betainccinv(x + 1, np.maximum(trials - x, 1), half), 1.0
    )
    return float(stats.binom.pmf(x, trials, proportion) @ (high - low) / 2)


def smallest_above(
    bound: float, n: int, *, power: float = 0.9, level: float = 0.95, design_effect: float = 1.0
) -> float:
    r"""Smallest proportion whose Clopper-Pearson interval lies above a bound with this power.

    With m = n / deff trials, x the fewest successes whose lower limit exceeds the bound (1 for a bound of 0),
    and B the quantile of the beta distribution: B(power; x, m - x + 1), for which P(X >= x) = power.

    Args:
        bound: in [0, 1).
        n: number of images, or of images times raters.
        power: probability of clearing the bound.
        level: two-sided confidence level.
        design_effect: at least 1.

    Returns:
        In (bound, 1).

    Raises:
        AuditError: an argument out of range, or too few trials for any proportion.

    Example:
        >>> round(smallest_above(0.0, 100), 4)  # 1 - 0.1 ** (1 / 100): noted at least once
        0.0228
    """
    from scipy import special, stats

    half = checked(power, level, design_effect)
    trials = _trials(bound, n, design_effect)
    x = np.arange(1, trials + 1)
    enough = x[stats.binom.sf(x - 1, trials, bound) <= half]
    if not enough.size:
        raise AuditError(f"with {trials} trials no proportion has an interval above {bound:g}")
    fewest = int(enough[0])
    return float(special.betaincinv(fewest, trials - fewest + 1, power))


def _trials(proportion: float, n: int, design_effect: float) -> int:
    if not 0 <= proportion <= 1 or n < 1 or design_effect < 1:
        raise AuditError(
            f"proportion {proportion}, n {n}, design effect {design_effect}: expected within [0, 1], at "
            "least 1 and at least 1"
        )
    return max(1, math.floor(n / design_effect))
