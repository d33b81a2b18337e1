"""How many images an audit needs before it can pass.

Each function answers: if the true value is what we expect, how many images make it probable
(``power``) that the two-sided interval at ``level`` lies wholly on the right side of the margin?
"""

import math
from collections.abc import Callable

import numpy as np

from auditkit.errors import AuditError
from auditkit.stats.inputs import half_alpha
from auditkit.stats.tails import logit, student

_MOST = 10_000_000


def required_n_mean(
    sd: float,
    effect: float,
    margin: float,
    *,
    power: float = 0.9,
    level: float = 0.95,
    design_effect: float = 1.0,
) -> int:
    r"""Images needed to place a mean on the right side of a margin.

    The smallest n with P(T > t_{1 - alpha/2, n-1}) >= power, where T has the noncentral t
    distribution with n - 1 degrees and noncentrality sqrt(n) |effect - margin| / sd; times deff.

    Args:
        sd: standard deviation over images.
        effect: the mean that is expected.
        margin: the limit that the interval must not reach.
        power: probability of success if the mean is ``effect``.
        level: two-sided confidence level of the interval.
        design_effect: 1 + (m - 1) * ICC for m images per patient.

    Returns:
        Number of images, at least 2.

    Raises:
        AuditError: effect equals margin, or an argument out of range.

    Example:
        >>> required_n_mean(sd=1.0, effect=0.0, margin=0.5)
        44
    """
    half = checked(power, level, design_effect)
    if sd <= 0:
        raise AuditError(f"sd is {sd}; expected a positive standard deviation.")
    ratio = sd / _distance(effect, margin)

    def enough(n: int) -> bool:
        from scipy import special

        missed = special.nctdtr(n - 1, math.sqrt(n) / ratio, -student(half, n - 1))
        return bool(missed <= 1 - power)

    return math.ceil(_smallest(enough) * design_effect)


def required_n_proportion(
    proportion: float,
    margin: float,
    *,
    power: float = 0.9,
    level: float = 0.95,
    design_effect: float = 1.0,
) -> int:
    r"""Images needed to place a proportion on the right side of a margin.

    Exact power of the Clopper-Pearson interval: it lies below the margin when
    P(X <= x | n, margin) <= alpha / 2. The power saws up and down with n; the number returned is
    the smallest from which it never again falls below ``power``.

    Args:
        proportion: the proportion that is expected; 0 and 1 are allowed.
        margin: the limit that the interval must not reach, in (0, 1).
        power: probability of success if the proportion is ``proportion``.
        level: two-sided confidence level of the interval.
        design_effect: 1 + (m - 1) * ICC for m images per patient.

    Returns:
        Number of images.

    Raises:
        AuditError: proportion equals margin, or an argument out of range.

    Example:
        >>> required_n_proportion(0.0, 0.05)  # log 0.025 / log 0.95 = 71.9
        72
    """
    half = checked(power, level, design_effect)
    if not (0 <= proportion <= 1 and 0 < margin < 1):
        raise AuditError(f"proportion {proportion}, margin {margin}: expected both within [0, 1].")
    distance = _distance(proportion, margin)
    if proportion > margin:  # the mirror image: failures instead of successes
        proportion, margin = 1 - proportion, 1 - margin
    # Hoeffding: from here on both error probabilities are below half and 1 - power for certain.
    tails = math.sqrt(-math.log(half)) + math.sqrt(-math.log(1 - power))
    limit = math.ceil((tails / distance) ** 2 / 2) + 2
    if limit > _MOST:
        raise AuditError(
            f"proportion {proportion:g} is too close to the margin {margin:g}: more than "
            f"{_MOST} images might be needed."
        )
    return math.ceil(_last_rise(proportion, margin, half, power, limit) * design_effect)


def required_n_auroc(
    auroc: float,
    margin_bound: float,
    prevalence: float,
    *,
    power: float = 0.9,
    level: float = 0.95,
    design_effect: float = 1.0,
) -> int:
    r"""Images (of both classes together) needed to place an AUROC on the right side of a bound.

    Variance of Hanley & McNeil 1982 (doi:10.1148/radiology.143.1.7063747), on the logit scale as
    in ``auroc``; A the area, Q1 = A / (2 - A), Q2 = 2 A^2 / (1 + A):

        var(A) = (A (1 - A) + (n+ - 1)(Q1 - A^2) + (n- - 1)(Q2 - A^2)) / (n+ n-)
        (z_{1 - alpha/2} + z_power) sqrt(var) / (A (1 - A)) <= |logit A - logit bound|.

    Args:
        auroc: the area that is expected, in (0, 1).
        margin_bound: the limit that the interval must not reach, in (0, 1).
        prevalence: share of positive images, in (0, 1).
        power: probability of success if the area is ``auroc``.
        level: two-sided confidence level of the interval.
        design_effect: 1 + (m - 1) * ICC for m images per patient.

    Returns:
        Number of images, with at least two expected of each class.

    Raises:
        AuditError: auroc equals the bound, or an argument out of range.

    Example:
        >>> required_n_auroc(0.9, 0.8, prevalence=0.5)
        203
    """
    half = checked(power, level, design_effect)
    if not all(0 < x < 1 for x in (auroc, margin_bound, prevalence)):
        raise AuditError("auroc, margin_bound and prevalence: expected values between 0 and 1.")
    distance = _distance(logit(auroc), logit(margin_bound))
    reach = -normal(half) + normal(power)

    def enough(n: int) -> bool:
        positive, negative = n * prevalence, n * (1 - prevalence)
        if min(positive, negative) < 2:
            return False
        error = math.sqrt(hanley_mcneil(auroc, positive, negative)) / (auroc * (1 - auroc))
        return reach * error <= distance

    return math.ceil(_smallest(enough) * design_effect)


def checked(power: float, level: float, design_effect: float) -> float:
    """Half of alpha, if the arguments are in range."""
    half = half_alpha(level)
    if not half < power < 1 or design_effect < 1:
        raise AuditError(
            f"power {power}, design_effect {design_effect}: expected a power between "
            f"{half:g} and 1 and a design effect of at least 1."
        )
    return half


def _distance(expected: float, margin: float) -> float:
    if expected == margin:
        raise AuditError(f"the expected value equals the margin ({margin:g}); no n can tell.")
    return abs(expected - margin)


def _smallest(enough: Callable[[int], bool]) -> int:
    high = 2
    while not enough(high):
        high *= 2
        if high > _MOST:
            raise AuditError(f"more than {_MOST} images would be needed; the margin is too close.")
    low = max(1, high // 2)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def normal(probability: float) -> float:
    """Quantile of the standard normal distribution."""
    from scipy import special

    return float(special.ndtri(probability))


def _last_rise(proportion: float, margin: float, half: float, power: float, limit: int) -> int:
    from scipy import stats

    n = np.arange(1, limit + 1)
    most = stats.binom.ppf(half, n, margin)  # the smallest x with P(X <= x) >= half
    most = np.where(stats.binom.cdf(most, n, margin) <= half, most, most - 1)
    reached = np.where(most >= 0, stats.binom.cdf(most, n, proportion), 0.0) >= power
    short = np.flatnonzero(~reached)
    return int(n[short[-1]]) + 1 if short.size else 1


def hanley_mcneil(area: float, positive: float, negative: float) -> float:
    """Variance of an AUROC from numbers of images (1982, doi:10.1148/radiology.143.1.7063747)."""
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    spread = (positive - 1) * (first - area**2) + (negative - 1) * (second - area**2)
    return (area * (1 - area) + spread) / (positive * negative)
