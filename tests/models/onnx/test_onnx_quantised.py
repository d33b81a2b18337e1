"""Quantised files: bit for bit what onnxruntime answers, and differentiable.

The rounding that is held to the bit is onnxruntime's on x86-64; other processors may fuse otherwise.
"""

import numpy as np
import pytest
import torch
from onnx_graphs import UINT8, answer, model, node, noise, port, runtime_answer, save
from onnx_networks import Mobile, Transformer, exported, made, pictures, quantised
from onnxruntime.quantization import QuantFormat, QuantType

from auditkit.errors import AuditError
from auditkit.models.onnx import OnnxRuntime, load_onnx

KINDS = {
    "uint8": {"activations": QuantType.QUInt8, "weights": QuantType.QUInt8},
    "uint8_per_channel": {"weights": QuantType.QInt8, "per_channel": True},
    "int8": {"activations": QuantType.QInt8, "weights": QuantType.QInt8},
    "int8_per_channel": {
        "activations": QuantType.QInt8,
        "weights": QuantType.QInt8,
        "per_channel": True,
    },
    "operators": {"form": QuantFormat.QOperator, "weights": QuantType.QInt8, "per_channel": True},
    "operators_int8": {
        "form": QuantFormat.QOperator,
        "activations": QuantType.QInt8,
        "weights": QuantType.QInt8,
    },
}


@pytest.fixture(scope="module")
def mobile():
    return exported(made(Mobile), pictures(1, 0))


@pytest.fixture(scope="module")
def files(mobile, tmp_path_factory):
    folder = tmp_path_factory.mktemp("quantised")
    return {
        name: quantised(mobile, folder / f"{name}.onnx", **kind) for name, kind in KINDS.items()
    }


