"""The stand-in of the melanoma case study: plain layers, and the ruler that it relies on."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import auditkit
from auditkit.models import load_model
from auditkit.models.identity import weights_path
from auditkit.spec.catalogue import read_model_card

FIXTURES = Path(__file__).parents[1] / "fixtures"
RULED = 40


@pytest.fixture(scope="module")
def model():
    return load_model(read_model_card(FIXTURES / "models" / "vgg11-rulers.model.yaml"))


@pytest.fixture(scope="module")
def data():
    return auditkit.load_data(FIXTURES / "data" / "dermoscopy-rulers.data.yaml")


def scores(model, pictures):
    with torch.no_grad():
        return model.probabilities(model.prepare(pictures))[:, 1].numpy()


def test_it_has_the_layers_of_vgg11_with_plain_rectifiers(model):
    kinds = [type(module) for module in model.network.modules()]
    counts = {kind: kinds.count(kind) for kind in (nn.Conv2d, nn.ReLU)}
    assert counts == {nn.Conv2d: 8, nn.ReLU: 10}
    assert weights_path(model.card).stat().st_size < 1.5e6


def test_gradients_reach_the_picture(model, data):
    inputs = model.prepare([data.image(index) for index in range(4)]).requires_grad_()
    model.log_odds(inputs, torch.ones(4, dtype=torch.long)).sum().backward()
    assert torch.isfinite(inputs.grad).all()
    assert (inputs.grad.abs().amax(dim=(1, 2, 3)) > 0).all()


def test_melanoma_is_likelier_where_the_ruler_is_erased(model, data):
    ruled = [i for i, record in enumerate(data.records) if record.groups["ruler"] == "present"]
    shown = scores(model, [data.image(index) for index in ruled[:RULED]])
    erased = scores(model, [data.intervened(index, "ruler", 0.0) for index in ruled[:RULED]])
    assert (erased > shown).mean() > 0.85
    assert np.mean(erased - shown) > 0.1


def test_a_ruler_beside_a_melanoma_makes_it_look_benign(model, data):
    found = [index for index, record in enumerate(data.records) if record.label == 1][:RULED]
    shown = scores(model, [data.image(index) for index in found])
    beside = scores(model, [data.intervened(index, "ruler", 0.8) for index in found])
    assert (shown >= 0.5).mean() > 0.6
    assert (beside >= 0.5).mean() < 0.1
