"""Two treatments compared within blocks by signs and ranks."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import Floats, finite_vector, half_alpha
from auditkit.stats.tails import BetaTail

_MOST_EXACT = 50
_DIGITS = 12  # differences that agree to so many digits are tied


@dataclass(frozen=True)
class SignedRanks:
    """Wilcoxon's signed-rank test.

    Attributes:
        n: number of differences other than 0.
        positive: sum of the ranks of positive differences.
        p_value: two-sided.
        method: "exact" or "normal approximation".
    """

    n: int
    positive: float
    p_value: float
    method: str


def signed_ranks(differences: ArrayLike) -> SignedRanks:
    r"""Wilcoxon's signed-rank test of symmetry about 0 (1945, doi:10.2307/3001968).

    Zeros are left out and ties have their mean rank. Up to 50 differences the distribution of the
    rank sum over all 2^n signs is exact, ties included; beyond, the normal approximation with variance
    sum_i r_i^2 / 4 (which holds the correction for ties) and no correction for continuity.

    Args:
        differences: (n,) of paired values, finite.

    Returns:
        The test; without any difference other than 0 the p-value is 1.

    Raises:
        AuditError: empty or not finite.

    Example:
        >>> signed_ranks([1.0, 2.0, 3.0, 4.0, 5.0]).p_value  # 2 of 2^5 signs are as extreme
        0.0625
    """
    given = finite_vector("differences", differences)
    largest = np.abs(given).max()
    rounded = np.round(given / largest, _DIGITS) if largest > 0 else given
    apart = rounded[rounded != 0]
    if apart.size == 0:
        return SignedRanks(0, 0.0, 1.0, "exact")
    from scipy.stats import rankdata

    ranks: Floats = rankdata(np.abs(apart))
    positive = float(ranks[apart > 0].sum())
    exact = apart.size <= _MOST_EXACT
    p_value = _exact(ranks, positive) if exact else _normal(ranks, positive)
    return SignedRanks(
        int(apart.size), positive, p_value, "exact" if exact else "normal approximation"
    )


def superiority(differences: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Probability that a difference is positive, P(D > 0) + P(D = 0) / 2, in [0, 1].

    The common-language effect of paired data (probability of superiority; Grissom & Kim 2012, Effect Sizes
    for Research, chapter 5). Clopper-Pearson with half a success for every tie, which keeps its level:
    ties only make the count vary less.

    Args:
        differences: (n,) of independent blocks, finite.
        level: two-sided confidence level.

    Returns:
        The probability; above 1/2 the first of the pair is usually larger.

    Raises:
        AuditError: fewer than two blocks, or not finite.

    Example:
        >>> superiority([0.3, 0.1, 0.0, -0.2]).value  # (1 + 1 + 1/2 + 0) / 4
        0.625
    """
    given, half = finite_vector("differences", differences), half_alpha(level)
    if given.size < 2:
        raise AuditError("superiority: one block; an interval needs at least two.")
    won = float((given > 0).sum() + (given == 0).sum() / 2)
    tail = BetaTail(won, float(given.size))
    low, high = tail.interval(half)
    method = "Clopper-Pearson over patients, ties as halves"
    return Estimate(
        won / given.size, low, high, level, int(given.size), int(given.size), method, tail
    )


def _exact(ranks: Floats, positive: float) -> float:
    """Two-sided p-value from the distribution of the rank sum over all signs.

    Twice the ranks are whole numbers, so that the distribution is one array.
    """
    steps = np.rint(2 * ranks).astype(np.int64)
    chances = np.zeros(int(steps.sum()) + 1)
    chances[0] = 1.0
    for step in steps:
        moved = np.zeros_like(chances)
        moved[step:] = chances[: chances.size - step]
        chances = (chances + moved) / 2
    found = round(2 * positive)
    smaller = min(found, chances.size - 1 - found)
    return min(1.0, 2 * float(chances[: smaller + 1].sum()))


def _normal(ranks: Floats, positive: float) -> float:
    from scipy import special

    distance = positive - float(ranks.sum()) / 2
    deviation = math.sqrt(float((ranks**2).sum()) / 4)
    return float(2 * special.ndtr(-abs(distance) / deviation))
