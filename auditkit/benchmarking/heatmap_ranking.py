"""Concepts ranked by how far heatmaps overlap them: what DEPICT is compared with.

The explanation of the predicted class becomes a region of the image: Grad-CAM's where it is not zero, LIME's
five superpixels. A concept's importance is the mean, over the images that show it, of the intersection over
union of that region and the concept's own (arXiv:2407.14509, supplement 8.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from auditkit.evidence.kinds import Floats, Integers
from auditkit.metrics.postprocess import resampled

if TYPE_CHECKING:
    from auditkit.benchmarking.concept_maps import LimePart

FEATURES: Final = 5
"""Superpixels in LIME's region (arXiv:2407.14509, supplement 8.1)."""


@dataclass(frozen=True)
class Overlaps:
    """How far a method's explanations overlap the concepts.

    Attributes:
        iou: (M, n, K) of each target, image and concept; NaN where the image does not show the concept.
    """

    iou: Floats

    @property
    def importance(self) -> Floats:
        """Mean over the images that show the concept, (M, K); NaN where none does."""
        shown = np.isfinite(self.iou)
        count = shown.sum(axis=1)
        total = np.where(shown, self.iou, 0.0).sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def signed_weights(weights: Floats, predicted: Integers) -> Floats:
    """What is explained of an image: w of targets that predict 1, -w of those that predict 0.

    Args:
        weights: (M, K).
        predicted: (M,) 0 or 1.
    """
    return np.where(predicted[:, None] == 1, weights, -weights)


def gradcam_region(part: Floats, weights: Floats, side: int) -> npt.NDArray[np.bool_]:
    """Where each target's Grad-CAM is not zero.

    At and above the lowest value that is not zero, of the map enlarged bilinearly.

    Args:
        part: (K, h, w) of the concepts, before the ReLU.
        weights: (M, K), signed by the predicted class.
        side: of the image in pixels.

    Returns:
        (M, side, side).
    """
    maps = np.maximum(np.tensordot(weights, part, axes=1), 0.0)
    return resampled(maps, (side, side), "bilinear") > 0


def lime_region(part: "LimePart", weights: Floats) -> npt.NDArray[np.bool_]:
    """The five superpixels of the largest positive coefficients of each target, fewer if fewer are positive.

    Args:
        part: of the concepts.
        weights: (M, K), signed by the predicted class.

    Returns:
        (M, size, size).
    """
    coefficients = weights @ part.coefficients
    order = np.argsort(-coefficients, axis=1, kind="stable")[:, :FEATURES]
    chosen = np.zeros(coefficients.shape, dtype=bool)
    np.put_along_axis(chosen, order, np.take_along_axis(coefficients, order, axis=1) > 0, axis=1)
    return chosen[:, part.segments]


def overlap(regions: npt.NDArray[np.bool_], masks: npt.NDArray[np.bool_]) -> Floats:
    """IoU of each target's region and each concept, (M, K); NaN where the image does not show it.

    Args:
        regions: (M, size, size).
        masks: (K, size, size).
    """
    flat = regions.reshape(len(regions), -1).astype(np.float64)
    shown = masks.reshape(len(masks), -1).astype(np.float64)
    both = flat @ shown.T
    union = flat.sum(axis=1)[:, None] + shown.sum(axis=1) - both
    return np.where(shown.any(axis=1), both / np.maximum(union, 1), np.nan)


def gradcam_overlaps(
    parts: Floats, masks: npt.NDArray[np.bool_], weights: Floats, predicted: Integers
) -> Overlaps:
    """Overlaps of Grad-CAM.

    Args:
        parts: (n, K, h, w).
        masks: (n, K, size, size).
        weights: (M, K).
        predicted: (M, n) 0 or 1.
    """
    rows = [
        overlap(gradcam_region(part, signed_weights(weights, yes), mask.shape[-1]), mask)
        for part, mask, yes in zip(parts, masks, predicted.T, strict=True)
    ]
    return Overlaps(np.stack(rows, axis=1))


def lime_overlaps(
    parts: Sequence["LimePart"],
    masks: npt.NDArray[np.bool_],
    weights: Floats,
    predicted: Integers,
) -> Overlaps:
    """Overlaps of LIME; arguments as `gradcam_overlaps`."""
    rows = [
        overlap(lime_region(part, signed_weights(weights, yes)), mask)
        for part, mask, yes in zip(parts, masks, predicted.T, strict=True)
    ]
    return Overlaps(np.stack(rows, axis=1))
