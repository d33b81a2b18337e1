"""Messages between a driver and its worker processes, each its length and its pickle.

This module and `child` are all that a worker process imports before it is told where code is.
"""

import os
import pickle
import struct
from typing import Any

_SIZE = struct.Struct(">Q")
_PIECE = 1 << 20


def send(pipe: int, message: Any) -> None:
    """Write a message, all of it.

    Raises:
        OSError: nobody reads any more.
    """
    content = pickle.dumps(message)
    for part in (_SIZE.pack(len(content)), content):
        left = memoryview(part)
        while left:
            left = left[os.write(pipe, left) :]


def receive(pipe: int) -> Any:
    """Read a message, and nothing beyond it.

    Raises:
        EOFError: the other side is gone.
    """
    (size,) = _SIZE.unpack(_read(pipe, _SIZE.size))
    return pickle.loads(_read(pipe, size))  # noqa: S301 between a driver and its own worker


def _read(pipe: int, size: int) -> bytearray:
    found = bytearray()
    while len(found) < size:
        piece = os.read(pipe, min(size - len(found), _PIECE))
        if not piece:
            raise EOFError
        found += piece
    return found
