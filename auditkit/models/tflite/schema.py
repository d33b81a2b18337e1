"""Read a TFLite flatbuffer into plain records, trusting nothing that the file says.

The generated `tflite` package decodes a field wherever an offset points, without checks. Every
length, index, shape and scale is therefore checked here, once, so that the rest of the reader works
on records that fit together. Nothing in the format can run code: it has no scripts, and custom
operators are names only, which the reader refuses.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt
import tflite

from auditkit.errors import AuditError

_IDENTIFIER = b"TFL3"
_SMALLEST_FILE = 32
# Far above real classifiers (about 200 operators, 10 million elements); a damaged length is larger.
_MOST_RECORDS = 20_000
_MOST_ELEMENTS = 1 << 28
_DTYPES: Mapping[str, npt.DTypeLike] = MappingProxyType(
    {
        "FLOAT32": "<f4",
        "FLOAT16": "<f2",
        "INT8": "i1",
        "UINT8": "u1",
        "INT32": "<i4",
        "INT64": "<i8",
        "BOOL": "?",
    },
)
# What decoding a damaged flatbuffer raises: offsets out of the file, absurd lengths, broken text.
_DAMAGE = (
    struct.error,
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
)

Options: TypeAlias = Mapping[str, int | float | bool]


@dataclass(frozen=True)
class Quantisation:
    """The affine map of a tensor, once or per channel: real = scale * (code - zero_point)."""

    scale: npt.NDArray[np.float32]
    zero_point: npt.NDArray[np.int64]
    axis: int


@dataclass(frozen=True)
class TensorRecord:
    """One tensor of the graph; `data` is None where it is computed."""

    index: int
    name: str
    dtype: str
    shape: tuple[int, ...]
    quantisation: Quantisation | None
    data: npt.NDArray[Any] | None

    @property
    def quantised(self) -> bool:
        """Whether the tensor holds 8-bit codes with a scale."""
        return self.dtype in ("INT8", "UINT8") and self.quantisation is not None


@dataclass(frozen=True)
class OperatorRecord:
    """One operator: what it is called in the format, its tensors and its options."""

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options

    @property
    def label(self) -> str:
        """Name for messages and for submodules, e.g. conv_2d_03."""
        return f"{self.name.lower()}_{self.index:02d}"


@dataclass(frozen=True)
class Graph:
    """A whole file: its only subgraph with one image input and one output."""

    path: Path
    tensors: tuple[TensorRecord, ...]
    operators: tuple[OperatorRecord, ...]
    input: int
    output: int

    def fail(self, message: str) -> NoReturn:
        """Raise an AuditError that names the file."""
        raise AuditError(f"{self.path}: {message}")


def _options(kind: str, **fields: str) -> tuple[str, Mapping[str, str]]:
    return kind, fields


_WINDOW = {"padding": "Padding", "stride_h": "StrideH", "stride_w": "StrideW"}
_DILATION = {"dilation_h": "DilationHFactor", "dilation_w": "DilationWFactor"}
_ACTIVATION = {"activation": "FusedActivationFunction"}
_POOL = _options(
    "Pool2DOptions", filter_h="FilterHeight", filter_w="FilterWidth", **_WINDOW, **_ACTIVATION
)
# Which options of which operator the reader uses; operators without any are not listed.
_OPTIONS: Mapping[str, tuple[str, Mapping[str, str]]] = MappingProxyType(
    {
        "CONV_2D": _options("Conv2DOptions", **_WINDOW, **_DILATION, **_ACTIVATION),
        "DEPTHWISE_CONV_2D": _options(
            "DepthwiseConv2DOptions",
            depth_multiplier="DepthMultiplier",
            **_WINDOW,
            **_DILATION,
            **_ACTIVATION,
        ),
        "FULLY_CONNECTED": _options(
            "FullyConnectedOptions",
            weights_format="WeightsFormat",
            keep_num_dims="KeepNumDims",
            **_ACTIVATION,
        ),
        "ADD": _options("AddOptions", **_ACTIVATION),
        "SUB": _options("SubOptions", **_ACTIVATION),
        "MUL": _options("MulOptions", **_ACTIVATION),
        "AVERAGE_POOL_2D": _POOL,
        "MAX_POOL_2D": _POOL,
        "MEAN": _options("ReducerOptions", keep_dims="KeepDims"),
        "SOFTMAX": _options("SoftmaxOptions", beta="Beta"),
        "CONCATENATION": _options("ConcatenationOptions", axis="Axis", **_ACTIVATION),
    },
)


def read_graph(path: Path) -> Graph:
    """Read and check a TFLite file.

    Args:
        path: the file.

    Returns:
        The records of its only subgraph.

    Raises:
        AuditError: if the file is missing, is not a TFLite file, is damaged or truncated, or has
            more than one subgraph, input or output.
    """
    content = _content(path)
    try:
        model = tflite.Model.GetRootAs(content, 0)
        if model.SubgraphsLength() != 1:
            raise AuditError(
                f"{path}: holds {model.SubgraphsLength()} subgraphs, and the reader takes exactly "
                "one; export the model without control flow and with one signature",
            )
        return _graph(path, content, model)
    except _DAMAGE as error:
        raise AuditError(
            f"{path}: the file is damaged or truncated ({type(error).__name__}: {error}); "
            "get it again and compare its sha256",
        ) from error


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise AuditError(f"{path}: the model file cannot be read ({error.strerror})") from error
    if len(content) < _SMALLEST_FILE or content[4:8] != _IDENTIFIER:
        raise AuditError(
            f"{path}: not a TFLite file: bytes 4 to 8 should be {_IDENTIFIER!r}, "
            f"they are {content[4:8]!r}",
        )
    return content


def _graph(path: Path, content: bytes, model: Any) -> Graph:
    subgraph = model.Subgraphs(0)
    codes = [_operator_name(code) for code in _each(model.OperatorCodesLength, model.OperatorCodes)]
    buffers = list(_each(model.BuffersLength, model.Buffers))
    tensors = tuple(
        _tensor(index, tensor, buffers)
        for index, tensor in enumerate(_each(subgraph.TensorsLength, subgraph.Tensors))
    )
    operators = tuple(
        _operator(index, operator, codes)
        for index, operator in enumerate(_each(subgraph.OperatorsLength, subgraph.Operators))
    )
    inputs, outputs = _indices(subgraph.InputsAsNumpy()), _indices(subgraph.OutputsAsNumpy())
    if len(inputs) != 1 or len(outputs) != 1:
        raise AuditError(
            f"{path}: has {len(inputs)} inputs and {len(outputs)} outputs; the reader takes "
            "classifiers with one image input and one output",
        )
    _check_indices(inputs, outputs, operators, len(tensors), len(content))
    return Graph(path, tensors, operators, inputs[0], outputs[0])


def _each(length: Callable[[], int], item: Callable[[int], Any]) -> Iterator[Any]:
    count = length()
    if count > _MOST_RECORDS:
        raise ValueError(f"a list of {count} records")
    return (item(index) for index in range(count))


def _indices(values: Any) -> tuple[int, ...]:
    # The package gives the number 0 for a vector that is not there.
    return tuple(int(value) for value in values) if isinstance(values, np.ndarray) else ()


def _check_indices(
    inputs: Sequence[int],
    outputs: Sequence[int],
    operators: Sequence[OperatorRecord],
    tensors: int,
    size: int,
) -> None:
    used = [*inputs, *outputs]
    for operator in operators:
        if len(operator.inputs) > size or not operator.outputs:
            raise ValueError(f"operator {operator.label} without an output")
        # -1 marks an optional input that is left out, such as a bias.
        used += [index for index in operator.inputs if index != -1]
        used += operator.outputs
    wrong = [index for index in used if not 0 <= index < tensors]
    if wrong:
        raise ValueError(f"tensor {wrong[0]} of {tensors}")


@cache
def _names(enumeration: str) -> Mapping[int, str]:
    members = vars(getattr(tflite, enumeration)).items()
    return {value: name for name, value in members if isinstance(value, int)}


def _operator_name(code: Any) -> str:
    # Codes above 127 are stored in the newer field only; the older one then holds 127.
    number = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
    name = _names("BuiltinOperator").get(number, f"operator {number}")
    if name == "CUSTOM":
        return f"CUSTOM {(code.CustomCode() or b'').decode('utf-8', 'replace')}".strip()
    return name


def _operator(index: int, operator: Any, codes: Sequence[str]) -> OperatorRecord:
    name = codes[operator.OpcodeIndex()]
    return OperatorRecord(
        index,
        name,
        _indices(operator.InputsAsNumpy()),
        _indices(operator.OutputsAsNumpy()),
        _operator_options(name, operator),
    )


def _operator_options(name: str, operator: Any) -> Options:
    if name not in _OPTIONS:
        return {}
    kind, fields = _OPTIONS[name]
    table = operator.BuiltinOptions()
    found = _names("BuiltinOptions").get(operator.BuiltinOptionsType())
    if table is None or found != kind:
        raise ValueError(f"{name} with options of the kind {found}")
    options = getattr(tflite, kind)()
    options.Init(table.Bytes, table.Pos)
    return {key: getattr(options, field)() for key, field in fields.items()}


def _tensor(index: int, tensor: Any, buffers: Sequence[Any]) -> TensorRecord:
    shape = _indices(tensor.ShapeAsNumpy())
    if any(size < 1 for size in shape) or int(np.prod(shape, dtype=object)) > _MOST_ELEMENTS:
        raise ValueError(f"tensor {index} of shape {shape}")
    dtype = _names("TensorType").get(tensor.Type(), f"type {tensor.Type()}")
    if tensor.Sparsity() is not None:
        raise ValueError(f"tensor {index} is sparse, which is not supported")
    name = (tensor.Name() or b"").decode("utf-8", "replace")
    data = _data(index, dtype, shape, buffers[tensor.Buffer()])
    return TensorRecord(index, name, dtype, shape, _quantisation(index, shape, tensor), data)


def _data(index: int, dtype: str, shape: tuple[int, ...], buffer: Any) -> npt.NDArray[Any] | None:
    if buffer.Offset() > 1:
        raise ValueError(f"tensor {index} lies outside the flatbuffer, which is not supported")
    if buffer.DataLength() == 0:
        return None
    raw = buffer.DataAsNumpy()
    if dtype not in _DTYPES:
        # Kept as bytes: only an operator that uses it need refuse it.
        return np.array(raw)
    expected = int(np.prod(shape)) * np.dtype(_DTYPES[dtype]).itemsize
    if raw.nbytes != expected:
        raise ValueError(f"tensor {index} holds {raw.nbytes} bytes, its shape needs {expected}")
    # A copy, so that the file's content is not kept alive and the array is aligned.
    return np.frombuffer(raw.tobytes(), _DTYPES[dtype]).reshape(shape)


def _quantisation(index: int, shape: tuple[int, ...], tensor: Any) -> Quantisation | None:
    record = tensor.Quantization()
    if record is None or record.ScaleLength() == 0:
        return None
    scale = np.asarray(record.ScaleAsNumpy(), np.float32)
    # A model quantised without offsets leaves the zero points out.
    found = record.ZeroPointAsNumpy()
    zero_point = np.array(found if record.ZeroPointLength() else np.zeros(scale.size), np.int64)
    axis = int(record.QuantizedDimension())
    if not np.isfinite(scale).all() or (scale < 0).any() or scale.size != zero_point.size:
        raise ValueError(
            f"tensor {index} with scales {scale[:4]} and {zero_point.size} zero points"
        )
    if scale.size > 1 and not (0 <= axis < len(shape) and shape[axis] == scale.size):
        raise ValueError(f"tensor {index} of shape {shape} with {scale.size} scales on axis {axis}")
    return Quantisation(scale, zero_point, axis)
