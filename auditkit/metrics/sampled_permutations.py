"""Sampled permutations from the same answers, and permutations of a share of the images."""

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.metrics.permuted import Metric, known_labels, plain_metric, repeated_answers
from auditkit.stats.inputs import Floats, Integers, finite_table


def sampled_permutation(count: int, seed: int, index: int) -> Integers:
    """The permutation of that index: image i receives the value of image ``permutation[i]``.

    Args:
        count: number of images.
        seed: declared seed.
        index: number of the permutation; each has a stream of its own, so that more permutations do not
            change the first ones.

    Returns:
        (count,) a permutation of 0 ... count - 1.
    """
    return np.random.default_rng([seed, index]).permutation(count)


def sampled_importance(
    labels: ArrayLike,
    plain: ArrayLike,
    answers: ArrayLike,
    own: ArrayLike,
    permutations: int,
    seed: int = 0,
    *,
    metric: Metric = "auroc",
) -> Floats:
    """Importance under each of P sampled permutations.

    As DEPICT samples them (arXiv:2407.14509, section 4.1). Their mean tends to
    `permutation_importance`; their spread is that of one permutation, not an error of the importance.

    Args:
        labels: (N,) 0 or 1; classes for the accuracy.
        plain: (N,) or (R, N) answers to images drawn as they are.
        answers: (N, V) or (R, N, V) answers with the block at each of its values.
        own: (N,) which of the V values each image has.
        permutations: number P.
        seed: of the permutations (`sampled_permutation`).
        metric: which one.

    Returns:
        (P,) in [-1, 1].

    Raises:
        AuditError: one class only, answers not finite, or shapes that do not fit.
    """
    y = known_labels(metric, labels)
    table, index = repeated_answers(answers, own, y.size)
    as_it_is = _point(metric, y, finite_table("plain", plain, y.size))
    images, found = np.arange(y.size), np.empty(permutations)
    for i in range(permutations):
        received = index[sampled_permutation(y.size, seed, i)]
        found[i] = as_it_is - _point(metric, y, table[:, images, received])
    return found


def drop_curve(
    labels: ArrayLike,
    answers: ArrayLike,
    own: ArrayLike,
    shares: ArrayLike,
    *,
    metric: Metric = "auroc",
) -> Floats:
    r"""Metric expected when only a share of the images, drawn at random, takes part in the permutation.

    Exact over all choices of m = round(q N) images and all their permutations. Each image stays among the
    m with its own value u, receives that of one of the other N - 1 images, or is left out. For a positive
    with own value u and a negative with own value v, the probability Q_m(a, b | u, v) that they are shown
    with a and b follows from who is among the m and whose values they receive; the expected AUROC is

        sum over u, v, a, b of S(u, a; v, b) Q_m(a, b | u, v) / (n+ n-),

    S the number of such pairs in which the positive's answer is higher, ties a half.

    Args:
        labels: (N,) 0 or 1; classes for the accuracy.
        answers: (N, V) or (R, N, V) answers with the block at each of its values.
        own: (N,) which of the V values each image has.
        shares: (k,) in [0, 1].
        metric: which one.

    Returns:
        (k,): at 0 the metric as it is, at 1 that of `expected_auroc` or `expected_accuracy`.

    Raises:
        AuditError: a share outside [0, 1], one class only, or shapes that do not fit.

    Example:
        >>> drop_curve([1, 0], [[0.1, 0.9], [0.2, 0.8]], [1, 0], [0, 1]).tolist()
        [1.0, 0.5]
    """
    y = known_labels(metric, labels)
    table, index = repeated_answers(answers, own, y.size)
    wanted = np.asarray(shares, dtype=np.float64)
    if wanted.ndim != 1 or not ((wanted >= 0) & (wanted <= 1)).all():
        raise AuditError(f"shares: expected values between 0 and 1, got {wanted.tolist()}.")
    counts = np.bincount(index, minlength=table.shape[2]).astype(np.float64)
    sizes = np.rint(wanted * y.size)
    if metric == "accuracy":
        right = _right_by_value(y, table, index)
        return np.array([(right * _one(counts, m)).sum() / y.size for m in sizes])
    wins = _wins_by_values(y, table, index)
    pairs = y.sum() * (y.size - y.sum())
    return np.array([(wins * _two(counts, m)).sum() / pairs for m in sizes])


