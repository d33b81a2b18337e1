"""Several treatments ranked within blocks: Friedman's test, Nemenyi's critical difference."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.inputs import Floats, cluster_images

_ROUNDING = 1e-12  # values that differ by no more than rounding are tied
_DRAWS = 9999
_CELLS_PER_CHUNK = 2**20


@dataclass(frozen=True)
class Friedman:
    """Friedman's test of k treatments in n blocks.

    Attributes:
        blocks: number n of blocks.
        mean_ranks: (k,), 1 for a treatment that is first in every block.
        kendall_w: Kendall's W in [0, 1]; 1: every block ranks alike, 1 / n on average by chance.
        statistic: Friedman's chi-square with the correction for ties.
        p_value: of the chi-square with k - 1 degrees; poor for few blocks.
        f_statistic: Iman and Davenport's F; infinite where every block ranks alike.
        f_p_value: of F with (k - 1, (k - 1)(n - 1)) degrees; too small for very few blocks.
        permutation_p_value: share of permutations of the ranks within blocks that agree at least as
            much; holds for any number of blocks and any ties.
    """

    blocks: int
    mean_ranks: Floats
    kendall_w: float
    statistic: float
    p_value: float
    f_statistic: float
    f_p_value: float
    permutation_p_value: float


def block_ranks(values: ArrayLike, *, larger_is_better: bool = True) -> Floats:
    """Ranks within each block, 1 for the best, ties at their mean rank.

    Args:
        values: (n, k), one row per block, one column per treatment.
        larger_is_better: whether the largest value has rank 1.

    Returns:
        (n, k), in [1, k]; every row sums to k (k + 1) / 2.

    Raises:
        AuditError: fewer than two blocks or treatments, or values that are not finite.

    Example:
        >>> block_ranks([[0.9, 0.5, 0.5], [0.1, 0.2, 0.3]]).tolist()
        [[1.0, 2.5, 2.5], [3.0, 2.0, 1.0]]
    """
    from scipy.stats import rankdata

    table = block_table(values)
    scale = np.abs(table).max() * _ROUNDING
    rounded = np.round(table / scale) if scale > 0 else table
    ranks: Floats = rankdata(-rounded if larger_is_better else rounded, axis=1)
    return ranks


def friedman(ranks: ArrayLike, *, seed: int = 0) -> Friedman:
    r"""Friedman's test (1937, doi:10.1080/01621459.1937.10503522) and its improvement by an F.

    With r_ij the rank of treatment j in block i, and B and A the sums of squares between the mean
    ranks and in all,

        W = B / A,  B = n sum_j (mean_i r_ij - (k + 1) / 2)^2,  A = sum_ij (r_ij - (k + 1) / 2)^2,
        chi^2 = n (k - 1) W,  F = (n - 1) W / (1 - W)

    (Conover 1999, Practical Nonparametric Statistics, section 5.8; Iman & Davenport 1980,
    doi:10.1080/03610928008827904). A holds the correction for ties. Four blocks of three treatments with
    W = 0.8125 have the exact p-value 0.042, of which chi-square gives 0.039 and F 0.007: hence the third
    p-value, from 9,999 permutations of the ranks within blocks.

    Deviates: no p-value of F falls below (k!)^(1 - n), the chance that blocks which rank at random
    agree; at W = 1 the F distribution would say 0.

    Args:
        ranks: (n, k) from `block_ranks`.
        seed: of the permutations.

    Returns:
        The test.

    Raises:
        AuditError: fewer than two blocks or treatments, or every block ties all treatments.

    Example:
        >>> found = friedman([[1, 2, 3], [1, 2, 3], [1, 3, 2]])
        >>> round(found.statistic, 4), round(found.kendall_w, 4)  # mean ranks 1, 7/3, 8/3
        (4.6667, 0.7778)
    """
    from scipy import special

    table = block_table(ranks)
    n, k = table.shape
    w = kendall_w(table)
    statistic = n * (k - 1) * w
    f = (n - 1) * w / (1 - w) if 1 - w > _ROUNDING else math.inf
    chance = math.exp(-(n - 1) * math.lgamma(k + 1))
    tail = float(special.fdtrc(k - 1, (k - 1) * (n - 1), f)) if math.isfinite(f) else 0.0
    p_value = float(special.chdtrc(k - 1, statistic))
    permuted = _permuted(table, seed)
    return Friedman(n, table.mean(axis=0), w, statistic, p_value, f, max(tail, chance), permuted)


def critical_difference(treatments: int, blocks: int, *, alpha: float = 0.05) -> float:
    r"""Nemenyi's critical difference of two mean ranks.

    CD = q_alpha sqrt(k (k + 1) / (6 n)), q_alpha the studentized range's quantile over sqrt 2
    (Demsar 2006, JMLR 7:1-30, section 3.2.2): mean ranks of any two of the k treatments that differ by
    at least CD differ at level alpha, all pairs together.

    Args:
        treatments: number k, at least 2.
        blocks: number n, at least 2.
        alpha: level of all pairs together.

    Returns:
        CD, above 0.

    Raises:
        AuditError: fewer than two treatments or blocks, or alpha outside (0, 1).

    Example:
        >>> round(critical_difference(4, 14), 2)  # 2.569 sqrt(4 * 5 / (6 * 14))
        1.25
    """
    from scipy.stats import studentized_range

    if treatments < 2 or blocks < 2 or not 0 < alpha < 1:
        raise AuditError(
            f"{treatments} treatments, {blocks} blocks, level {alpha:g}: at least two of each and a "
            "level between 0 and 1 were expected."
        )
    quantile = float(studentized_range.ppf(1 - alpha, treatments, math.inf)) / math.sqrt(2)
    return quantile * math.sqrt(treatments * (treatments + 1) / (6 * blocks))


def kendall_w(ranks: Floats) -> float:
    """Kendall's W of ranks (n, k), with the correction for ties.

    Raises:
        AuditError: every block ties all treatments.
    """
    centred = ranks - (ranks.shape[1] + 1) / 2
    total = float((centred**2).sum())
    if total == 0:
        raise AuditError("all treatments are tied in every block, so nothing is ranked.")
    return min(1.0, len(ranks) * float((centred.mean(axis=0) ** 2).sum()) / total)


def _permuted(ranks: Floats, seed: int) -> float:
    """Share of permutations within blocks whose rank sums lie at least as far apart, itself counted."""
    centred = ranks - (ranks.shape[1] + 1) / 2
    observed = float((centred.sum(axis=0) ** 2).sum())
    generator = np.random.default_rng(seed)
    rows = max(1, _CELLS_PER_CHUNK // ranks.size)
    reached = 1
    for start in range(0, _DRAWS, rows):
        drawn = np.repeat(centred[np.newaxis], min(rows, _DRAWS - start), axis=0)
        sums = generator.permuted(drawn, axis=2, out=drawn).sum(axis=1)
        reached += int(((sums**2).sum(axis=1) >= observed * (1 - 1e-9)).sum())
    return reached / (_DRAWS + 1)


def block_table(values: ArrayLike) -> Floats:
    """Blocks by treatments as float64 (n, k), n and k at least 2, all finite.

    Raises:
        AuditError: it is not.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2:
        raise AuditError(
            f"values within blocks have shape {table.shape}; at least two blocks of at least two "
            "treatments were expected."
        )
    if not np.isfinite(table).all():
        raise AuditError("values within blocks are not finite; leave such blocks out.")
    return table


def block_means(values: ArrayLike, owners: ArrayLike) -> Floats:
    """Mean of each block's rows, blocks in the order of their ids.

    Args:
        values: (n, k), one row per image.
        owners: (n,) the block (patient) of each image.

    Returns:
        (blocks, k).

    Example:
        >>> block_means([[1.0, 2.0], [3.0, 4.0], [5.0, 5.0]], ["a", "a", "b"]).tolist()
        [[2.0, 3.0], [5.0, 5.0]]
    """
    table = np.asarray(values, dtype=np.float64)
    groups = cluster_images(owners, len(table))
    sizes = np.bincount(groups.index, minlength=groups.count)
    return np.stack([groups.sums(column) / sizes for column in table.T], axis=1)
