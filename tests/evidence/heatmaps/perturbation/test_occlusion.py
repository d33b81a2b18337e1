"""Occlusion against captum and by hand, for any number of axes and modalities."""

import pytest
import torch
from captum.attr import Occlusion as Captum
from covering_networks import batch_of, one_of, relu_network, subject_of_answer
from torch.nn import functional

from auditkit.evidence.heatmaps.baselines import baseline
from auditkit.evidence.heatmaps.explainer import Batch, Fitness
from auditkit.evidence.heatmaps.perturbation.ablation import OcclusionExplainer
from auditkit.spec.methods import Occlusion


def _captum(subject, batch, window, stride, channels, cover):
    """Captum's map averaged over channels of a modality (they are equal) and cells of the stride."""
    with torch.no_grad():
        found = Captum(subject.answer).attribute(
            batch.inputs,
            sliding_window_shapes=(channels, *window),
            strides=(channels, *stride),
            baselines=cover,
            additional_forward_args=(batch.target, None),
        )
    found = found.unflatten(1, (-1, channels)).mean(dim=2)
    for axis, step in enumerate(stride, start=2):
        found = _cell_means(found.movedim(axis, -1), step).movedim(-1, axis)
    return found


def _cell_means(found, step):
    """Of the last axis: each pixel belongs to the cell that an enlarged map shows there."""
    size = found.shape[-1]
    count = -(-size // step)
    cells = functional.interpolate(
        torch.arange(float(count))[None, None], size, mode="nearest-exact"
    )
    return torch.stack([found[..., cells[0, 0] == c].mean(dim=-1) for c in range(count)], dim=-1)


CASES = [
    # shape, modalities, window, stride, and the same in pixels
    ((1, 12, 12), None, 0.25, 0.25, (3, 3), (3, 3)),
    ((3, 12, 12), ((0, 1, 2),), 0.5, 0.2, (6, 6), (2, 2)),
    ((3, 11, 14), ((0, 1, 2),), 0.3, 0.2, (3, 4), (2, 3)),
    ((4, 10, 10), None, 0.4, 0.3, (4, 4), (3, 3)),
    ((4, 10, 9), ((0, 1), (2, 3)), 0.4, 0.3, (4, 4), (3, 3)),
    ((1, 8, 7, 6), None, 0.5, 0.25, (4, 4, 3), (2, 2, 2)),
    ((3, 6, 6, 6), ((0, 1, 2),), 0.5, 0.5, (3, 3, 3), (3, 3, 3)),
    ((4, 5, 6, 7), None, 0.4, 0.4, (2, 2, 3), (2, 2, 3)),
]


@pytest.mark.parametrize(("shape", "modalities", "window", "stride", "windows", "strides"), CASES)
@pytest.mark.parametrize("kind", ["mean", "black"])
def test_equals_captum(shape, modalities, window, stride, windows, strides, kind):
    subject, batch = relu_network(shape, modalities), batch_of(shape)
    method = Occlusion(window=window, stride=stride, baseline=kind)
    explainer = OcclusionExplainer(subject, method, None)
    assert explainer.fitness() == Fitness()
    found = explainer.explain(batch, rows=16)
    channels = len(subject.modalities[0])
    expected = _captum(subject, batch, windows, strides, channels, baseline(batch.inputs, kind))
    assert found.maps.shape == expected.shape
    assert torch.allclose(found.maps, expected, atol=1e-5)
    counts = [-(-size // stride) for size, stride in zip(shape[1:], strides, strict=True)]
    assert found.maps.shape[2:] == tuple(counts)
    assert explainer.cell == max(
        -(-size // count) for size, count in zip(shape[1:], counts, strict=True)
    )


def test_modalities_whose_channels_are_not_neighbours_are_covered_together():
    # Channel c counts 10^c; modality 0 has channels 0 and 2.
    weights = torch.tensor([1.0, 10.0, 100.0])[:, None]
    subject = subject_of_answer(
        lambda inputs: (inputs * weights).sum(dim=(1, 2)), (3, 4), ((0, 2), (1,))
    )
    batch = Batch(torch.ones(1, 3, 4), torch.tensor([0]), [0])
    method = Occlusion(window=0.5, stride=0.5, baseline="black")
    found = OcclusionExplainer(subject, method, None).explain(batch, rows=4)
    assert found.maps.tolist() == [[[202.0, 202.0], [20.0, 20.0]]]
    assert found.evaluations.tolist() == [5]


def test_overlapping_windows_by_hand():
    # Pixels 1 2 3 4 5, windows of 2 pixels in steps of 1: drops 3 5 7 9. A pixel's value is the mean
    # over the windows that cover it.
    subject = subject_of_answer(lambda inputs: inputs.sum(dim=(1, 2)), (1, 5))
    batch = Batch(torch.tensor([[[1.0, 2.0, 3.0, 4.0, 5.0]]]), torch.tensor([0]), [0])
    method = Occlusion(window=0.4, stride=0.2, baseline="black")
    found = OcclusionExplainer(subject, method, None).explain(batch, rows=2)
    assert found.maps.tolist() == [[[3.0, 4.0, 6.0, 8.0, 9.0]]]


def test_the_last_window_reaches_beyond_the_border():
    # Windows of 2 in steps of 2 over 5 pixels: the last covers one pixel only. Of pixels, the drops are
    # 3 3 7 7 5; three equal cells on 5 pixels have pixels 1 and 2, 3, 4 and 5.
    subject = subject_of_answer(lambda inputs: inputs.sum(dim=(1, 2)), (1, 5))
    batch = Batch(torch.tensor([[[1.0, 2.0, 3.0, 4.0, 5.0]]]), torch.tensor([0]), [0])
    method = Occlusion(window=0.4, stride=0.4, baseline="black")
    found = OcclusionExplainer(subject, method, None).explain(batch, rows=2)
    assert found.maps.tolist() == [[[3.0, 7.0, 6.0]]]
    assert found.evaluations.tolist() == [4]


@pytest.mark.parametrize("size", [96, 100, 107])
def test_an_enlarged_map_has_its_evidence_where_the_pixels_are(size):
    """Also where strides do not divide the side: no cell is shifted or stretched.

    The answer is the sum of the pixels, so that windows drop it by their size; the last is small.
    """
    subject = subject_of_answer(lambda inputs: inputs.sum(dim=(1, 2)), (1, size))
    method = Occlusion(window=0.125, stride=0.125, baseline="black")
    given = Batch(torch.ones(1, 1, size), torch.tensor([0]), [0])
    coarse = OcclusionExplainer(subject, method, None).explain(given, rows=64).maps
    full = functional.interpolate(coarse, size, mode="nearest-exact")[0, 0]
    side = round(0.125 * size)
    last = size - (size - 1) // side * side
    assert float(full.sum()) == pytest.approx((size - last) * side + last**2)


def test_evidence_for_the_target_is_positive():
    subject = subject_of_answer(lambda inputs: inputs[:, 0, 0, 0] - inputs[:, 0, 3, 3], (1, 4, 4))
    batch = Batch(torch.ones(1, 1, 4, 4), torch.tensor([0]), [0])
    method = Occlusion(window=0.25, stride=0.25, baseline="black")
    maps = OcclusionExplainer(subject, method, None).explain(batch, rows=64).maps[0, 0]
    expected = torch.zeros(4, 4)
    expected[0, 0], expected[3, 3] = 1, -1
    assert torch.equal(maps, expected)


def test_the_data_set_as_baseline_is_the_mean_over_its_images():
    subject, batch = relu_network((1, 8, 8)), batch_of((1, 8, 8))
    background = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(4))
    method = Occlusion(window=0.25, stride=0.25, baseline="data", background=3)
    found = OcclusionExplainer(subject, method, background).explain(batch, rows=10)
    expected = sum(
        _captum(subject, batch, (2, 2), (2, 2), 1, cover[None].expand(3, -1, -1, -1))
        for cover in background
    )
    assert torch.allclose(found.maps, expected / 3, atol=1e-5)
    assert found.evaluations.tolist() == [17 * 3] * 3


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_maps_depend_neither_on_the_batch_nor_on_rows(rows):
    subject, batch = relu_network((2, 9, 9)), batch_of((2, 9, 9), 4)
    explainer = OcclusionExplainer(subject, Occlusion(window=0.4, stride=0.2), None)
    together = explainer.explain(batch, rows=16).maps
    for index in range(len(batch)):
        alone = explainer.explain(one_of(batch, index), rows).maps
        assert torch.allclose(alone[0], together[index], atol=1e-5)


def test_no_pass_is_larger_than_rows():
    sizes = []

    def answer(inputs):
        sizes.append(len(inputs))
        return inputs.sum(dim=(1, 2))

    subject = subject_of_answer(answer, (1, 10))
    method = Occlusion(window=0.1, stride=0.1)
    OcclusionExplainer(subject, method, None).explain(batch_of((1, 10)), rows=8)
    assert sizes == [8, 8, 8, 8, 1]
