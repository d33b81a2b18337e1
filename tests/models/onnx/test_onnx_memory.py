"""Values that are overwritten or worked on in parts are never seen to be."""

import numpy as np
import pytest
import torch
from onnx_graphs import answer, model, node, noise, port, runtime_answer, save

from auditkit.models.onnx import load_onnx

NORMAL = {
    "scale": noise(4, low=0.5, high=2),
    "offset": noise(4),
    "mean": noise(4),
    "variance": noise(4, low=0.5, high=2),
}


def network_of(nodes, folder, **constants):
    ports = [port("x", 1, "n", 3, 6, 6)], [port("y", 1, "n", "k")]
    weights = {"w": noise(4, 3, 3, 3), "b": noise(4)} | constants
    return save(model([*nodes, node("Flatten", "t", "y")], *ports, **weights), folder)


@pytest.mark.parametrize("bias", ["", " b"])
def test_normalisation_is_folded_into_the_convolution(bias, tmp_path):
    nodes = [
        node("Conv", f"x w{bias}", "c"),
        node("BatchNormalization", "c scale offset mean variance", "t", epsilon=0.01),
    ]
    path = network_of(nodes, tmp_path, **NORMAL)
    network, x = load_onnx(path), noise(3, 3, 6, 6)
    assert network.operator_names == ("conv_00", "flatten_01")
    expected = runtime_answer(path, optimised=False, x=x)
    assert np.abs(answer(network, x) - expected).max() < 1e-5


def test_normalisation_stays_where_the_convolution_is_read_twice(tmp_path):
    nodes = [
        node("Conv", "x w", "c"),
        node("BatchNormalization", "c scale offset mean variance", "n"),
        node("Add", "c n", "t"),
    ]
    path = network_of(nodes, tmp_path, **NORMAL)
    network, x = load_onnx(path), noise(3, 3, 6, 6)
    assert "batchnormalization_01" in network.operator_names
    assert np.abs(answer(network, x) - runtime_answer(path, x=x)).max() < 1e-5


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Relu", "c", "r"), node("Sub", "r c", "t")],
        [node("Identity", "c", "i"), node("Relu", "c", "r"), node("Sub", "r i", "t")],
        [node("Identity", "c", "i"), node("Relu", "i", "r"), node("Mul", "r c", "t")],
        [node("Sigmoid", "c", "r"), node("Mul", "c r", "t")],
        [node("Relu", "c", "r"), node("Add", "b4 r", "t")],
        [node("Relu", "x", "r"), node("Conv", "r w", "d"), node("Add", "d c", "t")],
    ],
    ids=str,
)
def test_values_that_are_still_read_are_not_overwritten(nodes, tmp_path):
    path = network_of([node("Conv", "x w", "c"), *nodes], tmp_path, b4=noise(1, 4, 1, 1))
    x = noise(3, 3, 6, 6)
    kept = x.copy()
    with torch.no_grad():
        found = load_onnx(path)(torch.from_numpy(x)).numpy()
    assert np.array_equal(x, kept)
    assert np.abs(found - runtime_answer(path, x=x)).max() < 1e-5


def test_hooks_keep_what_the_next_operator_would_overwrite(tmp_path):
    path = network_of([node("Conv", "x w", "c"), node("Relu", "c", "t")], tmp_path)
    network, x = load_onnx(path), torch.from_numpy(noise(3, 3, 6, 6))
    seen = []
    network.conv_00.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    with torch.no_grad():
        answered = network(x)
    assert (seen[0] < 0).any()
    assert torch.equal(seen[0].relu().flatten(1), answered)


def test_large_batches_are_answered_row_by_row_alike(tmp_path):
    path = network_of([node("Conv", "x w", "c"), node("Relu", "c", "t")], tmp_path)
    network, x = load_onnx(path), noise(7, 3, 6, 6)
    whole = answer(network, x)
    network._at_once = 2
    assert np.allclose(answer(network, x), whole, atol=1e-6)
    image = torch.from_numpy(x).requires_grad_()
    network(image).sum().backward()
    assert (image.grad.flatten(1).abs().sum(1) > 0).all()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_blocks_cover_every_value_once(layout):
    from auditkit.models.onnx.rounding import blocks

    for shape in ((3, 40, 90, 90), (1, 40, 90, 90), (70000, 9)):
        values = torch.zeros(shape)
        values = values.contiguous(memory_format=layout) if len(shape) == 4 else values
        parts = [part.add_(1) for (part,) in blocks(values)]
        assert len(parts) > 1
        assert (values == 1).all()
