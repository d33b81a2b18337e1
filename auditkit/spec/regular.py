"""Files that a user names, read only if they are ordinary files of a size that can be held."""

import stat
from io import BufferedReader
from pathlib import Path
from typing import Final

from auditkit.errors import AuditError

# Bytes of a picture, a volume or a table. A file may claim any size and hold nothing.
MAX_BYTES: Final = 1 << 32


def is_file(path: Path) -> bool:
    """Whether there is a file; of a path that no system would accept (too long), False."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether there is a folder; of a path that no system would accept (too long), False."""
    try:
        return path.is_dir()
    except OSError:
        return False


def check_regular(path: Path, most: int | None = None) -> None:
    """Hold a path to being no pipe and no device, which would never end, or never begin.

    A folder passes: the system refuses to open it, and says so.

    Raises:
        AuditError: it is one, or has more than ``most`` bytes.
        OSError: there is nothing, or it cannot be looked at.
    """
    found = path.stat()
    mode = found.st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise AuditError(
            f"{path} is a pipe or a device; an ordinary file was expected: copy its content into one"
        )
    if most is not None and found.st_size > most:
        raise AuditError(
            f"{path} has {found.st_size} bytes; at most {most} are read: is it the right file?"
        )


def open_ordinary(path: Path) -> BufferedReader:
    """Open an ordinary file of at most `MAX_BYTES`.

    Raises:
        AuditError: it is larger, or a pipe or a device.
        OSError: it cannot be opened.
    """
    check_regular(path, MAX_BYTES)
    return path.open("rb")


def read_ordinary(path: Path, most: int) -> bytes:
    """The content of an ordinary file of at most ``most`` bytes.

    Raises:
        AuditError: it is larger, or a pipe or a device.
        OSError: it cannot be read.
    """
    check_regular(path, most)
    with path.open("rb") as file:
        return file.read(most)
