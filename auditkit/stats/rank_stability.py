"""Whether several trainings of a model rank the same treatments alike."""

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import Clusters, Floats
from auditkit.stats.rank_agreement import (
    LEAST_ALIKE,
    PairTail,
    critical_value,
    kendall_tau_b,
    method_pairs,
    rounded_means,
)
from auditkit.stats.tails import BoundedTail

_UNVARIED = 1e-9  # standard error that is only rounding
_TOLERATED = 0.99


def rank_stability(
    values: ArrayLike,
    drawn: ArrayLike,
    groups: Clusters,
    *,
    unseen: float = 0.0,
    level: float = 0.95,
) -> Estimate:
    r"""Mean over pairs of trainings of Kendall's tau-b between their rankings of m treatments.

    The limits are those of `rank_agreement`, for K rankings by the same patients: the order of two
    treatments in a training counts as known where their difference exceeds z of its standard errors, with z
    the ``level`` quantile of the largest studentised difference of any pair in any training over joint
    resamples of patients (max-t). Of a pair of trainings, pairs of treatments that are not known in both may
    all agree or all disagree.

    It is about these trainings: their patients are the sample.

    Args:
        values: (K, m), the quantity that ranks, of each training.
        drawn: (B, K, m), the same in joint resamples of patients; NaN where undefined.
        groups: patients of all images.
        unseen: most that a difference of two treatments could change by if images that could not be
            evaluated were known.
        level: two-sided confidence level.

    Returns:
        tau-b, in [-1, 1].

    Raises:
        AuditError: fewer than two trainings or treatments, all treatments alike in one training, or more
            than 1 % of the resamples are undefined.

    Example:
        >>> from auditkit.stats.inputs import cluster_images
        >>> values = [[3.0, 2.0, 1.0], [3.0, 1.0, 2.0]]  # one pair of three turned
        >>> rank_stability(values, np.tile(values, (99, 1, 1)), cluster_images(None, 10)).value
        0.3333333333333333
    """
    means, table = np.asarray(values, np.float64), np.asarray(drawn, np.float64)
    if means.ndim != 2 or min(means.shape) < 2 or table.shape[1:] != means.shape:
        raise AuditError(
            f"values {means.shape}, drawn {table.shape}: expected (trainings, treatments), two or more of "
            "each, and (resamples, trainings, treatments)."
        )
    defined = table[np.isfinite(table).all(axis=(1, 2))]
    if len(defined) < _TOLERATED * len(table):
        raise AuditError(
            f"{len(table) - len(defined)} of {len(table)} resamples of {groups.count} patients are undefined."
        )
    means = rounded_means(means)
    trainings = list(combinations(range(len(means)), 2))
    value = float(np.mean([kendall_tau_b(means[k], means[j]) for k, j in trainings]))
    tail = _tail(means, defined, groups, unseen, trainings)
    low, high = tail.limits(critical_value(tail.largest, level))
    method = (
        f"known orders of pairs in {len(means)} trainings: max-t over {len(table)} resamples of "
        f"{groups.count} patients"
    )
    n, bounded = groups.index.size, BoundedTail(tail, (-1.0, 1.0))
    return Estimate(
        value, min(low, value), max(high, value), level, n, groups.count, method, bounded
    )


def _tail(
    means: Floats,
    drawn: Floats,
    groups: Clusters,
    unseen: float,
    trainings: list[tuple[int, int]],
) -> PairTail:
    differences, resampled = method_pairs(means), method_pairs(drawn)
    deviations = resampled - resampled.mean(axis=0)
    errors = deviations.std(axis=0, ddof=1) * np.sqrt(groups.count / (groups.count - 1))
    scale = float(np.abs(differences).max())
    varied = errors > _UNVARIED * scale
    largest = np.abs(deviations[:, varied] / errors[varied]).max(axis=1, initial=0.0)
    beyond = np.maximum(np.abs(differences) - unseen, 0.0)
    # A difference that never varies is known if there are enough patients for any sign to be.
    alike = np.inf if groups.count >= LEAST_ALIKE else 0.0
    studentised = np.where(beyond > _UNVARIED * scale, alike, 0.0)
    studentised[varied] = beyond[varied] / errors[varied]
    first, second = (np.array(side) for side in zip(*trainings, strict=True))
    known_below = np.minimum(studentised[first], studentised[second])
    signs = np.sign(differences[first] * differences[second])
    return PairTail(known_below.reshape(-1), signs.reshape(-1), np.sort(largest))