@pytest.mark.parametrize("name", KINDS)
def test_answers_are_those_of_onnxruntime_to_the_bit(files, name):
    images = pictures(200, 9)
    network, runtime = load_onnx(files[name]), OnnxRuntime(files[name])
    found, expected = answer(network, images).astype(np.float64), runtime.answer(images)
    steps = np.abs(found - expected) / runtime.output_step
    assert 1 / 300 < runtime.output_step < 1 / 200
    if name.startswith("int8"):
        # onnxruntime computes a part of these in real numbers: ties fall by the order of its sums.
        plain = runtime_answer(files[name], optimised=False, x=images)
        own = np.abs(plain - expected) / runtime.output_step
        assert (steps < 1e-3).mean() > max(0.97, (own < 1e-3).mean())
        assert (steps < 1.001).mean() > 0.99
    else:
        assert (steps < 1e-3).mean() > 0.999
        assert steps.max() < 1.001
    # The promise means something: without rounding the answers are whole steps away.
    exact = answer(load_onnx(files[name], mode="float"), images)
    assert np.abs(exact - expected).max() / runtime.output_step > 2
    assert np.corrcoef(exact.ravel(), expected.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("name", ["uint8", "int8_per_channel", "operators"])
def test_answers_do_not_depend_on_the_batch(files, name):
    images = pictures(7, 11)
    network = load_onnx(files[name])
    together = answer(network, images)
    assert np.array_equal(
        together, np.concatenate([answer(network, images[at : at + 1]) for at in range(7)])
    )
    assert np.array_equal(together[::-1], answer(network, images[::-1].copy()))


@pytest.mark.parametrize("name", ["uint8", "int8_per_channel", "operators"])
def test_gradients_are_finite_and_there(files, name):
    network = load_onnx(files[name])
    image = torch.from_numpy(pictures(4, 12)).requires_grad_()
    network.logits(image)[:, 1].sum().backward()
    assert torch.isfinite(image.grad).all()
    assert (image.grad.flatten(1).abs().sum(1) > 0).all()


@pytest.mark.parametrize("name", ["uint8", "int8_per_channel", "operators"])
def test_gradient_is_the_slope_of_the_unrounded_network(files, name):
    """Central differences; at a kink (a limit of the codes, a ReLU) they stray, so the median."""
    network = load_onnx(files[name], mode="float")
    start = torch.from_numpy(pictures(1, 13))
    image = start.clone().requires_grad_()
    network.logits(image)[0, 1].backward()
    generator = torch.Generator().manual_seed(3)
    errors, step = [], 1e-4
    for _ in range(40):
        direction = torch.randn(start.shape, generator=generator)
        with torch.no_grad():
            high = network.logits(start + step * direction)[0, 1]
            low = network.logits(start - step * direction)[0, 1]
        slope = float((image.grad * direction).sum())
        errors.append(abs(float(high - low) / (2 * step) - slope) / float(image.grad.norm()))
    # The directions have length 28 in the 768 pixels: their slope is of the gradient's norm.
    assert np.median(errors) < 0.02


def test_gradient_with_rounding_resembles_that_without(files):
    image = torch.from_numpy(pictures(8, 14))
    slopes = []
    for mode in ("fake", "float"):
        given = image.clone().requires_grad_()
        load_onnx(files["uint8"], mode=mode).logits(given)[:, 0].sum().backward()
        slopes.append(given.grad.flatten())
    assert torch.corrcoef(torch.stack(slopes))[0, 1] > 0.8


def test_saturated_probability_keeps_its_gradient(tmp_path):
    """1 - 1e-4 rounds to the largest code; a masked estimator would give exactly zero."""
    nodes = [
        node("GlobalAveragePool", "x", "g"),
        node("Flatten", "g", "f"),
        node("Gemm", "f w", "l"),
        node("QuantizeLinear", "l sl zl", "ql"),
        node("DequantizeLinear", "ql sl zl", "dl"),
        node("Softmax", "dl", "p"),
        node("QuantizeLinear", "p sp zp", "qp"),
        node("DequantizeLinear", "qp sp zp", "y"),
    ]
    made_model = model(
        nodes,
        [port("x", 1, "n", 3, 4, 4)],
        [port("y", 1, "n", 2)],
        w=np.array([[9, -9], [0, 0], [0, 0]], np.float32),
        sl=np.float32(0.05),
        zl=np.uint8(128),
        sp=np.float32(1 / 256),
        zp=np.uint8(0),
    )
    network = load_onnx(save(made_model, tmp_path))
    image = torch.full((1, 3, 4, 4), 0.52, requires_grad=True)
    answered = network(image)
    # 255/256 is the largest probability that the codes hold.
    assert answered[0, 0].item() == 255 / 256
    answered[0, 0].backward()
    assert (image.grad[0, 0] > 0).all()


def test_ending_in_sigmoid_has_logits(tmp_path):
    content = exported(made(Mobile, classes=1, ending="sigmoid"), pictures(1, 0))
    path = quantised(content, tmp_path / "sigmoid.onnx")
    network, images = load_onnx(path), pictures(100, 15)
    expected = OnnxRuntime(path).answer(images)
    steps = np.abs(answer(network, images) - expected) / network.output_step
    assert network.has_logits
    assert (steps < 1e-3).mean() > 0.98
    assert steps.max() < 1.001
    with torch.no_grad():
        logits = network.logits(torch.from_numpy(images))
    assert np.abs(1 / (1 + np.exp(-logits.numpy())) - expected).max() < network.output_step


def test_transformer_agrees(tmp_path):
    content = exported(made(Transformer), pictures(1, 0))
    path = quantised(content, tmp_path / "transformer.onnx", weights=QuantType.QUInt8)
    images = pictures(100, 16)
    network, runtime = load_onnx(path), OnnxRuntime(path)
    steps = np.abs(answer(network, images) - runtime.answer(images)) / runtime.output_step
    assert (steps < 1e-3).mean() > 0.95
    assert steps.max() < 2.001


@pytest.mark.parametrize("kind", ["uint8", "int8"])
@pytest.mark.parametrize("operator", ["Add", "Mul"])
def test_every_pair_of_codes_adds_and_multiplies_as_in_onnxruntime(operator, kind, tmp_path):
    lowest, highest = np.iinfo(kind).min, np.iinfo(kind).max
    dtype = np.dtype(kind).type
    scales = {"a": 0.0117, "b": 0.0431, "c": 0.0291 if operator == "Add" else 0.013}
    zeros = {"a": lowest + 11, "b": highest - 90, "c": lowest + 120}
    constants = {f"s{key}": np.float32(value) for key, value in scales.items()}
    constants |= {f"z{key}": dtype(value) for key, value in zeros.items()}
    nodes = [
        node("QuantizeLinear", "x sa za", "qa"),
        node("DequantizeLinear", "qa sa za", "a"),
        node("DequantizeLinear", "b sb zb", "bb"),
        node(operator, "a bb", "r"),
        node("QuantizeLinear", "r sc zc", "qc"),
        node("DequantizeLinear", "qc sc zc", "d"),
        node("Flatten", "d", "y"),
    ]
    second = np.arange(lowest, highest + 1).astype(kind).reshape(1, 1, 1, 256)
    made_model = model(
        nodes, [port("x", 1, "n", 1, 256, 1)], [port("y", 1, "n", 65536)], b=second, **constants
    )
    path = save(made_model, tmp_path)
    first = (np.arange(lowest, highest + 1) - zeros["a"]) * np.float32(scales["a"])
    x = first.astype(np.float32).reshape(1, 1, 256, 1)
    assert np.array_equal(answer(load_onnx(path), x), runtime_answer(path, x=x))


@pytest.mark.parametrize("step", [1 / 256, 1 / 255, 0.0039])
def test_softmax_of_codes_is_that_of_onnxruntime(step, tmp_path):
    nodes = [
        node("Flatten", "x", "f"),
        node("QuantizeLinear", "f sl zl", "ql"),
        node("DequantizeLinear", "ql sl zl", "dl"),
        node("Softmax", "dl", "p"),
        node("QuantizeLinear", "p sp zp", "qp"),
        node("DequantizeLinear", "qp sp zp", "y"),
    ]
    constants = {
        "sl": np.float32(0.07),
        "zl": np.uint8(100),
        "sp": np.float32(step),
        "zp": np.uint8(0),
    }
    made_model = model(nodes, [port("x", 1, "n", 1, 1, 6)], [port("y", 1, "n", 6)], **constants)
    path = save(made_model, tmp_path)
    x = noise(300, 1, 1, 6, low=-7, high=9)
    assert np.array_equal(answer(load_onnx(path), x), runtime_answer(path, x=x))


@pytest.mark.parametrize("kind", ["uint8", "int8"])
@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"pads": [1, 1, 1, 1]},
        {"pads": [1, 1, 1, 1], "count_include_pad": 1},
        {"auto_pad": "SAME_UPPER"},
        {"strides": [2, 2], "ceil_mode": 1},
        {"kernel_shape": [9, 9]},
    ],
    ids=str,
)
def test_average_of_codes_is_that_of_onnxruntime(attributes, kind, tmp_path):
    """With equal scales, as the quantiser writes them, a fourth of all averages are ties."""
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("DequantizeLinear", "q s z", "d"),
        node("AveragePool", "d", "a", **{"kernel_shape": [2, 2], **attributes}),
        node("QuantizeLinear", "a s z", "r"),
        node("DequantizeLinear", "r s z", "e"),
        node("Flatten", "e", "y"),
    ]
    constants = {"s": np.float32(0.0137), "z": np.dtype(kind).type(7)}
    made_model = model(nodes, [port("x", 1, "n", 3, 9, 9)], [port("y", 1, "n", "k")], **constants)
    path = save(made_model, tmp_path)
    x = noise(40, 3, 9, 9, low=-0.5, high=0.5)
    assert np.array_equal(answer(load_onnx(path), x), runtime_answer(path, x=x))


