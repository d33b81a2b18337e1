"""Feature ablation against captum; feature permutation against its definition."""

import pytest
import torch
from captum.attr import FeatureAblation as Captum
from covering_networks import batch_of, grid_mask, one_of, relu_network, subject_of_answer

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.baselines import baseline
from auditkit.evidence.heatmaps.explainer import Batch, Fitness
from auditkit.evidence.heatmaps.perturbation import ablation
from auditkit.evidence.heatmaps.perturbation.ablation import (
    FeatureAblationExplainer,
    FeaturePermutationExplainer,
)
from auditkit.evidence.heatmaps.perturbation.players import players_of
from auditkit.spec.methods import FeatureAblation, FeaturePermutation, Superpixels

CASES = [
    ((1, 9, 9), None, Superpixels(side=4)),
    ((3, 12, 10), ((0, 1, 2),), Superpixels(side=3)),
    ((4, 8, 8), None, Superpixels(side=3, shared=False)),
    ((4, 8, 8), ((0, 3), (1, 2)), Superpixels(side=2, shared=False)),
    ((1, 7, 6, 5), None, Superpixels(side=2)),
    ((3, 6, 6, 6), ((0, 1, 2),), Superpixels(side=2)),
    ((4, 5, 6, 7), None, Superpixels(side=2, shared=False)),
]


def _feature_mask(players, shape):
    """Captum's feature mask (1, C, *space)."""
    mask = grid_mask(players)
    layer = {c: m for m, channels in enumerate(players.modalities) for c in channels}
    return torch.stack([mask[0 if players.shared else layer[c]] for c in range(shape[0])])[None]


def _per_player(players, found):
    """Captum's value of each player, laid out as heatmaps."""
    mask = _feature_mask(players, found.shape[1:])[0]
    values = [[one[mask == p][0] for p in range(players.counts[0])] for one in found]
    return players.maps([torch.stack(one) for one in values])


@pytest.mark.parametrize(("shape", "modalities", "superpixels"), CASES)
@pytest.mark.parametrize("kind", ["mean", "blur"])
def test_ablation_equals_captum(shape, modalities, superpixels, kind):
    subject, batch = relu_network(shape, modalities), batch_of(shape)
    method = FeatureAblation(superpixels=superpixels, baseline=kind)
    explainer = FeatureAblationExplainer(subject, method, None)
    assert explainer.fitness() == Fitness()
    found = explainer.explain(batch, rows=16)
    players = players_of(batch.inputs, superpixels, subject.modalities)
    with torch.no_grad():
        expected = Captum(subject.answer).attribute(
            batch.inputs,
            baselines=baseline(batch.inputs, kind),
            feature_mask=_feature_mask(players, shape),
            additional_forward_args=(batch.target, None),
        )
    assert torch.allclose(found.maps, _per_player(players, expected), atol=1e-5)
    assert found.evaluations.tolist() == [players.counts[0] + 1] * 3


def test_ablation_over_slic_regions_equals_captum_image_by_image():
    subject, batch = relu_network((3, 12, 12), ((0, 1, 2),)), batch_of((3, 12, 12))
    superpixels = Superpixels(kind="slic", segments=6)
    method = FeatureAblation(superpixels=superpixels, baseline="black")
    explainer = FeatureAblationExplainer(subject, method, None)
    found = explainer.explain(batch, rows=16)
    assert explainer.cell == 1
    assert found.maps.shape == (3, 1, 12, 12)
    for index in range(3):
        one = one_of(batch, index)
        mask = found.segments[index].long()[None].expand(1, 3, -1, -1)
        with torch.no_grad():
            expected = Captum(subject.answer).attribute(
                one.inputs, feature_mask=mask, additional_forward_args=(one.target, None)
            )
        assert torch.allclose(found.maps[index], expected[0, :1], atol=1e-5)
        assert found.evaluations[index] == found.segments[index].max() + 2


def test_ablation_by_hand():
    # Pixels 1 2 / 3 4 and the product of the first row plus the sum of the second.
    def answer(inputs):
        return inputs[:, 0, 0].prod(dim=1) + inputs[:, 0, 1].sum(dim=1)

    subject = subject_of_answer(answer, (1, 2, 2))
    batch = Batch(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), torch.tensor([0]), [0])
    method = FeatureAblation(superpixels=Superpixels(side=2), baseline="black")
    found = FeatureAblationExplainer(subject, method, None).explain(batch, rows=3)
    assert found.maps.tolist() == [[[[2.0, 2.0], [3.0, 4.0]]]]
    assert found.evaluations.tolist() == [5]


