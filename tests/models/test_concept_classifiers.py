"""Concept classifiers answer each class by itself; their networks and bottlenecks are what cards say."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from auditkit.errors import AuditError
from auditkit.models import load_model
from auditkit.models.bottleneck import ConceptBottleneck
from auditkit.models.concept_cnn import ConceptCnn
from auditkit.models.identity import decision_names, label_indices
from auditkit.models.model import Model
from auditkit.models.reading import decision_probabilities
from auditkit.spec.model_card import ModelCard

X = torch.zeros(1, 3, 8, 8)
NAMES = ["hair", "ruler", "tint"]
CNN = {"widths": [4, 4, 6, 6, 8], "concepts": 3}


class Fixed(nn.Module):
    """Answers one constant row."""

    def __init__(self, answer):
        super().__init__()
        self.answer = nn.Parameter(torch.tensor([answer]))

    def forward(self, x):
        return self.answer.expand(len(x), -1) + 0 * x.mean(dim=(1, 2, 3))[:, None]


def classifier(*answers, kind="logits", classes=NAMES):
    members = [{"weights": {"file": f"{i}"}} for i in range(len(answers))]
    card = ModelCard.model_validate(
        {
            "model": "fixed",
            "task": "t",
            "format": "torchscript",
            "members": members,
            "input": {"size": 8},
            "output": {"kind": kind, "classes": classes, "exclusive": False},
        }
    )
    return Model(card, [Fixed(answer) for answer in answers], torch.device("cpu"))


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def test_each_class_has_a_probability_of_its_own():
    model = classifier([2.0, -1.0, 0.5])
    found = model.probabilities(X)
    assert found[0].tolist() == pytest.approx([sigmoid(2), sigmoid(-1), sigmoid(0.5)], abs=1e-6)
    assert decision_names(model.card) == NAMES
    assert not model.card.scored
    assert model.decide(found).tolist() == [0]


def test_probabilities_are_taken_as_they_are_and_need_not_sum_to_one():
    model = classifier([0.9, 0.8, 0.7], kind="probabilities")
    assert model.probabilities(X)[0].tolist() == pytest.approx([0.9, 0.8, 0.7])
    assert model.log_odds(X, torch.tensor([1])).item() == pytest.approx(math.log(4), abs=1e-4)
    with pytest.raises(AuditError, match="are no probabilities"):
        classifier([2.0, 0.1, 0.1], kind="probabilities").probabilities(X)


@pytest.mark.parametrize("logit", [-200.0, -5.0, 0.0, 5.0, 200.0])
def test_the_log_odds_of_a_class_are_its_logit_whatever_the_other_classes_are(logit):
    model = classifier([3.0, logit, -2.0])
    odds = model.log_odds(X, torch.tensor([1]))
    odds.sum().backward()
    assert odds.item() == pytest.approx(logit)
    assert model.members[0].answer.grad[0].tolist() == pytest.approx([0.0, 1.0, 0.0])


def test_an_ensemble_averages_the_probabilities_of_each_class():
    model = classifier([2.0, 0.0, 1.0], [-1.0, 0.0, 3.0])
    mean = (sigmoid(2) + sigmoid(-1)) / 2
    assert model.probabilities(X)[0, 0].item() == pytest.approx(mean, abs=1e-6)
    odds = model.log_odds(X, torch.tensor([0])).item()
    assert odds == pytest.approx(math.log(mean / (1 - mean)), abs=1e-5)


def test_one_concept_is_one_class():
    model = classifier([1.5], classes=["hair"])
    assert model.probabilities(X).tolist() == [[pytest.approx(sigmoid(1.5))]]


def test_numpy_reads_concept_classifiers_as_torch_does():
    raw = np.random.default_rng(0).normal(size=(5, 3))
    model = classifier([0.0] * 3)
    ours = model.outputs.probabilities(torch.from_numpy(raw)).numpy()
    assert np.allclose(decision_probabilities(model.card, raw), ours, atol=1e-12)
    kept = classifier([0.0] * 3, kind="probabilities").card
    assert decision_probabilities(kept, raw) is raw


def test_names_are_needed_one_per_output_and_are_no_labels():
    with pytest.raises(ValueError, match="names are expected where each class"):
        classifier([0.0], classes=None)
    with pytest.raises(AuditError, match="3 outputs, the card names 2 classes"):
        classifier([0.0] * 3, classes=["a", "b"]).probabilities(X)
    assert label_indices(classifier([0.0] * 3).card) is None


@settings(deadline=None, max_examples=25)
@given(size=st.integers(1, 100))
def test_the_perceptron_takes_what_the_blocks_give_at_any_size(size):
    network = ConceptCnn(concepts=2, size=size, widths=(1, 1, 1, 1, 2)).eval()
    assert network(torch.zeros(1, 3, size, size)).shape == (1, 2)


def test_the_concept_cnn_is_five_blocks_and_three_layers():
    torch.manual_seed(0)
    network = ConceptCnn(concepts=3, size=40, widths=(4, 5, 6, 7, 8), channels=1).eval()
    x = seen = torch.rand(2, 1, 40, 40)
    for convolution, norm, _, _ in network.blocks:
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
        x = functional.conv2d(x, convolution.weight, padding=1)
        x = (x - norm.running_mean.view(1, -1, 1, 1)) / (
            norm.running_var.view(1, -1, 1, 1) + 1e-5
        ).sqrt()
        # Missing rows and columns at the end never win.
        x = functional.max_pool2d(
            functional.pad(x.relu(), (0, x.shape[3] % 2, 0, x.shape[2] % 2)), 2
        )
    first, second, third = (network.perceptron[i] for i in (1, 3, 5))
    assert x.shape == (2, 8, 2, 2)
    expected = third(second(first(x.flatten(1)).relu()).relu())
    assert torch.allclose(network(seen), expected, atol=1e-5)


def card(folder, form, arguments, **changes):
    parsed = ModelCard.model_validate(
        {
            "model": "m",
            "task": "t",
            "format": form,
            "arguments": arguments,
            "weights": {"file": "m.safetensors"},
            "input": {"size": 24, "mean": [0.5], "std": [0.25]},
            "output": {"kind": "logits", "classes": NAMES, "exclusive": False},
            **changes,
        }
    )
    return parsed.model_copy(update={"path": folder / "m.model.yaml", "folder": folder})


def test_a_concept_cnn_is_filled_from_its_file_with_defaults_from_the_card(tmp_path):
    torch.manual_seed(1)
    network = ConceptCnn(concepts=3, size=24, widths=CNN["widths"]).eval()
    save_file(network.state_dict(), tmp_path / "m.safetensors")
    model = load_model(card(tmp_path, "concept-cnn", {"widths": CNN["widths"]}), "cpu")
    x = torch.rand(5, 3, 24, 24)
    with torch.no_grad():
        expected = network((x - 0.5) / 0.25).sigmoid()
        assert torch.allclose(model.probabilities(x), expected, atol=1e-6)
        assert torch.allclose(model.probabilities(x[3:4]), expected[3:4], atol=1e-6)


TARGET = {
    "output": {"kind": "logits", "classes": ["no", "yes"], "score": 1},
    "threshold": 0.5,
}


@pytest.mark.parametrize("backbone", ["concept-cnn", "timm", "torchvision"])
def test_a_bottleneck_model_decides_from_concept_probabilities_alone(tmp_path, backbone):
    import timm
    from torchvision import models

    torch.manual_seed(2)
    made, architecture, inner = {
        "concept-cnn": (ConceptCnn(3, 24, CNN["widths"]), None, {"widths": CNN["widths"]}),
        "timm": (timm.create_model("test_resnet", num_classes=3), "test_resnet", {}),
        "torchvision": (models.squeezenet1_1(num_classes=3), "squeezenet1_1", {}),
    }[backbone]
    network = ConceptBottleneck(made, concepts=3).eval()
    save_file(network.state_dict(), tmp_path / "m.safetensors")
    arguments = {"backbone": backbone, "backbone_arguments": inner, "concepts": 3, "outputs": 1}
    told = card(tmp_path, "concept-bottleneck", arguments, architecture=architecture, **TARGET)
    model = load_model(told, "cpu")
    x = torch.rand(2, 3, 24, 24)
    with torch.no_grad():
        seen = model.network.bottleneck(model.normalise(x)).double().numpy()
        assert np.allclose(seen, made((x - 0.5) / 0.25).sigmoid(), atol=1e-5)
        weights, bias = network.head.weight.detach().numpy()[0], network.head.bias.item()
        expected = 1 / (1 + np.exp(-(seen @ weights + bias)))
        assert np.allclose(model.probabilities(x)[:, 1], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backbone": "concept-cnn"}, "'concepts', the number of concepts"),
        ({"backbone": "vgg", "concepts": 3}, "arguments.backbone is 'vgg'"),
        ({"backbone": "timm", "concepts": 3}, "timm has no 'None'"),
        (
            {"backbone": "timm", "concepts": 3, "backbone_arguments": {"pretrained": True}},
            "'pretrained' would load weights past",
        ),
        (
            {"backbone": "concept-cnn", "concepts": 3, "backbone_arguments": {"widths": [4]}},
            "widths: 1 were given, 5 were expected",
        ),
        ({"backbone": "concept-cnn", "concepts": 0}, "positive numbers were expected"),
        ({"backbone": "concept-cnn", "concepts": 3, "depth": 2}, "depth"),
    ],
)
def test_a_bottleneck_that_cannot_be_built_says_why(tmp_path, arguments, message):
    (tmp_path / "m.safetensors").touch()
    with pytest.raises(AuditError, match=message):
        load_model(card(tmp_path, "concept-bottleneck", arguments, **TARGET), "cpu")
