"""Grad-CAM and LIME as rankings of concepts, on the same real images."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from auditkit.benchmarking import recipe as settings
from auditkit.benchmarking.gathering import Explained, Gathered
from auditkit.benchmarking.heatmap_ranking import Overlaps, gradcam_overlaps, lime_overlaps
from auditkit.benchmarking.importance import GRADCAM, LIME, Ranked
from auditkit.benchmarking.targets import best_threshold
from auditkit.evidence.kinds import Floats, Integers
from auditkit.spec.methods import GradCAM

if TYPE_CHECKING:
    import torch

_UNIT = "mean IoU"


@dataclass(frozen=True)
class Baselines:
    """Rankings by heatmaps.

    Attributes:
        ranked: Grad-CAM's and LIME's; empty where they were not asked for or cannot be had.
        layers: Grad-CAM at the last convolution of every resolution, for the record.
        notes: what a reader must know of them.
    """

    ranked: list[Ranked] = field(default_factory=list)
    layers: list[Ranked] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def baselines(found: Gathered, images: int) -> Baselines:
    """Rankings by the overlap of heatmaps with the concepts, on the first so many images."""
    if images == 0:
        return Baselines(notes=["Grad-CAM and LIME were not asked for (--heatmaps 0)."])
    from auditkit.benchmarking.networks import concept_masks

    spec = found.explained[0].model.card.input
    indices = found.indices[:images]
    masks = concept_masks(found.data, indices, found.concepts, spec)
    if masks is None:
        note = f"'{found.data.card.data}' has no masks of its concepts: no Grad-CAM, no LIME."
        return Baselines(notes=[note])
    predicted = predictions_of(found)[:, : len(indices)]
    shape = (len(found.targets), len(indices), len(found.concepts))
    iou = {name: np.full(shape, np.nan) for name in (GRADCAM, LIME)}
    layers: list[str] = []
    for one in found.explained:
        own = list(one.targets)
        overlaps, layer = _overlaps(found, one, masks, predicted[own])
        layers.append(layer)
        for name, values in overlaps.items():
            iou[name][own] = values.iou
    ranked = [_ranked(name, Overlaps(values)) for name, values in iou.items()]
    return Baselines(
        ranked, _by_layer(found, masks, predicted), _notes(len(indices), sorted(set(layers)))
    )


def predictions_of(found: Gathered) -> Integers:
    """Predicted class of each target and image, (M, N): at the threshold with the largest TPR - FPR."""
    rows = [one.real >= best_threshold(one.labels, one.real) for one in found.targets]
    return np.array(rows).astype(np.int64)


def _by_layer(found: Gathered, masks: npt.NDArray[np.bool_], predicted: Integers) -> list[Ranked]:
    """Grad-CAM of targets of one network at its layers: how much rests on the choice."""
    from auditkit.benchmarking.concept_maps import convolutions, gradcam_parts

    if len(found.explained) > 1:
        return []
    (one,) = found.explained
    inputs = _inputs(found, one, len(masks))
    weights: Floats = np.stack([target.weights for target in found.targets])
    ranked = []
    for name in convolutions(one.bottleneck):
        parts, layer = gradcam_parts(one.bottleneck, inputs, GradCAM(layer=name))
        overlaps = gradcam_overlaps(parts, masks, weights, predicted)
        ranked.append(_ranked(f"{GRADCAM}, {layer}", overlaps))
    return ranked


def _overlaps(
    found: Gathered, one: Explained, masks: npt.NDArray[np.bool_], predicted: Integers
) -> tuple[dict[str, Overlaps], str]:
    from auditkit.benchmarking.concept_maps import gradcam_parts, lime_parts

    inputs = _inputs(found, one, len(masks))
    weights: Floats = np.stack([found.targets[place].weights for place in one.targets])
    parts, layer = gradcam_parts(one.bottleneck, inputs, settings.GRADCAM)
    limes = lime_parts(one.bottleneck, inputs, settings.LIME)
    overlaps = {
        GRADCAM: gradcam_overlaps(parts, masks, weights, predicted),
        LIME: lime_overlaps(limes, masks, weights, predicted),
    }
    return overlaps, layer


def _inputs(found: Gathered, one: Explained, count: int) -> "torch.Tensor":
    inputs: torch.Tensor = one.model.prepare([found.data.image(i) for i in found.indices[:count]])
    return inputs


def _ranked(name: str, overlaps: Overlaps) -> Ranked:
    def draws(place: int) -> Floats:
        own: Floats = overlaps.iou[place]
        return own

    return Ranked(name, _UNIT, overlaps.importance, draws)


def _notes(images: int, layers: list[str]) -> list[str]:
    lime = settings.LIME
    ranking = (
        f"Grad-CAM and LIME explain the predicted class of {images} real images, by the threshold with the "
        "largest TPR - FPR; a concept's importance is the mean IoU of the explanation and the concept's "
        "mask over the images that show it."
    )
    gradcam = (
        f"Grad-CAM, chosen beforehand: {', '.join(layers)}, enlarged bilinearly; the explanation is where "
        "it is not zero."
    )
    own = (
        f"LIME, chosen beforehand: SLIC superpixels (about {lime.superpixels.segments}), covered by "
        f"{lime.baseline}, {lime.samples} samples; the explanation is the five superpixels with the largest "
        "positive coefficients."
    )
    return [ranking, gradcam, own]
