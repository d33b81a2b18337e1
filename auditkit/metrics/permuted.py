"""Exact expectations of a metric over all permutations of a block of concepts among the images.

With an image's noise held fixed, permuting a block changes image i only through the value v that it
receives, so that its answers s_i(v) to every value hold all N! permutations.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.differences import two_classes
from auditkit.stats.inputs import Floats, Integers
from auditkit.stats.ranking import mean_of, weighted_auroc
from auditkit.stats.resampling import Statistic

Metric = Literal["auroc", "accuracy"]


def expected_auroc(
    labels: ArrayLike, answers: ArrayLike, own: ArrayLike, weights: ArrayLike | None = None
) -> float | Floats:
    r"""AUROC expected over all N! permutations of a block of concepts, in [0, 1].

    DEPICT (Jabbour et al., ECCV 2024, arXiv:2407.14509, section 3.2) averages sampled permutations. Over
    all of them a positive and a negative image hold the values u and v with probability
    P(u, v) = n_u (n_v - [u = v]) / (N (N - 1)), n_u the number of images with value u, hence

        E = sum over (u, v) of P(u, v) A(u, v),

    A(u, v) the AUROC of positives shown with u against negatives shown with v, ties a half. It is computed
    as E = (N M - sum_u (n_u / N) A(u, u)) / (N - 1), with M the AUROC of all answers of an image weighted
    by n_v: V + 1 sorts instead of V^2.

    Args:
        labels: (N,) 0 or 1.
        answers: (N, V) answer to image i drawn with the block at value v.
        own: (N,) which of the V values each image has.
        weights: (B, N) or (N,) how often each image counts, whole numbers (resamples).

    Returns:
        The expectation; with weights (B,), NaN where a class is empty.

    Raises:
        AuditError: one class only, answers not finite, or shapes that do not fit.

    Example:
        >>> expected_auroc([1, 0], [[0.1, 0.9], [0.2, 0.8]], [1, 0])  # as it is 1, swapped 0
        0.5
    """
    y = two_classes(labels)
    table, index = answer_table(answers, own, y.size)
    return _evaluated(permuted_auroc(y, table, index), y.size, weights)


def expected_accuracy(
    right: ArrayLike, own: ArrayLike, weights: ArrayLike | None = None
) -> float | Floats:
    """Accuracy expected over all N! permutations: sum_u (n_u / N) mean(right at u), in [0, 1].

    Args:
        right: (N, V) whether image i is decided rightly when drawn with the block at value v; 0 or 1.
        own: (N,) which of the V values each image has.
        weights: (B, N) or (N,) how often each image counts (resamples).

    Returns:
        The expectation; with weights (B,).

    Raises:
        AuditError: not 0 or 1, or shapes that do not fit.

    Example:
        >>> expected_accuracy([[1, 0], [1, 1]], [0, 1])  # half at 0: (1 + 1) / 2; half at 1: (0 + 1) / 2
        0.75
    """
    n = len(np.asarray(right))
    table, index = answer_table(right, own, n)
    if not np.isin(table, (0.0, 1.0)).all():
        raise AuditError("right holds values other than 0 and 1; expected true or false.")
    return _evaluated(permuted_accuracy(table, index), n, weights)


def permuted_auroc(labels: Floats, answers: Floats, own: Integers) -> Statistic:
    """`expected_auroc` as a function of weights, for resamples."""
    n, values = answers.shape
    alike = [weighted_auroc(labels, answers[:, value]) for value in range(values)]
    mixed = weighted_auroc(np.repeat(labels, values), answers.reshape(-1))
    shown = _shown(own, values)

    def statistic(weights: Floats) -> Floats:
        counts = weights @ shown
        total = counts.sum(axis=1)
        both = (weights[:, :, np.newaxis] * counts[:, np.newaxis, :]).reshape(-1, n * values)
        same = sum(counts[:, value] * alike[value](weights) for value in range(values)) / total
        expected: Floats = (total * mixed(both) - same) / (total - 1)
        return expected

    return statistic


def permuted_accuracy(right: Floats, own: Integers) -> Statistic:
    """`expected_accuracy` as a function of weights, for resamples."""
    shown = _shown(own, right.shape[1])

    def statistic(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        expected: Floats = ((weights @ right) * (weights @ shown)).sum(axis=1) / total**2
        return expected

    return statistic


def permuted_metric(metric: Metric, labels: Floats, answers: Floats, own: Integers) -> Statistic:
    """The expected metric of repeated answers (R, N, V), averaged over repeats, as a function of weights."""
    if metric == "auroc":
        return mean_of([permuted_auroc(labels, table, own) for table in answers])
    right = (answers == labels[:, np.newaxis]).astype(np.float64)
    return mean_of([permuted_accuracy(table, own) for table in right])


def plain_metric(metric: Metric, labels: Floats, plain: Floats) -> Statistic:
    """The metric of answers (R, N) to images as they are, as a function of weights."""
    if metric == "auroc":
        return mean_of([weighted_auroc(labels, repeat) for repeat in plain])
    right = (plain == labels).astype(np.float64).mean(axis=0)

    def statistic(weights: Floats) -> Floats:
        found: Floats = weights @ right / weights.sum(axis=1)
        return found

    return statistic


def known_labels(metric: Metric, labels: ArrayLike) -> Floats:
    """Labels that the metric can be asked about: 0 and 1, or classes as whole numbers.

    Raises:
        AuditError: one class only, for an AUROC.
    """
    if metric == "auroc":
        return two_classes(labels)
    found: Floats = np.asarray(labels, dtype=np.float64)
    if found.ndim != 1 or found.size == 0 or not np.isfinite(found).all():
        raise AuditError(f"labels have shape {found.shape}; expected one class for each image.")
    return found


def answer_table(answers: ArrayLike, own: ArrayLike, n: int) -> tuple[Floats, Integers]:
    """Answers (N, V) and the place of each image's own value, if they fit."""
    table, index = repeated_answers(answers, own, n)
    if table.shape[0] != 1:
        raise AuditError(f"answers have shape {np.shape(answers)}; expected (images, values).")
    return table[0], index


