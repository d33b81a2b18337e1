"""Where a picture's bytes are: a file below a folder, or bytes inside a data set's own files."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol

from auditkit.errors import AuditError
from auditkit.spec.regular import MAX_BYTES, check_regular, open_ordinary

# A file changed this recently may change again within its time stamp's resolution.
_SETTLED = 2.0
# By digest of path, size and times: there may be 10^5 files.
_digests: dict[bytes, bytes] = {}


class Source(Protocol):
    """Bytes of one picture, to be opened when they are needed."""

    @property
    def name(self) -> str:
        """The file's path, for messages; its suffix says what kind of picture it is."""
        ...

    def open(self) -> BinaryIO:
        """The bytes from their start."""
        ...

    def digest(self) -> bytes:
        """SHA-256 of the bytes."""
        ...


def below(root: Path, text: str, where: str) -> Path:
    """The path that a table names, which must lie below the folder ``root`` (resolved).

    Raises:
        AuditError: it leads elsewhere, also by symbolic links, or is no path.
    """
    try:
        path = (root / text).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise AuditError(f"{where}: {text!r:.200} is not a path: {error}") from error
    if not path.is_relative_to(root):
        raise AuditError(
            f"{where}: {text:.200} lies outside the folder {root}; keep what is named there below it"
        )
    return path


def open_regular(path: Path, where: str) -> BufferedReader:
    """Open a file that a table or card names; pipes and devices would never end, or never begin.

    Raises:
        AuditError: it is neither a regular file nor a folder (which the system refuses to open).
        OSError: it cannot be opened.
    """
    try:
        return open_ordinary(path)
    except AuditError as error:
        raise AuditError(f"{where}: {error}") from None


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file named relative to a folder; where it leads is looked at when it is opened.

    Attributes:
        root: resolved folder.
        text: path as named by the data set.
        where: file and line that named it.
    """

    root: Path
    text: str
    where: str

    @property
    def path(self) -> Path:
        """The file's path, known to lie below ``root`` and, if anything is there, to be an ordinary file.

        Raises:
            AuditError: it is another (a pipe, a device), or leads elsewhere.
        """
        path = below(self.root, self.text, self.where)
        try:
            check_regular(path, MAX_BYTES)
        except AuditError as error:
            raise AuditError(f"{self.where}: {error}") from None
        except (OSError, ValueError):
            pass  # told by who opens it
        return path

    @property
    def name(self) -> str:
        """The path as it is named."""
        return str(self.root / self.text)

    def open(self) -> BinaryIO:
        """Open the file."""
        return open_regular(self.path, self.where)

    def digest(self) -> bytes:
        """SHA-256 of the file, remembered while its size and times stay the same."""
        path = self.path
        try:
            return _file_digest(path, self.where)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise AuditError(f"{self.where}: {path} cannot be read: {reason}") from error


@dataclass(frozen=True)
class BytesSource:
    """Bytes that a reader fetches, with a name for messages."""

    name: str
    fetch: Callable[[], bytes]

    def open(self) -> BinaryIO:
        """The bytes as a file."""
        return BytesIO(self.fetch())

    def digest(self) -> bytes:
        """SHA-256 of the bytes."""
        return hashlib.sha256(self.fetch()).digest()


def _file_digest(path: Path, where: str) -> bytes:
    state = path.stat()
    known_by = (str(path), state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    key = hashlib.blake2b(repr(known_by).encode(), digest_size=16).digest()
    found = _digests.get(key)
    if found is None:
        with open_regular(path, where) as file:
            found = hashlib.file_digest(file, "sha256").digest()
        if time.time() - max(state.st_mtime, state.st_ctime) > _SETTLED:
            _digests[key] = found
    return found
