"""DeepLIFT: captum's numbers where captum is right, completeness everywhere, refusals elsewhere."""

import warnings

import pytest
import torch
from captum.attr import DeepLift
from torch import nn
from torch.nn import functional

from auditkit.evidence.heatmaps.explainer import Batch
from auditkit.evidence.heatmaps.registry import explainer
from auditkit.evidence.heatmaps.subject import Subject
from auditkit.spec.methods import parse_method


def of_captum(net, given, baseline=0.0):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return DeepLift(net).attribute(given.inputs, baseline, target=given.target).detach()


@pytest.mark.parametrize("space", [2, 3])
def test_modules_used_once_give_what_captum_gives(small, space):
    net, given = small.network(space), small.batch(space=space)
    found = small.explained("deeplift", small.subject(net, space), given)
    torch.testing.assert_close(found.maps, of_captum(net, given), rtol=1e-3, atol=1e-6)
    assert float(found.residual.max()) < 1e-4
    assert found.evaluations.tolist() == [2] * 4


def test_any_call_of_a_relu_gives_the_same(small):
    given = small.batch()
    wanted = small.explained("deeplift", small.subject(small.network()), given).maps
    for call in small.calls:
        found = small.explained("deeplift", small.subject(small.network(call=call)), given)
        torch.testing.assert_close(found.maps, wanted, rtol=1e-4, atol=1e-6, msg=f"{call} differs")
        assert float(found.residual.max()) < 1e-4


def test_where_captum_is_not_complete(small):
    given = small.batch()
    wanted = of_captum(small.network(), given)
    functional_relu = small.network(call="functional")
    assert (of_captum(functional_relu, given) - wanted).abs().max() > 1e-3
    found = small.explained("deeplift", small.subject(functional_relu), given).maps
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-6)


def test_where_captum_loses_the_rule_of_a_maximum_behind_a_relu(small):
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 3)
    net, given = nn.Sequential(*layers).eval(), small.batch(1)
    start = small.batch(1, seed=9).inputs
    method = {"method": "deeplift", "baseline": "data"}
    found = small.explained(method, small.subject(net), given, 8, start)
    with torch.no_grad():
        change = float((net(given.inputs) - net(start))[0, given.target[0]])
    assert float(found.maps.sum()) == pytest.approx(change, rel=1e-4)
    assert abs(float(of_captum(net, given, start).sum()) - change) > 0.01 * abs(change)


