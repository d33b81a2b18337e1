"""DICOM pictures: the values that a viewer would show, at 8 bits."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.data.dataset import Picture
from auditkit.data.pictures.dicom_window import shown
from auditkit.data.pictures.grey import check_size, grey_rgb
from auditkit.data.source import FileSource
from auditkit.errors import AuditError
from auditkit.spec.data_card import Pictures

_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_GREY = ("MONOCHROME1", "MONOCHROME2")
# Whole data sets or frames under deflate: a small file could claim any amount of memory.
_DEFLATED = ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.8.1")


def read_dicom(source: FileSource, where: str, options: Pictures) -> Picture:
    """The picture: modality LUT, then the declared window or the file's own, then 8 bits.

    Grey pictures get three equal channels; MONOCHROME1 is inverted, as displays do.

    Raises:
        AuditError: the extra is missing, the file is damaged or has several frames of which none is
            declared, or no window is known.
    """
    what = f"{where}: picture {source.name}"
    try:
        import pydicom  # noqa: F401 its absence is told apart from a damaged file
    except ImportError as error:
        raise AuditError(
            f'{what} is DICOM, which needs: pip install "pytest-auditkit[radiology]"'
        ) from error
    try:
        return _picture(source.path, what, options)
    except AuditError:
        raise
    except FileNotFoundError as error:
        raise AuditError(f"{what} does not exist") from error
    except Exception as error:  # parsers answer damaged files with errors of every kind
        raise AuditError(
            f"{what} cannot be read as DICOM ({error}); the file may be truncated or damaged"
        ) from error


def _picture(path: Path, what: str, options: Pictures) -> Picture:
    from pydicom import dcmread
    from pydicom.filereader import read_file_meta_info

    if read_file_meta_info(path).get("TransferSyntaxUID") in _DEFLATED:
        raise AuditError(f"{what} is deflated DICOM; save it uncompressed")
    data: Any = dcmread(path)
    if "Rows" not in data or "Columns" not in data:
        raise AuditError(f"{what} holds no picture (no Rows and Columns)")
    check_size(int(data.Rows), int(data.Columns), what)
    frame = _frame(data, what, options)
    kind, pixels = data.PhotometricInterpretation, _pixels(data, frame, what)
    if kind in _COLOUR:
        return _eight_bits(pixels, data, what)
    if kind == "PALETTE COLOR":
        return _palette(pixels, data)
    if kind not in _GREY:
        raise AuditError(f"{what} is {kind}; grey, RGB, YBR or palette pictures were expected")
    shares = shown(pixels, data, frame, options, what)
    return grey_rgb(1.0 - shares if kind == "MONOCHROME1" else shares)


def _frame(data: Any, what: str, options: Pictures) -> int:
    frames = int(data.get("NumberOfFrames") or 1)
    if frames > 1 and options.frame is None:
        raise AuditError(f"{what} has {frames} frames; declare which (pictures: {{frame: 0}})")
    if (options.frame or 0) >= frames:
        raise AuditError(f"{what} has {frames} frames; there is no frame {options.frame}")
    return options.frame or 0


def _pixels(data: Any, frame: int, what: str) -> npt.NDArray[Any]:
    from pydicom.pixels.utils import pixel_array

    try:
        pixels = pixel_array(data, index=frame)
    except RuntimeError as error:
        syntax = data.file_meta.TransferSyntaxUID
        raise AuditError(
            f"{what} is compressed ({syntax.name}) and cannot be decompressed here ({error}); save it "
            "uncompressed, or install one of pydicom's plug-ins for it"
        ) from error
    if pixels.shape[:2] != (data.Rows, data.Columns):
        raise AuditError(f"{what} has other pixels than its header says; the file may be damaged")
    return pixels


def _eight_bits(pixels: npt.NDArray[Any], data: Any, what: str) -> Picture:
    if pixels.dtype != np.uint8 or data.get("BitsStored", 8) != 8 or pixels.shape[2:] != (3,):
        raise AuditError(
            f"{what} is colour of {data.get('BitsStored')} bits; 8-bit colour was expected"
        )
    return np.ascontiguousarray(pixels)


def _palette(pixels: npt.NDArray[Any], data: Any) -> Picture:
    from pydicom.pixels.processing import apply_color_lut

    colours = apply_color_lut(pixels, data)[..., :3]
    return np.ascontiguousarray(colours >> 8 if colours.dtype == np.uint16 else colours).astype(
        np.uint8
    )
