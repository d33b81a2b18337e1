"""What each modality adds to a performance, and whether a heatmap ranks modalities as that does.

Jin, Li, Fatehi & Hamarneh 2023, "Guidelines and evaluation of clinical explainable AI in medical image
analysis", arXiv:2202.10553, doi:10.1016/j.media.2022.102684, section 4.3.2.

A subset c of M modalities is a number from 0 to 2^M - 1: modality m is in c where bit m of it is set.
"""

from math import factorial

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.metrics.not_evaluable import NotEvaluable
from auditkit.stats import kendall_tau_b
from auditkit.stats.inputs import Floats

AGNOSTIC = "the heatmap has equal sums in all modalities"
NO_HEAT = "nowhere positive heatmap"
NOT_FINITE = "heatmap with NaN or infinite values"
_DIGITS = 9  # sums that agree to so many digits of the largest one are tied


def subset_members(subset: int, modalities: int) -> tuple[int, ...]:
    """Which of M modalities are in a subset.

    Example:
        >>> subset_members(5, 3)
        (0, 2)
    """
    return tuple(m for m in range(modalities) if subset >> m & 1)


def shapley_weights(modalities: int) -> tuple[Floats, Floats]:
    r"""Weights (2^M, M) of the subsets' values with and without each modality, columns summing to 1.

    Eq. 1 is a difference of two averages: phi_m = sum_c w_cm v(c | m) - sum_c w_cm v(c) with
    w_cm = |c|! (M - |c| - 1)! / M! over the subsets c without m.

    Args:
        modalities: M >= 1.

    Example:
        >>> having, lacking = shapley_weights(2)
        >>> having[:, 0].tolist(), lacking[:, 0].tolist()  # v({0}) and v({0, 1}); v({}) and v({1})
        ([0.0, 0.5, 0.0, 0.5], [0.5, 0.0, 0.5, 0.0])
    """
    if modalities < 1:
        raise AuditError(f"modalities is {modalities}; at least one was expected.")
    having, lacking = (np.zeros((2**modalities, modalities)) for _ in range(2))
    for subset in range(2**modalities):
        size = subset.bit_count()
        for m in set(range(modalities)) - set(subset_members(subset, modalities)):
            weight = factorial(size) * factorial(modalities - size - 1) / factorial(modalities)
            lacking[subset, m] = having[subset | 1 << m, m] = weight
    return having, lacking


def modality_shapley(values: ArrayLike) -> Floats:
    r"""Modality Shapley values, exact (Jin et al., arXiv:2202.10553, Eq. 1).

        phi_m = sum over c without m of |c|! (M - |c| - 1)! / M! (v(c | m) - v(c))

    They add up to v(all modalities) - v(no modality) (efficiency). v(no modality) is a value like the
    others, neither 0 nor chance.

    Args:
        values: (..., 2^M), the value of each subset of the modalities, in the order of its number; NaN
            where a resample has none.

    Returns:
        float64 (..., M), in the unit of the values, within [-1, 1] for values within [0, 1]; NaN where a
        subset has no value.

    Raises:
        AuditError: another number of values than 2^M with M >= 1, or infinite ones.

    Example:
        >>> none, first, second, both = 0.5, 0.9, 0.6, 0.9
        >>> modality_shapley([none, first, second, both]).round(9).tolist()  # (.4 + .3) / 2, (.1 + 0) / 2
        [0.35, 0.05]
    """
    v = np.asarray(values, dtype=np.float64)
    count = v.shape[-1] if v.ndim else 0
    if count < 2 or count & (count - 1):
        raise AuditError(f"values has shape {v.shape}; expected 2^M subsets on the last axis.")
    if np.isinf(v).any():
        raise AuditError("values are infinite; expected the performance of each subset.")
    having, lacking = shapley_weights(count.bit_length() - 1)
    found: Floats = v @ (having - lacking)
    return found


def modality_sums(heatmap: ArrayLike) -> Floats:
    """Sum of the positive heat of each modality (Jin et al., arXiv:2202.10553, section 4.3.2).

    Args:
        heatmap: (M, *space), positive where evidence for the decided class is.

    Returns:
        float64 (M,), >= 0.

    Raises:
        NotEvaluable: the map is not finite, or nowhere positive.

    Example:
        >>> modality_sums([[[1.0, -4.0]], [[0.5, 0.25]]]).tolist()
        [1.0, 0.75]
    """
    heat = np.asarray(heatmap)
    if heat.ndim < 2 or heat.size == 0:
        raise AuditError(f"heatmap has shape {heat.shape}; expected (modalities, *space).")
    sums: Floats = np.maximum(heat, 0).reshape(len(heat), -1).sum(axis=1, dtype=np.float64)
    # The negative part is not in the sums, but NaN and infinity there are as wrong.
    if not (np.isfinite(sums).all() and np.isfinite(heat).all()):
        raise NotEvaluable(NOT_FINITE)
    if not sums.any():
        raise NotEvaluable(NO_HEAT)
    return sums


def modality_shares(heatmap: ArrayLike) -> Floats:
    """`modality_sums` as shares of their total, (M,), summing to 1; equal ones are equal to the last digit.

    Raises:
        NotEvaluable: as `modality_sums`.

    Example:
        >>> modality_shares([[[3.0, -4.0]], [[0.5, 0.5]]]).tolist()
        [0.75, 0.25]
    """
    sums = modality_sums(heatmap)
    shares: Floats = np.round(sums / sums.sum(), _DIGITS)
    return shares


def mi_correlation(importance: ArrayLike, shares: ArrayLike) -> float:
    """Modality importance correlation of one heatmap (Jin et al., arXiv:2202.10553, section 4.3.2).

    Kendall's tau-b between the modality Shapley values and the modality-wise sums of positive heat.

    Args:
        importance: (M,), phi.
        shares: (M,), from `modality_shares`.

    Returns:
        tau-b, in [-1, 1]. With M modalities its exact two-sided p-value is never below 2 / M!: with four,
        no single heatmap can be significant at 5 %.

    Raises:
        NotEvaluable: all shares are equal, as those of a map that is drawn once for all modalities.
        AuditError: all importances are equal, or other shapes.

    Example:
        >>> mi_correlation([0.4, 0.1, 0.05], [0.5, 0.2, 0.3])  # two of three pairs agree
        0.3333333333333333
    """
    phi, given = np.asarray(importance, np.float64), np.asarray(shares, np.float64)
    if phi.ndim != 1 or phi.shape != given.shape:
        raise AuditError(f"importance {phi.shape}, shares {given.shape}: expected (M,) of both.")
    if given.min() == given.max():
        raise NotEvaluable(AGNOSTIC)
    return kendall_tau_b(phi, given)
