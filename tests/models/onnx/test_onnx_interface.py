"""Inputs and outputs as files have them: layouts, bytes, tables, batches, several outputs."""

import numpy as np
import pytest
import torch
from onnx import TensorProto
from onnx_graphs import (
    FLOAT,
    INT8,
    INT64,
    UINT8,
    answer,
    model,
    node,
    noise,
    port,
    runtime_answer,
    save,
)
from onnx_networks import TwoInputs, exported, pictures

from auditkit.errors import AuditError
from auditkit.models.onnx import OnnxRuntime, load_onnx
from auditkit.models.onnx.reshape import regrown

W = noise(4, 3, 3, 3, seed=1)


def head(name="t"):
    return [
        node("GlobalAveragePool", name, "g"),
        node("Flatten", "g", "l"),
        node("Softmax", "l", "y", axis=1),
    ]


def test_channels_last_files_are_given_channels_first(tmp_path):
    nodes = [node("Transpose", "x", "c", perm=[0, 3, 1, 2]), node("Conv", "c w", "t"), *head()]
    path = save(
        model(nodes, [port("x", FLOAT, "n", 9, 8, 3)], [port("y", FLOAT, "n", 4)], w=W), tmp_path
    )
    network, x = load_onnx(path), noise(3, 3, 9, 8)
    expected = runtime_answer(path, x=x.transpose(0, 2, 3, 1))
    assert network.input_shape == (9, 8, 3)
    assert network.channels_last
    assert np.abs(answer(network, x) - expected).max() < 1e-6
    assert np.abs(OnnxRuntime(path).answer(x) - expected).max() < 1e-6


def byte_model(folder, layout=("n", 3, 6, 6)):
    nodes = [
        node("Cast", "x", "f", to=FLOAT),
        node("Div", "f s", "r"),
        node("Conv", "r w", "t"),
        *head(),
    ]
    constants = {"s": np.float32(255), "w": W}
    return save(
        model(nodes, [port("x", UINT8, *layout)], [port("y", FLOAT, "n", 4)], **constants), folder
    )


def test_byte_images_are_given_as_floats_and_rounded(tmp_path):
    path = byte_model(tmp_path)
    network, runtime = load_onnx(path), OnnxRuntime(path)
    x = noise(3, 3, 6, 6, low=-20, high=280)
    expected = runtime_answer(path, x=np.rint(x).clip(0, 255).astype(np.uint8))
    assert network.quantised_input
    assert np.abs(answer(network, x) - expected).max() < 1e-6
    assert np.abs(runtime.answer(x) - expected).max() < 1e-6
    image = torch.from_numpy(x).requires_grad_()
    network(image)[:, 0].sum().backward()
    assert (image.grad != 0).any(1).all()


@pytest.mark.parametrize(("kind", "zero"), [(UINT8, np.uint8(120)), (INT8, np.int8(-8))])
def test_codes_as_input_are_given_as_bytes(kind, zero, tmp_path):
    nodes = [node("DequantizeLinear", "x s z", "d"), node("Conv", "d w", "t"), *head()]
    made = model(
        nodes,
        [port("x", kind, 1, 3, 6, 6)],
        [port("y", FLOAT, 1, 4)],
        s=np.float32(2 / 255),
        z=zero,
        w=W,
    )
    path = save(made, tmp_path)
    network, x = load_onnx(path), noise(3, 3, 6, 6, low=0, high=255)
    real = (np.rint(x) - 120) * np.float32(2 / 255)
    expected = (
        torch.nn.functional.conv2d(torch.from_numpy(real), torch.from_numpy(W))
        .mean((2, 3))
        .softmax(1)
    )
    assert network.quantised_input
    assert np.abs(answer(network, x) - expected.numpy()).max() < 1e-6
    assert np.abs(OnnxRuntime(path).answer(x) - expected.numpy()).max() < 1e-6


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_float_types_are_computed_in_single_precision(dtype, tmp_path):
    kind = TensorProto.FLOAT16 if dtype == np.float16 else TensorProto.DOUBLE
    nodes = [node("Flatten", "x", "f"), node("Gemm", "f w", "y")]
    weights = noise(48, 4).astype(dtype)
    made = model(nodes, [port("x", kind, "n", 3, 4, 4)], [port("y", kind, "n", 4)], w=weights)
    path = save(made, tmp_path)
    x = noise(3, 3, 4, 4).astype(dtype).astype(np.float32)
    found = answer(load_onnx(path), x)
    assert found.dtype == np.float32
    assert np.abs(found - OnnxRuntime(path).answer(x)).max() < (
        0.02 if dtype == np.float16 else 1e-5
    )


