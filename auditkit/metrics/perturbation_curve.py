"""The area under the perturbation curve (AUPC) and ΔAUPC of the accuracy, with intervals over patients.

Jin, Li, Fatehi & Hamarneh 2023, "Guidelines and evaluation of clinical explainable AI in medical
image analysis", arXiv 2202.10553, doi:10.1016/j.media.2022.102684, section 4.3.1. Of the AUROC, which
is no mean over images: `auditkit.metrics.auroc_curve`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auditkit.errors import AuditError
from auditkit.stats import Estimate, bootstrap, mean
from auditkit.stats.few_carriers import for_few_carriers
from auditkit.stats.inputs import cluster_images
from auditkit.stats.resampling import REPLICATES

Floats = NDArray[np.float64]


def perturbation_curve_area(fractions: ArrayLike, performance: ArrayLike) -> Floats:
    """AUPC: trapezoid area under performance against the share of features removed.

    Args:
        fractions: (..., k) from 0 to 1, not falling: one curve's own, or shared by all.
        performance: (..., k), for instance accuracies.

    Returns:
        float64 (...), in the unit of the performance; a 0-dimensional array for one curve.

    Raises:
        AuditError: fractions that do not rise from 0 to 1, other lengths, or NaN.

    Example:
        >>> float(perturbation_curve_area([0.0, 0.5, 1.0], [1.0, 0.5, 0.0]))
        0.5
    """
    y = np.asarray(performance, np.float64)
    if y.ndim < 1 or not np.isfinite(y).all():
        raise AuditError("performance holds NaN or infinite values; count such images instead.")
    return np.asarray((trapezoid_weights(fractions, y.shape) * y).sum(axis=-1))


def trapezoid_weights(fractions: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """What each step's performance counts in the area, float64 (..., k); they sum to 1.

    Args:
        fractions: (..., k) from 0 to 1, not falling.
        shape: of the performance, with which the fractions must agree.

    Raises:
        AuditError: fractions that do not rise from 0 to 1, or another number of steps.

    Example:
        >>> trapezoid_weights([0.0, 0.5, 1.0], (3,)).tolist()
        [0.25, 0.5, 0.25]
    """
    x = np.asarray(fractions, np.float64)
    if x.ndim < 1 or x.shape[-1] < 2 or (x[..., 0] != 0).any() or (x[..., -1] != 1).any():
        raise AuditError("fractions: expected shares that rise from 0 to 1.")
    widths = np.diff(x, axis=-1)
    if not (widths >= 0).all():  # NaN is not
        raise AuditError("fractions: expected shares that rise from 0 to 1.")
    if x.shape[-1] != shape[-1] or x.ndim > len(shape):
        raise AuditError(
            f"performance has shape {shape}; expected {x.shape[-1]} steps, the last axis."
        )
    ends = np.zeros_like(x[..., :1])
    before, after = (np.concatenate(pair, axis=-1) for pair in ((ends, widths), (widths, ends)))
    weights: Floats = (before + after) / 2
    return weights


def delta_aupc(fractions: ArrayLike, curve: ArrayLike, random_curves: ArrayLike) -> float:
    """ΔAUPC(H) = AUPC(H_b) - AUPC(H) (arXiv 2202.10553, section 4.3.1).

    Args:
        fractions: (k,) rising from 0 to 1.
        curve: (k,) performance when the features of the heatmap are removed first.
        random_curves: (repeats, k) performance under each random order; their areas are averaged.

    Returns:
        The difference, in [-1, 1] for accuracies; above 0 the heatmap is better than chance.

    Raises:
        AuditError: as ``perturbation_curve_area``.

    Example:
        >>> delta_aupc([0.0, 0.5, 1.0], [1.0, 0.0, 0.0], [[1.0, 0.5, 0.0], [1.0, 1.0, 0.0]])
        0.375
    """
    random_areas = perturbation_curve_area(fractions, np.atleast_2d(random_curves))
    return float(random_areas.mean() - perturbation_curve_area(fractions, curve))


def aupc_estimate(
    correct: ArrayLike,
    fractions: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """AUPC of the accuracy with a cluster bootstrap interval over patients.

    Args:
        correct: (n, k) whether each image is still predicted correctly at each step, or any
            performance of single images in [0, 1] whose mean over images is the performance.
        fractions: (k,) or (n, k) from 0 to 1, not falling: of all images, or each image's own.
        clusters: (n,) patient ids; None for independent images.
        seed: seed of the bootstrap.
        level: two-sided confidence level.

    Returns:
        The area, in [0, 1].

    Raises:
        AuditError: wrong shapes, values outside [0, 1], or one patient only.

    Example:
        >>> aupc_estimate([[1, 1, 0], [1, 0, 0]], [0.0, 0.5, 1.0]).value
        0.5
    """
    areas = perturbation_curve_area(fractions, _performance("correct", correct, 2))
    return mean_over_patients(areas, clusters, (0.0, 1.0), seed=seed, level=level)


def delta_aupc_estimate(
    correct: ArrayLike,
    random_correct: ArrayLike,
    fractions: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    random_fractions: ArrayLike | None = None,
    seed: int = 0,
    level: float = 0.95,
    replicates: int = REPLICATES,
) -> Estimate:
    r"""ΔAUPC of the accuracy with a paired cluster bootstrap interval over patients.

    Accuracy is a mean over images and the area is linear, so ΔAUPC is the mean over images of

        d_i = mean_r AUPC_i(H_b, r) - AUPC_i(H),

    and resampling patients resamples d_i, which keeps the pairing of heatmap and baseline.

    The interval is the wider of bootstrap percentiles and `for_few_carriers`: removal changes nothing for
    many a patient.

    Deviates: the paper bands the repeats of the random order, which says how well the baseline is
    known and nothing about other patients; its fifteen repeats are averaged here.

    Args:
        correct: (n, k) as for ``aupc_estimate``, features of the heatmap removed first.
        random_correct: (n, repeats, k) the same under random orders, or in one other order, such as
            that of a control.
        fractions: (k,) or (n, k) from 0 to 1, not falling.
        clusters: (n,) patient ids; None for independent images.
        random_fractions: (n, repeats, k), where each order has removed other shares; None: ``fractions``.
        seed: seed of the bootstrap.
        level: two-sided confidence level.
        replicates: of the bootstrap.

    Returns:
        The difference, in [-1, 1].

    Raises:
        AuditError: wrong shapes, values outside [0, 1], or one patient only.

    Example:
        >>> heatmap, random = [[1, 0, 0], [1, 0, 0]], [[[1, 1, 0]], [[1, 0, 0]]]
        >>> delta_aupc_estimate(heatmap, random, [0.0, 0.5, 1.0]).value  # (0.5 + 0) / 2
        0.25
    """
    differences = image_delta_aupc(
        correct, random_correct, fractions, random_fractions=random_fractions
    )
    return mean_over_patients(
        differences, clusters, (-1.0, 1.0), seed=seed, level=level, replicates=replicates
    )


def image_delta_aupc(
    correct: ArrayLike,
    random_correct: ArrayLike,
    fractions: ArrayLike,
    *,
    random_fractions: ArrayLike | None = None,
) -> Floats:
    """ΔAUPC of each image, d_i of `delta_aupc_estimate`, whose mean is the ΔAUPC of the accuracy.

    Args:
        correct: (n, k) as for ``delta_aupc_estimate``.
        random_correct: (n, repeats, k).
        fractions: (k,) or (n, k) from 0 to 1, not falling.
        random_fractions: (n, repeats, k), where each order has removed other shares; None: ``fractions``.

    Returns:
        float64 (n,), each in [-1, 1].

    Raises:
        AuditError: wrong shapes, or values outside [0, 1].

    Example:
        >>> heatmap, random = [[1, 0, 0], [1, 0, 0]], [[[1, 1, 0]], [[1, 0, 0]]]
        >>> image_delta_aupc(heatmap, random, [0.0, 0.5, 1.0]).tolist()
        [0.5, 0.0]
    """
    heatmap = perturbation_curve_area(fractions, _performance("correct", correct, 2))
    if random_fractions is None:
        own = np.asarray(fractions, np.float64)
        random_fractions = own[:, np.newaxis] if own.ndim == 2 else own
    performance = _performance("random_correct", random_correct, 3)
    repeats = perturbation_curve_area(random_fractions, performance)
    if repeats.shape[0] != heatmap.shape[0]:
        raise AuditError(
            f"correct holds {heatmap.shape[0]} images and random_correct {repeats.shape[0]}; "
            "expected the same images in the same order."
        )
    differences: Floats = repeats.mean(axis=1) - heatmap
    return differences


def _performance(name: str, values: ArrayLike, dimensions: int) -> Floats:
    performance = np.asarray(values, dtype=np.float64)
    if performance.ndim != dimensions or performance.size == 0:
        expected = "(images, repeats, steps)" if dimensions == 3 else "(images, steps)"
        raise AuditError(f"{name} has shape {performance.shape}; expected {expected}.")
    if not ((performance >= 0) & (performance <= 1)).all():  # NaN is neither
        raise AuditError(f"{name} holds values outside [0, 1]; expected shares or true and false.")
    return performance


def mean_over_patients(
    values: Floats,
    clusters: ArrayLike | None,
    bounds: tuple[float, float],
    *,
    seed: int = 0,
    level: float = 0.95,
    replicates: int = REPLICATES,
) -> Estimate:
    """Mean of areas, or of differences of areas, with the interval of `delta_aupc_estimate`.

    Args:
        values: (n,) of each image.
        clusters: (n,) patient ids; None for independent images.
        bounds: range of the mean.
        seed: seed of the bootstrap.
        level: two-sided confidence level.
        replicates: of the bootstrap.

    Returns:
        The mean, within the bounds.

    Raises:
        AuditError: one patient only.

    Example:
        >>> mean_over_patients(np.array([0.5, 0.0]), None, (-1.0, 1.0)).value
        0.25
    """
    if values.min() == values.max():  # no resample could differ: the exact bound of `mean`
        return mean(values, clusters, bounds=bounds, level=level)
    # Sorted, so that the draws of independent images do not depend on their order.
    ordered = np.sort(values) if clusters is None else values

    def weighted_mean(weights: Floats) -> Floats:
        means: Floats = weights @ ordered / weights.sum(axis=1)
        return means

    found = bootstrap(
        weighted_mean,
        clusters,
        ordered.size,
        seed=seed,
        replicates=replicates,
        level=level,
        bounds=bounds,
    )
    influence = (ordered - ordered.mean()) / ordered.size
    return for_few_carriers(found, influence, cluster_images(clusters, ordered.size), bounds)
