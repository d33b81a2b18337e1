"""What a sample of this size can show: the smallest difference that it would detect."""

import math

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.inputs import Floats, cluster_images, finite_vector
from auditkit.stats.sample_size import checked, hanley_mcneil, normal
from auditkit.stats.tails import expit, logit

POWER = 0.8


def design_effect(influence: ArrayLike, clusters: ArrayLike | None) -> float:
    r"""Factor by which patients with several images inflate a variance, >= 1.

    With z_i what image i adds to the error (for a mean (y_i - mean) / n) and G patients:

        G / (G - 1) sum_g (sum_{i in g} z_i)^2 / sum_i z_i^2.

    Args:
        influence: (n,), with sum 0.
        clusters: (n,) patient ids; None for independent images.

    Returns:
        The design effect. Where nothing varies it cannot be seen; then n over Kish's effective
        number of patients, as if a patient's images were copies of one another.

    Raises:
        AuditError: influence not finite.

    Example:
        >>> design_effect([1.0, 1.0, -1.0, -1.0], [1, 1, 2, 2])  # 2 / 1 * (4 + 4) / 4
        4.0
    """
    z = finite_vector("influence", influence)
    groups = cluster_images(clusters, z.size)
    if groups.independent:
        return 1.0
    total = float((z**2).sum())
    if total == 0 or groups.count < 2:
        return z.size / groups.effective_count
    between = float((groups.sums(z) ** 2).sum()) * groups.count / (groups.count - 1)
    return max(1.0, between / total)


def detectable_proportion(
    proportion: float,
    n: int,
    *,
    power: float = POWER,
    level: float = 0.95,
    design_effect: float = 1.0,
) -> float:
    r"""Smallest difference below a proportion that n images show with this power.

    With m = n / deff (rounded down) trials and x the number of successes that is reached with
    probability ``power`` if the proportion is p, every bound below the Clopper-Pearson limit of x
    is cleared with that probability:

        p - B(alpha / 2; x, m - x + 1),  x = max{k: P(X >= k | m, p) >= power}.

    The inverse of ``required_n_proportion``, up to the saw teeth of the binomial distribution.

    Args:
        proportion: the true proportion p, in [0, 1].
        n: number of images.
        power: probability of clearing the bound.
        level: two-sided confidence level of the interval.
        design_effect: see ``design_effect``.

    Returns:
        The difference, in [0, 1]; p itself where no bound can be cleared.

    Raises:
        AuditError: an argument out of range.

    Example:
        >>> round(detectable_proportion(1.0, 72), 4)  # 1 - 0.025 ** (1 / 72)
        0.0499
    """
    from scipy import special, stats

    half = checked(power, level, design_effect)
    if not 0 <= proportion <= 1 or n < 1:
        raise AuditError(f"proportion {proportion}, n {n}: expected within [0, 1] and at least 1.")
    trials = max(1, math.floor(n / design_effect))
    successes = float(stats.binom.ppf(1 - power, trials, proportion))
    if successes <= 0:
        return proportion
    return proportion - float(special.betaincinv(successes, trials - successes + 1, half))


def detectable_auroc(
    auroc: float,
    positives: int,
    negatives: int,
    *,
    power: float = POWER,
    level: float = 0.95,
    design_effect: float = 1.0,
) -> float:
    r"""Smallest difference below an AUROC that these images show with this power.

    The inverse of ``required_n_auroc``, with Hanley & McNeil's variance at n+ / deff and n- / deff:

        A - expit(logit A - (z_{1 - alpha/2} + z_power) sqrt(var) / (A (1 - A))).

    Args:
        auroc: the true area A, in (0, 1).
        positives: number n+ of positive images.
        negatives: number n- of negative images.
        power: probability of clearing the bound.
        level: two-sided confidence level of the interval.
        design_effect: see ``design_effect``.

    Returns:
        The difference, in (0, 1).

    Raises:
        AuditError: an argument out of range.

    Example:
        >>> detectable_auroc(0.9, 102, 101, power=0.9) < 0.1  # required_n_auroc: 203 for 0.1
        True
    """
    half = checked(power, level, design_effect)
    if not 0 < auroc < 1 or min(positives, negatives) < 1:
        raise AuditError(
            f"auroc {auroc}, {positives} positive and {negatives} negative images: expected an area "
            "between 0 and 1 and at least one image of each class."
        )
    counts = (max(1.0, count / design_effect) for count in (positives, negatives))
    error = math.sqrt(hanley_mcneil(auroc, *counts)) / (auroc * (1 - auroc))
    return auroc - expit(logit(auroc) - (normal(power) - normal(half)) * error)


def mean_influence(values: Floats) -> Floats:
    """What each image adds to the error of a mean: (y_i - mean) / n."""
    influence: Floats = (values - np.mean(values)) / values.size
    return influence