def test_quantised_float_input_is_fed_real_values(tmp_path):
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("DequantizeLinear", "q s z", "d"),
        node("Conv", "d w", "t"),
        *head(),
    ]
    constants = {"s": np.float32(2 / 255), "z": np.uint8(128), "w": W}
    path = save(
        model(nodes, [port("x", FLOAT, 1, 3, 6, 6)], [port("y", FLOAT, 1, 4)], **constants),
        tmp_path,
    )
    network, x = load_onnx(path), noise(3, 3, 6, 6)
    assert not network.quantised_input
    assert np.abs(answer(network, x) - OnnxRuntime(path).answer(x)).max() < 1e-6


@pytest.mark.parametrize("dynamic", [True, False])
def test_table_is_the_second_input(dynamic, tmp_path):
    torch.manual_seed(0)
    origin = TwoInputs().eval()
    table = noise(4, 3, seed=2)
    path = tmp_path / "two.onnx"
    path.write_bytes(exported(origin, pictures(1, 0), table[:1], dynamic=dynamic))
    network, images = load_onnx(path), pictures(4, 1)
    found = answer(network, images, table)
    assert network.features == 3
    with torch.no_grad():
        expected = origin(torch.from_numpy(images), torch.from_numpy(table)).numpy()
    assert np.abs(found - expected).max() < 1e-6
    assert np.abs(OnnxRuntime(path).answer(images, table) - expected).max() < 1e-6
    given = torch.from_numpy(table).requires_grad_()
    network(torch.from_numpy(images), given)[:, 0].sum().backward()
    assert (given.grad != 0).any()


def test_missing_and_superfluous_tables_are_errors(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "two.onnx"
    path.write_bytes(exported(TwoInputs().eval(), pictures(1, 0), noise(1, 3)))
    with pytest.raises(AuditError, match=r"needs a table of shape \(2, 3\)"):
        answer(load_onnx(path), pictures(2, 0))
    with pytest.raises(AuditError, match="a table belongs to models with two inputs"):
        OnnxRuntime(path).answer(pictures(2, 0))
    single = byte_model(tmp_path)
    with pytest.raises(AuditError, match="has no second input"):
        answer(load_onnx(single), noise(2, 3, 6, 6), noise(2, 3))


def several(folder, shapes):
    nodes = [
        node("GlobalAveragePool", "x", "p"),
        node("Flatten", "p", "a"),
        node("Softmax", "a", "b", axis=1),
        node("ArgMax", "b", "c", axis=1, keepdims=0),
    ]
    kinds = {"a": FLOAT, "b": FLOAT, "c": INT64}
    outputs = [port(name, kinds[name], *shape) for name, shape in shapes.items()]
    return save(model(nodes, [port("x", FLOAT, "n", 3, 4, 4)], outputs), folder)


def test_the_only_matrix_among_outputs_is_the_answer(tmp_path):
    network = load_onnx(several(tmp_path, {"c": ["n"], "b": ["n", 3]}))
    assert answer(network, noise(2, 3, 4, 4)).sum(1) == pytest.approx([1, 1])
    assert network.has_logits


def test_two_matrices_are_ambiguous_unless_one_is_named(tmp_path):
    path = several(tmp_path, {"a": ["n", 3], "b": ["n", 3]})
    with pytest.raises(AuditError, match=r"outputs 'a' FLOAT \(\?, 3\), 'b' FLOAT.*say which"):
        load_onnx(path)
    x = noise(2, 3, 4, 4)
    logits = answer(load_onnx(path, output="a"), x)
    assert np.abs(logits - x.mean((2, 3))).max() < 1e-6
    assert np.abs(OnnxRuntime(path, output="a").answer(x) - logits).max() < 1e-6
    with pytest.raises(AuditError, match="has no output 'q'"):
        load_onnx(path, output="q")


def test_open_size_has_to_be_said(tmp_path):
    made = model(
        [node("Conv", "x w", "t"), *head()],
        [port("x", FLOAT, "n", 3, "h", "w2")],
        [port("y", FLOAT, "n", 4)],
        w=W,
    )
    path = save(made, tmp_path)
    with pytest.raises(AuditError, match="leaves the size of its image open"):
        load_onnx(path)
    assert load_onnx(path, size=(7, 9)).input_shape == (7, 9, 3)
    x = noise(2, 3, 7, 9)
    assert (
        np.abs(
            answer(load_onnx(path, size=(7, 9)), x) - OnnxRuntime(path, size=(7, 9)).answer(x)
        ).max()
        < 1e-6
    )


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([port("x", FLOAT, "n", 5, 8, 8)], "expected 1 or 3 channels"),
        ([port("x", FLOAT, 4, 3, 8, 8)], "takes exactly 4 images at a time"),
        ([port("x", FLOAT, "n", 192)], "expected one image of four axes"),
        ([port("x", FLOAT, "n", 3, 8, 8), port("u", FLOAT, "n", "f")], "fixed number of columns"),
        ([port("x", FLOAT, "n", 3, 8, 8), port("u", FLOAT, 7)], r"expected a table of numbers"),
        ([port("x", INT64, "n", 3, 8, 8)], "takes an image of INT64"),
    ],
)
def test_inputs_of_no_classifier_are_refused(inputs, message, tmp_path):
    made = model([node("Flatten", "x", "y")], inputs, [port("y", FLOAT, "n", "k")])
    with pytest.raises(AuditError, match=message):
        load_onnx(save(made, tmp_path))


