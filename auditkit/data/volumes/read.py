"""One way into the files of volumes: their axes, their voxels, the labels of a mask."""

from pathlib import PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.data.dataset import Volume
from auditkit.data.source import FileSource
from auditkit.data.volumes.grid import Grid, check_finite
from auditkit.data.volumes.nifti import nifti_array, nifti_grid
from auditkit.data.volumes.npy import npy_array, npy_grid
from auditkit.errors import AuditError

NPY, NIFTI = (".npy",), (".nii", ".nii.gz")


def read_grid(source: FileSource, what: str) -> Grid:
    """A volume's axes as stored, without its voxels.

    Args:
        source: the file; its suffix says what it is.
        what: names the file in messages.

    Raises:
        AuditError: the file is missing, damaged, or no volume of numbers.
    """
    return npy_grid(source.path, what) if _is_npy(source, what) else nifti_grid(source.path, what)


def read_volume(source: FileSource, what: str) -> Volume:
    """A volume's values, float32 (*axes as stored), finite.

    Raises:
        AuditError: as `read_grid`, or a value is not finite as float32.
    """
    with np.errstate(over="ignore"):
        values = _values(source, what).astype(np.float32)
    check_finite(values, what)
    return values


def read_labels(source: FileSource, what: str) -> npt.NDArray[Any]:
    """A mask's labels: whole numbers, as stored.

    Raises:
        AuditError: as `read_grid`, or a value is no whole number: which voxels are inside would be a
            guess.
    """
    values = _values(source, what)
    if values.dtype.kind == "f":
        check_finite(values, what)
        if (values != np.rint(values)).any():
            raise AuditError(
                f"{what} has values that are no whole numbers; a mask of labels was expected: decide from "
                "which value on a voxel is inside, and save it so"
            )
    return values


def check_suffix(source: FileSource, what: str) -> None:
    """Refuse files of other kinds by their names.

    Raises:
        AuditError: naming what is read.
    """
    _is_npy(source, what)


def _values(source: FileSource, what: str) -> npt.NDArray[Any]:
    return npy_array(source.path, what) if _is_npy(source, what) else nifti_array(source.path, what)


def _is_npy(source: FileSource, what: str) -> bool:
    name = PurePath(source.text).name.lower()
    if name.endswith((*NPY, *NIFTI)):
        return name.endswith(NPY)
    raise AuditError(f"{what}: {', '.join((*NPY, *NIFTI))} was expected; convert the file")
