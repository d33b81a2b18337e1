"""Where a store's files are: a folder, or any file system that fsspec reaches, such as S3.

Four things are asked of a place: a file is published whole or not at all; it can be made only if it is not
there; it is read in one go; and files can be listed with their size and age.
"""

import contextlib
import os
import re
import secrets
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit, urlunsplit

from auditkit.results.shard_format import MOST_OF_ARRAYS

HALF = ".half-"
_DAY: Final = 86_400.0
# A pipe in the place of a file must not make anybody wait.
_READING: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_WRITING: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
# A URL that went through Path has lost a slash; a drive has one letter.
_FLATTENED: Final = re.compile(r"([a-z][a-z0-9+.-]+):/(?=[^/])(.*)", re.DOTALL)


class UnreadableError(ValueError):
    """A file has more bytes than it may have, or is no plain file."""


def unflattened(root: Path | str) -> str:
    """A path or URL as text.

    Example:
        >>> [unflattened(root) for root in ("s3://b/p/", Path("s3://b/p"), Path("a/b"), "C:/a")]
        ['s3://b/p', 's3://b/p', 'a/b', 'C:/a']
    """
    found = _FLATTENED.fullmatch(str(root)) if isinstance(root, Path) else None
    text = f"{found[1]}://{found[2]}" if found else str(root)
    return text.rstrip("/") or text


def shown(place: str) -> str:
    """A path or URL for people and records, without a password.

    Example:
        >>> shown("sftp://ann:secret@host/store"), shown("a/b")
        ('sftp://host/store', 'a/b')
    """
    if "://" not in place:
        return place
    parts = urlsplit(place)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@dataclass(frozen=True)
class Entry:
    """A file of a store.

    Attributes:
        name: relative to the store, with slashes.
        size: bytes.
        changed: seconds since 1970, on the clock of whoever keeps the file.
    """

    name: str
    size: int
    changed: float


