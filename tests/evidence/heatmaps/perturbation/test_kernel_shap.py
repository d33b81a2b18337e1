"""Kernel SHAP and Shapley value sampling of pictures: against captum, and what may change nothing."""

import pytest
import torch
from captum.attr import ShapleyValues
from covering_networks import batch_of, grid_mask, one_of, relu_network, subject_of_answer

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.baselines import baseline
from auditkit.evidence.heatmaps.explainer import Batch, Fitness
from auditkit.evidence.heatmaps.perturbation.players import players_of
from auditkit.evidence.heatmaps.registry import explainer
from auditkit.spec.methods import KernelShap, Lime, ShapleySampling, Superpixels

SHAPLEY = [KernelShap, ShapleySampling]
ALL = [*SHAPLEY, Lime]


def explain(method, subject, batch, rows=64, background=None):
    return explainer(method, subject, background).explain(batch, rows)


@pytest.mark.parametrize("kind", SHAPLEY)
@pytest.mark.parametrize(
    ("shape", "modalities", "superpixels"),
    [
        ((3, 12, 10), ((0, 1, 2),), Superpixels(side=2)),
        ((2, 6, 6), None, Superpixels(side=1, shared=False)),
        ((2, 4, 6, 5), None, Superpixels(side=1, shared=False)),
        ((2, 9), ((0,), (1,)), Superpixels(side=2, shared=False)),
    ],
)
def test_equals_captum_where_all_coalitions_are_asked_for(kind, shape, modalities, superpixels):
    subject, batch = relu_network(shape, modalities), batch_of(shape)
    found = explain(kind(samples=64, superpixels=superpixels), subject, batch)
    mask = grid_mask(players_of(batch.inputs, superpixels, subject.modalities))
    if not superpixels.shared:
        layer = [
            next(m for m, g in enumerate(subject.modalities) if c in g) for c in range(shape[0])
        ]
        mask = mask[layer]
    expected = ShapleyValues(lambda x: subject.answer(x, batch.target, None)).attribute(
        batch.inputs, baselines=baseline(batch.inputs, "mean"), feature_mask=mask[None]
    )
    first = [group[0] for group in subject.modalities]
    full = torch.nn.functional.interpolate(found.maps, shape[1:], mode="nearest-exact")
    torch.testing.assert_close(full, expected[:, first].float(), atol=1e-5, rtol=1e-4)
    assert found.standard_error.eq(0).all()
    assert found.residual.max() < 1e-5


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("error", [None, 0.2])
def test_depends_neither_on_batch_nor_rows_nor_the_images_seeds(kind, error):
    subject, batch = relu_network((3, 12, 12), ((0, 1, 2),)), batch_of((3, 12, 12), count=4)
    method = kind(samples=150, error=error, superpixels=Superpixels(side=4))
    found = explain(method, subject, batch)
    for rows in (3, 1000):
        again = explain(method, subject, batch, rows)
        torch.testing.assert_close(again.maps, found.maps, atol=1e-5, rtol=1e-4)
        assert torch.equal(again.evaluations, found.evaluations)
    for index in range(len(batch)):
        alone = explain(method, subject, one_of(batch, index))
        torch.testing.assert_close(alone.maps[0], found.maps[index], atol=1e-5, rtol=1e-4)
        assert alone.evaluations[0] == found.evaluations[index]
    other = Batch(batch.inputs, batch.target, [9] * 4)
    assert torch.equal(explain(method, subject, other).maps, found.maps)


@pytest.mark.parametrize("kind", ALL)
def test_a_linear_network_is_explained_by_its_weights_from_a_sample(kind):
    """v(S) = sum of the pixels' weights times what is left of them: additive over cells."""
    weights = torch.linspace(-1, 2, 64).view(8, 8)
    subject = subject_of_answer(lambda x: (x[:, 0] * weights).sum(dim=(1, 2)), (1, 8, 8))
    batch = batch_of((1, 8, 8))
    method = kind(samples=66, baseline="black", superpixels=Superpixels(side=4))
    found = explain(method, subject, batch)
    expected = torch.nn.functional.avg_pool2d(batch.inputs * weights, 2) * 4
    torch.testing.assert_close(found.maps, expected, atol=1e-4, rtol=1e-4)
    assert found.standard_error.max() < 1e-4
    assert found.evaluations.tolist() == [66] * 3


