"""Pictures of a closed study, named by what is in them, compressed again: nothing is left to be hidden."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from auditkit.errors import AuditError
from auditkit.results import write_whole
from auditkit.study.exporting.unsealed import Unsealed
from auditkit.study.folder import PICTURES, Item


def write_pictures(study: Unsealed, items: Sequence[Item], folder: Path) -> dict[str, str]:
    """Write the pictures of these items; the same pixels are one file.

    Returns:
        File name of each picture by its name in the study.

    Raises:
        AuditError: a picture is missing or damaged.
    """
    named: dict[str, str] = {}
    for item in items:
        for picture in item.pictures:
            pixels = _read(study.folder / PICTURES / f"{picture}.png")
            named[picture] = f"{_digest(pixels)}.png"
            path = folder / named[picture]
            if not path.exists():
                write_whole(path, _compressed(pixels))
    return named


def _read(path: Path) -> Image.Image:
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError) as error:
        raise AuditError(
            f"{path} cannot be read ({error}); restore the study's folder as it was built"
        ) from error


def _digest(pixels: Image.Image) -> str:
    size = f"{pixels.width}x{pixels.height}\n"
    return hashlib.sha256(size.encode() + np.asarray(pixels).tobytes()).hexdigest()


def _compressed(pixels: Image.Image) -> bytes:
    file = io.BytesIO()
    pixels.save(file, "PNG", optimize=True)
    return file.getvalue()
