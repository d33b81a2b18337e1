"""Stored tensors of an ONNX file as arrays, each held to the bytes that are there."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError

Array: TypeAlias = npt.NDArray[Any]

MOST_ELEMENTS = 1 << 31
_DTYPES: Mapping[str, str] = MappingProxyType(
    {
        "FLOAT": "<f4",
        "DOUBLE": "<f8",
        "FLOAT16": "<f2",
        "BFLOAT16": "<u2",
        "INT8": "i1",
        "UINT8": "u1",
        "INT16": "<i2",
        "UINT16": "<u2",
        "INT32": "<i4",
        "INT64": "<i8",
        "BOOL": "u1",
    },
)
# Where ONNX keeps numbers that are not raw bytes; everything small shares one field.
_FIELDS: Mapping[str, str] = MappingProxyType(
    {"FLOAT": "float_data", "DOUBLE": "double_data", "INT64": "int64_data"},
)


@dataclass(frozen=True)
class Source:
    """The file that a tensor comes from: for messages, and for data kept beside it."""

    path: Path

    def fail(self, message: str) -> NoReturn:
        """Raise an AuditError that names the file."""
        raise AuditError(f"{self.path}: {message}")


def type_name(code: int) -> str:
    """Name of an element type, such as FLOAT."""
    import onnx

    known: dict[int, str] = {value: name for name, value in onnx.TensorProto.DataType.items()}
    return known.get(code, f"type {code}")


def decode(tensor: Any, source: Source) -> Array:
    """Give the values of a TensorProto; every float type as float32.

    Raises:
        AuditError: if the type is not known, the dims do not fit the bytes, external data lies
            outside the file's folder, or a number is NaN.
    """
    label, kind = f"the tensor '{tensor.name[:80]}'", type_name(tensor.data_type)
    if kind not in _DTYPES or tensor.HasField("segment"):
        source.fail(f"{label} holds {kind}, which the reader does not know; export as float32")
    shape = tuple(tensor.dims)
    count = math.prod(shape)
    if any(size < 0 for size in shape) or count > MOST_ELEMENTS or len(shape) > 8:
        source.fail(f"{label} has the shape {shape}, which cannot be; the file is damaged")
    values = _values(tensor, kind, count, source, label)
    real = _real(values, kind)
    if real.dtype == np.float32 and np.isnan(real).any():
        source.fail(f"{label} holds numbers that are NaN; export the model again")
    return real.reshape(shape)


def _values(tensor: Any, kind: str, count: int, source: Source, label: str) -> Array:
    dtype = np.dtype(_DTYPES[kind])
    wanted = count * dtype.itemsize
    if tensor.data_location:
        raw = _external(tensor, wanted, source, label)
    elif tensor.HasField("raw_data"):
        raw = tensor.raw_data
    else:
        stored = getattr(tensor, _FIELDS.get(kind, "int32_data"))
        if len(stored) != count:
            source.fail(f"{label} holds {len(stored)} numbers, its shape needs {count}")
        wide = np.array(stored, dtype if kind in _FIELDS else np.int64)
        return wide if kind in _FIELDS else wide.astype(dtype)
    if len(raw) != wanted:
        source.fail(f"{label} holds {len(raw)} bytes, its shape needs {wanted}")
    return np.frombuffer(raw, dtype)


def _real(values: Array, kind: str) -> Array:
    if kind == "BOOL":
        truth: Array = values != 0
        return truth
    if kind == "BFLOAT16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    if kind == "FLOAT16" and values.dtype != np.float16:
        return values.astype(np.uint16).view(np.float16).astype(np.float32)
    if kind in ("DOUBLE", "FLOAT16"):
        with np.errstate(over="ignore"):
            return values.astype(np.float32)
    return values.astype(values.dtype.newbyteorder("="))


def _external(tensor: Any, wanted: int, source: Source, label: str) -> bytes:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    path = external_path(entries.get("location", ""), source, label)
    offset, length = entries.get("offset", "0"), entries.get("length", str(wanted))
    if not (offset.isascii() and offset.isdigit() and length.isascii() and length.isdigit()):
        source.fail(f"{label} lies at offset '{offset[:40]}' of its data file, a damaged number")
    if len(offset) > 18 or int(length or 0) != wanted:
        source.fail(f"{label} holds {length[:20]} bytes of its data file, its shape needs {wanted}")
    if int(offset) + wanted > path.stat().st_size:
        source.fail(f"{label} lies beyond the end of its data file {path.name}; copy it again")
    with path.open("rb") as file:
        file.seek(int(offset))
        return file.read(wanted)


def external_path(location: str, source: Source, label: str) -> Path:
    """Where external data lies: a plain file within the model's own folder.

    Raises:
        AuditError: if the place is absolute, climbs with `..`, leaves the folder through a link, or
            is not a file.
    """
    parts = PurePosixPath(location)
    suspect = "\\" in location or ":" in location or "\0" in location
    if not location or suspect or parts.is_absolute() or ".." in parts.parts:
        source.fail(
            f"{label} asks for its data at '{location[:80]}'; only a plain relative path within the "
            "model's folder is read",
        )
    folder = source.path.parent.resolve()
    path = (folder / location).resolve()
    if not path.is_relative_to(folder):
        source.fail(f"{label} asks for '{location[:80]}', which leads out of the model's folder")
    if not path.is_file():
        source.fail(f"{label} lies in '{location[:80]}', which is missing beside the model")
    return path