@pytest.mark.parametrize("kind", ALL)
def test_images_with_different_numbers_of_regions_are_each_explained(kind):
    pytest.importorskip("skimage")
    subject, batch = relu_network((3, 16, 16), ((0, 1, 2),)), batch_of((3, 16, 16), count=3)
    regions = Superpixels(kind="slic", segments=9)
    found = explain(kind(samples=120, superpixels=regions), subject, batch)
    assert found.maps.shape == (3, 1, 16, 16)
    for index in range(3):
        alone = explain(kind(samples=120, superpixels=regions), subject, one_of(batch, index))
        torch.testing.assert_close(alone.maps[0], found.maps[index], atol=1e-5, rtol=1e-4)
    assert found.segments.shape == (3, 1, 16, 16)


@pytest.mark.parametrize("kind", SHAPLEY)
def test_with_images_as_baseline_the_game_is_the_mean_over_them(kind):
    subject, batch = relu_network((1, 8, 8)), batch_of((1, 8, 8))
    background = batch_of((1, 8, 8), count=2, seed=5).inputs
    method = kind(samples=32, baseline="data", background=2, superpixels=Superpixels(side=2))
    found = explain(method, subject, batch, background=background)
    each = [explain(method, subject, batch, background=background[i : i + 1]) for i in range(2)]
    expected = (each[0].maps + each[1].maps) / 2
    torch.testing.assert_close(found.maps, expected, atol=1e-5, rtol=1e-4)
    assert found.evaluations.tolist() == [32] * 3


@pytest.mark.parametrize("kind", ALL)
def test_a_single_region_gets_the_whole_change(kind):
    subject, batch = relu_network((1, 6, 6)), batch_of((1, 6, 6))
    found = explain(kind(samples=8, superpixels=Superpixels(side=1)), subject, batch)
    change = [
        subject.answer(inputs, batch.target, None)
        for inputs in (batch.inputs, baseline(batch.inputs, "mean"))
    ]
    expected = (change[0] - change[1]).detach()
    torch.testing.assert_close(found.maps.flatten(), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", SHAPLEY)
def test_the_residual_is_a_number_where_everything_together_changes_nothing(kind):
    """The answer is 0 for nothing and for everything; what values miss of that is rounding."""
    weights = torch.randn(3, 3, generator=torch.Generator().manual_seed(11))

    def answer(x):
        something_missing = x.amin(dim=(1, 2, 3)) < 1
        return something_missing * (x * weights).sum(dim=(1, 2, 3)).sin()

    batch = Batch(torch.ones(1, 1, 3, 3), torch.tensor([0]), [0])
    method = kind(samples=512, baseline="black", superpixels=Superpixels(side=3))
    found = explain(method, subject_of_answer(answer, (1, 3, 3)), batch)
    assert found.maps.abs().max() > 0.01
    assert found.residual.max() < 1e-3


@pytest.mark.parametrize("kind", ALL)
def test_a_network_that_answers_nan_for_an_image_gives_it_a_nan_map(kind):
    def answer(inputs):
        total = inputs.sum(dim=(1, 2, 3))
        return torch.where(inputs.amax(dim=(1, 2, 3)) > 5, torch.nan, total)

    batch = batch_of((1, 8, 8))
    batch.inputs[1, 0, 0, 0] = 9
    method = kind(samples=100, error=0.1, superpixels=Superpixels(side=4))
    found = explain(method, subject_of_answer(answer, (1, 8, 8)), batch)
    assert found.maps[1].isnan().all()
    assert found.maps[[0, 2]].isfinite().all()


@pytest.mark.parametrize("kind", ALL)
def test_too_few_samples_are_refused_with_the_number_needed(kind):
    """The spec counts the regions of a picture; here each of two modalities has its own."""
    subject, batch = relu_network((2, 8, 8)), batch_of((2, 8, 8))
    regions = Superpixels(side=4, shared=False)
    with pytest.raises(AuditError, match=r"samples: 100 .*at least 130"):
        explain(kind(samples=100, superpixels=regions), subject, batch)


@pytest.mark.parametrize("kind", ALL)
def test_can_be_asked_of_any_model(kind):
    subject = subject_of_answer(torch.sum, (2, 8, 8), ((0,), (1,)))
    sampled = explainer(kind(), subject).fitness()
    assert sampled == Fitness(notes=["64 superpixels, 2000 coalitions at most"])
    small = kind(superpixels=Superpixels(side=2, shared=False))
    assert explainer(small, subject).fitness() == Fitness(
        notes=["8 superpixels, all 256 coalitions"]
    )
    slic = kind(superpixels=Superpixels(kind="slic"))
    assert explainer(slic, subject).fitness() == Fitness()
