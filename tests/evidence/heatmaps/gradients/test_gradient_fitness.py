"""What a model cannot be asked is said beforehand, with the reason."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from auditkit.evidence.heatmaps.gradients.inspection import inspect
from auditkit.evidence.heatmaps.registry import explainer
from auditkit.spec.methods import METHODS, parse_method

ALL = [name for name, kind in METHODS.items() if kind().needs_gradients]


def fitness(method, subject):
    return explainer(parse_method(method), subject).fitness()


class Conv(nn.Module):
    """One convolution, something, and a mean."""

    def __init__(self, something):
        super().__init__()
        torch.manual_seed(2)
        self.something = something
        self.first, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.something(self.first(x)).mean(dim=(2, 3)))


def gate(x):
    return x * torch.sigmoid(x.mean(dim=(2, 3), keepdim=True))


class Block(nn.Module):
    """Patches, and one encoder layer of a vision transformer."""

    def __init__(self, fused):
        super().__init__()
        torch.manual_seed(2)
        self.patch, self.fused = nn.Conv2d(3, 8, 2, 2), fused
        self.norm, self.query, self.head = nn.LayerNorm(8), nn.Linear(8, 24), nn.Linear(8, 3)

    def forward(self, x):
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        q, k, v = self.query(self.norm(tokens)).chunk(3, dim=-1)
        if self.fused:
            mixed = functional.scaled_dot_product_attention(q, k, v)
        else:
            mixed = torch.softmax(q @ k.transpose(1, 2) / 8**0.5, dim=-1) @ v
        return self.head((tokens + functional.gelu(mixed)).mean(dim=1))


@pytest.mark.parametrize("method", ["guided-backprop", "deconvolution", "guided-gradcam"])
def test_a_network_of_silus_has_no_relu_for_the_rules(small, method):
    reason = fitness(method, small.subject(Conv(functional.silu))).reason
    assert "calls no ReLU: its nonlinearities are silu (1); " in reason
    assert "would be the plain gradient" in reason


def test_other_activations_beside_relus_are_noted(small):
    subject = small.subject(Conv(lambda x: functional.relu(functional.silu(x))))
    found = fitness("guided-backprop", subject)
    assert not found.reason
    assert "plain gradient elsewhere: silu (1)" in found.notes


def test_a_maximum_of_two_tensors_is_noted(small):
    """It may be a ReLU written by hand, which the rule does not reach."""
    subject = small.subject(Conv(lambda x: functional.relu(torch.maximum(x, x.new_zeros(())))))
    assert "plain gradient elsewhere: maximum (1)" in fitness("guided-backprop", subject).notes


def test_limits_of_their_own_for_each_channel_are_no_relu(small):
    subject = small.subject(Conv(lambda x: x.clamp(min=torch.linspace(-1, 1, 4)[:, None, None])))
    assert "calls no ReLU" in fitness("deconvolution", subject).reason
    assert not fitness("gradient", subject).reason


@pytest.mark.parametrize("call", ["reused", "functional", "operator in place", "on a view"])
def test_relus_are_counted_by_call(small, call):
    seen = inspect(small.subject(small.network(call=call)))
    assert seen.relus == 2
    assert not seen.others


@pytest.mark.parametrize(
    ("something", "operation"),
    [
        (gate, "mul (1)"),
        (lambda x: x / (1 + x.abs()), "div (1)"),
        (lambda x: x @ x.transpose(-1, -2), "matmul (1)"),
        (lambda x: torch.einsum("nchw,nchv->ncwv", x, x), "matmul (1)"),
    ],
)
def test_deeplift_refuses_products_of_activations(small, something, operation):
    reason = fitness("deeplift", small.subject(Conv(something))).reason
    assert f"multiplies activations with each other ({operation})" in reason


@pytest.mark.parametrize(("fused", "name"), [(True, "attention (1)"), (False, "matmul (2)")])
def test_deeplift_and_gradcam_refuse_attention_on_tokens(small, fused, name):
    subject = small.subject(Block(fused))
    assert name in fitness("deeplift", subject).reason
    reason = fitness("gradcam", subject).reason
    assert "works on tokens at its end ('query' gives 16 tokens of 24 numbers)" in reason


@pytest.mark.parametrize(
    "something",
    [
        lambda x: functional.layer_norm(x, x.shape[1:]),
        lambda x: x.sort(dim=1).values * torch.arange(4.0).reshape(1, 4, 1, 1),
        lambda x: torch.where(x > 0, x, 0.1 * x),
    ],
)
def test_deeplift_refuses_what_it_has_no_rule_for_by_the_residual(small, something):
    reason = fitness("deeplift", small.subject(Conv(something))).reason
    assert "operations without a rule of DeepLIFT" in reason
    assert "% of the change of the answer" in reason


def test_deeplift_refuses_ways_that_depend_on_the_image(small):
    def forked(x):
        return functional.relu(x) if float(x.detach().std()) > 1e-3 else torch.tanh(x)

    # Black gives one constant per channel, so that only the bias decides.
    net = Conv(forked)
    net.first.bias.data[:] = 0.1
    assert "takes another way for the image" in fitness("deeplift", small.subject(net)).reason


@pytest.mark.parametrize("method", ALL)
def test_a_black_box_cannot_be_asked(small, method):
    subject = replace(small.subject(small.network()), network=None)
    assert "black box" in fitness(method, subject).reason


@pytest.mark.parametrize("method", ALL)
def test_a_gradient_that_is_dead_is_no_heatmap(small, method):
    rounded = small.subject(Conv(lambda x: torch.round(10 * x)))
    assert "zero everywhere on the probe images" in fitness(method, rounded).reason
    cut = small.subject(Conv(lambda x: x.detach()).requires_grad_(requires_grad=False))
    assert "without a gradient" in fitness(method, cut).reason
    broken = small.subject(Conv(lambda x: (x * 0).sqrt()))
    assert "nowhere finite" in fitness(method, broken).reason


class Forward(torch.autograd.Function):
    """An operation without a backward pass."""

    @staticmethod
    def forward(ctx, x):
        del ctx
        return 2 * x


@pytest.mark.parametrize("method", ALL)
def test_a_network_that_fails_in_its_backward_pass_is_refused_with_its_message(small, method):
    reason = fitness(method, small.subject(Conv(Forward.apply))).reason
    assert "fails when it is asked for a gradient (You must implement" in reason
    overwriting = nn.Sequential(nn.ReLU(inplace=True), small.network())
    assert "in-place operation" in fitness(method, small.subject(overwriting)).reason


@pytest.mark.parametrize("method", ALL)
def test_an_ordinary_network_can_be_asked_anything(small, method):
    assert not fitness(method, small.subject(small.network(call="functional"))).reason


def test_a_network_without_a_spatial_layer_has_no_gradcam(small):
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 8), nn.ReLU(), nn.Linear(8, 3))
    assert "no layer with a spatial map" in fitness("gradcam", small.subject(net)).reason


def test_fitness_of_parameters_that_require_gradients_counts_no_weights_as_activations(small):
    net = small.network().requires_grad_()
    assert inspect(small.subject(net)).products == {}
