"""Probabilities recalibrated on other patients."""

import numpy as np
from numpy.typing import ArrayLike

from auditkit.stats.calibration import SATURATION
from auditkit.stats.inputs import (
    Clusters,
    Floats,
    Integers,
    at_least_two_clusters,
    binary_vector,
    cluster_images,
    same_length,
    unit_vector,
)

_STEPS = 100


def recalibrated(
    outcomes: ArrayLike,
    probabilities: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    folds: int = 5,
    seed: int = 0,
) -> Floats:
    r"""Probabilities recalibrated by Platt scaling that saw none of the same patients.

    In each fold of patients P(y = 1) = 1 / (1 + exp(-(a + b logit p))) with a and b fitted to all others
    by maximum likelihood (Platt 1999). His targets (N1 + 1) / (N1 + 2) and 1 / (N0 + 2) in place of 1 and 0
    keep a and b finite where the classes are separated, or one is missing. Two parameters are what a few
    dozen cases can bear; isotonic regression would make steps of them, which ties ranks.

    Args:
        outcomes: (n,) 0 or 1.
        probabilities: (n,) predicted probability of 1; kept within [1e-7, 1 - 1e-7].
        clusters: (n,) patient ids; None for independent images.
        folds: of patients; as many as there are patients at most.
        seed: of the division.

    Returns:
        float64 (n,), in (0, 1).

    Raises:
        AuditError: outcomes not 0 or 1, probabilities outside [0, 1], or one patient only.

    Example:
        >>> y, p = [0, 0, 0, 1] * 50, [0.5] * 200
        >>> float(recalibrated(y, p, range(200)).mean().round(2))  # a quarter, which is what p means here
        0.25
    """
    y, p = binary_vector("outcomes", outcomes), unit_vector("probabilities", probabilities)
    same_length(outcomes=y, probabilities=p)
    groups = cluster_images(clusters, y.size)
    at_least_two_clusters(groups, "recalibrated")
    kept = np.clip(p, SATURATION, 1 - SATURATION)
    logits = np.log(kept) - np.log1p(-kept)
    fold, found = patient_folds(groups, folds, seed), np.empty(y.size)
    for number in range(int(fold.max()) + 1):
        held = fold == number
        intercept, slope = platt(y[~held], logits[~held])
        found[held] = _sigmoid(intercept + slope * logits[held])
    return found


def patient_folds(groups: Clusters, folds: int, seed: int) -> Integers:
    """Fold of each image, (n,): patients in random order, dealt out in turn."""
    order = np.random.default_rng(seed).permutation(groups.count)
    fold_of = np.empty(groups.count, dtype=np.int64)
    fold_of[order] = np.arange(groups.count) % min(folds, groups.count)
    found: Integers = fold_of[groups.index]
    return found


def platt(outcomes: Floats, logits: Floats) -> tuple[float, float]:
    """Intercept and slope of Platt scaling, by Newton's method.

    Args:
        outcomes: (n,) 0 or 1.
        logits: (n,) finite.
    """
    ones = float(outcomes.sum())
    target = np.where(outcomes == 1, (ones + 1) / (ones + 2), 1 / (outcomes.size - ones + 2))
    scale = float(np.abs(logits).max()) or 1.0
    design = np.stack([np.ones_like(logits), logits / scale], axis=1)
    beta: Floats = np.zeros(2)
    loss = _loss(beta, design, target)
    for _ in range(_STEPS):
        step = _newton(beta, design, target)
        while _loss(beta + step, design, target) > loss + 1e-12 * abs(loss):
            step = step / 2
        beta = beta + step
        loss = _loss(beta, design, target)
        if np.abs(step).max() < 1e-10:
            break
    return float(beta[0]), float(beta[1] / scale)


def _newton(beta: Floats, design: Floats, target: Floats) -> Floats:
    probability = _sigmoid(design @ beta)
    weight = np.maximum(probability * (1 - probability), 1e-12)
    information = (design * weight[:, np.newaxis]).T @ design
    # Equal logits leave the slope open: the smallest step is taken.
    slope = design.T @ (target - probability)
    step: Floats = np.asarray(np.linalg.lstsq(information, slope, rcond=1e-10)[0], np.float64)
    return step


def _loss(beta: Floats, design: Floats, target: Floats) -> float:
    logits = design @ beta
    return float((np.logaddexp(0.0, logits) - target * logits).sum())


def _sigmoid(logits: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-logits))
    return found
