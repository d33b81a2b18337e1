"""Whole NIfTI volumes, as stored: no reorientation to anatomical axes."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.data.pictures.nifti import check_volume
from auditkit.data.volumes.grid import MAX_VOXELS, Grid, check_axes, reading
from auditkit.errors import AuditError

_NIFTI_2 = 540
# What may follow the voxels of a gzipped file, up to its checksum.
_REST = 1 << 20


def nifti_grid(path: Path, what: str) -> Grid:
    """The volume's axes and where they lie, from its header.

    Raises:
        AuditError: as for `nifti_array`; no voxel is read.
    """
    with reading("NIfTI", what), _opened(path, what) as (volume, _):
        return _grid(volume, what)


def nifti_array(path: Path, what: str) -> npt.NDArray[Any]:
    """The voxels, scaled by the header's slope and intercept where it has them.

    Raises:
        AuditError: the extra is missing, the file is damaged (also by its checksum), or it holds
            several volumes.
    """
    with reading("NIfTI", what), _opened(path, what) as (volume, file):
        shape = _grid(volume, what).shape
        values = np.array(volume.dataobj).reshape(shape)
        # A gzipped file is held to its checksum only when its end is reached.
        if isinstance(file, gzip.GzipFile) and len(file.read(_REST)) == _REST:
            raise AuditError(f"{what} goes on behind its voxels; the file may be damaged")
        return values


@contextmanager
def _opened(path: Path, what: str) -> Iterator[tuple[Any, BufferedIOBase]]:
    """The volume as nibabel opened it, held against its file, and the bytes behind it."""
    try:
        import nibabel
    except ImportError as error:
        raise AuditError(
            f'{what} is NIfTI, which needs: pip install "pytest-auditkit[radiology]"'
        ) from error
    zipped = path.name.lower().endswith(".gz")
    with gzip.open(path) if zipped else path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        second = _NIFTI_2 in (int.from_bytes(start, "little"), int.from_bytes(start, "big"))
        volume = (nibabel.Nifti2Image if second else nibabel.Nifti1Image).from_stream(file)
        check_volume(volume, path.stat().st_size, zipped, what, MAX_VOXELS)
        yield volume, file


def _grid(volume: Any, what: str) -> Grid:
    shape = tuple(int(side) for side in volume.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    check_axes(shape, what)
    header = volume.header
    placed = int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0
    return Grid(shape, np.asarray(volume.affine, dtype=np.float64) if placed else None)
