"""Steps of training a counterfactual generator: losses, seeds, resume, and the audited model left alone."""

import math

import pytest
import torch
from counterfactual_world import Redness, redness_card
from torch import nn

from auditkit.errors import AuditError
from auditkit.models.counterfactuals.contract import bin_of, centre_of
from auditkit.models.model import Model
from auditkit.spec.training_counterfactual import CounterfactualTraining
from auditkit.training.counterfactual.learner import Batch, Learner
from auditkit.training.counterfactual.losses import (
    distance,
    hinge_of_discriminator,
    hinge_of_generator,
    wanted_score,
)

RECIPE = {
    "model": "redness",
    "data": "lesions",
    "network": {"width": 4, "grid": 2, "downsamplings": 1, "blocks": 1},
    "discriminator_width": 4,
    "batch": 6,
}
CPU = torch.device("cpu")


@pytest.fixture
def model(tmp_path):
    """Its slope wants a gradient and it is in training mode, as a caller may have left it."""
    network = Redness()
    network.slope.requires_grad_(True)
    made = Model(redness_card(tmp_path), [network], CPU)
    made.network.train()
    return made


def learner(model, **changes):
    return Learner(CounterfactualTraining.model_validate({**RECIPE, **changes}), model, CPU)


def batch(seed, count=6, side=16, scored=None):
    """Noise about a colour of its own per image: some redder than the model's threshold, some less."""
    drawing = torch.Generator().manual_seed(seed)
    colours = torch.tensor([0.6, 0.42, 0.4]) + 0.1 * torch.randn(count, 3, generator=drawing)
    noise = 0.1 * torch.randn(count, 3, side, side, generator=drawing)
    images = (colours[:, :, None, None] + noise).clamp(0, 1)
    scores = None if scored is None else scored.probabilities(images)[:, 1].detach()
    return Batch(images, scores)


def taught(made, steps, first=0):
    """The learner after some steps, and its last terms."""
    for step in range(first, first + steps):
        given = [batch(10 * step + place) for place in range(3)]
        terms = made.step(step, given[:2], given[2])
    return terms


def same(first, second):
    assert first.keys() == second.keys()
    for group, tensors in first.items():
        assert tensors.keys() == second[group].keys()
        for name, value in tensors.items():
            assert torch.equal(value, second[group][name]), (group, name)


def copied(groups):
    return {
        group: {name: value.detach().clone() for name, value in tensors.items()}
        for group, tensors in groups.items()
    }


def test_hinges_by_hand():
    real, made = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-2.0, 0.5])
    paper = -(torch.minimum(torch.zeros(3), real - 1).mean())
    paper -= torch.minimum(torch.zeros(2), -made - 1).mean()
    assert hinge_of_discriminator(real, made).item() == pytest.approx((0.5 + 2) / 3 + 1.5 / 2)
    assert hinge_of_discriminator(real, made).item() == pytest.approx(paper.item())
    assert hinge_of_generator(made).item() == pytest.approx(0.75)


def test_the_distance_is_a_mean_over_everything():
    images, made = torch.zeros(2, 3, 2, 2), torch.zeros(2, 3, 2, 2)
    made[0, 0, 0, 0] = -1.2
    assert distance(images, made).item() == pytest.approx(1.2 / 24)


@pytest.mark.parametrize("wanted", [0.05, 0.55, 0.95])
def test_the_classifiers_term_has_the_gradient_of_the_divergence(wanted):
    odds = torch.tensor([-2.0, 0.3, 4.0], dtype=torch.double, requires_grad=True)
    centre = torch.full((3,), wanted, dtype=torch.double)
    ours = wanted_score(odds, centre)
    score = odds.sigmoid()
    divergence = centre * (centre / score).log() + (1 - centre) * ((1 - centre) / (1 - score)).log()
    gradients = [torch.autograd.grad(loss, odds)[0] for loss in (ours, divergence.mean())]
    assert torch.allclose(*gradients)
    entropy = -(wanted * math.log(wanted) + (1 - wanted) * math.log(1 - wanted))
    assert (ours - divergence.mean()).item() == pytest.approx(entropy)