def test_integer_output_is_given_in_real_values(tmp_path):
    nodes = [node("Flatten", "x", "f"), node("QuantizeLinear", "f s z", "y")]
    made_model = model(
        nodes,
        [port("x", 1, "n", 1, 2, 2)],
        [port("y", UINT8, "n", 4)],
        s=np.float32(0.5),
        z=np.uint8(10),
    )
    path = save(made_model, tmp_path)
    x = np.array([0.2, 0.25, 0.75, -100], np.float32).reshape(1, 1, 2, 2)
    # 0.25 / 0.5 and 0.75 / 0.5 are ties: to even. -100 is below the lowest code: (0 - 10) * 0.5.
    assert answer(load_onnx(path), x).tolist() == [[0.0, 0.0, 1.0, -5.0]]
    runtime = OnnxRuntime(path)
    assert runtime.answer(x).tolist() == [[0.0, 0.0, 1.0, -5.0]]
    assert runtime.output_step == 0.5


def test_fake_quantised_weights_are_folded(tmp_path):
    """Training-time exports keep float weights with QuantizeLinear per channel behind them."""
    nodes = [
        node("QuantizeLinear", "w s z", "qw", axis=0),
        node("DequantizeLinear", "qw s z", "dw", axis=0),
        node("Conv", "x dw", "c"),
        node("Flatten", "c", "y"),
    ]
    made_model = model(
        nodes,
        [port("x", 1, "n", 3, 4, 4)],
        [port("y", 1, "n", "k")],
        w=noise(2, 3, 3, 3),
        s=np.array([0.01, 0.02], np.float32),
        z=np.zeros(2, np.int8),
    )
    path = save(made_model, tmp_path)
    network, x = load_onnx(path), noise(2, 3, 4, 4)
    assert network.operator_names == ("conv_00", "flatten_01")
    assert np.abs(answer(network, x) - runtime_answer(path, x=x)).max() < 1e-5


def test_arithmetic_on_codes_is_refused(tmp_path):
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("Add", "q q", "t"),
        node("DequantizeLinear", "t s z", "d"),
        node("Flatten", "d", "y"),
    ]
    made_model = model(
        nodes, [port("x", 1, "n", 1, 2, 2)], [port("y", 1, "n", 4)], s=np.float32(0.5), z=np.int8(0)
    )
    with pytest.raises(AuditError, match=r"operator 1 \(Add\) computes with 8-bit integers"):
        load_onnx(save(made_model, tmp_path))


@pytest.mark.parametrize("scale", [0.0, -1.0, np.inf])
def test_impossible_scale_is_refused(scale, tmp_path):
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("DequantizeLinear", "q s z", "d"),
        node("Flatten", "d", "y"),
    ]
    made_model = model(
        nodes,
        [port("x", 1, "n", 1, 2, 2)],
        [port("y", 1, "n", 4)],
        s=np.float32(scale),
        z=np.int8(0),
    )
    with pytest.raises(AuditError, match="scales are positive numbers"):
        load_onnx(save(made_model, tmp_path))