class Place(Protocol):
    """Where files are. Names are relative, with slashes.

    Every method raises OSError, and AuditError where a place elsewhere does not answer.
    """

    def read(self, name: str, most: int = MOST_OF_ARRAYS, *, use: bool = False) -> bytes:
        """The whole file.

        Args:
            name: of the file.
            most: bytes.
            use: note, at little cost, that it was used.

        Raises:
            FileNotFoundError: there is none.
            UnreadableError: it has more bytes, or is no plain file.
        """
        ...

    def size(self, name: str) -> int:
        """Bytes of a file; FileNotFoundError where there is none."""
        ...

    def publish_all(self, files: Sequence[tuple[str, bytes]], *, kept: bool = True) -> None:
        """As `publish`, in this order."""
        ...

    def swap(self, name: str, before: bytes, after: bytes) -> bool:
        """Put a file in the place of one with a certain content; False if it has another, or is gone.

        Args:
            name: of the file.
            before: what it has to hold; nothing stands for whatever cannot be read as well.
            after: what it is to hold.
        """
        ...

    def publish(self, name: str, content: bytes, *, kept: bool = True) -> None:
        """Put a file in place whole, over what is there; ``kept`` ones survive a loss of power."""
        ...

    def create(self, name: str, content: bytes) -> bool:
        """Put a file in place only if none is there; whether this call did."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...

    def entries(self, under: str = "") -> Iterator[Entry]:
        """All files, or those of a folder, in no order."""
        ...


@dataclass(frozen=True)
class Folder:
    """A folder of this machine, or of a file system that it shares."""

    root: Path

    def read(self, name: str, most: int = MOST_OF_ARRAYS, *, use: bool = False) -> bytes:
        """The whole file; the day of its last use is its time, as far as it may be set."""
        path = f"{self.root}/{name}"
        with open(os.open(path, _READING), "rb", buffering=0) as file:  # noqa: PTH123 a handle
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_size > most:
                raise UnreadableError(path)
            content = file.read()
        if use and abs(time.time() - found.st_mtime) > _DAY:
            with contextlib.suppress(OSError):
                os.utime(path)
        return content

    def size(self, name: str) -> int:
        """Bytes of a file."""
        return (self.root / name).stat().st_size

    def publish(self, name: str, content: bytes, *, kept: bool = True) -> None:
        """To a temporary file first, which is moved into place."""
        self.publish_all([(name, content)], kept=kept)

    def publish_all(self, files: Sequence[tuple[str, bytes]], *, kept: bool = True) -> None:
        """All of them to temporary files first, then each moved into place."""
        halves: list[tuple[str, int]] = []
        try:
            for name, content in files:
                halves.append(self._half(name))
                _write(halves[-1][1], content)
            if kept:
                _sync([handle for _, handle in halves])
            for (name, _), (half, _) in zip(files, halves, strict=True):
                os.replace(half, self.root / name)  # noqa: PTH105 atomic on every platform
        except BaseException:
            for half, _ in halves:
                with contextlib.suppress(OSError):
                    os.unlink(half)  # noqa: PTH108 a string
            raise
        finally:
            for _, handle in halves:
                os.close(handle)

    def create(self, name: str, content: bytes) -> bool:
        """The kernel lets one of two make it; whoever is killed in between leaves it empty."""
        path = f"{self.root}/{name}"
        try:
            handle = _new(path)
        except FileExistsError:
            return False
        try:
            _write(handle, content)
        except BaseException:
            os.unlink(path)  # noqa: PTH108 a string
            raise
        finally:
            os.close(handle)
        return True

    def swap(self, name: str, before: bytes, after: bytes) -> bool:
        """One at a time, wherever the file system knows locks."""
        with _alone((self.root / name).parent):
            try:
                found = self.read(name, len(before))
            except FileNotFoundError:
                return False
            except UnreadableError:
                found = b""
            if found != before:
                return False
            self.publish(name, after, kept=False)
            return True

    def _half(self, name: str) -> tuple[str, int]:
        """A new file beside a name, which its own name holds: what it was to be can be told."""
        folder, _, file = name.rpartition("/")
        path = f"{self.root}/{folder}/{HALF}{file}-{secrets.token_hex(6)}"
        return path, _new(path)

    def delete(self, name: str) -> None:
        """Remove a file."""
        (self.root / name).unlink(missing_ok=True)

    def entries(self, under: str = "") -> Iterator[Entry]:
        """By walking; what vanishes meanwhile is left out."""
        for folder, _, names in os.walk(self.root / under):
            for name in names:
                path = Path(folder, name)
                with contextlib.suppress(FileNotFoundError):
                    found = path.stat()
                    yield Entry(
                        path.relative_to(self.root).as_posix(), found.st_size, found.st_mtime
                    )


def _new(path: str) -> int:
    """A file that was not there; its folder is made where it is missing."""
    try:
        return os.open(path, _WRITING, 0o666)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, _WRITING, 0o666)


def _write(handle: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _sync(handles: Sequence[int]) -> None:
    """Have all files on disk: at once, since one alone waits for the disk as long as all of them."""
    errors: list[OSError] = []

    def one(handle: int) -> None:
        try:
            os.fsync(handle)
        except OSError as error:
            errors.append(error)

    others = [threading.Thread(target=one, args=(handle,)) for handle in handles[1:]]
    for thread in others:
        thread.start()
    one(handles[0])
    for thread in others:
        thread.join()
    if errors:
        raise errors[0]


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a folder, if that can be done; the kernel lets go of it, whatever happens to the holder."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # network file systems refuse
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def place_of(root: Path | str) -> Place:
    """The place that a path or a URL names."""
    text = str(root)
    if isinstance(root, str) and "://" in text and not text.startswith("file://"):
        from auditkit.evidence.remote_place import Remote

        return Remote(text)
    return Folder(Path(text.removeprefix("file://")))
