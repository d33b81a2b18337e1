"""The stored values of a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError

# Stored bytes that tensors may share, in sizes of the file; a real one is below 1.
_MOST_SHARING = 4
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


class Store:
    """The stored values of a file; tensors that name the same bytes share one array.

    A small file can name the same bytes very often, so what is copied is bounded by its size.
    """

    def __init__(self, path: Path, buffers: Sequence[Any], size: int) -> None:
        self.path = path
        self._buffers = buffers
        self._left = _MOST_SHARING * size
        self._known: dict[tuple[int, str, tuple[int, ...]], npt.NDArray[Any]] = {}

    def values(
        self, index: int, dtype: str, shape: tuple[int, ...], number: int
    ) -> npt.NDArray[Any] | None:
        """Give the values of a tensor; None if it is computed."""
        buffer = self._buffers[number]
        if buffer.Offset() > 1:
            raise AuditError(
                f"{self.path}: tensor {index} lies outside the flatbuffer, which the reader does "
                "not know; export a model below 2 GB with its weights inside",
            )
        if buffer.DataLength() == 0:
            return None
        raw = buffer.DataAsNumpy()
        key = raw.__array_interface__["data"][0], dtype, shape
        if key not in self._known:
            self.charge(raw.nbytes)
            self._known[key] = _array(index, dtype, shape, raw)
        return self._known[key]

    def charge(self, size: int) -> None:
        """Count bytes that are about to be copied.

        Raises:
            ValueError: if they are far more than the file holds.
        """
        self._left -= size
        if self._left < 0:
            raise ValueError("its tensors hold more than the file does")


def _array(
    index: int, dtype: str, shape: tuple[int, ...], raw: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    if dtype not in _DTYPES:
        # Kept as bytes: only an operator that uses it need refuse it.
        return np.array(raw)
    expected = int(np.prod(shape)) * np.dtype(_DTYPES[dtype]).itemsize
    if raw.nbytes != expected:
        raise ValueError(f"tensor {index} holds {raw.nbytes} bytes, its shape needs {expected}")
    # A copy, so that the file's content is not kept alive and the array is aligned.
    return np.frombuffer(raw.tobytes(), _DTYPES[dtype]).reshape(shape)
