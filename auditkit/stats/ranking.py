"""Resampled ROC and precision-recall areas: one sort, then linear time per resample."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.stats.inputs import Floats, Integers
from auditkit.stats.resampling import Statistic


@dataclass(frozen=True)
class Ranking:
    """Where each positive image stands among the negatives and the positives.

    Attributes:
        negatives: indices of the negative images, by rising score.
        positives: indices of the positive images, by rising score.
        below: for each positive, the number of negatives with a smaller score.
        not_above: the same with negatives of equal score.
        weaker: for each positive, the number of positives with a smaller score.
    """

    negatives: Integers
    positives: Integers
    below: Integers
    not_above: Integers
    weaker: Integers

    @staticmethod
    def of(labels: Floats, scores: Floats) -> "Ranking":
        """From labels (n,) of 0 and 1 and scores (n,)."""
        order = np.argsort(scores, kind="stable")
        negatives, positives = order[labels[order] == 0], order[labels[order] == 1]
        high, low = scores[positives], scores[negatives]
        return Ranking(
            negatives,
            positives,
            np.searchsorted(low, high, side="left"),
            np.searchsorted(low, high, side="right"),
            np.searchsorted(high, high, side="left"),
        )


def weighted_auroc(labels: Floats, scores: Floats) -> Statistic:
    """AUROC as a function of weights on the images, for ``bootstrap``; NaN where a class is empty.

    Args:
        labels: (n,) 0 or 1.
        scores: (n,) higher means more like class 1; ties count a half.

    Returns:
        A function of weights (B, n) in the same order that gives the areas (B,).
    """
    ranking = Ranking.of(labels, scores)
    tied = bool((ranking.below < ranking.not_above).any())

    def statistic(weights: Floats) -> Floats:
        positive = np.take(weights, ranking.positives, axis=1)
        passed = _running_sums(np.take(weights, ranking.negatives, axis=1))
        beaten = np.take(passed, ranking.below, axis=1)
        if tied:
            beaten = (beaten + np.take(passed, ranking.not_above, axis=1)) / 2
        pairs = positive.sum(axis=1) * passed[:, -1]
        with np.errstate(invalid="ignore"):
            areas: Floats = np.einsum("bi,bi->b", positive, beaten) / pairs
        return areas

    return statistic


def mean_of(statistics: Sequence[Statistic]) -> Statistic:
    """The mean of several statistics of the same images, within each resample."""

    def statistic(weights: Floats) -> Floats:
        found: Floats = np.mean([single(weights) for single in statistics], axis=0)
        return found

    return statistic


def weighted_average_precision(labels: Floats, scores: Floats) -> Statistic:
    """Average precision as a function of weights; NaN where no positive is left.

    With w the weights, and TP_i and FP_i the weights of the positives and negatives that score
    at least as high as positive i:  sum_i w_i TP_i / (TP_i + FP_i) / sum_i w_i.

    Args:
        labels: (n,) 0 or 1.
        scores: (n,) higher means more like class 1.

    Returns:
        A function of weights (B, n) in the same order that gives the averages (B,).
    """
    ranking = Ranking.of(labels, scores)

    def statistic(weights: Floats) -> Floats:
        positive = np.take(weights, ranking.positives, axis=1)
        weaker = _running_sums(positive)
        passed = _running_sums(np.take(weights, ranking.negatives, axis=1))
        true = weaker[:, -1:] - np.take(weaker, ranking.weaker, axis=1)
        false = passed[:, -1:] - np.take(passed, ranking.below, axis=1)
        with np.errstate(invalid="ignore"):
            # A positive without weight may have nothing at or above it; it counts nothing.
            precision = true / np.maximum(true + false, 1e-300)
            averages: Floats = np.einsum("bi,bi->b", positive, precision) / weaker[:, -1]
        return averages

    return statistic


def _running_sums(weights: Floats) -> Floats:
    """Sum of the first k weights for k = 0 ... n, (B, n + 1)."""
    sums = np.zeros((weights.shape[0], weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=sums[:, 1:])
    return sums
