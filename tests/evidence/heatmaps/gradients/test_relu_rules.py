"""Guided Backpropagation and Deconvolution: captum's numbers, however a ReLU is called."""

import numpy as np
import pytest
import torch
from captum.attr import Deconvolution, GuidedBackprop
from torch import nn
from torch.nn import functional

from auditkit.evidence.heatmaps.gradients.inspection import inspect
from auditkit.models.onnx.elementwise import _limit_to
from auditkit.models.tflite.arithmetic import FakeStage

KINDS = {"guided-backprop": GuidedBackprop, "deconvolution": Deconvolution}


def of_captum(kind, net, given):
    with pytest.warns(UserWarning, match="backward hooks"):
        return KINDS[kind](net).attribute(given.inputs.clone().requires_grad_(), given.target)


@pytest.mark.parametrize("space", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_relu_modules_give_what_captum_gives(small, kind, space):
    net, given = small.network(space), small.batch(space=space)
    found = small.explained(kind, small.subject(net, space), given).maps
    torch.testing.assert_close(found, of_captum(kind, net, given), rtol=1e-4, atol=1e-6)
    plain = small.explained("gradient", small.subject(net, space), given).maps
    assert (found - plain).abs().max() > 0.01 * plain.abs().max()


@pytest.mark.parametrize("kind", KINDS)
def test_any_call_of_a_relu_gives_the_same(small, kind):
    given = small.batch()
    wanted = small.explained(kind, small.subject(small.network()), given).maps
    for call in small.calls:
        found = small.explained(kind, small.subject(small.network(call=call)), given).maps
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6, msg=f"{call} differs")


@pytest.mark.parametrize("kind", KINDS)
def test_where_captum_silently_gives_the_plain_gradient(small, kind):
    net, given = small.network(call="functional"), small.batch()
    plain = small.explained("gradient", small.subject(net), given).maps
    torch.testing.assert_close(of_captum(kind, net, given), plain, rtol=1e-4, atol=1e-6)
    assert (small.explained(kind, small.subject(net), given).maps - plain).abs().max() > 1e-4


class Two(nn.Module):
    """One unit after another: -3 x0 + 2 x1, limited, times a weight."""

    def __init__(self, limit, weight):
        super().__init__()
        self.limit, self.weight = limit, weight

    def forward(self, x):
        unit = self.limit(-3 * x[:, 0, 0, 0] + 2 * x[:, 0, 0, 1])
        return (self.weight * unit)[:, None]


@pytest.mark.parametrize(
    "limit",
    [
        functional.relu6,
        lambda x: x.clamp(0, 6),
        nn.ReLU6(inplace=True),
        lambda x: _limit_to(x, 0.0, 6.0),
    ],
)
@pytest.mark.parametrize(
    ("kind", "values", "weight", "wanted"),
    [
        ("guided-backprop", (0.0, 1.0), 2.0, (-6.0, 4.0)),
        ("guided-backprop", (0.0, 1.0), -2.0, (0.0, 0.0)),  # negative coming back
        ("guided-backprop", (1.0, 0.0), 2.0, (0.0, 0.0)),  # negative going forward
        ("guided-backprop", (0.0, 9.0), 2.0, (0.0, 0.0)),  # at the upper limit
        ("deconvolution", (0.0, 1.0), 2.0, (-6.0, 4.0)),
        ("deconvolution", (0.0, 1.0), -2.0, (0.0, 0.0)),
        ("deconvolution", (1.0, 0.0), 2.0, (-6.0, 4.0)),  # what went forward is not asked
        ("deconvolution", (0.0, 9.0), 2.0, (0.0, 0.0)),
    ],
)
def test_the_rules_by_hand_at_a_relu6(small, limit, kind, values, weight, wanted):
    given = small.batch(1, channels=1, side=2)
    given.inputs[:] = 0
    given.inputs[0, 0, 0] = torch.tensor(values)
    found = small.explained(kind, small.subject(Two(limit, weight), channels=1, side=2), given).maps
    assert found[0, 0, 0].tolist() == list(wanted)
    assert not found[0, 0, 1].any()


@pytest.mark.parametrize(
    "limit", [lambda x: x.clamp(0, 1), lambda x: functional.leaky_relu(x, 0.1)]
)
def test_what_is_no_relu_keeps_its_gradient(small, limit):
    given = small.batch(1, channels=1, side=2)
    given.inputs[0, 0, 0] = torch.tensor([0.0, 0.25])
    subject = small.subject(Two(limit, -2.0), channels=1, side=2)
    found = small.explained("guided-backprop", subject, given).maps
    assert found[0, 0, 0].tolist() == [6.0, -4.0]


class Codes(nn.Module):
    """A convolution whose sums become codes of half the size, as in a quantised file."""

    def __init__(self, lowest, weight):
        super().__init__()
        self.sums = nn.Conv2d(1, 1, (1, 2), bias=False)
        self.sums.weight.data = torch.tensor([[[[-3.0, 2.0]]]])
        limits = (lowest, lowest + 255)
        self.stage = FakeStage(limits, np.array(0.5, np.float32), "even", masked=True)
        self.weight = weight

    def forward(self, x):
        return self.weight * self.stage(self.sums(x)).sum(dim=(2, 3))


@pytest.mark.parametrize(
    ("kind", "weight", "wanted"),
    [
        # The upper row is positive going forward, the lower one is not.
        ("guided-backprop", 4.0, [[-6, 4], [0, 0]]),
        ("guided-backprop", -4.0, [[0, 0], [0, 0]]),
        ("deconvolution", 4.0, [[-6, 4], [-6, 4]]),
        ("deconvolution", -4.0, [[0, 0], [0, 0]]),
    ],
)
def test_codes_cut_at_zero_behind_weights_are_a_relu(small, kind, weight, wanted):
    given = small.batch(1, channels=1, side=2)
    given.inputs[0, 0] = torch.tensor([[1.0, 9.0], [9.0, 1.0]])
    subject = small.subject(Codes(0, weight).eval(), channels=1, side=2)
    assert inspect(subject).relus == 1
    assert small.explained(kind, subject, given).maps[0, 0].tolist() == wanted


@pytest.mark.parametrize("lowest", [-128, 0])
def test_a_sum_of_codes_cut_at_zero_is_a_relu_where_one_of_them_can_be_negative(small, lowest):
    """As the end of a residual block; the sum of two ReLUs has nothing to cut, and is none itself."""

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = Codes(0, 1.0), Codes(lowest, 1.0)
            self.stage = FakeStage((0, 255), np.array(1.0, np.float32), "even", masked=True)

        def forward(self, x):
            codes = [part.stage(part.sums(x)) for part in (self.one, self.two)]
            return self.stage(torch.add(codes[0], codes[1], alpha=0.5)).sum(dim=(2, 3))

    assert inspect(small.subject(Block().eval(), channels=1, side=2)).relus == 2


def test_codes_with_room_below_zero_are_none(small):
    seen = inspect(small.subject(Codes(-128, 4.0).eval(), channels=1, side=2))
    assert (seen.relus, dict(seen.others)) == (0, {"quantised": 1})
