"""Pictures of a data set as an audited model's squares: prepared once, read as they are needed."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from auditkit.data.dataset import Dataset
from auditkit.errors import AuditError
from auditkit.evidence.identity import address
from auditkit.models.geometry import to_input
from auditkit.models.model import Model
from auditkit.spec.model_card import Input
from auditkit.training.images import ahead

Pictures = npt.NDArray[np.uint8]
_PREFIX = "pictures-"


def prepared(
    data: Dataset, rows: Sequence[int], given: Input, folder: Path, workers: int
) -> Pictures:
    """The pictures of some records, uint8 (n, side, side, 3), in a file of ``folder``.

    They are written once and then read from there as they are needed, so that memory is bounded whatever the
    data set.

    Raises:
        AuditError: a picture cannot be read, or the disk is full.
    """
    digests = [data.records[row].digest for row in rows]
    key = address({"records": digests, "input": given.model_dump(mode="json")})
    file = folder / f"{_PREFIX}{key[:16]}.npy"
    if not file.is_file():
        try:
            _write(file, data, rows, given, workers)
        except OSError as error:
            raise AuditError(
                f"{file} cannot be written: {error.strerror or error}; free some space, or give another "
                "folder with --out"
            ) from error
    pictures: Pictures = np.load(file, mmap_mode="r", allow_pickle=False)
    return pictures


def forget(folder: Path) -> None:
    """Remove the files that `prepared` wrote."""
    for file in folder.glob(f"{_PREFIX}*.npy"):
        file.unlink(missing_ok=True)


def as_input(pictures: Pictures) -> torch.Tensor:
    """Pictures as a model's input, float32 (N, 3, side, side) in [0, 1], channels last in memory."""
    # A copy: what lies in the file cannot be written to, which torch warns of.
    return torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float() / 255


def as_pictures(images: torch.Tensor) -> Pictures:
    """Images (N, 3, side, side) in [0, 1] as pictures of 8 bits, (N, side, side, 3)."""
    rounded = (images.detach().float().cpu().clamp(0, 1) * 255).round().to(torch.uint8)
    pictures: Pictures = rounded.permute(0, 2, 3, 1).contiguous().numpy()
    return pictures


@torch.no_grad()
def scores(model: Model, pictures: Pictures, batch: int) -> torch.Tensor:
    """The model's score of each picture, float32 (n,), on the CPU."""
    found = [
        model.probabilities(as_input(pictures[start : start + batch]).to(model.device))[:, 1].cpu()
        for start in range(0, len(pictures), batch)
    ]
    return torch.cat(found)


def _write(file: Path, data: Dataset, rows: Sequence[int], given: Input, workers: int) -> None:
    sys.stderr.write(f"preparing {len(rows)} images\n")
    half = file.with_name(f".half-{file.name}")
    shape = (len(rows), given.size, given.size, 3)

    def square(row: int) -> bytes:
        return as_pictures(to_input(data.image(row), given)[None]).tobytes()

    # Written in order, not into a memory map: that would end the process where a disk is full.
    with half.open("wb") as opened:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(opened, header)
        for content in ahead(square, rows, workers):
            opened.write(content)
    half.replace(file)
