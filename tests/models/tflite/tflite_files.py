"""TFLite files of a few operators, written tensor by tensor."""

from dataclasses import dataclass, field

import flatbuffers
import numpy as np

DTYPES = {"FLOAT32": np.float32, "INT8": np.int8, "UINT8": np.uint8, "INT32": np.int32}


@dataclass
class Values:
    """A tensor: computed, or stored where `data` is given."""

    shape: tuple
    dtype: str = "FLOAT32"
    scale: object = None
    zero: object = 0
    axis: int = 0
    data: object = None


def stored(data, dtype="INT32", scale=None, zero=0, axis=0):
    """A constant."""
    array = np.asarray(data, DTYPES[dtype])
    return Values(array.shape, dtype, scale, zero, axis, array)


@dataclass
class Operator:
    """An operator with its options, named as in the format's schema."""

    name: str
    inputs: list
    outputs: list
    kind: str | None = None
    options: dict = field(default_factory=dict)


def write(path, tensors, operators, inputs=(0,), outputs=(-1,)):
    """Write a file; negative outputs count from the last tensor."""
    from ai_edge_litert import schema_py_generated as schema

    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers, model.operatorCodes = 3, [schema.BufferT()], []
    graph.tensors = [_tensor(schema, model, values) for values in tensors]
    graph.operators = [_operator(schema, model, operator) for operator in operators]
    graph.inputs = list(inputs)
    graph.outputs = [index % len(tensors) for index in outputs]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def _tensor(schema, model, values):
    tensor = schema.TensorT()
    tensor.shape, tensor.type = list(values.shape), getattr(schema.TensorType, values.dtype)
    tensor.buffer, tensor.name = 0, f"t{len(model.buffers)}"
    if values.data is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values.data).tobytes(), np.uint8)
        model.buffers.append(buffer)
        tensor.buffer = len(model.buffers) - 1
    if values.scale is not None:
        quantisation = schema.QuantizationParametersT()
        quantisation.scale = np.atleast_1d(np.asarray(values.scale, np.float32))
        zeros = np.broadcast_to(values.zero, quantisation.scale.shape)
        quantisation.zeroPoint = zeros.astype(np.int64)
        quantisation.quantizedDimension = values.axis
        tensor.quantization = quantisation
    return tensor


def _operator(schema, model, operator):
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, operator.name)
    code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
    model.operatorCodes.append(code)
    record = schema.OperatorT()
    record.opcodeIndex = len(model.operatorCodes) - 1
    record.inputs, record.outputs = operator.inputs, operator.outputs
    if operator.kind is not None:
        record.builtinOptionsType = getattr(schema.BuiltinOptions, operator.kind)
        record.builtinOptions = getattr(schema, f"{operator.kind}T")()
        for name, value in operator.options.items():
            assert hasattr(record.builtinOptions, name), name
            setattr(record.builtinOptions, name, value)
    return record
