"""Networks whose parameters are drawn again: all of them, by seed, with statistics that fit."""

import copy
import re
from pathlib import Path

import pytest
import torch
from torch import nn
from volume_world import cubes_card

from auditkit.models.model import Model
from auditkit.models.redrawn import recalibrate, redrawing_problem, redrawn
from auditkit.models.sharing import Shared
from auditkit.models.tflite import load_tflite
from auditkit.models.volume_cnn import VolumeCnn

CPU = torch.device("cpu")
FIXTURES = Path(__file__).parents[2] / "fixtures"


class Tokens(nn.Module):
    """A parameter that no layer initialises, beside layers that do."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.arange(2 * 8 * 8.0).view(1, 2, 8, 8) / 100)
        self.scale = nn.Parameter(torch.ones(3))
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(128, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x + self.token) * self.scale[0]


class Stored(nn.Module):
    """Weights as buffers, as readers of graphs keep them."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(128, 2)
        self.register_buffer("weights", torch.randn(2, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.flatten(1)) @ self.weights


class Bare(nn.Module):
    """Nothing that could be drawn."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)[:, :2]


class OwnWeights(nn.Module):
    """Parameters, none of which a layer initialises."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(128, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) @ self.weights


def model_of(folder, *networks, axes=2):
    return Model(cubes_card(folder, axes=axes), [each.eval() for each in networks], CPU)


def trained(seed=0):
    """A network whose every value, batch norm's among them, is unlike an initial one."""
    torch.manual_seed(seed)
    network = VolumeCnn(2, modalities=2, axes=2, widths=(4, 6), hidden=5)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand_like(value) + 0.5)
    return network


def test_every_parameter_is_drawn_again_and_the_model_itself_is_left_alone(tmp_path):
    network = trained()
    before = copy.deepcopy(network.state_dict())
    found = redrawn(model_of(tmp_path, network), 3)
    recalibrate(found, torch.rand(4, 2, 8, 8))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    for name, value in found.members[0].named_parameters():
        assert not torch.equal(value, before[name]), name
        assert (value != before[name]).float().mean() > 0.99


def test_the_seed_alone_decides(tmp_path):
    model = model_of(tmp_path, trained(0))
    torch.manual_seed(1)
    one, state = redrawn(model, 3), torch.get_rng_state()
    torch.rand(7)
    # What was learned before has no say either.
    again, other = redrawn(model_of(tmp_path, trained(5)), 3), redrawn(model, 4)
    pairs = zip(*(m.members[0].parameters() for m in (one, again, other)), strict=True)
    changed = 0
    for mine, same, different in pairs:
        assert torch.equal(mine, same)
        changed += not torch.equal(mine, different)
    assert changed > 5
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)  # nobody else's draws are moved


def test_members_of_an_ensemble_are_drawn_apart(tmp_path):
    found = redrawn(model_of(tmp_path, trained(0), trained(0)), 3)
    first, second = (dict(member.named_parameters()) for member in found.members)
    assert not torch.equal(first["features.0.0.weight"], second["features.0.0.weight"])


def test_batch_norms_have_the_statistics_of_the_data_in_the_random_network(tmp_path):
    inputs = 5 + 3 * torch.rand(16, 2, 8, 8)
    found = redrawn(model_of(tmp_path, trained()), 3)
    seen = {}
    blocks = found.members[0].features[0]
    for place, layer in enumerate(blocks):
        if isinstance(layer, nn.BatchNorm2d):
            layer.register_forward_hook(lambda _m, _i, out, p=place: seen.update({p: out}))
    recalibrate(found, inputs)
    with torch.no_grad():
        found.probabilities(inputs)
    assert len(seen) == 4
    for out in seen.values():
        assert out.mean(dim=(0, 2, 3)).abs().max() < 0.01
        assert (out.std(dim=(0, 2, 3)) - 1).abs().max() < 0.01
    assert not any(module.training for module in blocks.modules())


def test_what_no_layer_initialises_is_permuted(tmp_path):
    network = Tokens()
    model = model_of(tmp_path, network)
    assert redrawing_problem(model) == ""
    found = redrawn(model, 3).members[0]
    assert not torch.equal(found.token, network.token)
    assert torch.equal(found.token.flatten().sort().values, network.token.flatten().sort().values)
    assert not torch.equal(found.body[1].weight, network.body[1].weight)


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (Bare(), "no parameters"),
        (Stored(), r"no layer can draw again \(weights"),
        (OwnWeights(), "no layer that can draw"),
        (Shared(nn.Sequential(nn.Flatten(), nn.Linear(128, 2))), "cannot be copied"),
    ],
)
def test_networks_whose_weights_are_out_of_reach_are_named(tmp_path, network, reason):
    problem = redrawing_problem(model_of(tmp_path, network))
    assert problem.startswith("'bright' ")
    assert re.search(reason, problem)


def test_networks_that_are_read_operation_by_operation_are_named(tmp_path):
    tflite = load_tflite(FIXTURES / "tflite" / "dense_float.tflite")
    assert "no parameters" in redrawing_problem(model_of(tmp_path, tflite))
    pytest.importorskip("onnx", reason="reading ONNX needs onnx")
    from auditkit.models.onnx import load_onnx

    onnx = load_onnx(FIXTURES / "onnx" / "tiny_float.onnx")
    assert "no" in redrawing_problem(model_of(tmp_path, onnx))


def test_networks_of_layers_can_be_drawn_again(tmp_path):
    assert redrawing_problem(model_of(tmp_path, trained())) == ""
    fused_late = VolumeCnn(2, modalities=2, axes=3, widths=(2,), hidden=2, fusion="feature")
    assert redrawing_problem(model_of(tmp_path, fused_late, axes=3)) == ""
