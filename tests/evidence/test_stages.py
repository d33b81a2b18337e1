"""Stages on a real network: batch-size, shard and thread invariance; heatmaps against hand-made ones."""

from pathlib import Path

import numpy as np
import pytest
import torch

import auditkit
from auditkit.evidence import Evidence, Settings, Store
from auditkit.evidence.engine import Engine
from auditkit.evidence.heatmaps import Batch, explainer, subject_of
from auditkit.evidence.removal import RemovalPlan
from auditkit.models import load_model
from auditkit.spec.data_card import DataCard
from auditkit.spec.methods import GradCAM, parse_method

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def card(random_card):
    return random_card(64)


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
        found.removal(method, RemovalPlan("mean", 4)).score,
        found.removal(method, RemovalPlan("noise", 4)).score,
        found.random_removal(method, RemovalPlan("mean", 4, 2)).score,
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
    method, plan = parse_method("gaussian-map"), RemovalPlan("mean", 4, 3)
    first = evidence(card, model, tmp_path / "1").random_removal(method, plan)
    again = evidence(card, model, tmp_path / "2", batches=3).random_removal(method, plan)
    assert np.array_equal(first.score, again.score)
    assert not np.array_equal(first.score[:, 0], first.score[:, 1])


def test_a_heatmap_of_evidence_is_the_explainers_own(card, model, tmp_path):
    found = evidence(card, model, tmp_path)
    method = parse_method({"method": "kernel-shap", "superpixels": 4, "samples": 80})
    heat = found.heatmaps(method)
    assert (heat.maps.shape, heat.cell) == ((10, 4, 4), 16)
    assert (heat.evaluations <= 80).all()
    assert (heat.standard_error > 0).any()
    inputs = model.prepare([found.data.image(7)])
    with torch.no_grad():
        target = model.decide(model.probabilities(inputs))
    alone = explainer(method, subject_of(model)).explain(Batch(inputs, target, [0]), 8).maps
    assert np.allclose(heat.maps[7], alone[0, 0], atol=1e-4 * float(alone.abs().max()))


def test_images_of_the_data_set_as_baseline_are_part_of_the_identity(card, model, tmp_path):
    method = {"method": "expected-gradients", "samples": 4}
    two, three = (parse_method({**method, "background": n}) for n in (2, 3))
    found = evidence(card, model, tmp_path)
    assert not np.array_equal(found.heatmaps(two).maps, found.heatmaps(three).maps)
    again = evidence(card, model, tmp_path / "again", batches=3)
    assert np.array_equal(found.heatmaps(two).maps, again.heatmaps(two).maps)


def test_superpixels_of_their_own_are_removed_whole(card, model, tmp_path):
    pytest.importorskip("skimage", reason="SLIC needs scikit-image")
    slic = {"kind": "slic", "segments": 12}
    method = parse_method({"method": "feature-ablation", "superpixels": slic})
    found = evidence(card, model, tmp_path)
    heat = found.heatmaps(method)
    assert heat.segments.shape == heat.maps.shape == (10, 64, 64)
    by_heat = found.removal(method, RemovalPlan("mean", 4))
    random = found.random_removal(method, RemovalPlan("mean", 4, 2))
    assert by_heat.decision.shape == (10, 5)
    assert random.decision.shape == (10, 2, 5)
    # Nothing and everything removed are the same pictures in whatever order.
    assert np.array_equal(by_heat.score[:, 0], random.score[:, 0, 0])
    assert np.array_equal(by_heat.score[:, -1], random.score[:, 1, -1])
    assert by_heat.fraction[3].tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_whether_a_method_fits_is_asked_once_and_kept(card, model, tmp_path):
    found = evidence(card, model, tmp_path)
    fit = found.fitness(parse_method("gradcam"))
    assert not fit.reason
    assert "layer" in " ".join(fit.notes)

    def refuse():
        raise AssertionError("the model was loaded again")

    engine = Engine(Store(tmp_path), 1)
    stored = Evidence(card, auditkit.load_data(DATA), engine, Settings(batch_size=4), None, refuse)
    assert stored.fitness(parse_method("gradcam")) == fit


def test_an_unknown_layer_is_named(card, model, tmp_path):
    with pytest.raises(auditkit.AuditError, match="layer9"):
        evidence(card, model, tmp_path).heatmaps(GradCAM(layer="layer9"))


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
