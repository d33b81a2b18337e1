"""Where a volume's voxels are, and what its file may claim before any of them is read."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError

# 1 GiB as float32; a scan of the whole body has less.
MAX_VOXELS = 2**28


@dataclass(frozen=True)
class Grid:
    """A volume's axes as its file stores them.

    Attributes:
        shape: voxels along each axis.
        affine: from voxels to millimetres, (4, 4), where the file says so.
    """

    shape: tuple[int, ...]
    affine: npt.NDArray[np.float64] | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return " x ".join(map(str, self.shape))

    def lies_as(self, other: "Grid") -> bool:
        """Whether voxels of the same index are at the same place, to half of the smallest voxel side.

        True where one of the files does not say where its voxels are.
        """
        if self.affine is None or other.affine is None:
            return True
        corners = np.array([*product(*((0, side - 1) for side in self.shape))], dtype=np.float64)
        padded = np.zeros((len(corners), 4))
        padded[:, : corners.shape[1]], padded[:, 3] = corners, 1.0
        apart = padded @ (self.affine - other.affine).T
        sides = np.linalg.norm(self.affine[:3, : len(self.shape)], axis=0)
        return bool(np.abs(apart).max() <= 0.5 * sides.min())


def check_axes(shape: Sequence[int], what: str) -> None:
    """Refuse what is no volume, and what would fill the memory.

    Raises:
        AuditError: naming the file by ``what``.
    """
    grid = " x ".join(map(str, shape)) or "no axes"
    if len(shape) not in (2, 3):
        raise AuditError(
            f"{what} has {len(shape)} axes ({grid}); one volume with 2 or 3 was expected: save the part "
            "that is meant as a file of its own"
        )
    if not 0 < math.prod(shape) <= MAX_VOXELS:
        raise AuditError(f"{what} claims {grid} voxels; 1 to {MAX_VOXELS} were expected")


def check_finite(values: npt.NDArray[np.generic], what: str) -> None:
    """Refuse NaN and infinity.

    Raises:
        AuditError: with their number.
    """
    strange = int(values.size - np.isfinite(values).sum())
    if strange:
        raise AuditError(
            f"{what} has {strange} voxels that are not finite; replace them by numbers"
        )


@contextmanager
def reading(kind: str, what: str) -> Iterator[None]:
    """Whatever a parser answers to a damaged file, as one error that names the file.

    Raises:
        AuditError: the file is missing or cannot be read.
    """
    try:
        yield
    except AuditError:
        raise
    except FileNotFoundError as error:
        raise AuditError(f"{what} does not exist") from error
    except Exception as error:  # parsers answer damaged files with errors of every kind
        raise AuditError(
            f"{what} cannot be read as {kind} ({_one_line(error)}); the file may be truncated or damaged: "
            "copy it again"
        ) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
