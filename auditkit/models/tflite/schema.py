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
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import tflite

from auditkit.errors import AuditError
from auditkit.models.tflite.options import OPTIONS, Options
from auditkit.models.tflite.store import Store

_IDENTIFIER = b"TFL3"
_SMALLEST_FILE = 32
# Far above real classifiers (about 200 operators, 10 million elements); a damaged length is larger.
_MOST_RECORDS = 20_000
_MOST_AXES = 8
_MOST_INPUTS = 256
_MOST_BYTES = 1 << 31
_MOST_ELEMENTS = 1 << 28
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
    """A whole file: its only subgraph with an image input, at most one table, and one output.

    `input` and `output` are the tensors of the image and of the answer; `table` is the second input
    (1, F), or None.
    """

    path: Path
    tensors: tuple[TensorRecord, ...]
    operators: tuple[OperatorRecord, ...]
    input: int
    output: int
    table: int | None = None

    def fail(self, message: str) -> NoReturn:
        """Raise an AuditError that names the file."""
        raise AuditError(f"{self.path}: {message}")


def read_graph(path: Path) -> Graph:
    """Read and check a TFLite file.

    Args:
        path: the file.

    Returns:
        The records of its only subgraph.

    Raises:
        AuditError: if the file is missing, is not a TFLite file, is damaged or truncated, or has
            more than one subgraph or output, or other inputs than an image and a table.
    """
    return parse_graph(path, read_content(path))


def parse_graph(path: Path, content: bytes) -> Graph:
    """Check the content of a file that was read; see `read_graph`. `path` is for messages."""
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


def read_content(path: Path) -> bytes:
    """Give the bytes of a file that begins like TFLite."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise AuditError(f"{path}: is larger than 2 GiB, which no TFLite file can be")
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
    store = Store(path, list(_each(model.BuffersLength, model.Buffers)), len(content))
    tensors = tuple(
        _tensor(index, tensor, store)
        for index, tensor in enumerate(_each(subgraph.TensorsLength, subgraph.Tensors))
    )
    operators = tuple(
        _operator(index, operator, codes)
        for index, operator in enumerate(_each(subgraph.OperatorsLength, subgraph.Operators))
    )
    inputs, outputs = _indices(subgraph.InputsAsNumpy()), _indices(subgraph.OutputsAsNumpy())
    if len(inputs) not in (1, 2) or len(outputs) != 1:
        raise AuditError(
            f"{path}: has {len(inputs)} inputs and {len(outputs)} outputs; the reader takes "
            "classifiers with one image input, perhaps a table (1, features), and one output",
        )
    _check_indices(inputs, outputs, operators, len(tensors))
    image, table = _image_and_table(path, inputs, tensors)
    return Graph(path, tensors, operators, image, outputs[0], table)


def _image_and_table(
    path: Path, inputs: Sequence[int], tensors: Sequence[TensorRecord]
) -> tuple[int, int | None]:
    if len(inputs) == 1:
        return inputs[0], None
    ranks = [len(tensors[index].shape) for index in inputs]
    if sorted(ranks) != [2, 4]:
        shapes = " and ".join(str(tensors[index].shape) for index in inputs)
        raise AuditError(
            f"{path}: has two inputs of the shapes {shapes}; the reader takes an image with four "
            "axes and a table (1, features)",
        )
    return inputs[ranks.index(4)], inputs[ranks.index(2)]


def _each(length: Callable[[], int], item: Callable[[int], Any]) -> Iterator[Any]:
    count = length()
    if count > _MOST_RECORDS:
        raise ValueError(f"a list of {count} records")
    return (item(index) for index in range(count))


def _indices(values: Any) -> tuple[int, ...]:
    # The package gives the number 0 for a vector that is not there.
    if not isinstance(values, np.ndarray):
        return ()
    if len(values) > _MOST_INPUTS:
        raise ValueError(f"a list of {len(values)} indices")
    return tuple(int(value) for value in values)


def _check_indices(
    inputs: Sequence[int],
    outputs: Sequence[int],
    operators: Sequence[OperatorRecord],
    tensors: int,
) -> None:
    used = [*inputs, *outputs]
    for operator in operators:
        if not operator.outputs:
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
        return f"CUSTOM {(code.CustomCode() or b'')[:100].decode('utf-8', 'replace')}".strip()
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
    if name not in OPTIONS:
        return {}
    kind, fields = OPTIONS[name]
    table = operator.BuiltinOptions()
    found = _names("BuiltinOptions").get(operator.BuiltinOptionsType())
    if table is None or found != kind:
        # The native runtime reads these without looking.
        raise ValueError(f"{name} with options of the kind {found}")
    options = getattr(tflite, kind)()
    options.Init(table.Bytes, table.Pos)
    return {key: getattr(options, field)() for key, field in fields.items()}


def _tensor(index: int, tensor: Any, store: Store) -> TensorRecord:
    shape = _indices(tensor.ShapeAsNumpy())
    elements = int(np.prod(shape, dtype=object))
    if len(shape) > _MOST_AXES or not 0 < elements <= _MOST_ELEMENTS or min((1, *shape)) < 1:
        raise ValueError(f"tensor {index} of shape {shape}")
    dtype = _names("TensorType").get(tensor.Type(), f"type {tensor.Type()}")
    if tensor.Sparsity() is not None:
        raise AuditError(
            f"{store.path}: tensor {index} is sparse, which the reader does not know; export the "
            "model with dense weights",
        )
    name = (tensor.Name() or b"")[:200].decode("utf-8", "replace")
    data = store.values(index, dtype, shape, tensor.Buffer())
    return TensorRecord(index, name, dtype, shape, _quantisation(index, shape, tensor, store), data)


def _quantisation(
    index: int, shape: tuple[int, ...], tensor: Any, store: Store
) -> Quantisation | None:
    record = tensor.Quantization()
    if record is None or record.ScaleLength() == 0:
        return None
    store.charge(12 * record.ScaleLength())
    scale = np.array(record.ScaleAsNumpy(), np.float32)
    # A model quantised without offsets leaves the zero points out.
    found = record.ZeroPointAsNumpy()
    zero_point = np.array(found if record.ZeroPointLength() else np.zeros(scale.size), np.int64)
    axis = int(record.QuantizedDimension())
    # A subnormal scale is zero to some kernels and not to others.
    subnormal = (scale > 0) & (scale < np.finfo(np.float32).tiny)
    broken = not np.isfinite(scale).all() or (scale < 0).any() or subnormal.any()
    if broken or scale.size != zero_point.size:
        raise ValueError(
            f"tensor {index} with scales {scale[:4]} and {zero_point.size} zero points"
        )
    if scale.size > 1 and not (0 <= axis < len(shape) and shape[axis] == scale.size):
        raise ValueError(f"tensor {index} of shape {shape} with {scale.size} scales on axis {axis}")
    return Quantisation(scale, zero_point, axis)
