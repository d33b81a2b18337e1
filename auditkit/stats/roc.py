"""The receiver operating characteristic and the area under it (AUROC)."""

import math

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import (
    Clusters,
    Floats,
    Integers,
    at_least_two_clusters,
    binary_vector,
    cluster_images,
    finite_vector,
    half_alpha,
    same_length,
)
from auditkit.stats.ranking import weighted_auroc
from auditkit.stats.resampling import REPLICATES, bootstrap
from auditkit.stats.tails import BoundedTail, StudentTail, UnvariedTail, logit


def auroc_point(labels: ArrayLike, scores: ArrayLike) -> float:
    """AUROC = P(score of a positive > score of a negative) + P(equal) / 2, in [0, 1].

    The Mann-Whitney statistic on midranks (Hanley & McNeil 1982,
    doi:10.1148/radiology.143.1.7063747).

    Args:
        labels: (n,) 0 or 1.
        scores: (n,) higher means more like class 1.

    Returns:
        The area; 0.5 for scores that know nothing.

    Raises:
        AuditError: one class only.

    Example:
        >>> auroc_point([0, 1, 0, 1], [0.1, 0.4, 0.4, 0.8])  # (1 + 0.5 + 1 + 1) / 4
        0.875
    """
    y, s = _labels_and_scores(labels, scores)
    return _area(y, s)


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """ROC curve at every distinct score, from (0, 0) to (1, 1).

    Args:
        labels: (n,) 0 or 1.
        scores: (n,) higher means more like class 1.

    Returns:
        False positive rates and true positive rates, each (distinct scores + 1,), not falling.

    Raises:
        AuditError: one class only.

    Example:
        >>> false_positive_rate, true_positive_rate = roc_curve([0, 1], [0.2, 0.9])
        >>> false_positive_rate.tolist(), true_positive_rate.tolist()
        ([0.0, 0.0, 1.0], [0.0, 1.0, 1.0])
    """
    y, s = _labels_and_scores(labels, scores)
    distinct, group = np.unique(-s, return_inverse=True)
    positives = np.bincount(group, weights=y, minlength=distinct.size)
    negatives = np.bincount(group, weights=1 - y, minlength=distinct.size)
    start = np.zeros(1)
    false_positive_rate = np.concatenate([start, np.cumsum(negatives) / negatives.sum()])
    return false_positive_rate, np.concatenate([start, np.cumsum(positives) / positives.sum()])


