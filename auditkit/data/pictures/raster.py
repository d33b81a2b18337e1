"""Raster pictures through Pillow: 8-bit RGB as stored, and what the card converts."""

import re
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from auditkit.data.dataset import Mask, Picture
from auditkit.data.pictures.grey import MAX_PIXELS, check_size, grey_rgb, windowed
from auditkit.data.source import Source
from auditkit.errors import AuditError
from auditkit.spec.data_card import Pictures

# Pillow reads more (EPS would even start another program); these are decoded by libraries only.
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "JPEG2000", "PPM")
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".bmp", ".webp", ".gif"),
    *(".jp2", ".j2k", ".ppm", ".pgm", ".pbm"),
)
_GREY, _DEEP = ("L", "1"), ("I", "F")
_DECLARE = "or declare the conversion in the card (pictures: {convert: [%s]})"
_DEEP_MEND = (
    "rescale it to 8 bits as the device would, or declare how (pictures: {convert: [grey], window: "
    "[low, high]})"
)
_MEND = {
    "P": f"a palette picture; convert it to RGB, {_DECLARE % 'palette'}",
    "L": f"a grey picture; convert it to RGB, {_DECLARE % 'grey'}",
    "1": f"a bilevel picture; convert it to RGB, {_DECLARE % 'grey'}",
    "LA": "a grey picture with transparency; decide on a background and save it as RGB",
    "PA": "a palette picture with transparency; decide on a background and save it as RGB",
    "RGBA": "a picture with transparency; decide on a background and save it as RGB",
    "CMYK": "a CMYK picture; convert it to sRGB with its colour profile and save it as RGB",
    "YCbCr": "a YCbCr picture; convert it with Image.open(path).convert('RGB')",
    "LAB": "a CIELAB picture; convert it to sRGB and save it as RGB",
    "I;16": f"a 16-bit picture; {_DEEP_MEND}",
    "I": f"a 32-bit integer picture; {_DEEP_MEND}",
    "F": f"a floating-point picture; {_DEEP_MEND}",
}


def read_raster(source: Source, where: str, options: Pictures) -> Picture:
    """Decode a picture as it is stored (no EXIF rotation, no colour management).

    Raises:
        AuditError: it is missing, damaged, no picture, or neither 8-bit RGB nor converted by the card.
    """
    image = _open(source, where, options)
    what = f"{where}: picture {source.name}"
    if image.mode == "RGB":
        return np.asarray(image, dtype=np.uint8)
    if "grey" in options.convert and (found := _grey(image, what, options)) is not None:
        return found
    see_through = "transparency" in image.info
    if "palette" in options.convert and image.mode == "P" and not see_through:
        return np.asarray(image.convert("RGB"), dtype=np.uint8)
    mode = "PA" if see_through and image.mode == "P" else _plain(image.mode)
    raise AuditError(f"{what} is {_MEND.get(mode, f'of mode {mode}')}; 8-bit RGB was expected")


def read_raster_mask(source: Source, where: str, options: Pictures) -> Mask:
    """Decode a lossless grey or bilevel mask: non-zero is inside.

    Raises:
        AuditError: as `read_raster`, or the picture could be misread as a mask.
    """
    image = _open(source, where, options)
    if image.mode not in _GREY or image.format == "JPEG":
        raise AuditError(
            f"{where}: mask {source.name} is of mode {image.mode} ({image.format}); a lossless grey or "
            "bilevel picture was expected, in which 0 is outside: save it as a grey PNG"
        )
    return np.asarray(np.asarray(image) != 0)


def _grey(image: Image.Image, what: str, options: Pictures) -> Picture | None:
    if "transparency" in image.info:
        return None
    if image.mode in _GREY:
        return grey_rgb(np.asarray(image.convert("L"), dtype=np.float64) / 255.0)
    if image.mode not in _DEEP and not image.mode.startswith("I;16"):
        return None
    if options.window is None:
        raise AuditError(
            f"{what} has more than 8 bits; declare which values become black and white "
            "(pictures: {window: [low, high]}) or 'window: percentiles'"
        )
    return grey_rgb(windowed(np.asarray(image), options.window, what))


def _plain(mode: str) -> str:
    return re.sub(";[BLN]$", "", mode).removesuffix("B")


def _open(source: Source, where: str, options: Pictures) -> Image.Image:
    what = f"{where}: picture {source.name}"
    try:
        with source.open() as file:
            image: Image.Image = Image.open(file, formats=FORMATS)
            check_size(image.height, image.width, what)
            _choose_frame(image, what, options)
            _refuse_deep_colour(image, what)
            image.load()
    except AuditError:
        raise
    except FileNotFoundError as error:
        raise AuditError(f"{what} does not exist") from error
    except UnidentifiedImageError as error:
        with source.open() as file:
            nothing = "is not a picture that can be read" if file.read(1) else "is empty (0 bytes)"
        raise AuditError(
            f"{where}: {source.name} {nothing} ({', '.join(FORMATS)}, or DICOM and NIfTI by suffix)"
        ) from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise AuditError(f"{what} is too large: {error}, at most {MAX_PIXELS} are read") from error
    except Exception as error:  # decoders answer damaged files with errors of every kind
        raise AuditError(
            f"{what} cannot be decoded ({error}); the file may be truncated or damaged"
        ) from error
    return image


def _choose_frame(image: Image.Image, what: str, options: Pictures) -> None:
    # A camera's MPO holds the picture first and previews of it behind.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > 1 and options.frame is None:
        raise AuditError(f"{what} has {frames} frames; declare which (pictures: {{frame: 0}})")
    if options.frame and options.frame >= frames:
        raise AuditError(f"{what} has {frames} frames, there is no frame {options.frame}")
    if options.frame:
        image.seek(options.frame)


def _refuse_deep_colour(image: Image.Image, what: str) -> None:
    """Pillow would hand out the upper 8 bits of 16-bit colour without a word."""
    if image.mode != "RGB":
        return
    tags: Any = getattr(image, "tag_v2", {})
    bits = tags.get(258) or ()
    deep = any(bit > 8 for bit in (bits if isinstance(bits, tuple) else (bits,)))
    if deep or any(";16" in str(tile[-1]) for tile in getattr(image, "tile", ())):
        raise AuditError(
            f"{what} is a 16-bit colour picture; rescale it to 8 bits as the device would, and save it "
            "as RGB"
        )
