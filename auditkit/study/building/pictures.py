"""Pictures of a study: one size, one length, nothing but pixels.

A picture file tells more than its pixels: a noisy picture compresses worse than a smooth one, and
metadata name cameras and programs. So pictures are written as PNG whose deflate blocks are stored
(RFC 1951, 3.2.4), and their length is a function of width and height alone.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
Size = tuple[int, int]

LARGEST_SIDE = 1024
GREY = 128

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">IIBBBBB")
_BITS, _RGB = 8, 2
_CHUNK = 12
_STORED = 65535
# Deflate with a window of 32 KiB, fastest level: as zlib itself would say (RFC 1950).
_ZLIB = b"\x78\x01"


def encoded(pixels: Pixels) -> bytes:
    """A picture as PNG of 8-bit RGB, not compressed, of three chunks: IHDR, IDAT, IEND.

    Args:
        pixels: uint8 (H, W, 3).

    Returns:
        ``size_of(W, H)`` bytes; all but the pixels themselves and their checksums are equal for every
        picture of that size.
    """
    height, width, channels = pixels.shape
    if pixels.dtype != np.uint8 or channels != 3 or not height or not width:
        raise ValueError(f"uint8 (H, W, 3) was expected, got {pixels.dtype} {pixels.shape}")
    lines = np.zeros((height, 1 + 3 * width), np.uint8)  # each line begins with its filter: none
    lines[:, 1:] = pixels.reshape(height, 3 * width)
    parts = (
        _SIGNATURE,
        _chunk(b"IHDR", _HEADER.pack(width, height, _BITS, _RGB, 0, 0, 0)),
        _chunk(b"IDAT", _stored(lines.tobytes())),
        _chunk(b"IEND", b""),
    )
    return b"".join(parts)


def size_of(width: int, height: int) -> int:
    """Bytes of every picture of that many pixels."""
    raw = height * (1 + 3 * width)
    blocks = -(-raw // _STORED)
    stream = len(_ZLIB) + 5 * blocks + raw + 4
    return len(_SIGNATURE) + 3 * _CHUNK + _HEADER.size + stream


def canvas_of(sizes: Iterable[Size], largest: int = LARGEST_SIDE) -> Size:
    """The (width, height) that all pictures of a study are given.

    The largest width and the largest height of all of them, together made smaller until the longer side
    has at most ``largest`` pixels. Pictures that all have this size already are shown pixel by pixel.
    """
    widths, heights = zip(*sizes, strict=True)
    width, height = max(widths), max(heights)
    scale = min(1.0, largest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def fitted(pixels: Pixels, canvas: Size) -> Pixels:
    """A picture on the study's canvas: as large as it fits, its aspect kept, centred on neutral grey.

    Small pictures are made larger as well (Lanczos): where models have inputs of different sizes, wide
    margins would tell them apart. What resampling leaves in the pixels (a softer picture) is for people to
    see and no file can hide; only models with inputs of one size are entirely free of it.
    """
    width, height = canvas
    own_height, own_width = pixels.shape[:2]
    if (own_width, own_height) == canvas:
        return pixels
    scale = min(width / own_width, height / own_height)
    inner = (max(1, round(own_width * scale)), max(1, round(own_height * scale)))
    resized = Image.fromarray(pixels).resize(inner, Image.Resampling.LANCZOS)
    found = np.full((height, width, 3), GREY, np.uint8)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    found[top : top + inner[1], left : left + inner[0]] = np.asarray(resized)
    return found


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def _stored(raw: bytes) -> bytes:
    return b"".join((_ZLIB, *_blocks(raw), struct.pack(">I", zlib.adler32(raw))))


def _blocks(raw: bytes) -> Iterator[bytes]:
    for start in range(0, len(raw), _STORED):
        content = raw[start : start + _STORED]
        last = start + _STORED >= len(raw)
        length = len(content)
        yield struct.pack("<BHH", last, length, length ^ 0xFFFF) + content
