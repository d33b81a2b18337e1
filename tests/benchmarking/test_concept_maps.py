"""Heatmaps that are shared by all linear targets are those that each target would have by itself."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from auditkit.benchmarking.concept_maps import Bottleneck, convolutions, gradcam_parts, lime_parts
from auditkit.benchmarking.heatmap_ranking import (
    Overlaps,
    gradcam_overlaps,
    gradcam_region,
    lime_overlaps,
    lime_region,
    overlap,
    signed_weights,
)
from auditkit.evidence.heatmaps import Batch, explainer
from auditkit.evidence.heatmaps.subject import Subject
from auditkit.metrics.coverage import iou
from auditkit.metrics.postprocess import resampled
from auditkit.spec.methods import GradCAM, Lime

SIDE, CONCEPTS = 16, 3
METHODS = {
    "gradcam": GradCAM(),
    "lime": Lime(superpixels="slic", baseline="black", samples=300),
}


@pytest.fixture(scope="module")
def bottleneck():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, CONCEPTS),
    ).eval()
    # A network that has learned something: its answers, and their gradients, are far from constant.
    network[-1].weight.data *= 30
    return Bottleneck(
        "tiny",
        lambda x: network(x).sigmoid(),
        network,
        (3, SIDE, SIDE),
        CONCEPTS,
        torch.device("cpu"),
    )


@pytest.fixture(scope="module")
def inputs():
    """Bright squares on black, one of them on nothing."""
    rng = np.random.default_rng(0)
    found = np.zeros((4, 3, SIDE, SIDE), dtype=np.float32)
    for image in found[:3]:
        for _ in range(2):
            y, x = rng.integers(0, SIDE - 6, 2)
            image[:, y : y + 6, x : x + 6] = rng.random((3, 1, 1))
    return torch.from_numpy(found)


@pytest.fixture(scope="module")
def weights():
    return np.random.default_rng(1).random((5, CONCEPTS))


def of_target(bottleneck: Bottleneck, weights, sign: int) -> Subject:
    """The target by itself, as any explainer sees it: sign w'c."""
    row = sign * torch.tensor(weights, dtype=torch.float64)

    def answer(x, _target, _table):
        return (bottleneck.predict(x).double() @ row).float()

    return dataclasses.replace(bottleneck.subject(), answer=answer)


def explained(bottleneck, inputs, method, weights, sign):
    batch = Batch(inputs, torch.zeros(len(inputs), dtype=torch.long), [0] * len(inputs))
    return explainer(method, of_target(bottleneck, weights, sign)).explain(batch, 64)


@pytest.mark.parametrize("sign", [1, -1])
def test_gradcam_of_a_target_is_that_of_its_concepts_weighted(bottleneck, inputs, weights, sign):
    parts, note = gradcam_parts(bottleneck, inputs, METHODS["gradcam"])
    assert note.startswith("layer ")
    for row in weights:
        alone = explained(bottleneck, inputs, METHODS["gradcam"], row, sign).maps[:, 0].numpy()
        shared = np.maximum(np.tensordot(sign * row, parts, axes=(0, 1)), 0)
        assert shared.max() > 1e-4
        np.testing.assert_allclose(shared, alone, atol=1e-5 * shared.max())


@pytest.mark.parametrize("sign", [1, -1])
def test_lime_of_a_target_is_that_of_its_concepts_weighted(bottleneck, inputs, weights, sign):
    parts = lime_parts(bottleneck, inputs, METHODS["lime"])
    for row in weights:
        found = explained(bottleneck, inputs, METHODS["lime"], row, sign)
        for i, part in enumerate(parts):
            shared = (sign * row @ part.coefficients)[part.segments]
            np.testing.assert_array_equal(part.segments, found.segments[i, 0].numpy())
            np.testing.assert_allclose(shared, found.maps[i, 0].numpy(), atol=2e-6)


def test_regions_are_nonzero_gradcam_and_five_positive_superpixels(bottleneck, inputs, weights):
    signs = np.array([1, 0, 1, 0, 1])
    signed = signed_weights(weights, signs)
    parts, _ = gradcam_parts(bottleneck, inputs, METHODS["gradcam"])
    limes = lime_parts(bottleneck, inputs, METHODS["lime"])
    seen = set()
    for i in range(len(inputs)):
        gradcam = gradcam_region(parts[i], signed, SIDE)
        lime = lime_region(limes[i], signed)
        for m, row in enumerate(signed):
            own = np.maximum(np.tensordot(row, parts[i], axes=1), 0)
            grown = resampled(own, (SIDE, SIDE), "bilinear")
            lowest = grown[grown > 0].min() if (grown > 0).any() else np.inf
            np.testing.assert_array_equal(gradcam[m], grown >= lowest)
            values = row @ limes[i].coefficients
            best = [p for p in np.argsort(-values)[:5] if values[p] > 0]
            seen.add(len(best))
            np.testing.assert_array_equal(lime[m], np.isin(limes[i].segments, best))
    assert 5 in seen


def test_layers_are_the_last_convolution_of_every_resolution(bottleneck):
    assert convolutions(bottleneck) == ["0", "3"]


def test_overlap_is_the_iou_of_each_pair_and_nothing_where_a_concept_is_not_shown():
    rng = np.random.default_rng(3)
    regions, masks = rng.random((4, 6, 6)) < 0.4, rng.random((3, 6, 6)) < 0.3
    regions[1] = False
    masks[2] = False
    found = overlap(regions, masks)
    for m in range(4):
        for k in range(2):
            assert found[m, k] == pytest.approx(iou(regions[m], masks[k]), abs=1e-15)
    assert np.isnan(found[:, 2]).all()
    assert (found[1, :2] == 0).all()


def test_importance_is_the_mean_over_images_that_show_the_concept():
    iou_values = np.array([[[0.5, np.nan], [0.1, np.nan], [np.nan, np.nan]]])
    found = Overlaps(iou_values).importance
    assert found[0, 0] == pytest.approx(0.3)
    assert np.isnan(found[0, 1])


def test_a_class_that_is_not_predicted_is_explained_by_the_negative_score(
    bottleneck, inputs, weights
):
    parts, _ = gradcam_parts(bottleneck, inputs, METHODS["gradcam"])
    limes = lime_parts(bottleneck, inputs, METHODS["lime"])
    masks = np.zeros((4, CONCEPTS, SIDE, SIDE), dtype=bool)
    masks[:, 0, :8] = True
    yes, no = np.ones((5, 4), dtype=int), np.zeros((5, 4), dtype=int)
    for overlaps, given in ((gradcam_overlaps, parts), (lime_overlaps, limes)):
        np.testing.assert_allclose(
            overlaps(given, masks, weights, no).iou, overlaps(given, masks, -weights, yes).iou
        )
        assert not np.allclose(
            overlaps(given, masks, weights, no).iou[..., 0],
            overlaps(given, masks, weights, yes).iou[..., 0],
        )