def _point(metric: Metric, labels: Floats, answers: Floats) -> float:
    return float(plain_metric(metric, labels, answers)(np.ones((1, labels.size)))[0])


def _right_by_value(labels: Floats, answers: Floats, own: Integers) -> Floats:
    """(V, V): right decisions on images with own value u, shown with a; the mean over repeats."""
    right = (answers == labels[:, np.newaxis]).mean(axis=0)
    summed: Floats = np.eye(answers.shape[2])[own].T @ right
    return summed


def _wins_by_values(labels: Floats, answers: Floats, own: Integers) -> Floats:
    """(V, V, V, V): pairs won by positives of own value u shown with a against negatives of v with b."""
    values = answers.shape[2]
    shown = np.eye(values)[own]
    positive, negative = labels == 1, labels == 0
    wins = np.zeros((values,) * 4)
    for repeat in answers:
        for a in range(values):
            for b in range(values):
                beaten = _beaten(repeat[positive, a], repeat[negative, b], shown[negative])
                wins[:, a, :, b] += shown[positive].T @ beaten
    return wins / len(answers)


def _beaten(high: Floats, low: Floats, groups: Floats) -> Floats:
    """(n+, V): negatives of each group below each positive, ties a half; never all pairs in memory."""
    order = np.argsort(low, kind="stable")
    passed = np.zeros((low.size + 1, groups.shape[1]))
    np.cumsum(groups[order], axis=0, out=passed[1:])
    below, not_above = (np.searchsorted(low[order], high, side=side) for side in ("left", "right"))
    found: Floats = (passed[below] + passed[not_above]) / 2
    return found


def _one(counts: Floats, m: float) -> Floats:
    """(V, V): probability that an image with own value u is shown with a, if m of N take part."""
    n, same = counts.sum(), np.eye(counts.size)
    moves = max(m - 1, 0) / n  # the image takes part and receives the value of another one
    found: Floats = (1 - moves) * same + moves * (counts - same) / (n - 1)
    return found


def _two(counts: Floats, m: float) -> Floats:
    """(V, V, V, V) over (u, a, v, b): probability that two images with u and v are shown with a and b."""
    n, same = counts.sum(), np.eye(counts.size)
    if m < 2:
        nobody: Floats = np.einsum("ua,vb->uavb", same, same)
        return nobody
    # Neither has its donor outside of the two: both fixed, or swapped.
    exchanged = 1 / (n * (n - 1))
    # Of ordered pairs of images, the share of which both take part: m (m - 1); one: m (n - m).
    moved = (m - 1) * (n - m) + (m - 2)  # one keeps its value, the other receives a third image's
    crossed = m - 2  # one receives the other's value, and gives its own to a third image
    both = (m - 2) * (m - 3)  # both receive values of third images
    fixed = n * (n - 1) - 1 - 2 * moved - 2 * crossed - both
    third = _third(counts)
    found = fixed * np.einsum("ua,vb->uavb", same, same)
    found += np.einsum("ub,va->uavb", same, same)
    found += moved * np.einsum("ua,uvb->uavb", same, third)
    found += moved * np.einsum("uva,vb->uavb", third, same)
    found += crossed * np.einsum("va,uvb->uavb", same, third)
    found += crossed * np.einsum("uva,ub->uavb", third, same)
    found += both * _thirds(counts)
    total: Floats = found * exchanged
    return total


def _third(counts: Floats) -> Floats:
    """(V, V, V) over (u, v, a): share of the images other than two with u and v that have a."""
    n, same = counts.sum(), np.eye(counts.size)
    others = counts - same[:, np.newaxis] - same
    shares: Floats = others / max(n - 2, 1)
    return shares


def _thirds(counts: Floats) -> Floats:
    """(V, V, V, V) over (u, a, v, b): of ordered pairs of such images, the share with a and b."""
    n, same = counts.sum(), np.eye(counts.size)
    others = counts - same[:, np.newaxis] - same  # (u, v, a)
    pairs = np.einsum("uva,uvb->uavb", others, others)
    pairs -= np.einsum("uva,ab->uavb", others, same)
    shares: Floats = pairs / max((n - 2) * (n - 3), 1)
    return shares