class Overlapping(nn.Module):
    """Windows that overlap: one value may be the maximum of several."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.first, self.head = nn.Conv2d(3, 4, 3), nn.Linear(16, 3)

    def forward(self, x):
        x = functional.max_pool2d(self.first(x), 3, stride=1)
        return self.head(functional.max_pool2d(x, 2, stride=2).flatten(1))


def test_overlapping_maxima_are_complete(small):
    given = small.batch()
    found = small.explained("deeplift", small.subject(Overlapping().eval()), given)
    assert float(found.residual.max()) < 1e-4


ACTIVATIONS = [
    functional.silu,
    functional.gelu,
    functional.elu,
    functional.hardswish,
    functional.hardsigmoid,
    functional.relu6,
    functional.softplus,
    functional.logsigmoid,
    functional.mish,
    torch.tanh,
    torch.sigmoid,
    torch.square,
    torch.exp,
    lambda x: functional.leaky_relu(x, 0.1),
    lambda x: functional.silu(x, inplace=True),
    lambda x: functional.prelu(x, torch.tensor([0.3])),
    lambda x: x.clamp(-0.1, 0.1),
    lambda x: (x.abs() + 0.1).sqrt(),
    lambda x: x**3,
    lambda x: 2**x,
    lambda x: 1 / (x.abs() + 1),
]


class Activated(nn.Module):
    def __init__(self, function):
        super().__init__()
        torch.manual_seed(2)
        self.function = function
        self.first, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.function(self.first(x)).mean(dim=(2, 3)))


@pytest.mark.parametrize("function", ACTIVATIONS)
def test_functions_of_one_number_are_complete(small, function):
    subject, given = small.subject(Activated(function).eval()), small.batch()
    found = small.explained("deeplift", subject, given)
    assert float(found.residual.max()) < 1e-3
    assert not explainer(parse_method("deeplift"), subject).fitness().reason


def test_the_rescale_rule_by_hand():
    # f = relu(x0 - x1) from (1, 2) to (3, 1): relu goes from 0 to 2 while its input goes from -1 to 2.
    class Hand(nn.Module):
        def forward(self, x):
            return functional.relu(x[:, 0, :1, 0] - x[:, 0, 1:, 0])

    from auditkit.evidence.heatmaps.gradients.deeplift import differences
    from auditkit.evidence.heatmaps.subject import subject_of_module

    subject = subject_of_module(Hand(), (1, 2, 1))
    now, before = (torch.tensor(v).reshape(1, 1, 2, 1) for v in ([3.0, 1.0], [1.0, 2.0]))
    found, change = differences(subject, now, before, torch.tensor([0]), None)
    assert found.flatten().tolist() == pytest.approx([2 * 2 / 3, 2 / 3], rel=1e-6)
    assert change.item() == 2.0


def log_odds_of(net, ensemble=False):
    """What `Model.log_odds` computes: from log-softmax and log-sum-exp, masked."""

    def answer(inputs, target, table):
        total = torch.log_softmax(net(inputs) / 10, dim=1)
        if ensemble:
            other = torch.log_softmax(net(inputs.flip(-1)) / 10, dim=1)
            total = torch.logsumexp(torch.stack([total, other]), dim=0)
        chosen = total.gather(1, target[:, None])[:, 0]
        mask = functional.one_hot(target, 3).bool()
        return chosen - torch.logsumexp(total.masked_fill(mask, -torch.inf), dim=1)

    return Subject("odds", answer, net, (3, 8, 8), ((0, 1, 2),), torch.device("cpu"))


@pytest.mark.parametrize("ensemble", [False, True])
def test_log_odds_of_many_classes_are_complete(small, ensemble):
    subject = log_odds_of(small.network(call="functional"), ensemble)
    found = small.explained("deeplift", subject, small.batch())
    assert torch.isfinite(found.maps).all()
    assert float(found.residual.max()) < 1e-3
    assert not explainer(parse_method("deeplift"), subject).fitness().reason


def test_a_network_that_answers_row_by_row_is_no_special_case(small):
    class OneByOne(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x):
            return torch.cat([self.net(row) for row in x.split(1)])

    net, given = small.network(), small.batch()
    wanted = small.explained("deeplift", small.subject(net), given).maps
    found = small.explained("deeplift", small.subject(OneByOne(net)), given)
    torch.testing.assert_close(found.maps, wanted, rtol=1e-4, atol=1e-6)


def test_with_the_data_set_as_baseline_it_is_the_mean_over_its_images(small):
    subject, given = small.subject(small.network()), small.batch()
    background = small.batch(3, seed=9).inputs
    method = {"method": "deeplift", "baseline": "data"}
    each = [small.explained(method, subject, given, 8, one[None]).maps for one in background]
    found = small.explained(method, subject, given, 8, background)
    torch.testing.assert_close(found.maps, torch.stack(each).mean(dim=0), rtol=1e-4, atol=1e-6)
    assert float(found.residual.max()) < 1e-3


def test_a_linear_model_is_its_weights_times_the_difference(small):
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    given = small.batch(2, side=2)
    method = {"method": "deeplift", "baseline": "mean"}
    found = small.explained(method, small.subject(net, side=2), given).maps
    weights = net[1].weight.detach()[given.target].reshape(2, 3, 2, 2)
    difference = given.inputs - given.inputs.mean(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(found, weights * difference, rtol=1e-4, atol=1e-6)


def test_no_image_changes_another_ones_map(small):
    subject, given = small.subject(small.network()), small.batch()
    other = Batch(given.inputs.clone(), given.target, given.seeds)
    other.inputs[0] = 1 - other.inputs[0]
    before = small.explained("deeplift", subject, given).maps
    after = small.explained("deeplift", subject, other).maps
    torch.testing.assert_close(after[1:], before[1:], rtol=1e-4, atol=1e-6)
    assert not torch.allclose(after[0], before[0])
