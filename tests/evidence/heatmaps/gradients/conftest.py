"""One small network whose ReLUs are called in many ways, and what is asked of it."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional

from auditkit.evidence.heatmaps.explainer import Batch
from auditkit.evidence.heatmaps.registry import explainer
from auditkit.evidence.heatmaps.subject import subject_of_module
from auditkit.spec.methods import parse_method

CALLS = {
    "functional": functional.relu,
    "torch": torch.relu,
    "method in place": lambda x: x.relu_(),
    "functional in place": lambda x: functional.relu(x, inplace=True),
    "clamp": lambda x: x.clamp(min=0),
    "clamp in place": lambda x: x.clamp_(0),
    "clamp_min": lambda x: x.clamp_min(0),
    "clamp by channel": lambda x: x.clamp(min=x.new_zeros(x.shape[1], *[1] * (x.dim() - 2))),
    "threshold": lambda x: functional.threshold(x, 0.0, 0.0),
    "operator": torch.ops.aten.relu.default,
    "operator in place": torch.ops.aten.relu_.default,
}


class Net(nn.Module):
    """Three convolutions, two ReLUs and a maximum pool, each beside another one, to three outputs.

    Captum's DeepLIFT keeps the rule of one only of two operations that follow each other.
    """

    def __init__(self, space, relu=None, channels=3):
        super().__init__()
        conv = {2: nn.Conv2d, 3: nn.Conv3d}[space]
        self.first = conv(channels, 5, 3, padding=1)
        self.second = conv(5, 6, 3, padding=1)
        self.pool = {2: nn.MaxPool2d, 3: nn.MaxPool3d}[space](2)
        self.third = conv(6, 6, 1)
        self.one, self.two = (nn.ReLU(), nn.ReLU()) if relu is None else (relu, relu)
        self.mean = {2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}[space](1)
        self.head = nn.Linear(6, 3)
        # Values of about 1, beside which an absolute tolerance of 1e-6 is rounding.
        self.head.weight.data.mul_(300)

    def forward(self, x):
        return self.rest(self.first(x))

    def rest(self, x):
        x = self.third(self.pool(self.second(self.one(x))))
        return self.head(self.mean(self.two(x)).flatten(1))


class OnView(nn.Module):
    """In place on a transposed view, as readers of channels-last files do."""

    def forward(self, x):
        return x.movedim(1, -1).relu_().movedim(-1, 1)


def network(space=2, call=None, channels=3):
    """The same weights whatever the ReLUs are."""
    torch.manual_seed(3)
    relu = {
        None: lambda: None,
        "reused": nn.ReLU,
        "reused in place": lambda: nn.ReLU(inplace=True),
        "on a view": OnView,
    }
    if call in relu:
        return Net(space, relu[call](), channels).eval()

    class Call(nn.Module):
        def forward(self, x):
            return CALLS[call](x)

    return Net(space, Call(), channels).eval()


def batch(n=4, space=2, channels=3, side=8, seed=0):
    drawn = torch.rand(n, channels, *[side] * space, generator=torch.Generator().manual_seed(seed))
    return Batch(drawn, torch.arange(n) % 3, [100 + i for i in range(n)])


def subject(net, space=2, channels=3, side=8, modalities=None):
    return subject_of_module(net, (channels, *[side] * space), modalities)


def explained(method, subject, given, rows=64, background=None):
    return explainer(parse_method(method), subject, background).explain(given, rows)


@pytest.fixture(scope="session")
def small():
    return SimpleNamespace(
        calls=["reused", "reused in place", "on a view", *CALLS],
        network=network,
        batch=batch,
        subject=subject,
        explained=explained,
    )
