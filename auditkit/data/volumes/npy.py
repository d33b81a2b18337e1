"""Volumes in NumPy's .npy files: numbers only, nothing is ever unpickled."""

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from auditkit.data.volumes.grid import Grid, check_axes, reading
from auditkit.errors import AuditError

_Header = tuple[tuple[int, ...], bool, np.dtype[Any]]
# Version 3 is for names of fields, which volumes do not have.
_READERS: Mapping[tuple[int, int], Callable[[BinaryIO], _Header]] = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}


def npy_grid(path: Path, what: str) -> Grid:
    """The volume's axes, as its header says and its size confirms.

    Raises:
        AuditError: as for `npy_array`; no voxel is read.
    """
    with reading("a .npy file", what), path.open("rb") as file:
        return Grid(_checked_shape(file, what))


def npy_array(path: Path, what: str) -> npt.NDArray[Any]:
    """The volume as it is stored, in C order.

    Raises:
        AuditError: the file is damaged, holds other things than numbers, or another number of bytes
            than its header claims.
    """
    with reading("a .npy file", what), path.open("rb") as file:
        _checked_shape(file, what)
        file.seek(0)
        return np.ascontiguousarray(np.load(file, allow_pickle=False))


def _checked_shape(file: BinaryIO, what: str) -> tuple[int, ...]:
    """The shape, after everything that the header claims was held against the file."""
    reader = _READERS.get(npy.read_magic(file))
    if reader is None:
        raise AuditError(f"{what} is no .npy file of numbers; save it with numpy.save")
    shape, _, kind = reader(file)
    if kind.hasobject:
        raise AuditError(
            f"{what} holds Python objects, which are never loaded (that could run code); save an array of "
            "numbers"
        )
    if kind.kind not in "biuf":
        raise AuditError(f"{what} holds {kind}; integers, floats or booleans were expected")
    check_axes(shape, what)
    held = os.fstat(file.fileno()).st_size - file.tell()
    claimed = math.prod(shape) * kind.itemsize
    if held != claimed:
        raise AuditError(
            f"{what} claims {Grid(shape)} voxels of {kind} ({claimed} bytes), but holds {held} bytes; the "
            "file is truncated or damaged: copy it again"
        )
    return shape
