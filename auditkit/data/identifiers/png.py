"""Text chunks of PNG files, read by stepping over everything else: no pixel is decoded."""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Texts and unpacked texts beyond this are cut: who and when stand at their beginning.
_LONGEST = 1 << 16


def png_texts(file: BinaryIO) -> Iterator[tuple[str, str]]:
    """Keyword and text of each tEXt, zTXt and iTXt chunk; ``tIME`` with its date."""
    if file.read(8) != _SIGNATURE:
        return
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind in (b"tEXt", b"zTXt", b"iTXt", b"tIME"):
            content = file.read(min(length, _LONGEST))
            file.seek(length - len(content) + 4, 1)
            yield _decoded(kind, content)
        elif kind == b"IEND":
            return
        else:
            file.seek(length + 4, 1)


def _decoded(kind: bytes, content: bytes) -> tuple[str, str]:
    if kind == b"tIME":
        year, month, day = struct.unpack(">HBB", content[:4].ljust(4, b"\0"))
        return "tIME", f"{year:04d}-{month:02d}-{day:02d}"
    keyword, _, rest = content.partition(b"\0")
    if kind == b"zTXt":
        rest = _unpacked(rest[1:])
    elif kind == b"iTXt":
        # Flag, method, language and translated keyword come before the text.
        text = rest[2:].split(b"\0", 2)[-1]
        rest = _unpacked(text) if rest[:1] == b"\1" else text
    encoding = "utf-8" if kind == b"iTXt" else "latin-1"
    return keyword.decode("latin-1"), rest.decode(encoding, "replace")


def _unpacked(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, _LONGEST)
    except zlib.error:
        return b""
