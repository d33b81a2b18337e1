"""Whatever is in a file, loading it works or ends in an AuditError."""

import resource

import flatbuffers
import numpy as np
import pytest
import tflite
import torch
from tflite_files import Operator, Values, stored, write
from tflite_mutations import mutants

from auditkit.errors import AuditError
from auditkit.models.tflite import load_tflite

# Structure and weights of every kind; 28 damaged files of each.
DAMAGED = ["many_int8", "mnasnet_float16", "movements_uint8", "wide_hybrid", "with_table_int8"]
DAMAGED += ["reductions_float"]
FILES = ["many_int8", "mnasnet_float16", "flattened_float", "mobilenet_uint8"]


def tries_to_load(content, folder, mode):
    """Whether the content loads; if it does, it also runs."""
    path = folder / "damaged.tflite"
    path.write_bytes(content)
    try:
        model = load_tflite(path, mode=mode)
    except AuditError:
        return False
    height, width, channels = model.input_shape
    table = torch.ones(2, model.table_size) if model.table_size else None
    if height * width * channels < 1 << 16:
        with torch.no_grad():
            assert len(model(torch.full((2, channels, height, width), 100.0), table)) == 2
    return True


@pytest.mark.parametrize("name", FILES)
def test_truncated_files_are_refused(sample, name, tmp_path):
    content = sample(name).read_bytes()
    for offset in range(0, len(content) - 64, max(1, len(content) // 40)):
        assert not tries_to_load(content[:offset], tmp_path, "fake"), offset


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_refused_or_run(sample, name, tmp_path):
    pytest.importorskip("ai_edge_litert")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loaded = 0
    for index, (_, content) in enumerate(mutants(sample(name).read_bytes(), 28, seed=1)):
        loaded += tries_to_load(content, tmp_path, "ref" if index % 2 else "fake")
    assert 0 < loaded < 28
    # Kilobytes: a damaged length or shape must not become memory.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000


@pytest.mark.parametrize(
    "content",
    [b"", b"TFL3", b"\0" * 64, b"\x08\0\0\0TFL3" + b"\0" * 64, b"\x7fELF" + b"TFL3" * 40],
)
def test_what_is_not_tflite_is_refused(content, tmp_path):
    assert not tries_to_load(content, tmp_path, "fake")


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(AuditError, match="cannot be read"):
        load_tflite(tmp_path / "absent.tflite")


def test_unknown_operators_are_named_with_those_that_are_known(tmp_path):
    tensors = [Values((1, 4, 4, 3)) for _ in range(3)]
    operators = [Operator("SIN", [0], [1]), Operator("COS", [1], [2])]
    path = write(tmp_path / "waves.tflite", tensors, operators)
    with pytest.raises(AuditError, match=r"waves\.tflite.*operators COS, SIN.*It knows ABS, ADD"):
        load_tflite(path)


def test_unsupported_sample_names_its_operator(sample):
    with pytest.raises(AuditError, match=r"unsupported_sine\.tflite: uses the operator SIN,"):
        load_tflite(sample("unsupported_sine"))


def test_custom_operator_is_named(sample, tmp_path):
    # The newer field of the operator code says CUSTOM, code 32, which the older one cannot hide.
    content = bytearray(sample("unsupported_tanh").read_bytes())
    model = tflite.Model.GetRootAs(content, 0)
    code = next(
        code
        for code in map(model.OperatorCodes, range(model.OperatorCodesLength()))
        if max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) == tflite.BuiltinOperator.TANH
    )
    for field, size in ((4, 1), (10, 4)):
        place = code._tab.Offset(field)
        if place:
            start = place + code._tab.Pos
            content[start : start + size] = (32).to_bytes(size, "little")
    path = tmp_path / "custom.tflite"
    path.write_bytes(content)
    with pytest.raises(AuditError, match="uses the operator CUSTOM"):
        load_tflite(path)


def test_two_inputs_are_refused(tmp_path):
    path = tmp_path / "two.tflite"
    path.write_bytes(_empty_graph(inputs=2))
    with pytest.raises(AuditError, match=r"two\.tflite: has two inputs of the shapes"):
        load_tflite(path)


def test_graph_without_operators_is_refused(tmp_path):
    path = tmp_path / "none.tflite"
    path.write_bytes(_empty_graph(inputs=1))
    with pytest.raises(AuditError, match="no operators"):
        load_tflite(path)


def test_sixteen_bit_activations_are_named(tmp_path):
    tensors = [Values((1, 4, 4, 3), "INT16", 0.1, 0), Values((1, 4, 4, 3), "INT16", 0.1, 0)]
    path = write(tmp_path / "wide.tflite", tensors, [Operator("RELU", [0], [1])])
    with pytest.raises(AuditError, match="16-bit activations"):
        load_tflite(path)


def _changed(path, change):
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    change(model, schema)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))


