"""Overlap of an explanation with the ground truth (Shared Interest).

Boggust, Hoover, Satyanarayan & Strobelt 2022, "Shared Interest: Measuring Human-AI Alignment to
Identify Recurring Patterns in Model Behavior", arXiv 2107.09234, doi:10.1145/3491102.3501965.
GT is the set of pixels of the ground truth and E the set of pixels of the explanation.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auditkit.errors import AuditError
from auditkit.metrics.not_evaluable import NotEvaluable

Mask = NDArray[np.bool_]
Signs = Literal["positive", "absolute"]


def explanation_coverage(heatmap_mask: Mask, truth_mask: Mask) -> float:
    """Explanation coverage: the share of the explanation that lies on the ground truth.

    |GT ∩ E| / |E|  (arXiv 2107.09234, section 3). 1: the model looks at nothing but the object.

    Args:
        heatmap_mask: bool, any shape, the pixels E of one image's explanation.
        truth_mask: bool, same shape, the pixels GT of the object.

    Returns:
        The coverage, in [0, 1].

    Raises:
        NotEvaluable: E is empty.
        AuditError: masks that are not boolean or differ in shape.

    Example:
        >>> heat, truth = np.array([[True, True], [False, False]]), np.eye(2, dtype=bool)
        >>> explanation_coverage(heat, truth)  # one of two pixels
        0.5
    """
    _checked(heatmap_mask, truth_mask)
    return _share(heatmap_mask & truth_mask, heatmap_mask, "empty explanation")


def ground_truth_coverage(heatmap_mask: Mask, truth_mask: Mask) -> float:
    """Ground truth coverage: the share of the ground truth that the explanation covers.

    |GT ∩ E| / |GT|  (arXiv 2107.09234, section 3). 1: the model looks at all of the object.

    Args:
        heatmap_mask: bool, any shape, the pixels E of one image's explanation.
        truth_mask: bool, same shape, the pixels GT of the object.

    Returns:
        The coverage, in [0, 1].

    Raises:
        NotEvaluable: GT is empty.
        AuditError: masks that are not boolean or differ in shape.

    Example:
        >>> heat, truth = np.array([True, False, False, False]), np.ones(4, dtype=bool)
        >>> ground_truth_coverage(heat, truth)
        0.25
    """
    _checked(heatmap_mask, truth_mask)
    return _share(heatmap_mask & truth_mask, truth_mask, "empty ground truth")


def iou(heatmap_mask: Mask, truth_mask: Mask) -> float:
    """Intersection over union of explanation and ground truth.

    |GT ∩ E| / |GT ∪ E|  (arXiv 2107.09234, section 3).

    Args:
        heatmap_mask: bool, any shape, the pixels E of one image's explanation.
        truth_mask: bool, same shape, the pixels GT of the object.

    Returns:
        The IoU, in [0, 1]; 0 where one of the two sets is empty.

    Raises:
        NotEvaluable: both sets are empty.
        AuditError: masks that are not boolean or differ in shape.

    Example:
        >>> iou(np.array([True, True, False]), np.array([False, True, True])) == 1 / 3
        True
    """
    _checked(heatmap_mask, truth_mask)
    return _share(
        heatmap_mask & truth_mask,
        heatmap_mask | truth_mask,
        "empty explanation and empty ground truth",
    )


def top_fraction_mask(
    heatmap: ArrayLike,
    fraction: float,
    signs: Signs = "positive",
    tie_break: np.random.Generator | None = None,
) -> Mask:
    """The most important pixels of a heatmap: exactly round(fraction * size) of them.

    Deviates from thresholding at a quantile, which returns every pixel that ties with the
    threshold (half of the image for a map of two levels).

    Args:
        heatmap: any shape, the importance of each pixel of one image.
        fraction: share of the pixels to keep, in (0, 1].
        signs: "positive" ranks the values and keeps pixels above 0 only, fewer than the fraction
            if fewer exist; "absolute" ranks the magnitudes.
        tie_break: draws the order of equal pixels; None keeps the order of the array.

    Returns:
        bool, the shape of the heatmap.

    Raises:
        NotEvaluable: a map that is not finite, is constant, or has nothing above 0 to keep.
        AuditError: a fraction out of range, or so small that it keeps no pixel.

    Example:
        >>> top_fraction_mask([[0.9, 0.1], [-0.5, 0.2]], 0.5).tolist()
        [[True, False], [False, True]]
        >>> top_fraction_mask([[0.9, 0.1], [-0.5, 0.2]], 0.5, signs="absolute").tolist()
        [[True, False], [True, False]]
    """
    values = np.asarray(heatmap, dtype=np.float64)
    count = _count(fraction, values.size)
    ranked = ranked_values(np.abs(values) if signs == "absolute" else values)
    order = descending_order(ranked.reshape(-1), tie_break)
    if signs == "positive":
        count = min(count, int((ranked > 0).sum()))
    if count == 0:
        raise NotEvaluable("heatmap without positive values")
    mask = np.zeros(values.size, dtype=np.bool_)
    mask[order[:count]] = True
    return mask.reshape(values.shape)


def ranked_values(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values, if they can be ranked at all.

    Raises:
        NotEvaluable: not finite, all zero, or constant.
    """
    if values.size == 0:
        raise AuditError("the heatmap has no pixels.")
    if not np.isfinite(values).all():
        raise NotEvaluable("heatmap with NaN or infinite values")
    if values.min() == values.max():
        raise NotEvaluable("all-zero heatmap" if not values.any() else "constant heatmap")
    return values


def descending_order(
    values: NDArray[np.float64], tie_break: np.random.Generator | None
) -> NDArray[np.int64]:
    """Indices of (n,) values from the largest to the smallest; equal ones shuffled if seeded."""
    if tie_break is None:
        return np.argsort(-values, kind="stable").astype(np.int64)
    shuffled = tie_break.permutation(values.size)
    order: NDArray[np.int64] = shuffled[np.argsort(-values[shuffled], kind="stable")]
    return order


def _count(fraction: float, size: int) -> int:
    if not 0 < fraction <= 1:
        raise AuditError(f"fraction is {fraction}; expected a share of the pixels in (0, 1].")
    count = int(np.floor(fraction * size + 0.5))
    if size and not count:
        raise AuditError(
            f"fraction {fraction:g} of {size} pixels keeps no pixel; choose at least {1 / size:g}."
        )
    return count


def _checked(heatmap_mask: Mask, truth_mask: Mask) -> None:
    for name, mask in (("heatmap_mask", heatmap_mask), ("truth_mask", truth_mask)):
        if mask.dtype != np.bool_:
            raise AuditError(f"{name} is {mask.dtype}; expected bool. Binarise the map first.")
    if heatmap_mask.shape != truth_mask.shape:
        raise AuditError(
            f"heatmap_mask is {heatmap_mask.shape} and truth_mask {truth_mask.shape}; "
            "expected equal shapes. Resample one of them first."
        )


def _share(part: Mask, whole: Mask, reason: str) -> float:
    size = int(np.count_nonzero(whole))
    if size == 0:
        raise NotEvaluable(reason)
    return int(np.count_nonzero(part)) / size