def auroc(
    labels: ArrayLike,
    scores: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Estimate:
    r"""AUROC with an interval that never collapses.

    * Independent images: DeLong's variance (DeLong, DeLong & Clarke-Pearson 1988,
      doi:10.2307/2531595) on the logit scale, which keeps the interval inside (0, 1).
    * Several images of a patient: standard error from the cluster bootstrap (DeLong assumes
      independent images), logit scale, t with G - 1 degrees.
    * AUROC of exactly 1 (or 0), or equal scores throughout (0.5): no variance can be seen. Form m
      pairs of a positive and a negative, no patient used twice; m = min(patients with a
      positive, patients with a negative, half of all patients). All m pairs are concordant with
      probability at most theta^m, so theta >= (alpha / 2)^(1 / m): Clopper-Pearson of m
      successes in m. For 0.5 the same bound on the share of pairs that are not tied.

    Args:
        labels: (n,) 0 or 1.
        scores: (n,) higher means more like class 1; ties count a half.
        clusters: (n,) patient ids; None for independent images.
        level: two-sided confidence level.
        seed: seed of the bootstrap (only for several images of a patient).
        replicates: number of bootstrap replicates.

    Returns:
        The area, in [0, 1].

    Raises:
        AuditError: one class only, one patient only, or fewer than two independent images of a
            class (unless the area is 0 or 1).

    Example:
        >>> estimate = auroc([0, 0, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6])
        >>> estimate.value, round(estimate.low, 4), estimate.high  # low = 0.025 ** (1 / 3)
        (1.0, 0.2924, 1.0)
    """
    y, s = _labels_and_scores(labels, scores)
    half, groups = half_alpha(level), cluster_images(clusters, y.size)
    at_least_two_clusters(groups, "auroc")
    value = _area(y, s)
    if value in (0.0, 1.0) or s.min() == s.max():
        pairs = independent_pairs(y, groups)
        unvaried = UnvariedTail(value, (0.0, 1.0), pairs)
        method = f"no variation: exact bound of {pairs} independent pairs"
        bounded = BoundedTail(unvaried, (0.0, 1.0))
        low, high = bounded.clip(unvaried.interval(half))
        return Estimate(value, low, high, level, y.size, groups.count, method, bounded)
    if not groups.independent:
        order = np.argsort(s, kind="stable")
        statistic = weighted_auroc(y[order], s[order])
        return bootstrap(
            statistic,
            groups.index[order],
            y.size,
            seed=seed,
            replicates=replicates,
            level=level,
            bounds=(0.0, 1.0),
            interval="logit",
        )
    tail = _delong(y, s, value)
    low, high = tail.interval(half)
    method = "DeLong on the logit scale"
    return Estimate(value, low, high, level, y.size, groups.count, method, tail)


def _labels_and_scores(labels: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    y, s = binary_vector("labels", labels), finite_vector("scores", scores)
    same_length(labels=y, scores=s)
    if y.min() == y.max():
        raise AuditError(
            f"labels: all {y.size} images are of class {int(y[0])}; an AUROC needs both classes."
        )
    return y, s


def _midranks(values: Floats) -> Floats:
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[group]
    return ranks


def _area(y: Floats, s: Floats) -> float:
    positives = float(y.sum())
    surplus = float(_midranks(s)[y == 1].sum()) - positives * (positives + 1) / 2
    return surplus / (positives * (y.size - positives))


def _delong(y: Floats, s: Floats, value: float) -> StudentTail:
    positive, negative = int(y.sum()), int((1 - y).sum())
    if min(positive, negative) < 2:
        raise AuditError(
            f"labels: {positive} positive and {negative} negative images; an interval "
            "for the AUROC needs at least two of each."
        )
    influence = auroc_influence(y, s)
    # Sums of squares over n (n - 1) per class: DeLong's variance with ddof 1.
    variance = (influence[y == 1] ** 2).sum() * positive / (positive - 1)
    variance += (influence[y == 0] ** 2).sum() * negative / (negative - 1)
    error = math.sqrt(float(variance)) / (value * (1 - value))
    return StudentTail(logit(value), error, scale="logit")


def auroc_influence(labels: Floats, scores: Floats) -> Floats:
    """What each image adds to the error of the AUROC: DeLong's structural components, centred.

    For a positive (V10 - A) / n+, for a negative (V01 - A) / n- (DeLong et al. 1988,
    doi:10.2307/2531595); summed within patients they give Obuchowski's variance for clustered
    images (1997, doi:10.2307/2533958).

    Args:
        labels: (n,) 0 or 1, both present.
        scores: (n,).

    Returns:
        (n,), with sum 0 over each class.
    """
    positive, negative = scores[labels == 1], scores[labels == 0]
    ranks, influence = _midranks(scores), np.empty(scores.size)
    beaten = (ranks[labels == 1] - _midranks(positive)) / negative.size
    beating = 1 - (ranks[labels == 0] - _midranks(negative)) / positive.size
    influence[labels == 1] = (beaten - beaten.mean()) / positive.size
    influence[labels == 0] = (beating - beating.mean()) / negative.size
    return influence


def independent_pairs(y: Floats, groups: Clusters) -> int:
    """Number of pairs of a positive and a negative image in which no patient is used twice."""

    def patients(of_class: int) -> int:
        index: Integers = groups.index[y == of_class]
        return int(np.unique(index).size)

    return max(1, min(patients(0), patients(1), groups.count // 2))
