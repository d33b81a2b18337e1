"""Grad-CAM: captum, its layer, channels-last grids, and the aggregated layer of an ensemble."""

import warnings
from dataclasses import replace

import pytest
import torch
from captum.attr import GuidedGradCam, LayerGradCam
from torch import nn
from torch.nn import functional

import auditkit
from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.explainer import Batch
from auditkit.evidence.heatmaps.registry import explainer
from auditkit.evidence.heatmaps.subject import Subject, subject_of, subject_of_module
from auditkit.models.model import Model
from auditkit.models.views import see, undo
from auditkit.spec.methods import parse_method


def fitness(method, subject):
    return explainer(parse_method(method), subject).fitness()


def close(found, wanted):
    torch.testing.assert_close(found, wanted.detach().float(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("space", [2, 3])
@pytest.mark.parametrize("layer", ["auto", "first"])
def test_a_layer_gives_what_captum_gives(small, space, layer):
    net, given = small.network(space), small.batch(space=space)
    method = {"method": "gradcam", "layer": layer}
    subject = small.subject(net, space, modalities=[[0], [1, 2]])
    kind = explainer(parse_method(method), subject)
    found = kind.explain(given, 3)
    module = net.two if layer == "auto" else net.first
    wanted = LayerGradCam(net, module).attribute(given.inputs, given.target, relu_attributions=True)
    assert found.maps.shape == (4, 2, *[8 if layer == "first" else 4] * space)
    assert kind.cell == (1 if layer == "first" else 2)
    close(found.maps[:, :1], wanted)
    assert torch.equal(found.maps[:, 0], found.maps[:, 1])


@pytest.mark.parametrize("space", [2, 3])
def test_guided_gradcam_is_captums(small, space):
    net, given = small.network(space), small.batch(space=space)
    found = small.explained("guided-gradcam", small.subject(net, space), given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = GuidedGradCam(net, net.two).attribute(
            given.inputs.clone().requires_grad_(), given.target
        )
    close(found.maps, wanted)


def test_elementwise_weights_are_each_places_own_gradient(small):
    net, given = small.network(), small.batch()
    found = small.explained(
        {"method": "gradcam", "layer": "first", "gradients": "elementwise"},
        small.subject(net),
        given,
    ).maps
    layer = net.first(given.inputs).detach().requires_grad_()
    (slope,) = torch.autograd.grad(net.rest(layer).gather(1, given.target[:, None]).sum(), layer)
    close(found[:, :1], functional.relu((layer * slope).sum(dim=1, keepdim=True)))


@pytest.mark.parametrize("call", ["reused", "reused in place", "functional in place"])
def test_a_reused_layer_counts_by_its_last_call(small, call):
    given = small.batch()
    wanted = small.explained("gradcam", small.subject(small.network()), given).maps
    subject = small.subject(small.network(call=call))
    close(small.explained("gradcam", subject, given).maps, wanted)
    assert fitness("gradcam", subject).notes == ["layer one (4 x 4)"]


class Everywhere(nn.Module):
    """One ReLU for everything: before the layer, as the layer, and in the head behind it."""

    def __init__(self, relus):
        super().__init__()
        torch.manual_seed(7)
        self.first, self.second = nn.Conv2d(3, 5, 3, 2, 1), nn.Conv2d(5, 5, 3, 1, 1)
        self.middle, self.head = nn.Linear(5, 6), nn.Linear(6, 3)
        self.relus = nn.ModuleList(relus)

    def forward(self, x):
        one, two, three = self.relus[0], self.relus[len(self.relus) // 2], self.relus[-1]
        x = two(self.second(one(self.first(x)))).mean(dim=(2, 3))
        return self.head(three(self.middle(x)))


@pytest.mark.parametrize("views", [None, ["identity", "rotate-90"]])
def test_a_layer_that_is_called_again_behind_the_map_is_still_found(small, views):
    given, found = small.batch(), []
    shared = nn.ReLU()
    for relus in ([shared], [nn.ReLU(), nn.ReLU(), nn.ReLU()]):
        net = Everywhere(relus).eval()
        subject = ensemble([net], views)[0] if views else small.subject(net, modalities=[[0, 1, 2]])
        found.append(small.explained("gradcam", subject, given).maps)
    assert found[0].max() > 0
    close(found[0], found[1])


@pytest.mark.parametrize("method", ["gradcam", {"method": "gradcam", "gradients": "elementwise"}])
def test_one_network_that_sees_a_turned_picture_has_its_map_turned_back(small, method):
    card = auditkit.wrap_model(
        Part(nn.Tanh(), 2).eval(), name="turned", task="any", size=8, version="1", kind="logits",
        classes=["a", "b", "c"],
    ).card  # fmt: skip
    given = small.batch(2)
    seen = Batch(see(given.inputs, "rotate-90").contiguous(), given.target, given.seeds)
    maps = {
        view: small.explained(
            method,
            subject_of(Model(card, [Part(nn.Tanh(), 2).eval()], torch.device("cpu"), views=[view])),
            given if view == "rotate-90" else seen,
        ).maps
        for view in ("rotate-90", "identity")
    }
    assert maps["identity"].max() > 0
    close(maps["rotate-90"], undo(maps["identity"], "rotate-90"))


class Late(nn.Module):
    """What is pooled is no leaf's output: it is added to in place behind the last one."""

    def __init__(self):
        super().__init__()
        self.block = Block()
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.block(x).mean(dim=(2, 3)))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.short, self.long = nn.Conv2d(3, 4, 3, 2), nn.Conv2d(3, 4, 3, 2)

    def forward(self, x):
        short, long = self.short(x), self.long(x)
        long += short
        return long


def test_the_layer_is_what_is_pooled_not_the_last_leaf(small):
    subject = small.subject(Late().eval())
    assert fitness("gradcam", subject).notes == ["layer block (3 x 3)"]


class ChannelsLast(nn.Module):
    """A network whose last layers are normalised over their last axis, as Swin's."""

    def __init__(self, move):
        super().__init__()
        torch.manual_seed(5)
        self.move = move
        self.patch, self.mix = nn.Conv2d(3, 12, 2, 2), nn.Linear(12, 12)
        self.norm, self.head = nn.LayerNorm(12), nn.Linear(12, 3)
        self.back = nn.Identity()

    def forward(self, x):
        x = self.norm(self.mix(functional.gelu(self.patch(x)).movedim(1, -1)))
        x = self.back(x.movedim(-1, 1)) if self.move else x.movedim(-1, 1)
        return self.head(x.mean(dim=(2, 3)))


def test_a_channels_last_layer_gives_the_map_of_its_channels_first_copy(small):
    given = small.batch()
    last, first = (small.subject(ChannelsLast(move).eval()) for move in (False, True))
    assert fitness("gradcam", last).notes == ["layer norm (4 x 4)"]
    assert fitness("gradcam", first).notes == ["layer back (4 x 4)"]
    close(
        small.explained("gradcam", last, given).maps, small.explained("gradcam", first, given).maps
    )


def test_an_average_pool_that_enlarges_is_not_the_layer(small):
    layers = nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(7), nn.Flatten()
    net = nn.Sequential(*layers, nn.Linear(4 * 49, 3)).eval()
    assert fitness("gradcam", small.subject(net)).notes == ["layer 1 (3 x 3)"]


def test_a_name_that_does_not_exist_is_answered_with_the_nearest_and_the_last(small):
    method = parse_method({"method": "gradcam", "layer": "secund"})
    with pytest.raises(AuditError, match=r"did you mean 'second'.*the last: .*third, two"):
        explainer(method, small.subject(small.network()))
    with pytest.raises(AuditError, match="no spatial layer 'head'"):
        explainer(
            parse_method({"method": "gradcam", "layer": "head"}), small.subject(small.network())
        )


def test_a_layer_on_which_the_answer_does_not_depend_is_refused(small):
    class Aside(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net, self.aside = net, nn.Conv2d(3, 2, 3)

        def forward(self, x):
            answer = self.net(x)
            self.aside(x)
            return answer

    reason = fitness("gradcam", small.subject(Aside(small.network()))).reason
    assert (
        reason
        == "has an answer that does not depend on layer aside (6 x 6); name another one (layer: NAME)"
    )


class InParts(nn.Module):
    """A program that was made for batches of two, as files of other formats can be."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        filled = torch.cat([x, x[-1:]]) if len(x) % 2 else x
        return torch.cat([self.net(part) for part in filled.split(2)])[: len(x)]


def test_a_network_that_answers_in_parts_gives_the_same(small):
    net, given = small.network(), small.batch()
    wanted = small.explained("gradcam", small.subject(net), given).maps
    close(small.explained("gradcam", small.subject(InParts(net)), given).maps, wanted)


def ensemble(networks, views, size=8):
    """Log-odds of mean probabilities, views outside and networks inside, as `Model.log_odds`."""

    def odds(parts, target):
        total = torch.logsumexp(torch.stack([torch.log_softmax(p, dim=1) for p in parts]), dim=0)
        mask = functional.one_hot(target, 3).bool()
        chosen = total.gather(1, target[:, None])[:, 0]
        return chosen - torch.logsumexp(total.masked_fill(mask, -torch.inf), dim=1)

    def answer(inputs, target, table):
        return odds([net(see(inputs, view)) for view in views for net in networks], target)

    device, groups = torch.device("cpu"), ((0, 1, 2),)
    parts = [
        (replace(subject_of_module(net, (3, size, size), groups)), view)
        for view in views
        for net in networks
    ]
    whole = nn.ModuleList(networks)
    return Subject("ensemble", answer, whole, (3, size, size), groups, device, parts), odds


class Part(nn.Module):
    """A network of an ensemble, whose layer has its own activation and size."""

    def __init__(self, bend, stride):
        super().__init__()
        torch.manual_seed(11)
        self.first = nn.Conv2d(3, 7, 3, stride=stride, padding=1)
        self.bend, self.head = bend, nn.Linear(7, 3)

    def rest(self, a):
        return self.head((a**2).mean(dim=(2, 3)))

    def forward(self, x):
        return self.rest(self.bend(self.first(x)))


@pytest.mark.parametrize("weighting", ["pooled", "elementwise"])
def test_an_ensemble_is_one_layer_of_all_channels_with_one_relu(small, weighting):
    views = ["identity", "rotate-90", "flip-horizontal"]
    networks = [Part(nn.Tanh(), 2).eval(), Part(nn.SiLU(), 4).eval()]
    subject, odds = ensemble(networks, views)
    given = small.batch()
    method = {"method": "gradcam", "gradients": weighting}
    found = small.explained(method, subject, given, 3).maps

    # By hand: every sub-model's layer as a variable of one function.
    layers = [
        net.bend(net.first(see(given.inputs, view))).detach().requires_grad_()
        for view in views
        for net in networks
    ]
    answer = odds([net.rest(a) for net, a in zip(networks * 3, layers, strict=True)], given.target)
    slopes = torch.autograd.grad(answer.sum(), layers)
    total = torch.zeros(4, 4, 4)
    each = torch.zeros(4, 4, 4)
    for place, (a, slope) in enumerate(zip(layers, slopes, strict=True)):
        weights = slope.mean(dim=(2, 3), keepdim=True) if weighting == "pooled" else slope
        part = undo((a * weights).sum(dim=1), views[place // 2])
        if part.shape[-1] == 2:
            part = part.repeat_interleave(2, -1).repeat_interleave(2, -2)
        total += part.detach()
        each += functional.relu(part.detach())
    close(found[:, 0], functional.relu(total))
    assert not torch.allclose(found[:, 0], each)
    notes = fitness(method, subject).notes
    assert notes == ["layer bend (4 x 4), bend (2 x 2), of 6 networks or views as one"]


def test_a_map_turns_with_the_picture_when_all_its_views_are_seen(small):
    views = ["identity", "rotate-90", "rotate-180", "rotate-270"]
    subject, _ = ensemble([Part(nn.Tanh(), 2).eval()], views)
    given = small.batch(2)
    turned = Batch(see(given.inputs, "rotate-90").contiguous(), given.target, given.seeds)
    plain = small.explained("gradcam", subject, given).maps
    close(small.explained("gradcam", subject, turned).maps, see(plain, "rotate-90"))


def test_the_supplements_elementwise_rule_by_hand():
    # One channel, A = x, f = x0 - 2 x1: A dA = (x0, -2 x1), of which the positive part is kept.
    class Hand(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Identity()

        def forward(self, x):
            x = self.layer(x)
            return (x[:, 0, 0, 0] - 2 * x[:, 0, 0, 1])[:, None]

    subject = subject_of_module(Hand(), (1, 2, 2))
    given = Batch(torch.tensor([[[[3.0, 5.0], [7.0, 9.0]]]]), torch.tensor([0]), [0])
    method = parse_method({"method": "gradcam", "gradients": "elementwise"})
    assert explainer(method, subject).explain(given, 1).maps.flatten().tolist() == [3, 0, 0, 0]
    # Pooled: the mean gradient is (1 - 2) / 4, and A is positive everywhere.
    pooled = explainer(parse_method("gradcam"), subject).explain(given, 1)
    assert not pooled.maps.any()
