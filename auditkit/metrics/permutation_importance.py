"""How much a model relies on a concept: the metric lost when the concept is permuted among the images."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.metrics.permuted import (
    Metric,
    known_labels,
    permuted_metric,
    plain_metric,
    repeated_answers,
    unseen_share,
)
from auditkit.stats import Choice, Estimate, mean
from auditkit.stats.choice import smallest
from auditkit.stats.differences import Resampled, difference, resampled
from auditkit.stats.inputs import Clusters, Floats, Integers, cluster_images, finite_table
from auditkit.stats.resampling import REPLICATES, Statistic, from_replicates
from auditkit.stats.roc import independent_pairs
from auditkit.stats.tails import Bounds

_DIGITS = 12  # importances that agree to so many digits are tied
_REPLICATES_PER_BLOCK = 100  # with fewer, Bonferroni over many blocks could exclude none


@dataclass(frozen=True)
class Block:
    """Answers to images drawn with a block of concepts at each of its values.

    Attributes:
        answers: (N, V) or (R, N, V): scores for the AUROC, decided classes for the accuracy. Of R repeats
            with fresh noise the metric is averaged.
        own: (N,) which of the V values each image has.
    """

    answers: ArrayLike
    own: ArrayLike


@dataclass(frozen=True)
class Importances:
    """Several blocks of concepts compared on the same images, all from the same draws of patients.

    Attributes:
        plain: the metric of images drawn as they are.
        permuted: the metric expected with each block permuted.
        estimates: their differences, the importances.
        names: of the blocks, in the order of ``rank_probabilities``.
        rank_probabilities: (D, D), share of resamples in which block d has the rank r (0 the largest
            importance); ties share their ranks. Rows and columns sum to 1.
        top: the block with the largest importance, and those that may have it.
    """

    plain: Estimate
    permuted: Mapping[str, Estimate]
    estimates: Mapping[str, Estimate]
    names: tuple[str, ...]
    rank_probabilities: Floats
    top: Choice


def permutation_importance(
    labels: ArrayLike,
    plain: ArrayLike,
    answers: ArrayLike,
    own: ArrayLike,
    *,
    metric: Metric = "auroc",
    clusters: ArrayLike | None = None,
    seed: int = 0,
    replicates: int = REPLICATES,
    level: float = 0.95,
) -> Estimate:
    r"""Metric as it is minus metric expected under permutation of a block of concepts, in [-1, 1].

    DEPICT (Jabbour et al., ECCV 2024, arXiv:2407.14509, sections 3.2 and 4.1): importance_j = a' - E[a_j].

    Deviates: the expectation is over all permutations (`expected_auroc`), and the interval is over
    patients: each resample of patients has its own expectation. The spread over permutations of the same
    images, which the paper shows, is no standard error; it vanishes in the mean of many permutations,
    while the images stay a sample. The noise of each image is drawn with the image.

    Args:
        labels: (N,) 0 or 1; classes for the accuracy.
        plain: (N,) or (R, N) answers to images drawn as they are: scores, or decided classes.
        answers: (N, V) or (R, N, V) answers with the block at each of its values.
        own: (N,) which of the V values each image has.
        metric: which one.
        clusters: (N,) patient ids; None for independent images.
        seed: of the draws of patients.
        replicates: of the bootstrap.
        level: two-sided confidence level.

    Returns:
        The importance; 0 if the answers do not depend on the block.

    Raises:
        AuditError: one class, one value or one patient only, answers not finite, or so few images of a
            class that more than 1 % of the resamples have none.

    Example:
        >>> y, answers = [0, 1] * 20, [[0.0, 1.0]] * 40
        >>> round(permutation_importance(y, y, answers, y).value, 9)  # from 1 to chance
        0.5
    """
    found = importances(
        labels,
        plain,
        {"block": Block(answers, own)},
        metric=metric,
        clusters=clusters,
        seed=seed,
        replicates=replicates,
        level=level,
    )
    return found.estimates["block"]


def importances(
    labels: ArrayLike,
    plain: ArrayLike,
    blocks: Mapping[str, Block],
    *,
    metric: Metric = "auroc",
    clusters: ArrayLike | None = None,
    missing: ArrayLike = (),
    seed: int = 0,
    replicates: int = REPLICATES,
    level: float = 0.95,
) -> Importances:
    """`permutation_importance` of several blocks, with their ranking.

    Args:
        labels: (N,) 0 or 1; classes for the accuracy.
        plain: (N,) or (R, N) answers to images drawn as they are.
        blocks: by name.
        metric: which one.
        clusters: (N,) patient ids; None for independent images.
        missing: (m,) labels of images that could not be evaluated. ``top`` excludes only blocks that stay
            excluded whatever those are (`unseen_share`).
        seed: of the draws of patients, the same for all blocks.
        replicates: of the bootstrap; at least 100 per block are drawn.
        level: two-sided confidence level.

    Returns:
        Importances, rank probabilities, and the choice of the most important one.

    Raises:
        AuditError: as in `permutation_importance`; which block has one value only.
    """
    if not blocks:
        raise AuditError("no block of concepts was given; at least one was expected.")
    y = known_labels(metric, labels)
    groups = cluster_images(clusters, y.size)
    own_answers = finite_table("plain", plain, y.size)
    statistics: list[Statistic] = [plain_metric(metric, y, own_answers)]
    for name, block in blocks.items():
        statistics.append(permuted_metric(metric, y, *_several_values(name, block, y.size)))
    units = independent_pairs(y, groups) if metric == "auroc" else groups.effective_count
    count = max(replicates, _REPLICATES_PER_BLOCK * len(blocks))
    drawn = resampled(statistics, groups, seed=seed, replicates=count)
    whole, *expected = (Resampled(value, values, units) for value, values in drawn)
    permuted = dict(zip(blocks, expected, strict=True))
    unseen = unseen_share(metric, y, missing)
    return Importances(
        plain=_alone(whole, groups, level),
        permuted={name: _alone(found, groups, level) for name, found in permuted.items()},
        estimates={
            name: difference(whole, found, groups, level=level) for name, found in permuted.items()
        },
        names=tuple(blocks),
        rank_probabilities=_rank_probabilities(np.stack([e.replicates for e in expected])),
        top=smallest(permuted, groups, unseen=unseen, level=level),
    )


def effect(
    answers: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    bounds: Bounds = (-1.0, 1.0),
    level: float = 0.95,
) -> Estimate:
    """Mean change of the answer from a block's first value to its last, s_i(last) - s_i(first).

    Needs no label and no permutation: for a binary concept, what its presence adds to the score.

    Args:
        answers: (N, V) or (R, N, V), V >= 2; repeats are averaged.
        clusters: (N,) patient ids; None for independent images.
        bounds: range of a change.
        level: two-sided confidence level.

    Returns:
        The mean with the interval of `auditkit.stats.mean`.

    Raises:
        AuditError: one value or one patient only, or answers not finite.

    Example:
        >>> effect([[0.1, 0.4], [0.2, 0.7]]).value
        0.4
    """
    images = np.asarray(answers).shape[-2] if np.ndim(answers) >= 2 else 0
    table, _ = repeated_answers(answers, np.zeros(images, dtype=np.int64), images)
    if table.shape[2] < 2:
        raise AuditError("answers to one value only; a change needs two.")
    return mean(
        (table[:, :, -1] - table[:, :, 0]).mean(axis=0), clusters, bounds=bounds, level=level
    )


def _several_values(name: str, block: Block, n: int) -> tuple[Floats, Integers]:
    table, own = repeated_answers(block.answers, block.own, n)
    if own.min() == own.max():
        raise AuditError(
            f"'{name}': all {n} images have one value, so there is nothing to permute; images with "
            "another value were expected."
        )
    return table, own


def _alone(found: Resampled, groups: Clusters, level: float) -> Estimate:
    """The interval of a metric by itself."""
    return from_replicates(
        found.value,
        found.replicates,
        groups,
        level=level,
        bounds=(0.0, 1.0),
        interval="logit",
        units=found.units,
    )


def _rank_probabilities(permuted: Floats) -> Floats:
    """Share of resamples (blocks, rank) from permuted metrics (D, B): the lowest has the first rank."""
    from scipy.stats import rankdata

    defined = np.round(permuted[:, np.isfinite(permuted).all(axis=0)], _DIGITS)
    # A block tied over several ranks holds each of them in equal parts.
    lowest = rankdata(defined, method="min", axis=0)[:, :, np.newaxis]
    highest = rankdata(defined, method="max", axis=0)[:, :, np.newaxis]
    ranks = np.arange(1, len(permuted) + 1)
    held = (lowest <= ranks) & (ranks <= highest)
    shares: Floats = (held / (highest - lowest + 1)).mean(axis=1)
    return shares
