"""Gradient, Input x Gradient and SmoothGrad: captum's numbers, any space, any batch."""

from dataclasses import replace

import pytest
import torch
from captum.attr import InputXGradient, Saliency
from torch import nn

from auditkit.evidence.heatmaps.explainer import Batch


def close(found, wanted):
    torch.testing.assert_close(found, wanted.detach().float(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("space", [2, 3])
def test_gradient_is_captums_saliency_with_its_sign(small, space):
    net, given = small.network(space), small.batch(space=space)
    found = small.explained("gradient", small.subject(net, space), given)
    wanted = Saliency(net).attribute(given.inputs.clone().requires_grad_(), given.target, abs=False)
    close(found.maps, wanted)
    assert found.evaluations.tolist() == [1] * 4


@pytest.mark.parametrize("space", [2, 3])
def test_input_x_gradient_is_captums_summed_over_a_modality(small, space):
    net, given = small.network(space), small.batch(space=space)
    subject = small.subject(net, space, modalities=[[0, 2], [1]])
    found = small.explained("input-x-gradient", subject, given)
    wanted = InputXGradient(net).attribute(given.inputs.clone().requires_grad_(), given.target)
    close(found.maps, torch.stack([wanted[:, 0] + wanted[:, 2], wanted[:, 1]], dim=1))


@pytest.mark.parametrize("method", ["gradient", "input-x-gradient", "smoothgrad"])
def test_a_linear_model_has_its_weights_as_gradient(small, method):
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    given = small.batch(2, channels=3, side=2)
    found = small.explained(method, small.subject(net, side=2), given)
    weights = net[1].weight[given.target].reshape(2, 3, 2, 2)
    close(found.maps, weights * given.inputs if method == "input-x-gradient" else weights)


def test_parameters_and_inputs_without_gradients_are_no_obstacle(small):
    net = small.network().requires_grad_(requires_grad=False)
    with torch.no_grad():
        found = small.explained("gradient", small.subject(net), small.batch())
    assert found.maps.abs().sum() > 0
    assert not found.maps.requires_grad


class Cubic(nn.Module):
    def forward(self, x):
        return (x**3).flatten(1).sum(dim=1, keepdim=True)


def test_smoothgrad_of_a_cubic_is_its_closed_form(small):
    # E 3 (x + s e)^2 = 3 x^2 + 3 s^2, s = 0.2 of the range.
    x = torch.tensor([[[[0.0, 1.0], [0.5, 2.0]]]])
    given = Batch(x, torch.zeros(1, dtype=torch.int64), [5])
    method = {"method": "smoothgrad", "samples": 20_000, "noise": 0.2}
    found = small.explained(method, small.subject(Cubic(), channels=1, side=2), given, rows=5000)
    torch.testing.assert_close(found.maps, 3 * x**2 + 3 * 0.4**2, rtol=0, atol=0.08)


def test_smoothgrad_keeps_the_sign_that_captums_absolute_values_lose(small):
    net, given = small.network(), small.batch()
    found = small.explained({"method": "smoothgrad", "noise": 0.01}, small.subject(net), given)
    plain = small.explained("gradient", small.subject(net), given)
    assert (found.maps < 0).any()
    assert torch.corrcoef(torch.stack([found.maps.flatten(), plain.maps.flatten()]))[0, 1] > 0.9


METHODS = [
    "gradient",
    "input-x-gradient",
    {"method": "smoothgrad", "samples": 7},
    "guided-backprop",
    "deconvolution",
    "gradcam",
    "guided-gradcam",
    "deeplift",
    {"method": "deeplift", "baseline": "data"},
    {"method": "integrated-gradients", "steps": 5},
    {"method": "integrated-gradients", "steps": 3, "baseline": "blur"},
    {"method": "gradient-shap", "samples": 7},
    {"method": "expected-gradients", "samples": 9},
    {"method": "expected-gradients", "samples": 48, "error": 0.05},
]


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_maps_do_not_depend_on_rows_batch_or_order(small, method):
    net, given = small.network(), small.batch()
    subject, background = small.subject(net), small.batch(2, seed=9).inputs
    whole = small.explained(method, subject, given, 64, background)
    for rows in (1, 2, 5):
        other = small.explained(method, subject, given, rows, background)
        torch.testing.assert_close(other.maps, whole.maps, rtol=1e-4, atol=1e-6)
    part = Batch(given.inputs[[3, 1]], given.target[[3, 1]], [103, 101])
    turned = small.explained(method, subject, part, 4, background)
    torch.testing.assert_close(turned.maps, whole.maps[[3, 1]], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_no_pass_has_more_rows_than_asked(small, method):
    net, given = small.network(), small.batch()
    seen = []
    handle = net.register_forward_hook(lambda module, inputs, output: seen.append(len(output)))
    subject = small.subject(net)
    small.explained(method, subject, given, 3, small.batch(5, seed=9).inputs)
    handle.remove()
    assert max(seen) <= 3


class WithTable(nn.Module):
    """The second input scales the answer: a row that went astray would be seen."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x, table):
        return self.net(x) * table[:, :1]


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_rows_of_the_second_input_follow_their_image(small, method):
    net, given = small.network(), small.batch()
    background = small.batch(3, seed=9).inputs
    plain = small.explained(method, small.subject(net), given, 4, background).maps
    scaled = Batch(given.inputs, given.target, given.seeds, torch.tensor([[1.0], [2], [3], [4]]))
    subject = replace(small.subject(WithTable(net)), table_width=1)
    found = small.explained(method, subject, scaled, 3, background).maps
    factor = torch.tensor([1.0, 2, 3, 4]).reshape(4, 1, 1, 1)
    power = 2 if method == "guided-gradcam" else 1
    torch.testing.assert_close(found, plain * factor**power, rtol=1e-4, atol=1e-6)
