"""ΔAUPC as a function of weights on images, so that several models and methods share their resamples."""

import numpy as np
from numpy.typing import ArrayLike

from auditkit.metrics.auroc_curve import area_pairs, weighted_pair_mean
from auditkit.metrics.perturbation_curve import perturbation_curve_area
from auditkit.stats.differences import two_classes
from auditkit.stats.inputs import Floats
from auditkit.stats.resampling import Statistic


def accuracy_area_difference(
    correct: ArrayLike,
    random_correct: ArrayLike,
    fractions: ArrayLike,
    random_fractions: ArrayLike,
) -> Statistic:
    """ΔAUPC of the accuracy, AUPC(H_b) - AUPC(H), as `delta_aupc_estimate` has it.

    Args:
        correct: (n, k) whether each image is still right at each step.
        random_correct: (n, repeats, k) the same under random orders.
        fractions: (n, k) or (k,) share removed.
        random_fractions: (n, repeats, k) or (k,).

    Returns:
        A function of weights (B, n) that gives (B,).

    Example:
        >>> random, x = [[[1, 1, 0]], [[1, 0, 0]]], [0.0, 0.5, 1.0]
        >>> found = accuracy_area_difference([[1, 0, 0], [1, 0, 0]], random, x, x)
        >>> found(np.array([[1.0, 1.0], [2.0, 0.0]])).tolist()
        [0.25, 0.5]
    """
    heatmap = perturbation_curve_area(fractions, correct)
    random = perturbation_curve_area(random_fractions, random_correct).mean(axis=1)
    differences: Floats = random - heatmap
    return lambda weights: np.asarray(weights @ differences / weights.sum(axis=1))


def auroc_area_difference(
    labels: ArrayLike,
    scores: ArrayLike,
    random_scores: ArrayLike,
    fractions: ArrayLike,
    random_fractions: ArrayLike,
) -> Statistic:
    """ΔAUPC of the AUROC, as `auroc_delta_aupc_estimate` has it.

    Args:
        labels: (n,) 0 or 1.
        scores: (n, k) at each step.
        random_scores: (n, repeats, k) the same under random orders.
        fractions: (k,) share removed.
        random_fractions: (repeats, k) or (k,).

    Returns:
        A function of weights (B, n) that gives (B,); NaN where a class is empty.

    Raises:
        AuditError: one class only.

    Example:
        >>> random, heat = [[[0.1, 0.2]], [[0.9, 0.8]]], [[0.1, 0.5], [0.9, 0.5]]
        >>> auroc_area_difference([0, 1], heat, random, [0, 1], [0, 1])(np.ones((1, 2))).tolist()
        [0.25]
    """
    y = two_classes(labels)
    own = np.asarray(scores, dtype=np.float64)[:, np.newaxis]
    random = np.asarray(random_scores, dtype=np.float64)
    pairs = area_pairs(y, random, random_fractions) - area_pairs(y, own, fractions)
    return weighted_pair_mean(y == 1, pairs)
