"""The Mann-Whitney test, with its exact distribution where ties or few values need it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from auditkit.stats.inputs import Floats, Integers, finite_vector

_MOST_CELLS = 2 * 10**7  # work of the exact distribution: about a tenth of a second


@dataclass(frozen=True)
class RankSum:
    """The Mann-Whitney test of two independent groups.

    Attributes:
        statistic: U, the pairs in which the first group's value is larger, ties a half.
        p_value: one-sided, of 'the first group is not higher'.
        method: "exact" or "normal approximation".
    """

    statistic: float
    p_value: float
    method: str


def rank_sum(first: ArrayLike, second: ArrayLike) -> RankSum:
    r"""Upper-tailed Mann-Whitney test (1947, doi:10.1214/aoms/1177730491).

    The exact distribution of U over all ways to divide the values, ties included, where its work is
    small; else the normal approximation with the variance corrected for ties and for continuity.

    Deviates from ``scipy.stats.mannwhitneyu``, whose exact distribution knows no ties.

    Args:
        first: (m,) independent, finite.
        second: (n,).

    Returns:
        The test; p is small where the first group is higher.

    Raises:
        AuditError: an empty group, or not finite.

    Example:
        >>> rank_sum([4.0, 5.0, 6.0], [1.0, 2.0]).p_value  # one of 10 ways to divide five values
        0.1
    """
    x, y = finite_vector("first", first), finite_vector("second", second)
    from scipy.stats import rankdata

    ranks: Floats = rankdata(np.concatenate([x, y]))
    statistic = float(ranks[: x.size].sum()) - x.size * (x.size + 1) / 2
    if np.ptp(ranks) == 0:
        return RankSum(statistic, 1.0, "exact")
    few, doubled = min(x.size, y.size), np.rint(2 * ranks).astype(np.int64)
    most = int(np.sort(doubled)[-few:].sum())
    if ranks.size * few * most > _MOST_CELLS:
        return RankSum(statistic, _normal(ranks, statistic, x.size), "normal approximation")
    # The smaller group is counted: its sum is small where the first group's is large.
    own = int(doubled[: x.size].sum()) if x.size == few else int(doubled[x.size :].sum())
    chances = _sums(doubled, few, most)
    beyond = chances[own:] if x.size == few else chances[: own + 1]
    return RankSum(statistic, min(1.0, float(beyond.sum())), "exact")


def _sums(ranks: Integers, count: int, most: int) -> Floats:
    """Probability of each sum of ``count`` of the ranks, drawn without replacement."""
    chances = np.zeros((count + 1, most + 1))
    chances[0, 0] = 1.0
    for drawn, rank in enumerate(ranks.tolist(), start=1):
        # A rank is among the k of ``drawn`` with probability k / drawn, which keeps rows at sum 1.
        taken = np.zeros_like(chances)
        taken[1:, rank:] = chances[:-1, : most + 1 - rank]
        share = np.minimum(np.arange(count + 1) / drawn, 1.0)[:, np.newaxis]
        chances = (1 - share) * chances + share * taken
    found: Floats = chances[count]
    return found


def _normal(ranks: Floats, statistic: float, first: int) -> float:
    from scipy import special

    n, second = ranks.size, ranks.size - first
    _, counts = np.unique(ranks, return_counts=True)
    ties = float((counts**3 - counts).sum()) / (n * (n - 1))
    deviation = math.sqrt(first * second / 12 * (n + 1 - ties))
    return float(special.ndtr(-(statistic - first * second / 2 - 0.5) / deviation))
