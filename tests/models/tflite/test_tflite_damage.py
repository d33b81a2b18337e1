"""Whatever is in a file, loading it works or ends in an AuditError."""

import random

import flatbuffers
import pytest
import tflite
import torch

from auditkit.errors import AuditError
from auditkit.models.tflite import load_tflite

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
    with torch.no_grad():
        assert len(model(torch.full((2, channels, height, width), 100.0))) == 2
    return True


@pytest.mark.parametrize("name", FILES)
def test_truncated_files_are_refused(sample, name, tmp_path):
    content = sample(name).read_bytes()
    for offset in range(0, len(content) - 64, max(1, len(content) // 40)):
        assert not tries_to_load(content[:offset], tmp_path, "fake"), offset


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_never_crash(sample, name, tmp_path):
    generator = random.Random(name)
    content = sample(name).read_bytes()
    edges = [*range(2000), *range(len(content) - 5000, len(content))]
    loaded = 0
    for _ in range(80):
        damaged = bytearray(content)
        for _ in range(generator.choice([1, 1, 3])):
            # The structure lies at the ends, the weights between.
            place = generator.choice([generator.choice(edges), generator.randrange(len(content))])
            damaged[place] ^= 1 << generator.randrange(8)
        loaded += tries_to_load(bytes(damaged), tmp_path, generator.choice(["fake", "ref"]))
    assert 0 < loaded < 80


@pytest.mark.parametrize(
    "content",
    [b"", b"TFL3", b"\0" * 64, b"\x08\0\0\0TFL3" + b"\0" * 64, b"\x7fELF" + b"TFL3" * 40],
)
def test_what_is_not_tflite_is_refused(content, tmp_path):
    assert not tries_to_load(content, tmp_path, "fake")


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(AuditError, match="cannot be read"):
        load_tflite(tmp_path / "absent.tflite")


def test_unknown_operator_is_named_with_those_that_are_known(sample):
    with pytest.raises(AuditError, match=r"unsupported_tanh\.tflite.*TANH.*It knows ADD.*CONV_2D"):
        load_tflite(sample("unsupported_tanh"))


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
    with pytest.raises(AuditError, match=r"two\.tflite: has 2 inputs and 1 outputs"):
        load_tflite(path)


def test_graph_without_operators_is_refused(tmp_path):
    path = tmp_path / "none.tflite"
    path.write_bytes(_empty_graph(inputs=1))
    with pytest.raises(AuditError, match="no operators"):
        load_tflite(path)


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
