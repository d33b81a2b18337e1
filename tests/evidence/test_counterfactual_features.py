"""Features of images and counterfactuals: which layer, which pictures, and what does not change them."""

import counterfactual_world as world
import numpy as np
import pytest
import timm
import torch
from torch import nn
from torch.nn import functional

from auditkit.colour import shift_luv_polar
from auditkit.errors import AuditError
from auditkit.evidence import Evidence, Settings, Store
from auditkit.evidence.counterfactuals.features import (
    counterfactual_features,
    image_features,
    shifted_features,
    sides,
)
from auditkit.evidence.counterfactuals.pictures import pairs
from auditkit.evidence.engine import Engine
from auditkit.evidence.identity import seed_of
from auditkit.models.concept_cnn import ConceptCnn
from auditkit.models.last_features import last_features
from auditkit.models.model import Model
from auditkit.models.programs import load_torchscript

N = 6


class Called(nn.Module):
    """A linear layer that is no module, with something behind it."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2, 3))

    def forward(self, x):
        pooled = x.mean(dim=(2, 3))
        answer = functional.linear(pooled, self.weight)
        pooled.zero_()  # what was kept must not follow
        return answer


class Tokens(nn.Module):
    """A linear layer that is given several vectors per picture."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        return self.head(x.flatten(2).transpose(1, 2)).mean(dim=1)


def model_of(tmp_path, *networks, **changes):
    card = world.redness_card(tmp_path).model_copy(update=changes)
    return Model(card, [one.eval() for one in networks], torch.device("cpu"))


def asked(model, n=3, size=16):
    inputs = torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return inputs, last_features(model, inputs)


def test_of_timms_networks_they_are_what_timm_calls_features(tmp_path):
    torch.manual_seed(0)
    network = timm.create_model("test_resnet", num_classes=2)
    model = model_of(tmp_path, network)
    inputs, found = asked(model, size=64)
    with torch.no_grad():
        given = model.normalise(inputs)
        expected = network.forward_head(network.forward_features(given), pre_logits=True)
    assert torch.equal(found, expected)


def test_of_the_concept_classifier_they_are_its_last_hidden_layer(tmp_path):
    network = ConceptCnn(concepts=2, size=16, widths=(4, 4, 4, 4, 8))
    inputs, found = asked(model_of(tmp_path, network))
    with torch.no_grad():
        blocks = network.blocks(inputs)
    assert torch.allclose(found, network.perceptron[:-1](blocks), atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_of_functional_calls_and_compiled_programs_they_are_the_same(tmp_path):
    torch.manual_seed(0)
    inputs, found = asked(model_of(tmp_path, Called()))
    assert torch.allclose(found, inputs.mean(dim=(2, 3)), atol=1e-6)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    )
    given = torch.rand(3, 3, 16, 16)
    file = tmp_path / "network.pt"
    torch.jit.trace(network.eval(), given).save(file)
    direct, compiled = (model_of(tmp_path, one) for one in (network, load_torchscript(file)))
    assert torch.allclose(asked(direct)[1], asked(compiled)[1], atol=1e-6)


def test_of_an_ensemble_they_are_the_first_members(tmp_path):
    first, second = (
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)) for _ in "ab"
    )
    inputs, found = asked(model_of(tmp_path, first, second))
    assert torch.allclose(found, inputs.mean(dim=(2, 3)), atol=1e-6)
    assert found.shape == (3, 3)


def test_a_network_without_a_linear_layer_is_refused(tmp_path):
    with pytest.raises(AuditError, match="no linear layer"):
        asked(model_of(tmp_path, world.Redness()))
    with pytest.raises(AuditError, match="one vector for each"):
        asked(model_of(tmp_path, Tokens()))


@pytest.fixture
def evidences(tmp_path):
    evidence, card = world.counterfactual_evidence(tmp_path / "world", n=N)
    return evidence, card, network_evidence(tmp_path, evidence)


def network_evidence(tmp_path, evidence, settings=None, store="features"):
    """Mean colours as features."""
    torch.manual_seed(1)
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    card = world.redness_card(tmp_path).model_copy(update={"model": "colours"})
    model = Model(card, [network.eval()], torch.device("cpu"))
    return Evidence(
        card,
        evidence.data,
        Engine(Store(tmp_path / store)),
        settings or Settings(),
        model=model.copy,
    )


def test_images_are_those_of_the_audited_model_in_8_bits(evidences):
    evidence, _, network = evidences
    found = image_features(evidence, network)
    assert found.shape == (N, 3)
    assert found.dtype == np.float64
    # Synthetic pictures of 16 pixels are the model's input already.
    expected = [evidence.data.image(index).mean(axis=(0, 1)) / 255 for index in range(N)]
    assert np.allclose(found, expected, atol=2e-3)


def test_counterfactuals_are_of_either_side_by_content(evidences):
    evidence, card, network = evidences
    drawn = pairs(evidence, card)
    found = counterfactual_features(evidence, card, network)
    chosen = sides(evidence)
    assert set(chosen) == {0, 1}
    expected = drawn[np.arange(N), chosen].mean(axis=(1, 2)) / 255
    assert np.allclose(found, expected, atol=2e-3)
    reversed_records = type("Part", (), {"records": evidence.records[::-1]})
    assert np.array_equal(sides(reversed_records), chosen[::-1])


def test_a_shift_is_that_of_the_colours_own_function_at_the_images_angle(evidences):
    evidence, _, network = evidences
    found = shifted_features(evidence, network, 20.0)
    for index in range(N):
        angle = seed_of("kernel distance: angle", evidence.records[index].digest) % 360_000 / 1000
        picture = np.moveaxis(evidence.data.image(index), -1, 0).astype(np.float32) / 255
        moved = shift_luv_polar(picture, angle, 20.0)
        assert np.allclose(found[index], moved.mean(axis=(1, 2)), atol=2e-3)
    assert not np.allclose(found, image_features(evidence, network), atol=0.02)


def test_batches_change_nothing_and_the_store_is_enough(evidences, tmp_path):
    evidence, card, network = evidences
    first = counterfactual_features(evidence, card, network)
    small = network_evidence(tmp_path, evidence, Settings(batch_size=2), "other")
    assert np.allclose(counterfactual_features(evidence, card, small), first, atol=1e-6)
    network._model = None
    assert np.array_equal(counterfactual_features(evidence, card, network), first)


def test_other_counterfactuals_have_features_of_their_own(evidences, tmp_path, monkeypatch):
    evidence, card, network = evidences
    first = counterfactual_features(evidence, card, network)
    other = world.generator_card(tmp_path / "world", evidence.card, seed=1)
    drawn = pairs(evidence, card)[:, ::-1]
    monkeypatch.setattr("auditkit.evidence.counterfactuals.features.pairs", lambda *_given: drawn)
    assert not np.allclose(counterfactual_features(evidence, other, network), first, atol=0.02)


def test_volumes_have_no_such_features(evidences):
    evidence, _, network = evidences
    network.card = network.card.model_copy(update={"volume": object()})
    with pytest.raises(AuditError, match="takes volumes"):
        image_features(evidence, network)
