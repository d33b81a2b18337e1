"""Heatmaps from Python: of pictures and of any tensors."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from volume_world import cubes_evidence

import auditkit
from auditkit.data.dataset import Record
from auditkit.errors import AuditError
from auditkit.evidence import Evidence, Settings, Store
from auditkit.evidence.engine import Engine
from auditkit.models.model import Model
from auditkit.spec.data_card import DataCard
from auditkit.spec.methods import parse_method
from auditkit.spec.model_card import ModelCard


class Volume(nn.Module):
    """Two modalities of 8 x 8 x 8: the answer is twice the first one's corner minus the second's mean."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, x):
        corner = x[:, 0, :4, :4, :4].mean((1, 2, 3))
        answer = self.scale * (2 * corner - x[:, 1].mean((1, 2, 3)))
        return torch.stack([-answer, answer], dim=1)


@pytest.fixture
def volumes():
    return torch.rand(3, 2, 8, 8, 8, generator=torch.Generator().manual_seed(5)) + 0.5


PERTURBING = [
    ("feature-ablation", {}),
    ("shapley-sampling", {"samples": 200}),
    ("kernel-shap", {"samples": 200}),
]


@pytest.mark.parametrize(("method", "parameters"), PERTURBING)
def test_each_modality_of_a_volume_has_its_own_map(volumes, method, parameters):
    superpixels = {"side": 2, "shared": False}
    found = auditkit.attribute(
        Volume().eval(), volumes, 1, method, superpixels=superpixels, baseline="black", **parameters
    )
    assert found.maps.shape == (3, 2, 8, 8, 8)
    corner = volumes[:, 0, :4, :4, :4].mean((1, 2, 3))
    # The function is linear: every method gives a cell what it contributes.
    assert torch.allclose(found.maps[:, 0, 0, 0, 0], 2 * corner, atol=1e-4)
    assert found.maps[:, 0, 4:].abs().max() < 1e-4
    low = volumes[:, 1, :4, :4, :4].sum((1, 2, 3)) / 512
    assert torch.allclose(found.maps[:, 1, 0, 0, 0], -low, atol=1e-4)


@pytest.mark.parametrize("method", ["gradient", "input-x-gradient", "integrated-gradients"])
def test_gradient_methods_of_a_linear_volume(volumes, method):
    found = auditkit.attribute(Volume().eval(), volumes, [1, 1, 0], method).maps
    factor = {"gradient": torch.ones_like(volumes)}.get(method, volumes)
    assert torch.allclose(found[0, 0, :4, :4, :4], 2 / 64 * factor[0, 0, :4, :4, :4], atol=1e-6)
    assert torch.allclose(found[2, 1], factor[2, 1] / 512, atol=1e-6)


def test_what_is_random_follows_from_the_input_alone(volumes):
    net = nn.Sequential(nn.Conv3d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 216, 2)).eval()
    for method in ("smoothgrad", "gradient-shap"):
        given = (
            {"samples": 6, "background_images": volumes[:2]} if method == "gradient-shap" else {}
        )
        every = auditkit.attribute(net, volumes, 1, method, **given).maps
        alone = auditkit.attribute(net, volumes[2:], 1, method, batch_size=2, **given).maps
        assert torch.allclose(every[2:], alone, atol=1e-5)


def test_errors_say_what_to_do(volumes):
    with pytest.raises(auditkit.AuditError, match="unknown heatmap method 'gradcan'"):
        auditkit.attribute(Volume().eval(), volumes, 1, "gradcan")
    with pytest.raises(auditkit.AuditError, match="give them as 'background_images'"):
        auditkit.attribute(Volume().eval(), volumes, 1, "expected-gradients")
    with pytest.raises(auditkit.AuditError, match="exactly one modality"):
        auditkit.attribute(Volume().eval(), volumes, 1, "gradient", modalities=[[0]])
    with pytest.raises(auditkit.AuditError, match="gradcam is not applicable"):
        auditkit.attribute(Volume().eval(), volumes, 1, "gradcam")
    with pytest.raises(auditkit.AuditError, match=r"call network\.eval\(\) first"):
        auditkit.attribute(Volume(), volumes, 1, "gradient")


class Two(nn.Module):
    """Two answers in place of one tensor."""

    def forward(self, x):
        return x.mean(dim=(2, 3, 4)), x


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"target": 2}, "target 2; one number from 0 to 1, or one for each of the 3 inputs"),
        ({"target": -1}, "target -1; one number from 0 to 1"),
        ({"target": [0, 1]}, r"target \[0, 1\]; one number"),
        ({"batch_size": 0}, "batch_size is 0; a number from 1"),
        ({"inputs": torch.zeros(0, 2, 8, 8, 8)}, "at least one input"),
        ({"inputs": torch.zeros(3, 4)}, "one to three spatial axes"),
        ({"network": Two().eval()}, r"one tensor \(N, K\)"),
        (
            {"method": "expected-gradients", "background_images": torch.zeros(2, 1, 8, 8, 8)},
            r"of shape \(2, 8, 8, 8\) each; these are \(2, 1, 8, 8, 8\)",
        ),
    ],
)
def test_what_does_not_fit_is_named(volumes, given, message):
    arguments = {"network": Volume().eval(), "inputs": volumes, "target": 1, "method": "gradient"}
    with pytest.raises(auditkit.AuditError, match=message):
        auditkit.attribute(**arguments | given)


@pytest.mark.parametrize("method", ["input-x-gradient", "integrated-gradients", "deeplift"])
def test_inputs_that_require_gradients_are_explained_and_left_alone(volumes, method):
    plain = auditkit.attribute(Volume().eval(), volumes, 1, method).maps
    leaf = volumes.clone().requires_grad_()
    found = auditkit.attribute(Volume().eval(), leaf, 1, method).maps
    assert not found.requires_grad
    assert torch.equal(found, plain)
    assert leaf.grad is None


