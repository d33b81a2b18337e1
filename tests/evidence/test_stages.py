"""Stages on a real network: batch-size, shard and thread invariance; heatmaps against hand-made ones."""

from pathlib import Path

import numpy as np
import pytest
import torch

import auditkit
from auditkit.evidence import Evidence, Settings, Store
from auditkit.evidence.batches import Batcher
from auditkit.evidence.engine import Engine
from auditkit.evidence.heatmaps import explainer
from auditkit.evidence.heatmaps.baselines import baseline
from auditkit.evidence.heatmaps.explainers import spatial_layer
from auditkit.models import load_model
from auditkit.spec.data_card import DataCard
from auditkit.spec.methods import GradCAM, Gradient, IntegratedGradients, Occlusion, parse_method
from auditkit.spec.model_card import ModelCard

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def card(networks):
    parsed = ModelCard.model_validate(
        {
            "model": "random",
            "task": "melanoma",
            "format": "timm",
            "architecture": "test_resnet",
            "weights": {"file": "random.safetensors"},
            "input": {"size": 64},
            "output": {"kind": "logits", "classes": ["benign", "malignant"], "score": 1},
            "threshold": 0.5,
        }
    )
    folder = networks["random"].parent
    return parsed.model_copy(update={"path": folder / "m.model.yaml", "folder": folder})


@pytest.fixture(scope="module")
def model(card):
    return load_model(card)


DATA = DataCard.model_validate(
    {
        "data": "lesions",
        "task": "melanoma",
        "format": "synthetic-dermoscopy",
        "with": {"n": 10, "seed": 1, "size": 64},
    }
)


def evidence(card, model, store, *, batch=4, batches=1, threads=1):
    engine = Engine(Store(store), threads)
    settings = Settings(batch_size=batch, batches=batches)
    return Evidence(card, auditkit.load_data(DATA), engine, settings, None, model.copy)


def everything(found):
    method = parse_method("gradcam")
    return [
        found.scores().score,
        found.shifted_scores("cieluv", [(5.0, 0.0), (20.0, 90.0)]).score,
        found.heatmaps(method).maps,
        found.heatmaps(parse_method("gradient")).maps,
        found.removal(method, "mean", 4)[0],
        found.random_removal(16, "mean", 4, 2),
    ]


def test_shards_and_threads_change_no_bit(card, model, tmp_path):
    one = everything(evidence(card, model, tmp_path / "1"))
    for batches, threads in ((2, 2), (9, 1), (1, 3)):
        store = tmp_path / f"{batches}-{threads}"
        other = everything(evidence(card, model, store, batches=batches, threads=threads))
        for a, b in zip(one, other, strict=True):
            assert np.array_equal(a, b)


def test_batch_sizes_agree_within_rounding(card, model, tmp_path):
    one = everything(evidence(card, model, tmp_path / "1", batch=4))
    other = everything(evidence(card, model, tmp_path / "2", batch=3))
    for a, b in zip(one, other, strict=True):
        scale = max(float(np.abs(a).max()), 1e-6)
        assert np.allclose(a, b, atol=1e-3 * scale)


def test_random_removal_is_seeded_by_image_and_repeat_alone(card, model, tmp_path):
    first = evidence(card, model, tmp_path / "1").random_removal(8, "mean", 4, 3)
    again = evidence(card, model, tmp_path / "2", batches=3).random_removal(8, "mean", 4, 3)
    assert np.array_equal(first, again)


def test_gradient_is_the_derivative_of_the_log_odds(model):
    inputs = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    target = torch.tensor([0, 1, 1])
    found = explainer(Gradient(), model).maps(inputs, target, Batcher(2))
    inputs.requires_grad_()
    model.log_odds(inputs, target).sum().backward()
    assert torch.allclose(found, inputs.grad.sum(1), atol=1e-4)


