"""Where a store's files are: a folder, or any file system that fsspec reaches, such as S3.

Four things are asked of a place: a file is published whole or not at all; it can be made only if it is not
there; it is read in one go; and files can be listed with their size and age.
"""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, cast

from auditkit.errors import AuditError


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
    """Where files are. Names are relative, with slashes; every method raises OSError."""

    def read(self, name: str) -> bytes:
        """The whole file; FileNotFoundError where there is none."""
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

    def read(self, name: str) -> bytes:
        """The whole file."""
        return (self.root / name).read_bytes()

    def publish(self, name: str, content: bytes, *, kept: bool = True) -> None:
        """To a temporary file first, which is moved into place."""
        path = self.root / name
        with _half(path, content, kept=kept) as half:
            os.replace(half, path)  # noqa: PTH105 atomic on every platform

    def create(self, name: str, content: bytes) -> bool:
        """A second name for a whole temporary file: two cannot have it."""
        path = self.root / name
        with _half(path, content, kept=False) as half:
            try:
                os.link(half, path)
            except FileExistsError:
                return False
        return True

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


@contextlib.contextmanager
def _half(path: Path, content: bytes, *, kept: bool) -> Iterator[str]:
    """A temporary file beside its place, gone afterwards whatever happens."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=HALF, suffix=path.suffix)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=HALF, suffix=path.suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if kept:
                file.flush()
                os.fsync(file.fileno())
        yield name
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108 the name is a plain string here


HALF = ".half-"


class Remote:
    """A folder of a file system that fsspec reaches and whose uploads are whole or not there, such as S3."""

    def __init__(self, url: str) -> None:
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise AuditError(
                f'the store {url} needs fsspec; run: pip install "pytest-auditkit[remote]"'
            ) from error
        try:
            # Another process' files are asked for anew each time.
            found = url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise AuditError(f"the store {url} cannot be opened: {error}") from error
        self._system: Any = found[0]
        self._root = str(found[1]).rstrip("/")

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def read(self, name: str) -> bytes:
        """The whole file."""
        with _os_errors():
            return cast("bytes", self._system.cat_file(self._at(name)))

    def publish(self, name: str, content: bytes, *, kept: bool = True) -> None:  # noqa: ARG002 a put is kept
        """One upload."""
        with _os_errors():
            self._make_room(name)
            self._system.pipe_file(self._at(name), content)

    def create(self, name: str, content: bytes) -> bool:
        """One conditional upload, where the file system knows such; else the best that can be had."""
        with _os_errors():
            self._make_room(name)
            try:
                self._system.pipe_file(self._at(name), content, mode="create")
            except FileExistsError:
                return False
        return True

    def delete(self, name: str) -> None:
        """Remove a file."""
        with _os_errors(), contextlib.suppress(FileNotFoundError):
            self._system.rm_file(self._at(name))

    def entries(self, under: str = "") -> Iterator[Entry]:
        """One listing."""
        with _os_errors():
            try:
                found = self._system.find(self._at(under), detail=True, refresh=True)
            except TypeError:  # a file system without listings of its own
                found = self._system.find(self._at(under), detail=True)
            except FileNotFoundError:
                return
        for path, about in found.items():
            name = str(path)[len(self._root) :].lstrip("/")
            yield Entry(name, int(about.get("size") or 0), _changed(about))

    def _make_room(self, name: str) -> None:
        """Folders, where a file system has any."""
        self._system.makedirs(self._at(name).rpartition("/")[0], exist_ok=True)


def _changed(about: dict[str, Any]) -> float:
    """When a file was written, however a file system says so; now, if it does not."""
    for key in ("LastModified", "last_modified", "mtime", "created", "updated"):
        said = about.get(key)
        if isinstance(said, int | float):
            return float(said)
        if isinstance(said, datetime):
            return said.timestamp()
    return time.time()


@contextlib.contextmanager
def _os_errors() -> Iterator[None]:
    """What libraries of file systems raise in words of their own, as an OSError."""
    try:
        yield
    except OSError:
        raise
    except (TypeError, KeyError, AttributeError):
        raise
    except Exception as error:
        raise OSError(5, f"{error}") from error


def place_of(root: Path | str) -> Place:
    """The place that a path or a URL names."""
    text = str(root)
    if isinstance(root, str) and "://" in text and not text.startswith("file://"):
        return Remote(text)
    return Folder(Path(text.removeprefix("file://")))
