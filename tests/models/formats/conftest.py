import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))


class Tiny(nn.Module):
    """Convolutions, in-place activation, a residual sum and an optional table."""

    def __init__(self, table: bool = False):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1, stride=2)
        self.norm = nn.BatchNorm2d(4)
        self.act = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4 + 2 * table, 3)
        self.table = table
        self.norm.running_mean.uniform_(-0.2, 0.2)
        self.norm.running_var.uniform_(0.5, 2)

    def features(self, x):
        x = self.act(self.norm(self.first(x)))
        x = x + torch.sigmoid(self.second(x))
        return self.drop(x.mean((2, 3))).view(x.shape[0], -1)


class TinyPicture(Tiny):
    def forward(self, x):
        return self.head(self.features(x))


class TinyTable(Tiny):
    def forward(self, x, table):
        return self.head(torch.cat([self.features(x), table], 1))


@pytest.fixture
def pictures():
    draw = np.random.default_rng(5)
    return torch.from_numpy(draw.normal(size=(5, 3, 8, 8)).astype(np.float32))


@pytest.fixture
def tables():
    return torch.from_numpy(np.random.default_rng(6).normal(size=(5, 2)).astype(np.float32))


@pytest.fixture
def tiny():
    torch.manual_seed(1)
    return TinyPicture().eval()


@pytest.fixture
def tiny_with_table():
    torch.manual_seed(2)
    return TinyTable(table=True).eval()


@pytest.fixture
def spatial():
    """Names and shapes of the (N, C, H, W) outputs that hooks on leaf modules see."""

    def collect(network, *inputs):
        seen = {}

        def note(name):
            def hook(_module, _inputs, output):
                if isinstance(output, torch.Tensor) and output.dim() == 4:
                    seen[name] = output

            return hook

        leaves = [(n, m) for n, m in network.named_modules() if not list(m.children())]
        handles = [module.register_forward_hook(note(name)) for name, module in leaves]
        answer = network(*inputs)
        for handle in handles:
            handle.remove()
        return seen, answer

    return collect


@pytest.fixture
def check_gradient():
    """Gradient of a random combination of outputs against central differences."""

    def check(network, x, *more, step=1e-2, tolerance=2e-2):
        draw = np.random.default_rng(0)
        x = x.clone().requires_grad_(True)
        weight = torch.from_numpy(draw.normal(size=network(x, *more).shape).astype(np.float32))
        (network(x, *more) * weight).sum().backward()
        assert all(not p.requires_grad for p in network.parameters())
        for _ in range(4):
            direction = (
                torch.from_numpy(draw.normal(size=x.shape).astype(np.float32)) / x.numel() ** 0.5
            )
            with torch.no_grad():
                up = (network(x + step * direction, *more) * weight).sum()
                down = (network(x - step * direction, *more) * weight).sum()
            slope = float((up - down) / (2 * step))
            assert float((x.grad * direction).sum()) == pytest.approx(
                slope, rel=tolerance, abs=2e-3
            )

    return check