def test_a_saturated_score_keeps_its_gradient():
    odds = torch.tensor([60.0], requires_grad=True)
    wanted_score(odds, torch.tensor([0.05])).backward()
    assert odds.grad.item() == pytest.approx(0.95)


def test_bins_are_those_of_the_paper():
    scores = torch.tensor([0.0, 0.0999, 0.1, 0.55, 0.999, 1.0])
    assert bin_of(scores, 10).tolist() == [0, 0, 1, 5, 9, 9]
    assert centre_of(torch.arange(10), 10).tolist() == pytest.approx(
        [0.05 + 0.1 * c for c in range(10)]
    )


def test_terms_at_the_start_follow_from_the_identity(model):
    made = learner(model)
    given = batch(7, scored=model)
    terms = made.step(0, [], given)
    assert terms["reconstruction"] == pytest.approx(0, abs=1e-5)
    assert terms["cycle"] == pytest.approx(0, abs=1e-5)
    targets = made._targets("generator", 0, 0, 6)
    odds = model.log_odds(given.images, torch.ones(6, dtype=torch.long)).detach()
    expected = wanted_score(odds, centre_of(targets, 10)).item()
    assert terms["classifier"] == pytest.approx(expected, rel=1e-4)


def test_targets_are_even_and_drawn_anew_at_each_step(model):
    made = learner(model)
    drawn = torch.cat([made._targets("generator", step, 0, 50) for step in range(100)])
    shares = drawn.bincount(minlength=10) / len(drawn)
    assert (shares - 0.1).abs().max() < 0.02
    assert not torch.equal(
        made._targets("generator", 3, 0, 50), made._targets("discriminator", 3, 0, 50)
    )


def test_equal_seeds_have_equal_bits_and_others_not(model):
    first, second, other = learner(model), learner(model), learner(model, seed=1)
    torch.manual_seed(1)
    terms = taught(first, 3)
    torch.manual_seed(2)
    assert taught(second, 3) == terms
    same(first.tensors(), second.tensors())
    assert taught(other, 3) != terms


@pytest.mark.parametrize("kind", ["unconditional", "class-conditional"])
def test_a_step_after_loading_has_the_bits_of_one_that_was_not_interrupted(model, kind):
    whole, interrupted = (learner(model, discriminator=kind) for _ in range(2))
    taught(interrupted, 2)
    kept = copied(interrupted.tensors())
    resumed = learner(model, discriminator=kind)
    resumed.load(kept)
    same(resumed.tensors(), kept)
    expected = taught(whole, 4)
    assert taught(resumed, 2, first=2) == expected
    same(resumed.tensors(), whole.tensors())
    images = batch(50, scored=model)
    first, second = (one.averaged(images).state_dict() for one in (whole, resumed))
    same({"averaged": first}, {"averaged": second})


def test_the_audited_model_is_left_as_it_was(model):
    before = model.network.slope.detach().clone()
    taught(learner(model), 2)
    assert model.network.training
    assert model.network.slope.requires_grad
    assert model.network.slope.grad is None
    assert torch.equal(model.network.slope, before)


class Watching(nn.Module):
    """Redness that keeps in which mode it was asked."""

    def __init__(self):
        super().__init__()
        self.inner, self.seen = Redness(), []
        self.inner.slope.requires_grad_(True)

    def forward(self, x):
        self.seen.append((self.training, self.inner.slope.requires_grad))
        return self.inner(x)


def test_while_learning_the_model_is_in_evaluation_mode_without_gradients(tmp_path):
    network = Watching().train()
    taught(learner(Model(redness_card(tmp_path), [network], CPU)), 1)
    assert set(network.seen) == {(False, False)}


def test_known_scores_are_not_asked_again(tmp_path):
    network = Watching()
    model = Model(redness_card(tmp_path), [network], CPU)
    given = [batch(place, scored=model) for place in range(3)]
    made, asking = learner(model), learner(model)
    network.seen.clear()
    terms = made.step(0, given[:2], given[2])
    assert len(network.seen) == 1
    unknown = [Batch(one.images) for one in given]
    assert asking.step(0, unknown[:2], unknown[2]) == terms
    assert len(network.seen) == 1 + 4


