"""Networks of progressive exaggeration: the paper's sizes, identity at first, one image at a time."""

import hashlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch.nn import functional

from auditkit.errors import AuditError
from auditkit.models.counterfactuals.discriminators import discriminator
from auditkit.models.counterfactuals.exaggeration import Exaggeration
from auditkit.models.counterfactuals.networks import enlarged_bilinearly, generator
from auditkit.models.counterfactuals.trained_on import TRAINED
from auditkit.spec.counterfactual_card import CounterfactualCard, GeneratorNetwork
from auditkit.spec.training_counterfactual import CounterfactualTraining

DELTA = GeneratorNetwork(width=4, grid=2, downsamplings=1, blocks=1, textures=2)
CYCLE = GeneratorNetwork(kind="cyclegan", width=4, downsamplings=2, blocks=1, own=False)
NETWORKS = pytest.mark.parametrize("network", [DELTA, CYCLE], ids=lambda network: network.kind)


def images(count=4, side=16, seed=0):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def trained(network, bins=10):
    """Initial values and statistics replaced by others, as if it had been trained."""
    made = generator(network, bins)
    drawing = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in made.state_dict().items():
            if value.is_floating_point():
                noise = torch.randn(value.shape, generator=drawing)
                value.copy_(noise.abs() + 0.5 if name.endswith("var") else noise * 0.3)
    return made.eval()


def count(network):
    return sum(value.numel() for value in network.parameters())


def test_the_papers_generator_has_its_number_of_parameters():
    paper = CounterfactualTraining(recipe="degrave-2023", model="m", data="d").network
    with torch.device("meta"):
        assert count(generator(paper, 10)) == 11_483_139


def test_the_papers_discriminator_has_its_number_of_parameters():
    assert count(discriminator("unconditional", 64, 10)) == 2_757_057


def test_delta_is_the_identity_at_first_even_in_black_and_white():
    given = torch.cat([images(), torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 16, 16)])
    made = Exaggeration(generator(DELTA, 10)).generate(given, torch.arange(6), torch.rand(6))
    assert torch.equal((made * 255).round(), (given * 255).round())
    assert (made - given).abs().max() < 1 / 1020 + 1e-6


@NETWORKS
def test_images_stay_in_range(network):
    made = Exaggeration(trained(network)).generate(images(), torch.arange(4), torch.rand(4))
    assert made.min() >= 0
    assert made.max() <= 1
    assert (made - images()).abs().mean() > 0.01


@NETWORKS
@pytest.mark.parametrize("side", [16, 17, 21, 30])
def test_any_side_is_kept(network, side):
    made = trained(network)(images(2, side) * 2 - 1, torch.tensor([[0, 5], [9, 5]]))
    assert made.shape == (2, 3, side, side)


@NETWORKS
def test_the_largest_odd_side_of_the_papers_devices_is_kept(network):
    with torch.no_grad():
        assert trained(network)(images(1, 299), torch.tensor([[3, 3]])).shape == (1, 3, 299, 299)


@NETWORKS
def test_a_counterfactual_does_not_depend_on_its_batch_mates(network):
    made, mine = Exaggeration(trained(network)), images(1, seed=9)
    targets, scores = torch.tensor([7, 1, 2, 3]), torch.tensor([0.2, 0.5, 0.9, 0.0])

    def in_company(others, place=0):
        order = torch.cat([others[:place], mine, others[place:]])
        return made.generate(order, targets.roll(place), scores.roll(place))[place]

    alone = made.generate(mine, targets[:1], scores[:1])[0]
    first, second = in_company(images(3, seed=1)), in_company(images(3, seed=2) * 0.1)
    assert torch.equal(first, second)
    assert torch.allclose(in_company(images(3, seed=1), place=1), first, atol=1e-5)
    assert torch.allclose(alone, first, atol=1e-5)


@NETWORKS
def test_every_norm_depends_on_the_bin(network):
    made = trained(network)
    same = images(1).expand(10, -1, -1, -1)
    told = torch.stack([torch.arange(10), torch.full((10,), 4)], 1)
    answers = made(same, told)
    assert len({tuple(one.flatten()[:50].tolist()) for one in answers}) == 10
    embedded = {
        name.rpartition(".norm")[0] for name, _ in made.named_parameters() if "gain" in name
    }
    convolutions = {name.rpartition(".convolution")[0] for name, _ in made.named_parameters()}
    assert embedded == convolutions - {""}


def test_a_delta_of_one_cell_leaves_no_step_between_cells():
    network = GeneratorNetwork(width=4, grid=4, downsamplings=0, blocks=1, textures=0)
    made = trained(network)
    delta = (made(torch.zeros(1, 3, 32, 32), torch.tensor([[2, 2]]))).atanh()
    second = delta.diff(n=2, dim=-1)
    inside, across = second[..., 3::4].abs().max(), second[..., 1::4].abs().max()
    assert inside < 1e-4 or across < 1e-4  # a straight line between the centres of cells


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 5))
def test_enlarging_is_bilinear(rows, columns, factor):
    features = torch.randn(2, 3, rows, columns, generator=torch.Generator().manual_seed(rows))
    expected = functional.interpolate(features, scale_factor=factor, mode="bilinear")
    assert torch.allclose(enlarged_bilinearly(features, factor), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["unconditional", "class-conditional"])
