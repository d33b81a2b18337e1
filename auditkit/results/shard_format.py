"""How a shard of evidence lies in a store: names of its two files, and what the sidecar says.

Format 2 (docs/store.md). A sidecar is somebody's word: nothing that it says is used as a path, and it is
read within bounds.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

FORMAT: Final = 2
# Bytes. A sidecar is some hundreds, arrays are some megabytes.
MOST_OF_SIDECAR: Final = 1 << 20
MOST_OF_ARRAYS: Final = 8 << 30
# Of the JSON text with which a file of arrays begins: names, types and shapes.
MOST_OF_HEADER: Final = 16 << 20

ADDRESS: Final = re.compile(r"[0-9a-f]{2,64}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_ARRAYS: Final = ".safetensors"
_SIDECAR: Final = ".json"


@dataclass(frozen=True)
class Sidecar:
    """What is known of a shard without reading its arrays.

    Attributes:
        arrays: name of the file with the arrays, relative to the store.
        sha256: of that file.
        size: its bytes; None where format 1 does not tell.
        about: how it was made, for people: not to be believed.
    """

    arrays: str
    sha256: str
    size: int | None
    about: Mapping[str, Any]


def sidecar_name(address: str) -> str:
    """A shard's sidecar, relative to the store."""
    return f"{address[:2]}/{address}{_SIDECAR}"


def arrays_name(address: str, sha256: str) -> str:
    """A shard's arrays, relative to the store: other content is another file.

    Example:
        >>> arrays_name("ab12", "0123456789abcdef")
        'ab/ab12-0123456789ab.safetensors'
    """
    return f"{address[:2]}/{address}-{sha256[:12]}{_ARRAYS}"


def arrays_name_1(address: str) -> str:
    """As `arrays_name` in format 1."""
    return f"{address[:2]}/{address}{_ARRAYS}"


def sidecar_text(address: str, sha256: str, size: int, about: Mapping[str, Any]) -> bytes:
    """A sidecar's content; what is only for people is left out where it would be too long."""
    own = {
        "format": FORMAT,
        "file": arrays_name(address, sha256).rpartition("/")[2],
        "sha256": sha256,
        "size": size,
    }
    text = json.dumps({**about, **own}, sort_keys=True, indent=1).encode()
    return text if len(text) <= MOST_OF_SIDECAR else json.dumps(own, sort_keys=True).encode()


def read_sidecar(address: str, content: bytes) -> Sidecar | None:
    """What a sidecar says; None where it is none of this address, of a known format."""
    try:
        about = json.loads(content)
        sha256 = about["sha256"]
        if len(content) > MOST_OF_SIDECAR or not _SHA256.fullmatch(sha256):
            return None
        if "format" not in about:
            return Sidecar(arrays_name_1(address), sha256, None, about)
        return _of_format_2(address, sha256, about)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _of_format_2(address: str, sha256: str, about: Mapping[str, Any]) -> Sidecar | None:
    arrays, size = arrays_name(address, sha256), about["size"]
    if about["format"] != FORMAT or about["file"] != arrays.rpartition("/")[2]:
        return None
    if type(size) is not int or not 0 <= size <= MOST_OF_ARRAYS:
        return None
    return Sidecar(arrays, sha256, size, about)