def test_one_view_is_seen_per_step_and_all_of_them_in_turn(tmp_path):
    members = [Watching() for _ in range(2)]
    model = Model(redness_card(tmp_path), members, CPU, views=("identity", "flip-horizontal"))
    made = learner(model)
    chosen = []
    for step in range(12):
        before = [len(member.seen) for member in members]
        made.step(step, [], Batch(batch(step).images, torch.rand(6)))
        chosen.append(tuple(len(m.seen) - b for m, b in zip(members, before, strict=True)))
    assert set(chosen) == {(1, 0), (0, 1)}
    for member in members:
        member.seen.clear()
    learner(model, views="all").step(0, [], Batch(batch(0).images, torch.rand(6)))
    assert [len(member.seen) for member in members] == [2, 2]


def test_averaged_weights_have_the_norms_of_their_own_images(model):
    made = learner(model, ema=0.9)
    taught(made, 5)
    some = batch(90, 60, scored=model)
    network, images = made.averaged(some), some.images
    assert not network.training
    for name, value in network.named_parameters():
        assert torch.equal(value, made.average.values[name])
        assert not torch.equal(value, dict(made.generator.named_parameters())[name])
    seen = []
    network.stem.convolution.register_forward_hook(lambda _m, _i, output: seen.append(output))
    with torch.no_grad():
        network(images * 2 - 1, torch.zeros(60, 2, dtype=torch.long))
    norm = network.stem.norm.norm
    mean = seen[0].mean((0, 2, 3))
    assert torch.allclose(norm.running_mean, mean, atol=1e-5)
    parts = [part.var((0, 2, 3)) for part in seen[0].split(6)]
    assert torch.allclose(norm.running_var, torch.stack(parts).mean(0), rtol=1e-4)


def test_averaging_leaves_the_training_as_it_was(model):
    made, other = learner(model), learner(model)
    taught(made, 2)
    before = copied(made.tensors())
    made.averaged(batch(90, 20))
    same(made.tensors(), before)
    assert taught(made, 1, first=2) == (taught(other, 2), taught(other, 1, first=2))[1]


def test_without_averaging_the_last_weights_are_used(model):
    made = learner(model, ema=0.0)
    taught(made, 2)
    network = made.averaged(batch(90, 20))
    for name, value in network.named_parameters():
        assert torch.equal(value, made.generator.get_parameter(name))


def test_the_discriminator_learns_from_its_own_batches_alone(model):
    made = learner(model)
    before = copied({"d": made.discriminator.state_dict()})
    made.step(0, [], batch(3))
    same({"d": made.discriminator.state_dict()}, before)
    made.step(1, [batch(4)], batch(3))
    assert not torch.equal(made.discriminator.state_dict()["last.bias"], before["d"]["last.bias"])


def test_weights_of_zero_leave_the_generator_where_it_was(model):
    none = {"gan": 0, "reconstruction": 0, "cycle": 0, "classifier": 0}
    made = learner(model, weights=none)
    before = copied({"g": dict(made.generator.named_parameters())})
    taught(made, 2)
    same({"g": dict(made.generator.named_parameters())}, before)


def test_a_loss_that_is_not_finite_stops_the_training(model):
    given = Batch(torch.full((6, 3, 16, 16), torch.nan), torch.rand(6))
    with pytest.raises(AuditError, match="not finite"):
        learner(model).step(0, [given], given)


def test_training_changes_the_models_mind(model):
    """Pairs on both sides of the threshold of a model that reads redness, after a minute of it."""
    made = learner(model, batch=8, learning_rate=5e-3, discriminator_steps=1, ema=0.9)
    for step in range(120):
        given = [batch(1000 + 2 * step + place, 8, scored=model) for place in range(2)]
        made.step(step, given[:1], given[1])
    some = batch(5, 32, scored=model)
    images, own = some.images, bin_of(some.scores, 10)
    network = made.averaged(batch(6, 64))
    with torch.no_grad():
        told = [torch.stack([torch.full((32,), c), own], 1) for c in (0, 9)]
        made = [network(images * 2 - 1, bins) / 2 + 0.5 for bins in told]
        ends = [model.probabilities(pictures)[:, 1] for pictures in made]
    assert (ends[0] < 0.5).float().mean() > 0.95
    assert (ends[1] >= 0.5).float().mean() > 0.95
