"""Cumulative feature removal as the published code of Jin et al. has it, not as their text says it.

Jin, Li, Fatehi & Hamarneh 2023, arXiv 2202.10553, section 4.3.1; code: weinajin/multimodal_explanation
(``Acc_Drop``). Kept apart from `auditkit.metrics.removal`, since its x axis is no fraction of the image:
values of 0 are never removed, and ties go at once.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auditkit.errors import AuditError
from auditkit.metrics.coverage import NO_POSITIVE, Mask
from auditkit.metrics.not_evaluable import NotEvaluable

Floats = NDArray[np.float64]
Ranks = NDArray[np.int32]

_LOW = 0.05


def published_map(heatmap: ArrayLike) -> Floats:
    """The heatmap without its negative values, which the published code sets to 0.

    Args:
        heatmap: any shape, the importance of each voxel of one image.

    Returns:
        float64 of the same shape, >= 0.

    Raises:
        NotEvaluable: not finite, or nowhere positive: there no threshold exists, and such images are
            passed over.

    Example:
        >>> published_map([-1.0, 2.0]).tolist()
        [0.0, 2.0]
    """
    values = np.asarray(heatmap, dtype=np.float64)
    if not np.isfinite(values).all():
        raise NotEvaluable("heatmap with NaN or infinite values")
    positive = np.maximum(values, 0.0)
    if not positive.any():
        raise NotEvaluable(NO_POSITIVE)
    return positive


def published_thresholds(positive: Floats, steps: int = 10) -> Floats:
    """Where each step cuts: t_k = quantile of the values that are not 0, at 1 - k / steps.

    Args:
        positive: from `published_map`.
        steps: number of steps; the paper takes 10.

    Returns:
        float64 (steps,), for k = 1 ... steps, not rising, all above 0.

    Raises:
        AuditError: no step.

    Example:
        >>> published_thresholds(np.array([0.0, 0.0, 1.0, 2.0, 3.0]), 2).tolist()
        [2.0, 1.0]
    """
    if steps < 1:
        raise AuditError(f"steps is {steps}; expected at least 1.")
    kept = 1.0 - np.arange(1, steps + 1) / steps
    thresholds: Floats = np.quantile(positive[positive != 0], np.maximum(kept, 0.0))
    return thresholds


def published_rank_map(positive: Floats, thresholds: Floats) -> Ranks:
    """After how many steps each voxel is still there: it is gone at step k if its value is >= t_k.

    Args:
        positive: from `published_map`, or a permutation of it: its baseline has the map's thresholds.
        thresholds: (steps,) from `published_thresholds`.

    Returns:
        int32 of the map's shape, so that ``ranks < k`` is what step k removes; ``steps`` for values
        of 0, which are never removed.

    Example:
        >>> heat = np.array([0.0, 0.0, 1.0, 2.0, 3.0])
        >>> published_rank_map(heat, published_thresholds(heat, 2)).tolist()
        [2, 2, 1, 0, 0]
    """
    # Thresholds fall, so that those above a value come first.
    kept = np.searchsorted(-thresholds, -positive, side="left")
    ranks: Ranks = kept.astype(np.int32)
    return ranks


def published_unimportant(positive: Floats) -> Mask:
    """The voxels whose values fill removed ones: heat at most its 5 % quantile, of all modalities.

    Example:
        >>> published_unimportant(np.array([0.0, 0.0, 1.0, 2.0])).tolist()
        [True, True, False, False]
    """
    mask: Mask = positive <= np.quantile(positive, _LOW)
    return mask
