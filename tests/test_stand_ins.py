"""The shipped stand-ins: of the quantised kind they claim to be, with the fault they claim to carry."""

from pathlib import Path

import numpy as np
import pytest
import torch

import auditkit
from auditkit.models import load_model
from auditkit.models.identity import weights_path
from auditkit.models.tflite import ReferenceRuntime
from auditkit.spec.catalogue import read_model_card

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "fixtures" / "models"
DATA = ROOT / "fixtures" / "data" / "dermoscopy.data.yaml"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data():
    return auditkit.load_data(DATA)


def card(name, **changes):
    return read_model_card(MODELS / f"{name}.model.yaml").model_copy(update=changes)


def test_weights_are_uint8_per_tensor_like_the_original():
    from auditkit.models.tflite.schema import read_graph

    for name in ("scanoma", "scanoma-next"):
        graph = read_graph(weights_path(card(name)))
        kinds = {str(tensor.dtype) for tensor in graph.tensors}
        assert kinds == {"UINT8", "INT32"}


@pytest.mark.parametrize("name", ["scanoma", "scanoma-next"])
def test_fixed_point_mode_equals_the_reference_kernel_bit_for_bit(name, data):
    """On the first 200 images; docs/reproduction.md has all 1000, the audit `arithmetic` asks them again."""
    pytest.importorskip("ai_edge_litert")
    model = load_model(card(name, mode="ref"))
    runtime = ReferenceRuntime(weights_path(model.card), "reference", threads=2)
    equal = 0
    for start in range(0, 200, 50):
        pictures = [data.image(i) for i in range(start, start + 50)]
        with torch.no_grad():
            ours = model.network.codes(model.normalise(model.prepare(pictures)).round())
        equal += int((ours.numpy() == runtime.run(np.stack(pictures))).all(axis=1).sum())
    assert equal == 200


@pytest.mark.parametrize("name", ["scanoma", "scanoma-next"])
def test_gradients_are_finite_and_not_zero(name, data):
    model = load_model(card(name))
    for start in range(0, 60, 20):
        inputs = model.prepare([data.image(i) for i in range(start, start + 20)]).requires_grad_()
        model.log_odds(inputs, torch.ones(20, dtype=torch.long)).sum().backward()
        assert torch.isfinite(inputs.grad).all()
        assert (inputs.grad.abs().amax(dim=(1, 2, 3)) > 0).all()


@pytest.mark.parametrize(
    ("name", "low", "high"), [("scanoma", 0.1, 0.5), ("scanoma-next", -0.05, 0.05)]
)
def test_pinker_images_look_more_malignant_to_scanoma_only(name, low, high, data, tmp_path):
    model = load_model(card(name))
    found = auditkit.run(
        "colour-shift",
        model,
        data,
        store=tmp_path,
        radius=5,
        angles=4,
        directions=["pink"],
        images=100,
    )
    estimate = found["pink.mean_change"].estimate
    assert low < estimate.low < estimate.high < high