def repeated_answers(answers: ArrayLike, own: ArrayLike, n: int) -> tuple[Floats, Integers]:
    """Answers (R, N, V), of one repeat where (N, V) are given, and the place of each image's own value.

    Raises:
        AuditError: shapes that do not fit n images, answers not finite, or a value that has no answers.
    """
    table = np.asarray(answers, dtype=np.float64)
    table = table[np.newaxis] if table.ndim == 2 else table
    index = np.asarray(own)
    if table.ndim != 3 or table.shape[1] != n or index.shape != (n,) or table.size == 0:
        raise AuditError(
            f"answers have shape {np.shape(answers)} and own {index.shape}; expected ({n}, values) or "
            f"(repeats, {n}, values), and ({n},)."
        )
    if index.dtype.kind not in "iu" or index.min() < 0 or index.max() >= table.shape[2]:
        raise AuditError(f"own: expected whole numbers from 0 to {table.shape[2] - 1}.")
    missing = int((~np.isfinite(table)).any(axis=(0, 2)).sum())
    if missing:
        raise AuditError(
            f"answers to {missing} of {n} images are NaN or infinite; count such images as not evaluable "
            "and leave them out."
        )
    return table, index.astype(np.int64)


def _shown(own: Integers, values: int) -> Floats:
    """(N, V), 1 at each image's own value."""
    shown: Floats = np.eye(values)[own]
    return shown


def _evaluated(statistic: Statistic, n: int, weights: ArrayLike | None) -> float | Floats:
    if weights is None:
        return float(statistic(np.ones((1, n)))[0])
    return statistic(np.atleast_2d(np.asarray(weights, dtype=np.float64)))


def unseen_share(
    metric: Metric, labels: ArrayLike, missing: ArrayLike, *, permuted: bool = True
) -> float:
    r"""Share of what a metric averages that images without answers would add, in [0, 1).

    An expected AUROC averages over pairs of a positive and a negative image and over ordered pairs of
    donors of their values: 1 - n+ n- N (N - 1) / ((n+ + m+) (n- + m-) (N + m) (N + m - 1)) of them involve
    one of m images that could not be evaluated. An accuracy averages over images and donors:
    1 - (N / (N + m))^2. Where nothing is permuted there are no donors to be missing.

    Args:
        metric: which one.
        labels: (N,) of the images with answers.
        missing: (m,) labels of those without.
        permuted: whether the metric is expected over permutations.

    Returns:
        The share u: the metric over all images lies within u of (1 - u) times the known one, upwards.

    Example:
        >>> round(unseen_share("accuracy", [0, 1, 0, 1, 1, 1, 0, 0, 1], [1]), 2)  # 1 - 0.9^2
        0.19
    """
    known, lost = known_labels(metric, labels), np.asarray(missing, dtype=np.float64)
    n, m = known.size, lost.size
    if metric == "accuracy":
        return 1 - (n / (n + m)) ** (2 if permuted else 1)
    positive, lost_positive = float(known.sum()), float(lost.sum())
    pairs = positive * (n - positive)
    pairs /= (positive + lost_positive) * (n - positive + m - lost_positive)
    return 1 - pairs * (n * (n - 1) / ((n + m) * (n + m - 1)) if permuted else 1)