def test_integrated_gradients_are_complete(model):
    inputs = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    target = torch.tensor([1, 0])
    method = IntegratedGradients(steps=64, baseline="blur")
    found = explainer(method, model).maps(inputs, target, Batcher(2))
    with torch.no_grad():
        change = model.log_odds(inputs, target) - model.log_odds(baseline(inputs, "blur"), target)
    assert torch.allclose(found.sum((1, 2)), change, atol=0.05 * float(change.abs().max()) + 0.02)


def test_occlusion_is_the_drop_when_a_window_is_covered(model):
    inputs = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    target = torch.tensor([1])
    method = Occlusion(window=0.25, stride=0.25, baseline="mean")
    explain = explainer(method, model)
    found = explain.maps(inputs, target, Batcher(1))
    assert (explain.cell, found.shape) == (16, (1, 4, 4))
    covered = inputs.clone()
    covered[:, :, 16:32, 48:64] = baseline(inputs, "mean")[:, :, 16:32, 48:64]
    with torch.no_grad():
        drop = model.log_odds(inputs, target) - model.log_odds(covered, target)
    assert float(found[0, 1, 3]) == pytest.approx(float(drop), abs=1e-4)


def test_gradcam_takes_the_last_spatial_layer_and_matches_its_formula(model):
    layer, side = spatial_layer(model, "auto")
    explain = explainer(GradCAM(), model)
    inputs = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(4))
    target = torch.tensor([1, 1])
    found = explain.maps(inputs, target, Batcher(2))
    assert found.shape == (2, side, side)
    assert explain.cell == 64 // side
    kept = []
    handle = layer.register_forward_hook(lambda _m, _i, output: kept.append(output))
    odds = model.log_odds(inputs.requires_grad_(), target).sum()
    handle.remove()
    (gradient,) = torch.autograd.grad(odds, kept[-1])
    weights = gradient.mean((2, 3), keepdim=True)
    assert torch.allclose(found, (weights * kept[-1]).sum(1).relu(), atol=1e-4)


def test_an_unknown_layer_is_named(model):
    with pytest.raises(auditkit.AuditError, match="no spatial layer 'layer9'"):
        spatial_layer(model, "layer9")


def test_baselines():
    inputs = torch.rand(2, 3, 32, 32)
    assert baseline(inputs, "black").abs().max() == 0
    assert torch.allclose(baseline(inputs, "mean")[0, :, 3, 4], inputs[0].mean((1, 2)))
    flat = torch.full((1, 3, 32, 32), 0.3)
    assert torch.allclose(baseline(flat, "blur"), flat, atol=1e-6)
    assert baseline(inputs, "blur").std() < inputs.std() / 3
    with pytest.raises(auditkit.AuditError, match="unknown baseline"):
        baseline(inputs, "grey")


def test_memory_running_out_halves_the_batch_and_goes_on():
    batcher, seen = Batcher(8), []

    def hungry(batch):
        seen.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError("made up")
        return batch * 2

    found = batcher.map(hungry, torch.arange(5.0))
    assert found.tolist() == [0, 2, 4, 6, 8]
    assert seen == [8, 4, 2, 2, 2]


def test_python_api_runs_a_check(card, model, tmp_path):
    data = auditkit.load_data(DATA)
    findings = auditkit.run(
        "colour-shift", model, data, store=tmp_path, radius=5, angles=4, images=6
    )
    assert findings["pink.mean_change"].estimate.n == 6
    maps = auditkit.heatmaps(model, data, "gradcam")
    assert maps.shape == (10, 64, 64)
    with pytest.raises(auditkit.AuditError, match="unknown check 'color'"):
        auditkit.run("color", model, data)
    with pytest.raises(auditkit.AuditError, match="did you mean 'angles'"):
        auditkit.run("colour-shift", model, data, angels=4)
    with pytest.raises(auditkit.AuditError, match="no other runtime to reproduce"):
        auditkit.run("reproduction", model, data)
    with pytest.raises(auditkit.AuditError, match="occlusion has no parameter 'windows'"):
        auditkit.heatmaps(model, data, "occlusion", windows=0.5)