def test_many_players_are_covered_in_portions(monkeypatch):
    subject, batch = relu_network((1, 8, 8)), batch_of((1, 8, 8))
    explainer = FeatureAblationExplainer(
        subject, FeatureAblation(superpixels=Superpixels(side=8)), None
    )
    whole = explainer.explain(batch, rows=16)
    monkeypatch.setattr(ablation, "_AT_ONCE", 10)
    portions = explainer.explain(batch, rows=16)
    assert torch.allclose(portions.maps, whole.maps, atol=1e-5)
    assert portions.evaluations.tolist() == [65] * 3


def test_permutation_is_the_mean_drop_over_donors_with_its_standard_error():
    subject, batch = relu_network((2, 8, 8)), batch_of((2, 8, 8))
    donors = torch.rand(5, 2, 8, 8, generator=torch.Generator().manual_seed(7))
    superpixels = Superpixels(side=2)
    method = FeaturePermutation(superpixels=superpixels, donors=5)
    found = FeaturePermutationExplainer(subject, method, donors).explain(batch, rows=9)
    drops = []
    for donor in donors:
        single = FeatureAblation(superpixels=superpixels, baseline="data")
        drops.append(FeatureAblationExplainer(subject, single, donor[None]).explain(batch, 16).maps)
    drops = torch.stack(drops)
    assert torch.allclose(found.maps, drops.mean(dim=0), atol=1e-5)
    assert torch.allclose(found.standard_error, drops.std(dim=0) / 5**0.5, atol=1e-5)
    assert found.evaluations.tolist() == [5 * 5] * 3


def test_permutation_by_hand():
    # One pixel of 3; donors 1 and 2: drops 2 and 1, mean 3/2, standard error sqrt(1/2) / sqrt(2).
    subject = subject_of_answer(lambda inputs: inputs.sum(dim=(1, 2)), (1, 1))
    batch = Batch(torch.tensor([[[3.0]]]), torch.tensor([0]), [0])
    method = FeaturePermutation(superpixels=Superpixels(side=1), donors=2)
    donors = torch.tensor([[[1.0]], [[2.0]]])
    found = FeaturePermutationExplainer(subject, method, donors).explain(batch, rows=64)
    assert found.maps.item() == pytest.approx(1.5)
    assert found.standard_error.item() == pytest.approx(0.5)


def test_one_donor_has_no_standard_error_and_none_is_refused():
    subject, batch = relu_network((1, 8, 8)), batch_of((1, 8, 8))
    method = FeaturePermutation(superpixels=Superpixels(side=2), donors=1)
    found = FeaturePermutationExplainer(subject, method, torch.zeros(1, 1, 8, 8)).explain(batch, 8)
    assert found.standard_error is None
    with pytest.raises(AuditError, match="images of the data set were expected"):
        FeaturePermutationExplainer(subject, method, None).explain(batch, 8)


def test_a_grid_finer_than_the_input_is_refused_at_once():
    subject = relu_network((1, 8, 8))
    for kind, method in (
        (FeatureAblationExplainer, FeatureAblation(superpixels=Superpixels(side=9))),
        (FeaturePermutationExplainer, FeaturePermutation(superpixels=Superpixels(side=9))),
    ):
        with pytest.raises(AuditError, match="side 8 at most"):
            kind(subject, method, None)


@pytest.mark.parametrize("rows", [1, 7, 1000])
@pytest.mark.parametrize("kind", ["grid", "slic"])
def test_maps_depend_neither_on_the_batch_nor_on_rows(rows, kind):
    subject, batch = relu_network((2, 9, 9)), batch_of((2, 9, 9), 4)
    superpixels = Superpixels(kind=kind, side=3, segments=5)
    donors = torch.rand(2, 2, 9, 9, generator=torch.Generator().manual_seed(7))
    for explainer in (
        FeatureAblationExplainer(subject, FeatureAblation(superpixels=superpixels), None),
        FeaturePermutationExplainer(
            subject, FeaturePermutation(superpixels=superpixels, donors=2), donors
        ),
    ):
        together = explainer.explain(batch, rows=16)
        for index in range(len(batch)):
            alone = explainer.explain(one_of(batch, index), rows)
            assert torch.allclose(alone.maps[0], together.maps[index], atol=1e-5)
