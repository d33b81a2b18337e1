"""The committed ONNX files answer as onnxruntime does."""

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx_graphs import answer, noise
from onnx_networks import pictures

from auditkit.models.onnx import OnnxRuntime, load_onnx

SAMPLES = Path(__file__).parents[3] / "fixtures" / "onnx"


@pytest.mark.parametrize("name", ["tiny_float", "tiny_int8", "tiny_uint8", "tiny_table"])
def test_sample_answers_as_onnxruntime(name):
    path = SAMPLES / f"{name}.onnx"
    network, runtime = load_onnx(path), OnnxRuntime(path)
    images = pictures(64, 21, size=32)
    table = noise(64, 3) if network.features else None
    found, expected = answer(network, images, table), runtime.answer(images, table)
    assert runtime.output_step == network.output_step
    assert network.input_shape == (32, 32, 3)
    assert network.has_logits
    assert np.ptp(expected[:, 1]) > 0.3
    if network.output_step:
        steps = np.abs(found - expected) / network.output_step
        # Of int8 files onnxruntime computes a part in real numbers, whose ties are its own.
        assert (steps < 1e-3).mean() > (0.95 if name == "tiny_int8" else 0.999)
        assert (steps < 1.001).mean() > 0.97
    else:
        assert np.abs(found - expected).max() < 1e-5


@pytest.mark.parametrize("name", ["tiny_float", "tiny_int8", "tiny_uint8"])
def test_sample_has_gradients_for_every_image(name):
    network = load_onnx(SAMPLES / f"{name}.onnx")
    image = torch.from_numpy(pictures(8, 22, size=32)).requires_grad_()
    network.logits(image)[:, 1].sum().backward()
    assert torch.isfinite(image.grad).all()
    assert (image.grad.flatten(1).abs().sum(1) > 0).all()
