"""Picture files as people are shown them: upright, 8-bit RGB, without anything else."""

from pathlib import PurePath

import numpy as np
from PIL import ExifTags, Image

from auditkit.data.pictures.raster import FORMATS, SUFFIXES, read_raster
from auditkit.data.source import Source
from auditkit.errors import AuditError
from auditkit.spec.data_card import Pictures
from auditkit.study.building.pictures import Pixels

# Grey and palette pictures have one meaning in RGB; all else has to be decided by who made the file.
_OPTIONS = Pictures(convert=["grey", "palette"])
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_upright(source: Source, where: str) -> Pixels:
    """A picture file's pixels, turned as its EXIF orientation says; no colour management.

    Raises:
        AuditError: naming file and line: it is missing, damaged, too large or no picture of 8 bits.
    """
    if PurePath(source.name).suffix.lower() not in SUFFIXES:
        raise AuditError(
            f"{where}: {source.name} is none of {', '.join(SUFFIXES)}; save it as a PNG of 8-bit RGB"
        )
    pixels = read_raster(source, where, _OPTIONS)
    turn = _UPRIGHT.get(_orientation(source, where))
    if turn is None:
        return pixels
    return np.asarray(Image.fromarray(pixels).transpose(turn))


def _orientation(source: Source, where: str) -> int:
    try:
        with source.open() as file, Image.open(file, formats=FORMATS) as image:
            told = image.getexif().get(ExifTags.Base.Orientation)
    except Exception as error:  # decoders answer damaged metadata with errors of every kind
        raise AuditError(
            f"{where}: {source.name}: its EXIF data cannot be read ({error}); save the picture again"
        ) from error
    return told if isinstance(told, int) else 1
