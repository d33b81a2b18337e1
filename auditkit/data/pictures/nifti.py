"""NIfTI volumes: one declared plane, as numbers."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.data.pictures.grey import check_size
from auditkit.data.source import FileSource
from auditkit.errors import AuditError
from auditkit.spec.data_card import Pictures, Slice

_MAX_VOXELS = 2**31
# deflate cannot expand by more: 258 bytes from two bits, with overhead.
_MAX_RATIO = 1032


def read_plane(source: FileSource, where: str, options: Pictures) -> npt.NDArray[np.float64]:
    """The declared plane of a volume, scaled by the header's slope and intercept.

    The plane is ``np.rot90(array[:, :, index], turn)`` for axis 2, of the array as it is stored: no
    reorientation to anatomical axes.

    Returns:
        Numbers (rows, columns), finite.

    Raises:
        AuditError: the extra is missing, the file is damaged, or no such plane is in it.
    """
    what = f"{where}: {source.name}"
    if options.slice is None:
        raise AuditError(
            f"{what} is NIfTI; declare which plane is meant (pictures: {{slice: {{axis: 2, index: "
            "middle}}})"
        )
    try:
        import nibabel
    except ImportError as error:
        raise AuditError(
            f'{what} is NIfTI, which needs: pip install "pytest-auditkit[radiology]"'
        ) from error
    path = source.path
    try:
        volume: Any = nibabel.load(path)
        check_volume(volume, path.stat().st_size, str(path).endswith(".gz"), what)
        plane = np.asarray(volume.dataobj[_place(volume.shape, options, what)], dtype=np.float64)
    except AuditError:
        raise
    except FileNotFoundError as error:
        raise AuditError(f"{what} does not exist") from error
    except Exception as error:  # parsers answer damaged files with errors of every kind
        raise AuditError(
            f"{what} cannot be read as NIfTI ({error}); the file may be truncated or damaged"
        ) from error
    if not np.isfinite(plane).all():
        raise AuditError(f"{what} has voxels that are not finite; replace them by numbers")
    return np.rot90(plane, options.slice.turn)


def check_volume(volume: Any, size: int, zipped: bool, what: str, most: int = _MAX_VOXELS) -> None:
    """Hold a header, which can claim any size, against what the file can hold.

    Args:
        volume: as nibabel opened it, of which no voxel is read.
        size: of the file, in bytes.
        zipped: whether the file is gzipped.
        what: names the file in messages.
        most: voxels that are read.

    Raises:
        AuditError: it is no NIfTI, holds no grey values, or claims more than the file can hold.
    """
    from nibabel.nifti1 import Nifti1Pair

    if not isinstance(volume, Nifti1Pair):
        raise AuditError(f"{what} is not NIfTI but {type(volume).__name__}")
    header: Any = volume.header
    kind = header.get_data_dtype()
    if kind.kind not in "iuf":
        raise AuditError(f"{what} holds {kind}; grey values (integers or floats) were expected")
    voxels = math.prod(int(length) for length in volume.shape)
    held = size * (_MAX_RATIO if zipped else 1)
    if not 0 < voxels <= most or voxels * kind.itemsize > held:
        raise AuditError(
            f"{what} claims {' x '.join(map(str, volume.shape))} voxels, which {size} bytes cannot hold"
            f" (at most {most} are read); copy it again"
        )


def _place(shape: tuple[int, ...], options: Pictures, what: str) -> tuple[int | slice, ...]:
    assert options.slice is not None
    if len(shape) not in (3, 4):
        raise AuditError(f"{what} has {len(shape)} dimensions; a volume was expected")
    place: list[int | slice] = [slice(None)] * 3
    place[options.slice.axis] = _index(shape, options.slice, what)
    height, width = (n for axis, n in enumerate(shape[:3]) if axis != options.slice.axis)
    check_size(height, width, what)
    if len(shape) == 4:
        place.append(_frame(shape[3], options.frame, what))
    return tuple(place)


def _index(shape: tuple[int, ...], wanted: Slice, what: str) -> int:
    length = shape[wanted.axis]
    index = length // 2 if wanted.index == "middle" else int(wanted.index)
    if index >= length:
        raise AuditError(f"{what} has {length} planes on axis {wanted.axis}; there is no {index}")
    return index


def _frame(frames: int, wanted: int | None, what: str) -> int:
    if wanted is None and frames > 1:
        raise AuditError(f"{what} has {frames} volumes; declare which (pictures: {{frame: 0}})")
    if (wanted or 0) >= frames:
        raise AuditError(f"{what} has {frames} volumes; there is no {wanted}")
    return wanted or 0