def test_the_discriminators_maps_have_a_spectral_norm_of_one(kind):
    judge = discriminator(kind, 4, 10)
    for _ in range(30):  # each brings the power iteration forward
        judge(images(), torch.arange(4))
    layers = [*judge.convolutions, judge.last]
    layers += [judge.directions] if kind == "class-conditional" else []
    for layer in layers:
        largest = torch.linalg.svdvals(layer.weight.detach().flatten(1))[0]
        assert largest.item() == pytest.approx(1, abs=0.02)


def test_the_unconditional_discriminator_does_not_see_the_condition():
    judge, other = (discriminator(kind, 4, 10) for kind in ("unconditional", "class-conditional"))
    judge.eval(), other.eval()
    low, high = torch.zeros(4, dtype=torch.long), torch.full((4,), 9)
    assert torch.equal(judge(images(), low), judge(images(), high))
    assert not torch.allclose(other(images(), low), other(images(), high))


def test_the_projection_adds_up_the_directions_of_all_bins_so_far():
    judge = discriminator("class-conditional", 4, 3).eval()
    features = judge._features(images())
    answers = [judge(images(), torch.full((4,), c)) for c in range(3)]
    along = features @ judge.directions.weight.T
    assert torch.allclose(answers[2] - answers[0], along[:, 1] + along[:, 2], atol=1e-5)
    plain = judge.last(features)[:, 0]
    assert torch.allclose(answers[0] - plain, along[:, 0], atol=1e-5)


def test_the_discriminators_scale_does_not_depend_on_the_images_size():
    judge = discriminator("unconditional", 4, 10).eval()
    flat = torch.full((1, 3, 1, 1), 0.3)
    small, large = (judge(flat.expand(1, 3, side, side), None) for side in (128, 256))
    assert small.item() == pytest.approx(large.item(), rel=0.3)


def test_at_the_papers_size_features_are_added_up():
    judge = discriminator("unconditional", 4, 10).eval()
    given = images(1, 224)
    features = given
    for convolution in judge.convolutions:
        features = functional.leaky_relu(convolution(features), 0.2)
    assert judge(given, None).item() == pytest.approx(
        judge.last(features.sum((2, 3))).item(), rel=1e-4
    )


def card(folder, **changes):
    """A card beside its weights, and what it says of them."""
    made = trained(DELTA)
    state = {name: value.contiguous() for name, value in made.state_dict().items()}
    save_file({**state, TRAINED: torch.arange(3)}, folder / "g.safetensors")
    sha256 = hashlib.sha256((folder / "g.safetensors").read_bytes()).hexdigest()
    said = {
        "counterfactual": "g",
        "task": "melanoma",
        "model": "redness",
        "model_sha256": "0" * 64,
        "data": "lesions",
        "size": 16,
        "network": DELTA,
        "weights": {"file": "g.safetensors", "sha256": sha256},
        **changes,
    }
    read = CounterfactualCard.model_validate(said)
    return made, read.model_copy(update={"path": folder / "g.counterfactual.yaml"})


def test_the_images_own_bin_matters_only_where_it_is_told():
    same = images(1).expand(2, 3, 16, 16)
    scores, targets = torch.tensor([0.1, 0.9]), torch.tensor([5, 5])
    for own in (True, False):
        made = Exaggeration(trained(DELTA.model_copy(update={"own": own})))
        low, high = made.generate(same, targets, scores)
        assert torch.equal(low, high) is not own


def test_textures_are_of_single_pixels():
    """With a grid of 4, only textures can change neighbouring pixels differently."""
    network = GeneratorNetwork(width=4, grid=4, downsamplings=0, blocks=1)
    smooth = network.model_copy(update={"textures": 0})
    given = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(2)) * 0.2
    told = torch.tensor([[9, 0]])
    rough = [
        (trained(kind)(given, told).atanh() - given.atanh()).diff(dim=3).diff(dim=3).abs().mean()
        for kind in (network, smooth)
    ]
    assert rough[0] > 2 * rough[1]


def test_a_card_gives_the_network_that_was_saved(tmp_path):
    made, said = card(tmp_path)
    read = Exaggeration.from_card(said, torch.device("cpu"))
    given, targets, scores = images(), torch.tensor([0, 3, 6, 9]), torch.rand(4)
    assert torch.equal(
        read.generate(given, targets, scores), Exaggeration(made).generate(given, targets, scores)
    )
    assert not any(value.requires_grad for value in read.network.parameters())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": {"file": "g.safetensors", "sha256": "1" * 64}}, "have sha256"),
        ({"weights": {"file": "other.safetensors", "sha256": "1" * 64}}, "do not exist"),
        ({"bins": 5}, "do not fit the architecture"),
        ({"network": CYCLE}, "do not fit the architecture"),
    ],
)
def test_weights_that_a_card_does_not_describe_are_refused(tmp_path, changes, message):
    _, said = card(tmp_path, **changes)
    with pytest.raises(AuditError, match=message):
        Exaggeration.from_card(said, torch.device("cpu"))


def test_images_of_another_size_are_refused(tmp_path):
    _, said = card(tmp_path)
    made = Exaggeration.from_card(said, torch.device("cpu"))
    with pytest.raises(AuditError, match="trained at 16 pixels and was given images of 24x24"):
        made.generate(images(1, 24), torch.tensor([0]), torch.tensor([0.5]))


def test_a_generator_is_used_in_evaluation_mode_whatever_it_was():
    network = trained(DELTA).train()
    made = Exaggeration(network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    made.generate(images(), torch.arange(4), torch.rand(4))
    assert not network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
