"""Overlap of an explanation with the ground truth (Shared Interest).

Boggust, Hoover, Satyanarayan & Strobelt 2022, "Shared Interest: Measuring Human-AI Alignment to
Identify Recurring Patterns in Model Behavior", arXiv 2107.09234, doi:10.1145/3491102.3501965.
GT is the set of pixels of the ground truth and E the set of pixels of the explanation.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auditkit.errors import AuditError
from auditkit.metrics.not_evaluable import NotEvaluable
from auditkit.spec.postprocess import Binarise, Deviations, ShareOfMaximum, TopShare

Mask = NDArray[np.bool_]
Signs = Literal["positive", "absolute"]

NO_POSITIVE = "heatmap without positive values"


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
    if signs == "positive":
        count = min(count, int(np.count_nonzero(ranked > 0)))
    if count == 0:
        raise NotEvaluable(NO_POSITIVE)
    return _largest(ranked.reshape(-1), count, tie_break).reshape(values.shape)


def explanation_region(
    heatmap: ArrayLike,
    rule: Binarise,
    signs: Signs = "positive",
    tie_break: np.random.Generator | None = None,
) -> Mask:
    """The explanation region E of one heatmap, by a declared rule.

    top: the hottest share of pixels, see `top_fraction_mask`; threshold: at least a share of the
    maximum; deviations: at least the mean plus k standard deviations of the map (the published code
    of arXiv 2107.09234 does this after a min-max scaling, which changes no comparison); nonzero:
    every pixel that is not 0.

    Args:
        heatmap: any shape, the importance of each pixel of one image.
        rule: the parameters.
        signs: "positive" keeps pixels above 0 only; "absolute" takes magnitudes first.
        tie_break: draws between equal pixels where the rule keeps a number of them.

    Returns:
        bool, the shape of the heatmap; may be empty for "deviations".

    Raises:
        NotEvaluable: a map that is not finite, is constant, or has nothing above 0 to keep.

    Example:
        >>> explanation_region([0.1, 0.5, 1.0], ShareOfMaximum(share=0.5)).tolist()
        [False, True, True]
    """
    if isinstance(rule, TopShare):
        return top_fraction_mask(heatmap, rule.share, signs, tie_break)
    raw = np.asarray(heatmap, dtype=np.float64)
    values = ranked_values(np.abs(raw) if signs == "absolute" else raw)
    if values.max() <= 0:
        raise NotEvaluable(NO_POSITIVE)
    least = 0.0
    if isinstance(rule, ShareOfMaximum):
        least = rule.share * float(values.max())
    elif isinstance(rule, Deviations):
        least = float(values.mean() + rule.count * values.std())
    region: Mask = (values > 0) & (values >= least)
    return region


def relevance_mass(heatmap: ArrayLike, truth_mask: Mask, signs: Signs = "positive") -> float:
    """Relevance mass: the share of a heatmap's sum that lies on the ground truth.

    sum over GT of S / sum of S  (relevance mass accuracy, Arras et al., arXiv 2003.07258; "feature
    portion", Jin et al., arXiv 2202.10553, eq. 2): explanation coverage without a threshold.

    Args:
        heatmap: any shape, the importance of each pixel of one image.
        truth_mask: bool, same shape, the pixels GT of the object.
        signs: "positive": S is the heatmap where it is above 0; "absolute": its magnitude.

    Returns:
        The mass, in [0, 1].

    Raises:
        NotEvaluable: GT is empty, or the map is not finite, constant, or has nothing above 0.
        AuditError: a mask that is not boolean or differs in shape.

    Example:
        >>> relevance_mass([3.0, 1.0, -2.0], np.array([True, False, False]))
        0.75
    """
    raw = np.asarray(heatmap, dtype=np.float64)
    values = ranked_values(np.abs(raw) if signs == "absolute" else raw)
    _checked(values > 0, truth_mask)
    if not truth_mask.any():
        raise NotEvaluable("empty ground truth")
    most = values.max()
    if most <= 0:
        raise NotEvaluable(NO_POSITIVE)
    strength = np.maximum(values, 0.0) / most
    inside = float(strength[truth_mask].sum())
    return min(inside / float(strength.sum()), 1.0)


def truth_of(truth_mask: Mask, shape: Sequence[int]) -> Mask:
    """The ground truth for a heatmap of ``shape``: the same in every modality, if it has some.

    Args:
        truth_mask: bool (*space) or (M, *space).
        shape: of the heatmap, (*space) or (M, *space).

    Raises:
        AuditError: the shapes do not fit.

    Example:
        >>> truth_of(np.array([True, False]), (2, 2)).tolist()
        [[True, False], [True, False]]
    """
    if tuple(shape) not in (truth_mask.shape, (*shape[:1], *truth_mask.shape)):
        raise AuditError(
            f"truth_mask is {truth_mask.shape} and the heatmap {tuple(shape)}; expected equal shapes, "
            "or one leading axis more for the heatmap's modalities."
        )
    return np.broadcast_to(truth_mask, tuple(shape))


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


def _largest(
    values: NDArray[np.float64], count: int, tie_break: np.random.Generator | None
) -> Mask:
    """The first ``count`` of `descending_order` as a mask, without sorting the others."""
    least = np.partition(values, values.size - count)[values.size - count]
    mask: Mask = values >= least
    kept = count - int(np.count_nonzero(values > least))
    if np.count_nonzero(mask) > count:
        order = np.arange(values.size)
        if tie_break is not None:
            order = tie_break.permutation(values.size)
        mask[order[values[order] == least][kept:]] = False
    return mask


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
