"""The precision-recall curve and the average precision: the area under it, without interpolation."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import (
    Floats,
    at_least_two_clusters,
    binary_vector,
    cluster_images,
    finite_vector,
    half_alpha,
    same_length,
)
from auditkit.stats.ranking import weighted_average_precision
from auditkit.stats.resampling import REPLICATES, bootstrap
from auditkit.stats.roc import independent_pairs
from auditkit.stats.tails import BoundedTail

_RECALL = (np.arange(2000) + 0.5) / 2000  # midpoints of a grid over recall


def precision_recall_curve(labels: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Recall and precision at every distinct score, by falling score.

    Args:
        labels: (n,) 0 or 1.
        scores: (n,) higher means more like class 1.

    Returns:
        Recall, not falling, and precision, each (distinct scores,) in [0, 1]. The last point has
        recall 1 and the prevalence as its precision.

    Raises:
        AuditError: one class only.

    Example:
        >>> recall, precision = precision_recall_curve([0, 1, 1], [0.5, 0.4, 0.9])
        >>> recall.tolist(), precision.round(3).tolist()
        ([0.5, 0.5, 1.0], [1.0, 0.5, 0.667])
    """
    y, s = _both_classes(labels, scores)
    distinct, group = np.unique(-s, return_inverse=True)
    true = np.cumsum(np.bincount(group, weights=y, minlength=distinct.size))
    decided = np.cumsum(np.bincount(group, minlength=distinct.size))
    recall: Floats = true / y.sum()
    return recall, true / decided


def average_precision(
    labels: ArrayLike,
    scores: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Estimate:
    r"""Average precision (AP), the area under the precision-recall curve, in (0, 1].

    With thresholds at the distinct scores, from the highest, R recall and P precision,

        AP = sum_k (R_k - R_{k-1}) P_k,

    without interpolation: straight lines between points of this curve are too optimistic (Davis &
    Goadrich 2006, doi:10.1145/1143844.1143874). The same quantity as
    ``sklearn.metrics.average_precision_score``. Scores that know nothing give the prevalence.

    * Standard error from the bootstrap over patients; t interval on the logit scale (Boyd, Eng &
      Page 2013, doi:10.1007/978-3-642-40994-3_29), since percentiles follow the upward bias that
      AP has in small samples.
    * AP of exactly 1: the AUROC is then 1 too, and its exact bound from independent pairs (see
      ``auroc``) holds. The limit is the smallest AP that such an AUROC allows at the prevalence
      seen, over all ROC curves.

    Args:
        labels: (n,) 0 or 1.
        scores: (n,) higher means more like class 1.
        clusters: (n,) patient ids; None for independent images.
        level: two-sided confidence level.
        seed: seed of the bootstrap.
        replicates: number of bootstrap replicates.

    Returns:
        The average precision.

    Raises:
        AuditError: one class only, one patient only, or so few positive patients that more than
            1 % of the resamples have none.

    Example:
        >>> y, s = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
        >>> weights = np.ones((1, 4))  # (1 / 1 + 2 / 3) / 2
        >>> statistic = weighted_average_precision(np.array(y), np.array(s))
        >>> round(float(statistic(weights)[0]), 4)
        0.8333
    """
    y, s = _both_classes(labels, scores)
    half, groups = half_alpha(level), cluster_images(clusters, y.size)
    at_least_two_clusters(groups, "average precision")
    if s[y == 1].min() > s[y == 0].max():
        pairs = independent_pairs(y, groups)
        perfect = PerfectPrecisionTail(float(y.mean()), pairs)
        tail = BoundedTail(perfect, (0.0, 1.0))
        method = f"complete separation: exact bound of {pairs} independent pairs"
        low = perfect.low(half)
        return Estimate(1.0, low, 1.0, level, y.size, groups.count, method, tail)
    # Independent images are drawn in the order of their scores, whatever order they came in.
    order = np.lexsort((y, s))
    return bootstrap(
        weighted_average_precision(y[order], s[order]),
        None if groups.independent else groups.index[order],
        y.size,
        seed=seed,
        replicates=replicates,
        level=level,
        bounds=(0.0, 1.0),
        interval="logit",
    )


@dataclass(frozen=True)
class PerfectPrecisionTail:
    r"""What m concordant pairs say of an average precision of exactly 1.

    All m pairs agree with probability theta^m, theta the AUROC. With f(t) the false positive rate
    at recall t and pi the prevalence, AP = int pi t / (pi t + (1 - pi) f) dt and
    1 - theta = int f dt. Among all 0 <= f <= 1 the smallest AP has
    f = (a sqrt(t) - pi t) / (1 - pi), cut to [0, 1] (Lagrange; the integrand is convex in f).

    Attributes:
        prevalence: share of positive images.
        pairs: number m of independent pairs of a positive and a negative.
    """

    prevalence: float
    pairs: int

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: AP <= t and of H0: AP >= t."""
        if t >= 1:
            return 1.0, 1.0 if t <= 1 else 0.0
        steepness = _bisect(lambda a: self._at(a)[0] < t)
        return self._at(steepness)[1] ** self.pairs, 1.0

    def low(self, half: float) -> float:
        """The AP that leaves the probability ``half`` below."""
        area = half ** (1 / self.pairs)
        return self._at(_bisect(lambda a: self._at(a)[1] < area))[0]

    def _at(self, steepness: float) -> tuple[float, float]:
        """AP and AUROC of the worst curve of this steepness; both fall as it grows."""
        right = self.prevalence * _RECALL
        false = np.clip((steepness * np.sqrt(_RECALL) - right) / (1 - self.prevalence), 0, 1)
        precision = right / (right + (1 - self.prevalence) * false)
        return float(precision.mean()), 1 - float(false.mean())


def _bisect(reached: Callable[[float], bool]) -> float:
    """The smallest steepness for which the condition holds; it holds from there on."""
    low, high = 0.0, 1 / math.sqrt(_RECALL[0])
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _both_classes(labels: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    y, s = binary_vector("labels", labels), finite_vector("scores", scores)
    same_length(labels=y, scores=s)
    if y.min() == y.max():
        raise AuditError(
            f"labels: all {y.size} images are of class {int(y[0])}; precision and recall need both "
            "classes."
        )
    return y, s