def test_recorded_batch_of_one_grows(tmp_path):
    """Reshapes for one image, a batch in the middle of an axis, and a stored token."""
    nodes = [
        node("Reshape", "x one", "a"),
        node("Concat", "token a", "b", axis=1),
        node("Transpose", "b", "c", perm=[1, 0, 2]),
        node("Reshape", "c rows", "d"),
        node("MatMul", "d w", "e"),
        node("Reshape", "e back", "f"),
        node("ReduceMean", "f", "y", axes=[0], keepdims=0),
    ]
    constants = {
        "one": np.array([1, 3, 16]),
        "token": noise(1, 1, 16),
        "rows": np.array([4, 16]),
        "w": noise(16, 5),
        "back": np.array([4, 1, 5]),
    }
    path = save(
        model(nodes, [port("x", FLOAT, 1, 3, 4, 4)], [port("y", FLOAT, 1, 5)], **constants),
        tmp_path,
    )
    x = noise(4, 3, 4, 4)
    assert np.abs(answer(load_onnx(path), x) - OnnxRuntime(path).answer(x)).max() < 1e-6


@pytest.mark.parametrize(
    ("usual", "actual", "target", "inside", "expected"),
    [
        ([1, 8, 1, 1], [5, 8, 1, 1], [1, 8], False, ([5, 8], False)),
        ([1, 8, 1, 1], [5, 8, 1, 1], [1, -1], False, ([5, 8], False)),
        ([17, 1, 16], [17, 5, 16], [17, 16], False, ([85, 16], True)),
        ([17, 48], [85, 48], [17, 1, 3, 16], True, ([17, 5, 3, 16], False)),
        ([17, 48], [85, 48], [1, 17, 48], False, ([5, 17, 48], False)),
        ([4, 16], [20, 16], [1, 4, 16], False, ([5, 4, 16], False)),
        ([1, 8], [1, 8], [2, 4], False, ([2, 4], False)),
    ],
)
def test_shapes_for_one_image_grow(usual, actual, target, inside, expected):
    assert regrown(usual, actual, target, inside=inside) == expected


def test_graph_that_mixes_images_is_refused(tmp_path):
    nodes = [
        node("Flatten", "x", "a"),
        node("ReduceMean", "a", "m", axes=[0], keepdims=1),
        node("Sub", "a m", "y"),
    ]
    made = model(nodes, [port("x", FLOAT, "n", 3, 4, 4)], [port("y", FLOAT, "n", 48)])
    with pytest.raises(AuditError, match="gives an image another answer when it is in a batch"):
        load_onnx(save(made, tmp_path))


def test_graph_for_one_image_only_is_refused(tmp_path):
    nodes = [
        node("Squeeze", "x ax", "s"),
        node("Reshape", "s to", "f"),
        node("Unsqueeze", "f ax", "y"),
    ]
    constants = {"ax": np.array([0]), "to": np.array([48])}
    made = model(nodes, [port("x", FLOAT, 1, 3, 4, 4)], [port("y", FLOAT, 1, 48)], **constants)
    with pytest.raises(AuditError, match=r"made for one image at a time.*dynamic first axis"):
        load_onnx(save(made, tmp_path))


def test_shape_of_an_image_is_checked(tmp_path):
    path = byte_model(tmp_path)
    with pytest.raises(AuditError, match=r"expected float32 of shape \(N, 3, 6, 6\)"):
        answer(load_onnx(path), noise(2, 3, 7, 6))
    with pytest.raises(AuditError, match=r"expected \(N, 3, 6, 6\)"):
        OnnxRuntime(path).answer(noise(2, 3, 7, 6))


def test_logits_of_a_graph_without_softmax_are_an_error(tmp_path):
    made = model(
        [node("Flatten", "x", "y")], [port("x", FLOAT, "n", 1, 2, 2)], [port("y", FLOAT, "n", 4)]
    )
    network = load_onnx(save(made, tmp_path))
    assert not network.has_logits
    with pytest.raises(AuditError, match="does not end in Softmax or Sigmoid"):
        network.logits(torch.zeros(1, 1, 2, 2))


def test_runtime_is_named_with_its_version(tmp_path):
    import onnxruntime

    name = OnnxRuntime(byte_model(tmp_path)).name
    assert name == f"onnxruntime {onnxruntime.__version__}, CPUExecutionProvider"
