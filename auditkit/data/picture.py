"""Opening picture files: 8-bit RGB or a clear error, and masks."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from auditkit.data.dataset import Mask, Picture
from auditkit.errors import AuditError

_MEND = {
    "P": "a palette picture; convert it with Image.open(path).convert('RGB')",
    "L": "a grey picture; convert it with Image.open(path).convert('RGB')",
    "1": "a bilevel picture; convert it with Image.open(path).convert('RGB')",
    "LA": "a grey picture with transparency; decide on a background and save it as RGB",
    "RGBA": "a picture with transparency; decide on a background and save it as RGB",
    "CMYK": "a CMYK picture; convert it to sRGB with its colour profile and save it as RGB",
    "YCbCr": "a YCbCr picture; convert it with Image.open(path).convert('RGB')",
    "LAB": "a CIELAB picture; convert it to sRGB and save it as RGB",
    "I;16": "a 16-bit picture; rescale it to 8 bits as the device would, and save it as RGB",
    "I": "a 32-bit integer picture; rescale it to 8 bits as the device would, and save it as RGB",
    "F": "a floating-point picture; rescale it to 8 bits as the device would, and save it as RGB",
}


def read_picture(path: Path, where: str) -> Picture:
    """Decode an 8-bit RGB picture as it is stored (no EXIF rotation, no colour management).

    Args:
        path: the file.
        where: file and line that named it, for the message.

    Raises:
        AuditError: the file is missing, truncated, not a picture, or not 8-bit RGB.
    """
    image = _open(path, where)
    if image.mode != "RGB":
        kind = _MEND.get(image.mode.split(";B")[0].split(";L")[0], f"of mode {image.mode}")
        raise AuditError(f"{where}: picture {path} is {kind}; 8-bit RGB was expected")
    return np.asarray(image, dtype=np.uint8)


def read_mask(path: Path, shape: tuple[int, int], where: str) -> Mask:
    """Decode a mask: non-zero is inside.

    Raises:
        AuditError: as `read_picture`, or the size is not that of the picture.
    """
    image = _open(path, where)
    if image.mode not in ("1", "L") or image.format == "JPEG":
        raise AuditError(
            f"{where}: mask {path} is of mode {image.mode} ({image.format}); a lossless grey or "
            "bilevel picture was expected, in which 0 is outside: save it as a grey PNG"
        )
    mask: Mask = np.asarray(image) != 0
    if mask.shape != shape:
        raise AuditError(
            f"{where}: mask {path} has {mask.shape[1]} x {mask.shape[0]} pixels, its picture "
            f"{shape[1]} x {shape[0]}; a mask must have its picture's size"
        )
    return mask


def _open(path: Path, where: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(path)
            bits = getattr(image, "tag_v2", {}).get(258) or ()
            if any(bit > 8 for bit in (bits if isinstance(bits, tuple) else (bits,))):
                message = f"{where}: picture {path} has {bits} bits per channel; 8 were expected"
                raise AuditError(message)
            if any(";16" in str(tile[-1]) for tile in getattr(image, "tile", ())):
                raise AuditError(
                    f"{where}: picture {path} is a 16-bit picture; rescale it to 8 bits as the "
                    "device would, and save it as RGB"
                )
            image.load()
    except FileNotFoundError as error:
        raise AuditError(f"{where}: picture {path} does not exist") from error
    except UnidentifiedImageError as error:
        size = path.stat().st_size
        what = "is empty (0 bytes)" if size == 0 else "is not a picture that Pillow can read"
        raise AuditError(f"{where}: {path} {what}") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise AuditError(f"{where}: picture {path} is too large: {error}") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise AuditError(
            f"{where}: picture {path} cannot be decoded ({error}); the file may be truncated"
        ) from error
    if 0 in image.size:
        raise AuditError(
            f"{where}: picture {path} has no pixels ({image.size[0]} x {image.size[1]})"
        )
    return image
