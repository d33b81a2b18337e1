"""Integer weights beside real activations: both kernels quantise the input on the fly."""

import numpy as np
import pytest
import torch
from tflite_files import Operator, Values, stored, write
from tflite_inputs import images_for, tensor_of

from auditkit.models.tflite import ReferenceRuntime, load_tflite
from auditkit.models.tflite.hybrid import asymmetric_range

pytest.importorskip("ai_edge_litert")

ROUTES = [("ref", "reference"), ("fake", "xnnpack")]
OUTPUTS = 7


def _weights(generator, shape, count, axis):
    scales = generator.uniform(0.002, 0.02, count)
    return stored(generator.integers(-127, 128, shape), "INT8", scales, 0, axis)


def convolution(generator, kernel, stride, *, channels=True):
    size = [-(-9 // stride), -(-8 // stride)]
    tensors = [
        Values((1, 9, 8, 6)),
        _weights(generator, (OUTPUTS, kernel, kernel, 6), OUTPUTS if channels else 1, 0),
        stored(generator.normal(0, 1, OUTPUTS), "FLOAT32"),
        Values((1, *size, OUTPUTS)),
    ]
    options = {"strideH": stride, "strideW": stride, "fusedActivationFunction": 1}
    return tensors, [Operator("CONV_2D", [0, 1, 2], [3], "Conv2DOptions", options)]


def depthwise(generator):
    tensors = [
        Values((1, 9, 8, 6)),
        _weights(generator, (1, 3, 3, 6), 6, 3),
        stored(generator.normal(0, 1, 6), "FLOAT32"),
        Values((1, 9, 8, 6)),
    ]
    options = {"strideH": 1, "strideW": 1, "depthMultiplier": 1}
    operator = Operator("DEPTHWISE_CONV_2D", [0, 1, 2], [3], "DepthwiseConv2DOptions", options)
    return tensors, [operator]


def dense(generator, *, asymmetric, keep=False, channels=True):
    inputs = 6 if keep else 9 * 8 * 6
    tensors = [
        Values((1, 9, 8, 6)),
        _weights(generator, (OUTPUTS, inputs), OUTPUTS if channels else 1, 0),
        stored(generator.normal(0, 1, OUTPUTS), "FLOAT32"),
        Values((1, 9, 8, OUTPUTS) if keep else (1, OUTPUTS)),
    ]
    options = {"asymmetricQuantizeInputs": asymmetric, "keepNumDims": keep}
    operator = Operator("FULLY_CONNECTED", [0, 1, 2], [3], "FullyConnectedOptions", options)
    return tensors, [operator]


LAYERS = {
    "convolution": lambda g: convolution(g, 3, 2),
    "convolution with one scale": lambda g: convolution(g, 3, 1, channels=False),
    "convolution of pixels": lambda g: convolution(g, 1, 1),
    "convolution of every second pixel": lambda g: convolution(g, 1, 2),
    "depthwise": depthwise,
    "dense": lambda g: dense(g, asymmetric=False),
    "dense, asymmetric": lambda g: dense(g, asymmetric=True),
    "dense on the last axis": lambda g: dense(g, asymmetric=True, keep=True),
    "dense with one scale": lambda g: dense(g, asymmetric=False, channels=False),
}


@pytest.mark.parametrize(("mode", "kernel"), ROUTES)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_the_runtimes_to_five_digits(name, mode, kernel, tmp_path):
    tensors, operators = LAYERS[name](np.random.default_rng(3))
    path = write(tmp_path / "layer.tflite", tensors, operators)
    model, runtime = load_tflite(path, mode=mode), ReferenceRuntime(path, kernel)
    x = np.random.default_rng(4).normal(0.5, 2, (8, 6, 9, 8)).astype(np.float32)
    x[0] = 0
    with torch.no_grad():
        ours = model(torch.from_numpy(x)).numpy()
        real = load_tflite(path, mode="float")(torch.from_numpy(x)).numpy()
    theirs = runtime.answer(x)
    np.testing.assert_allclose(ours, theirs, atol=4e-5)
    assert np.abs(real - theirs).max() > 1e-2


@pytest.mark.parametrize(("mode", "kernel"), ROUTES)
@pytest.mark.parametrize("name", ["mnasnet_hybrid", "wide_hybrid"])
def test_networks_agree_far_better_than_real_weights_alone(sample, name, mode, kernel):
    path = sample(name)
    model, runtime = load_tflite(path, mode=mode), ReferenceRuntime(path, kernel)
    x = tensor_of(images_for(model, 24))
    theirs = runtime.answer(x.numpy())
    with torch.no_grad():
        ours, real = model(x).numpy(), load_tflite(path, mode="float")(x).numpy()
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.99999
    assert np.median(np.abs(ours - theirs)) < 1e-5
    assert np.abs(ours - theirs).mean() < 0.05 * np.abs(real - theirs).mean()


@pytest.mark.parametrize("mode", ["ref", "fake"])
def test_the_gradient_is_that_of_the_real_weights(sample, mode):
    x = tensor_of(images_for(load_tflite(sample("wide_hybrid")), 4))
    gradients = []
    for chosen in (mode, "float"):
        given = x.clone().requires_grad_()
        load_tflite(sample("wide_hybrid"), mode=chosen).logits(given)[:, 0].sum().backward()
        gradients.append(given.grad.flatten(1))
    assert torch.nn.functional.cosine_similarity(*gradients).min() > 0.95


def test_range_holds_zero_exactly():
    scale, zero = asymmetric_range(torch.tensor([[-1.0, 3.0], [2.0, 4.0], [0.0, 0.0], [-5.0, -1]]))
    np.testing.assert_allclose(scale, [4 / 255, 4 / 255, 1.0, 5 / 255], rtol=1e-6)
    assert zero.tolist() == [-64, -128, 0, 127]
