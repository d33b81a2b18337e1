"""Exported networks answer as onnxruntime and as the network they come from."""

import copy

import numpy as np
import pytest
import torch
from onnx_graphs import answer, runtime_answer
from onnx_networks import Mobile, Transformer, exported, made, pictures
from torch import nn

from auditkit.models.onnx import load_onnx

EXPORTS = [(11, False), (13, True), (17, False), (18, True), (20, False)]


def written(content, folder):
    path = folder / "network.onnx"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("opset", "dynamic"), EXPORTS)
def test_mobile_network_agrees(opset, dynamic, tmp_path):
    origin = made(Mobile)
    path = written(exported(origin, pictures(1, 0), opset=opset, dynamic=dynamic), tmp_path)
    network, images = load_onnx(path), pictures(5, 1)
    rows = [runtime_answer(path, x=images[at : at + 1]) for at in range(5)]
    found = answer(network, images)
    assert np.abs(found - np.concatenate(rows)).max() < 1e-5
    assert np.abs(found - answer(lambda x, _: origin(x), images)).max() < 1e-5
    assert network.input_shape == (16, 16, 3)
    assert network.output_step == 0.0
    assert network.has_logits


@pytest.mark.parametrize(("opset", "dynamic"), [(14, True), (14, False), (18, False), (20, True)])
def test_transformer_agrees(opset, dynamic, tmp_path):
    origin = made(Transformer)
    path = written(exported(origin, pictures(1, 0), opset=opset, dynamic=dynamic), tmp_path)
    network, images = load_onnx(path), pictures(5, 1)
    rows = [runtime_answer(path, x=images[at : at + 1]) for at in range(5)]
    found = answer(network, images)
    assert np.abs(found - np.concatenate(rows)).max() < 1e-5
    assert np.abs(found - answer(lambda x, _: origin(x), images)).max() < 1e-5
    assert not network.has_logits


@pytest.mark.parametrize("build", [Mobile, Transformer])
def test_gradient_is_that_of_the_origin(build, tmp_path):
    origin = made(build)
    network = load_onnx(written(exported(origin, pictures(1, 0)), tmp_path))
    gradients = []
    for each in (origin, network):
        image = torch.from_numpy(pictures(3, 2)).requires_grad_()
        each(image)[:, 1].sum().backward()
        gradients.append(image.grad)
    assert torch.allclose(
        gradients[0], gradients[1], rtol=1e-3, atol=1e-6 * gradients[0].abs().max()
    )


def test_nothing_is_trained_or_in_training_mode(tmp_path):
    network = load_onnx(written(exported(made(Mobile), pictures(1, 0)), tmp_path))
    assert isinstance(network, nn.Module)
    assert not list(network.parameters())
    assert not any(module.training for module in network.modules())
    assert not any(buffer.requires_grad for buffer in network.buffers())


def test_hooks_see_feature_maps(tmp_path):
    network = load_onnx(written(exported(made(Mobile), pictures(1, 0), dynamic=False), tmp_path))
    seen = {}
    for name, module in network.named_children():
        module.register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: out}))
    image = torch.from_numpy(pictures(3, 3)).requires_grad_()
    network(image)[:, 0].sum().backward()
    maps = {name: tuple(out.shape) for name, out in seen.items() if name.startswith("conv_")}
    assert maps["conv_00"] == (3, 8, 8, 8)
    assert len(maps) >= 6
    assert all(len(shape) == 4 and shape[0] == 3 for shape in maps.values())


def test_copies_answer_alike(tmp_path):
    network = load_onnx(written(exported(made(Mobile), pictures(1, 0), dynamic=False), tmp_path))
    twin, images = copy.deepcopy(network), pictures(4, 4)
    assert np.array_equal(answer(network, images), answer(twin, images))


def test_channels_last_memory_answers_alike(tmp_path):
    network = load_onnx(written(exported(made(Mobile), pictures(1, 0), dynamic=False), tmp_path))
    image = torch.from_numpy(pictures(4, 4))
    plain = network(image)
    network.to(memory_format=torch.channels_last)
    turned = network(image.contiguous(memory_format=torch.channels_last))
    assert torch.allclose(plain, turned, atol=1e-6)


def test_logits_are_in_front_of_the_softmax(tmp_path):
    network = load_onnx(written(exported(made(Mobile), pictures(1, 0)), tmp_path))
    image = torch.from_numpy(pictures(4, 5))
    assert torch.allclose(network.logits(image).softmax(1), network(image), atol=1e-6)
