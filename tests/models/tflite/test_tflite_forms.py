"""Forms of a file: batches, channels first, tables, bytes, dilated convolutions in old files."""

import numpy as np
import pytest
import torch
from tflite_files import Operator, Values, stored, write
from tflite_inputs import images_for, tensor_of

from auditkit.errors import AuditError
from auditkit.models.tflite import ReferenceRuntime, load_tflite
from auditkit.models.tflite.schema import read_graph

pytest.importorskip("ai_edge_litert")

ROUTES = [("ref", "reference"), ("fake", "xnnpack")]
BATCHES = ["any_batch_float", "any_batch_int8", "batch_of_four_float", "batch_of_four_int8"]


def table_of(model, count, seed=0):
    values = np.random.default_rng(seed).normal(size=(count, model.table_size))
    return torch.from_numpy(values.astype(np.float32))


@pytest.mark.parametrize("name", BATCHES)
def test_any_number_of_images_goes_through_a_file_for_one_or_four(sample, name):
    model, runtime = load_tflite(sample(name)), ReferenceRuntime(sample(name), "xnnpack")
    x = tensor_of(images_for(model, 9))
    with torch.no_grad():
        whole = model(x)
        single = torch.cat([model(x[i : i + 1]) for i in range(9)])
    torch.testing.assert_close(whole, single, rtol=1e-5, atol=1e-6)
    for count in (1, 4, 9):
        answer = runtime.answer(x[:count].numpy())
        assert answer.shape == (count, 5)
        np.testing.assert_allclose(whole[:count], answer, atol=2e-6)


@pytest.mark.parametrize(("mode", "kernel"), ROUTES)
@pytest.mark.parametrize("name", ["channels_first_float", "channels_first_int8"])
def test_channels_first_files_get_the_layout_they_want(sample, name, mode, kernel):
    model, runtime = load_tflite(sample(name), mode=mode), ReferenceRuntime(sample(name), kernel)
    assert model.channels_first
    assert model.input_shape == runtime.input_shape == (20, 24, 3)
    x = tensor_of(images_for(model, 12))
    with torch.no_grad():
        np.testing.assert_allclose(model(x), runtime.answer(x.numpy()), atol=5e-6)


def test_hooks_see_channels_first_tensors_as_they_are(sample):
    path = sample("channels_first_float")
    model = load_tflite(path)
    recorded = {r.label: r.outputs[0] for r in read_graph(path).operators}
    shapes = {name: read_graph(path).tensors[index].shape for name, index in recorded.items()}
    seen = {}
    for name in model.operator_names:
        model.get_submodule(name).register_forward_hook(
            lambda _, __, output, name=name: seen.update({name: tuple(output.shape)})
        )
    model(tensor_of(images_for(model, 2)))
    kinds = set()
    for name, shape in seen.items():
        if len(shape) == 4 and not name.startswith("mean"):
            _, first, second, third = shapes[name]
            # Either the file has the channels last, or it has this very shape.
            kinds.add(shape[1:] == (first, second, third))
            assert shape[1:] in {(third, first, second), (first, second, third)}
            assert shape[1] in {3, 6, 8}
    assert kinds == {True, False}


@pytest.mark.parametrize(("mode", "kernel"), ROUTES)
@pytest.mark.parametrize("name", ["with_table_float", "with_table_int8"])
def test_a_table_is_the_second_input(sample, name, mode, kernel):
    model, runtime = load_tflite(sample(name), mode=mode), ReferenceRuntime(sample(name), kernel)
    assert model.table_size == 4
    x, table = tensor_of(images_for(model, 10)), table_of(model, 10)
    with torch.no_grad():
        ours = model(x, table)
        other = model(x, table.flip(0))
    np.testing.assert_allclose(ours, runtime.answer(x.numpy(), table.numpy()), atol=5e-6)
    assert not torch.equal(ours, other)
    if model.has_logits:
        probabilities = torch.softmax(model.logits(x, table), 1)
        torch.testing.assert_close(probabilities, ours, atol=1 / 128, rtol=0)


@pytest.mark.parametrize("name", ["with_table_float", "with_table_int8"])
def test_gradients_reach_the_table(sample, name):
    model = load_tflite(sample(name))
    table = table_of(model, 3).requires_grad_()
    model.logits(tensor_of(images_for(model, 3)), table)[:, 0].sum().backward()
    assert torch.isfinite(table.grad).all()
    assert table.grad.abs().amax(1).gt(0).all()


