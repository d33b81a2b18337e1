"""Target models of a benchmark: linear in predicted concepts, so that what they rely on is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.evidence.concepts.kinds import Value
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Floats, Integers


@dataclass(frozen=True)
class Permuted:
    """Answers to images that differ in one concept only.

    Attributes:
        values: the V values that occur.
        own: (N,) which of them each image has.
        answers: (R, N, V), or (R, N, V, K) of K concepts at once.
    """

    values: Sequence[Value]
    own: Integers
    answers: Floats


@dataclass(frozen=True)
class Redrawn:
    """Answers to the captions' images, and to those with one concept changed.

    Attributes:
        plain: (R, N), or (R, N, K) of K concepts at once.
        permuted: by concept.
    """

    plain: Floats
    permuted: Mapping[str, Permuted]

    def weighted(self, weights: Floats) -> "Redrawn":
        """The answers of w'c, from those of K concepts and weights (K,)."""
        permuted = {
            name: Permuted(one.values, one.own, one.answers @ weights)
            for name, one in self.permuted.items()
        }
        return Redrawn(self.plain @ weights, permuted)

    def only(self, columns: Sequence[int]) -> "Redrawn":
        """Some of K answers."""
        chosen = list(columns)
        permuted = {
            name: Permuted(one.values, one.own, one.answers[..., chosen])
            for name, one in self.permuted.items()
        }
        return Redrawn(self.plain[..., chosen], permuted)


@dataclass(frozen=True)
class Target:
    """A model with a concept bottleneck: its score is monotone in w'c.

    Attributes:
        name: for people.
        labels: (N,) 0 or 1, what it is to predict.
        weights: (K,) of the concepts.
        bottleneck: (N, K) its own concept predictions on real images.
        real: (N,) its scores on real images.
        drawn: its scores on generated images.
        rendered: its scores on images by the data set's own renderer, if it can draw them.
    """

    name: str
    labels: Integers
    weights: Floats
    bottleneck: Floats
    real: Floats
    drawn: Redrawn
    rendered: Redrawn | None


def random_weights(count: int, concepts: int, seed: int) -> Floats:
    """Weights of random targets, U[0, 1] each (arXiv:2407.14509, section 4.1).

    Target m has the same weights however many there are.

    Args:
        count: M.
        concepts: K.
        seed: declared seed.

    Returns:
        (M, K).
    """
    rows = [
        np.random.default_rng(seed_of("weights of a target", seed, m)).random(concepts)
        for m in range(count)
    ]
    return np.array(rows).reshape(count, concepts)


def random_targets(
    labels: Sequence[Integers],
    weights: Floats,
    real: Floats,
    drawn: Redrawn,
    rendered: Redrawn | None,
) -> list[Target]:
    """Targets w'c on the answers of one concept classifier.

    Args:
        labels: (N,) of each of M targets.
        weights: (M, K).
        real: (N, K) predictions on real images.
        drawn: those (..., K) on generated images.
        rendered: those on images by the true renderer, if there is one.
    """
    return [
        Target(
            f"target {place}",
            own,
            row,
            real,
            real @ row,
            drawn.weighted(row),
            None if rendered is None else rendered.weighted(row),
        )
        for place, (own, row) in enumerate(zip(labels, weights, strict=True), start=1)
    ]


def median_labels(present: Integers, weights: Floats) -> Integers:
    """Labels of a random target: whether w'c of the true concepts exceeds its median (section 4.1).

    Args:
        present: (N, K) 0 or 1.
        weights: (K,).

    Returns:
        (N,) 0 or 1.

    Example:
        >>> median_labels(np.array([[0, 0], [1, 0], [0, 1], [1, 1]]), np.array([1.0, 2.0])).tolist()
        [0, 0, 1, 1]
    """
    sums = present @ weights
    return (sums > np.median(sums)).astype(np.int64)


def best_threshold(labels: Integers, scores: Floats) -> float:
    """The threshold whose TPR - FPR is the largest (arXiv:2407.14509, supplement 8.1).

    A score of at least the threshold is predicted as 1. Of equally good thresholds, the largest.

    Args:
        labels: (N,) 0 or 1, both present.
        scores: (N,).

    Example:
        >>> best_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
        0.8
    """
    thresholds = np.unique(scores)[::-1]
    groups = [np.sort(scores[labels == value]) for value in (1, 0)]
    # Counts of those at least as high, in whole numbers, so that no rounding decides between equals.
    true, false = (g.size - np.searchsorted(g, thresholds, side="left") for g in groups)
    return float(thresholds[np.argmax(true * groups[1].size - false * groups[0].size)])