@pytest.fixture
def plain(tmp_path):
    """A file of one convolution."""
    pytest.importorskip("ai_edge_litert")
    weight = stored(np.ones((2, 1, 1, 3)), "FLOAT32")
    tensors = [Values((1, 4, 4, 3)), weight, Values((1, 4, 4, 2))]
    options = {"strideH": 1, "strideW": 1}
    convolution = Operator("CONV_2D", [0, 1], [2], "Conv2DOptions", options)
    return write(tmp_path / "plain.tflite", tensors, [convolution])


def test_plain_file_is_whole(plain):
    assert load_tflite(plain).operator_names == ("conv_2d_00",)


def _two_graphs(model, schema):
    model.subgraphs = model.subgraphs * 2


def _sparse(model, schema):
    model.subgraphs[0].tensors[1].sparsity = schema.SparsityParametersT()


def _elsewhere(model, schema):
    model.buffers[1].offset, model.buffers[1].size = 4096, 24


def _in_a_circle(model, schema):
    model.subgraphs[0].operators[0].inputs = [2, 1]


def _many_axes(model, schema):
    model.subgraphs[0].tensors[0].shape = [1] * 40


def _two_outputs(model, schema):
    model.subgraphs[0].outputs = [2, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_two_graphs, "holds 2 subgraphs.*without control flow"),
        (_sparse, "tensor 1 is sparse.*dense weights"),
        (_elsewhere, "tensor 1 lies outside the flatbuffer"),
        (_in_a_circle, "reads tensor 2, which nothing has computed"),
        (_many_axes, "damaged"),
        (_two_outputs, "has 1 inputs and 2 outputs"),
    ],
)
def test_what_the_reader_does_not_take_is_named(plain, change, message):
    _changed(plain, change)
    with pytest.raises(AuditError, match=rf"plain\.tflite: .*{message}"):
        load_tflite(plain)


def test_weights_named_again_and_again_do_not_grow(plain):
    def repeat(model, schema):
        graph, first = model.subgraphs[0], model.subgraphs[0].operators[0]
        size = 1 << 16
        model.buffers[1].data = np.zeros(8 * size, np.uint8)
        graph.tensors[1].shape = [2, 1, size // 2, 2]
        for _ in range(2000):
            graph.operators.append(first)

    _changed(plain, repeat)
    with pytest.raises(AuditError, match="same weights again and again"):
        load_tflite(plain)


def test_bytes_named_by_many_tensors_are_copied_once_or_refused(plain):
    def repeat(model, schema):
        model.buffers[1].data = np.zeros(4 << 16, np.uint8)
        graph = model.subgraphs[0]
        graph.tensors[1].shape = [1 << 16]
        for power in range(1, 17):
            for other in range(17 - power):
                tensor = schema.TensorT()
                tensor.shape = [1 << power, 1 << other, 1 << (16 - power - other)]
                tensor.type, tensor.buffer = schema.TensorType.FLOAT32, 1
                graph.tensors.append(tensor)

    _changed(plain, repeat)
    with pytest.raises(AuditError, match="hold more than the file does"):
        load_tflite(plain)


def _empty_graph(inputs):
    """Three float images and no operator."""
    builder = flatbuffers.Builder(256)
    tflite.BufferStart(builder)
    buffer = tflite.BufferEnd(builder)
    buffers = _vector(builder, tflite.ModelStartBuffersVector, [buffer])
    tensors = []
    for _ in range(3):
        tflite.TensorStartShapeVector(builder, 4)
        for size in (3, 8, 8, 1):
            builder.PrependInt32(size)
        shape = builder.EndVector()
        tflite.TensorStart(builder)
        tflite.TensorAddShape(builder, shape)
        tensors.append(tflite.TensorEnd(builder))
    tensors = _vector(builder, tflite.SubGraphStartTensorsVector, tensors)
    tflite.SubGraphStartInputsVector(builder, inputs)
    for index in range(inputs):
        builder.PrependInt32(index)
    first = builder.EndVector()
    tflite.SubGraphStartOutputsVector(builder, 1)
    builder.PrependInt32(2)
    last = builder.EndVector()
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, tensors)
    tflite.SubGraphAddInputs(builder, first)
    tflite.SubGraphAddOutputs(builder, last)
    graphs = _vector(builder, tflite.ModelStartSubgraphsVector, [tflite.SubGraphEnd(builder)])
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddSubgraphs(builder, graphs)
    tflite.ModelAddBuffers(builder, buffers)
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def _vector(builder, start, items):
    start(builder, len(items))
    for item in reversed(items):
        builder.PrependUOffsetTRelative(item)
    return builder.EndVector()
