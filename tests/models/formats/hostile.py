"""Damaged archives, made from a whole one."""

import io
import zipfile
from pathlib import Path

import numpy as np

from auditkit.errors import AuditError


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def write(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def bomb(path: Path, whole: Path) -> Path:
    return write(path, parts(whole) | {"extra": bytes(65 * 2**20)}, zipfile.ZIP_DEFLATED)


def damaged(whole: Path, folder: Path, count: int, seed: int) -> list[Path]:
    """Truncations and flipped bytes at drawn places."""
    content, draw = whole.read_bytes(), np.random.default_rng(seed)
    made = []
    for number in range(count):
        changed = bytearray(content)
        if number % 3 == 0:
            del changed[int(draw.integers(len(content))) :]
        else:
            for place in draw.integers(len(content), size=1 + number % 4):
                changed[place] ^= int(draw.integers(1, 256))
        path = folder / f"damaged{number}{whole.suffix}"
        path.write_bytes(bytes(changed))
        made.append(path)
    return made


def refused_or_harmless(load, path: Path, *inputs) -> bool:
    """Whether using a damaged file works, or ends in an AuditError that names it: nothing else."""
    try:
        load(path)(*inputs)
    except AuditError as error:
        return path.stem in str(error)
    return True


class Marker:
    """A pickle that would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def pickled(marker: Path) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(Marker(marker), buffer)
    return buffer.getvalue()