def test_a_missing_or_unexpected_table_is_an_error(sample):
    model = load_tflite(sample("with_table_float"))
    x = tensor_of(images_for(model, 2))
    with pytest.raises(AuditError, match=r"no table with 2 images, expected float32 .*\(2, 4\)"):
        model(x)
    with pytest.raises(AuditError, match=r"a table of shape \(2, 3\)"):
        model(x, torch.zeros(2, 3))
    with pytest.raises(AuditError, match="expected none"):
        load_tflite(sample("mnasnet_float"))(torch.zeros(2, 3, 48, 48), torch.zeros(2, 3))
    runtime = ReferenceRuntime(sample("with_table_float"), "xnnpack")
    with pytest.raises(AuditError, match="given a table of shape None"):
        runtime.answer(x.numpy())


@pytest.mark.parametrize(("mode", "kernel"), ROUTES)
def test_bytes_are_cast_by_the_graph(sample, mode, kernel):
    model = load_tflite(sample("bytes_float"), mode=mode)
    assert model.quantised_input
    assert not model.quantised_output
    x = tensor_of(images_for(model, 8))
    runtime = ReferenceRuntime(sample("bytes_float"), kernel)
    with torch.no_grad():
        np.testing.assert_allclose(model(x), runtime.answer(x.numpy()), atol=2e-6)
    given = x.requires_grad_()
    model.logits(given)[:, 0].sum().backward()
    assert given.grad.abs().max() > 0


@pytest.mark.parametrize("name", ["mnasnet_int8", "mnasnet_uint8", "mnasnet_int8_float_edges"])
def test_answer_is_what_run_gives_in_real_values(sample, name):
    model, runtime = load_tflite(sample(name)), ReferenceRuntime(sample(name), "xnnpack")
    images = images_for(model, 6)
    answer = runtime.answer(tensor_of(images).numpy())
    assert answer.dtype == np.float64
    np.testing.assert_array_equal(answer, runtime.dequantise(runtime.run(images)))
    assert runtime.name.startswith("LiteRT ")
    assert runtime.name.endswith(", XNNPACK")


def dilated(dtype, *, depthwise, join=True):
    """SPACE_TO_BATCH_ND, a convolution, BATCH_TO_SPACE_ND, as old files have a dilation of 2."""
    generator = np.random.default_rng(2)
    real = dtype == "FLOAT32"
    grids = [(None, 0)] * 4 if real else [(0.02, 5), (0.02, 5), (0.04, -9), (0.04, -9)]
    shapes = [(1, 9, 10, 4), (4, 7, 7, 4), (4, 5, 5, 4), (1, 9, 10, 4)]
    tensors = [Values(shape, dtype, *grid) for shape, grid in zip(shapes, grids, strict=True)]
    shape = (1, 3, 3, 4) if depthwise else (4, 3, 3, 4)
    axis = 3 if depthwise else 0
    if real:
        weights = [stored(generator.normal(0, 1, size), dtype) for size in (shape, 4)]
    else:
        scales = generator.uniform(0.002, 0.02, 4)
        codes = generator.integers(-127, 128, shape), generator.integers(-900, 900, 4)
        weights = [
            stored(codes[0], dtype, scales, 0, axis),
            stored(codes[1], "INT32", scales * 0.02, 0, 0),
        ]
    tensors[3:3] = [*weights, stored([2, 2]), stored([[2, 3], [2, 2]]), stored([[0, 1], [0, 0]])]
    kind = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
    options = {"padding": 1, "strideH": 1, "strideW": 1}
    if depthwise:
        options["depthMultiplier"] = 1
    name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    convolution = Operator(name, [1, 3, 4], [2], kind, options)
    last = Operator("BATCH_TO_SPACE_ND" if join else "RELU", [2, 5, 7] if join else [2], [8])
    return tensors, [Operator("SPACE_TO_BATCH_ND", [0, 5, 6], [1]), convolution, last]


@pytest.mark.parametrize(("mode", "kernel"), ROUTES)
@pytest.mark.parametrize("depthwise", [True, False])
@pytest.mark.parametrize("dtype", ["FLOAT32", "INT8"])
def test_convolutions_of_interleaved_images_are_dilated_ones(
    dtype, depthwise, mode, kernel, tmp_path
):
    path = write(tmp_path / "old.tflite", *dilated(dtype, depthwise=depthwise))
    model, runtime = load_tflite(path, mode=mode), ReferenceRuntime(path, kernel)
    generator = np.random.default_rng(1)
    x = generator.integers(0, 256, (5, 4, 9, 10)).astype(np.float32)
    x = x / 64 - 2 if dtype == "FLOAT32" else x
    with torch.no_grad():
        ours = model(torch.from_numpy(x)).numpy()
    theirs = runtime.answer(x)
    if dtype == "FLOAT32":
        np.testing.assert_allclose(ours, theirs, atol=2e-5)
    else:
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_interleaved_images_that_are_not_joined_are_refused(tmp_path):
    path = write(tmp_path / "open.tflite", *dilated("FLOAT32", depthwise=False, join=False))
    with pytest.raises(AuditError, match=r"SPACE_TO_BATCH_ND.*BATCH_TO_SPACE_ND"):
        load_tflite(path)