def test_inputs_are_not_written_to_by_networks_that_overwrite_theirs(volumes):
    net = nn.Sequential(nn.Threshold(1.0, 0.0, inplace=True), Volume()).eval()
    before = volumes.clone()
    auditkit.attribute(net, volumes, 1, "feature-ablation", superpixels=2)
    assert torch.equal(volumes, before)


class Small(nn.Module):
    """A convolution and a linear layer."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.body = nn.Conv2d(3, 4, 3, stride=2)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.body(x).relu().mean((2, 3)))


@pytest.fixture
def model():
    return auditkit.wrap_model(
        Small().eval(), name="small", task="any", size=16, version="1", kind="logits",
        classes=["no", "yes"], score="yes", threshold=0.5,
    )  # fmt: skip


@pytest.fixture
def pictures():
    generator = np.random.default_rng(2)
    return [generator.integers(0, 256, (20, 20, 3), dtype=np.uint8) for _ in range(5)]


def test_a_picture_alone_and_among_others_has_the_same_map(model, pictures):
    for method in ("kernel-shap", "smoothgrad", "gradcam"):
        given = {} if method != "kernel-shap" else {"superpixels": 4, "samples": 80}
        every = auditkit.heatmaps(model, pictures, method, **given)
        alone = auditkit.heatmaps(model, pictures[3:4], method, batch_size=2, **given)
        assert every.shape == (5, 16, 16)
        assert np.allclose(every[3], alone[0], atol=1e-4 * np.abs(every[3]).max())


def test_what_stands_for_nothing_there_is_drawn_by_content_not_by_order(model, pictures):
    given = {"samples": 4, "background": 2}
    first = auditkit.heatmaps(model, pictures, "expected-gradients", **given)
    turned = auditkit.heatmaps(model, pictures[::-1], "expected-gradients", **given)[::-1]
    assert np.allclose(first, turned, atol=1e-5 * np.abs(first).max())
    named = auditkit.heatmaps(
        model, pictures[:2], "expected-gradients", background_images=pictures, **given
    )
    assert np.allclose(first[:2], named, atol=1e-5 * np.abs(first).max())


DATA = {"n": 4, "seed": 1, "size": 32}


@pytest.mark.parametrize(
    "method",
    [
        {"method": "smoothgrad", "samples": 3},
        {"method": "expected-gradients", "samples": 6, "background": 2},
    ],
)
def test_heatmaps_of_a_data_set_are_those_of_an_audit_of_it(model, tmp_path, method):
    card = {"data": "lesions", "task": "any", "format": "synthetic-dermoscopy", "with": DATA}
    data = auditkit.load_data(DataCard.model_validate(card))
    engine = Engine(Store(tmp_path), 1)
    settings = Settings(device="cpu", batch_size=4)
    evidence = Evidence(model.card, data, engine, settings, None, model.copy)
    audited = evidence.heatmaps(parse_method(method)).maps
    found = auditkit.heatmaps(model, data, batch_size=4, **method)
    assert np.allclose(found, audited, atol=1e-5 * np.abs(audited).max())


def test_pictures_in_no_batch_at_all_are_refused(model, pictures):
    with pytest.raises(auditkit.AuditError, match="batch_size is 0"):
        auditkit.heatmaps(model, pictures, "gradient", batch_size=0)
    with pytest.raises(auditkit.AuditError, match="at least one picture"):
        auditkit.heatmaps(model, [], "gradient")


class Ages(nn.Module):
    """The log-odds of its second class are the age times the mean of the picture."""

    def forward(self, x, table):
        odds = table[:, 0] * x.mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(odds), odds], dim=1)


@pytest.mark.parametrize("method", ["gradient", "feature-ablation"])
def test_each_picture_of_a_data_set_is_explained_with_its_own_row_of_the_table(pictures, method):
    card = ModelCard.model_validate(
        {
            "model": "ages", "task": "any", "format": "torchscript", "weights": {"file": "x"},
            "input": {"size": 16}, "output": {"kind": "logits", "classes": ["no", "yes"]},
            "table": [{"column": "age"}],
        }
    )  # fmt: skip
    ages = [1, 2, 4, 8, 16]
    records = [Record(str(age), str(age), 0, "p", features={"age": str(age)}) for age in ages]
    data = SimpleNamespace(records=records, image=lambda index: pictures[0])
    model = Model(card, [Ages()], torch.device("cpu"))
    given = {"superpixels": 4, "baseline": "black"} if method == "feature-ablation" else {}
    maps = auditkit.heatmaps(model, data, method, batch_size=2, **given)
    assert maps[0].max() > 0
    for age, found in zip(ages, maps, strict=True):
        assert np.allclose(found, age * maps[0], rtol=1e-4, atol=1e-6)
    with pytest.raises(auditkit.AuditError, match="also reads age; give a data set"):
        auditkit.heatmaps(model, pictures, method)


def test_volumes_have_the_maps_of_an_audit_of_them(tmp_path):
    evidence = cubes_evidence(tmp_path, n=4)
    ours = auditkit.heatmaps(evidence.own_model(), evidence.data, "input-x-gradient", batch_size=3)
    audited = evidence.heatmaps(parse_method("input-x-gradient"))
    assert ours.shape == (4, 2, 8, 8, 8)
    np.testing.assert_allclose(ours, audited.maps, atol=1e-6)
    with pytest.raises(AuditError, match="reads volumes"):
        auditkit.heatmaps(evidence.own_model(), [np.zeros((8, 8, 3), np.uint8)], "gradient")
