"""A folder of any file system that fsspec reaches, such as a prefix of S3."""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from auditkit.errors import AuditError
from auditkit.evidence.places import Entry, UnreadableError, shown
from auditkit.results.shard_format import MOST_OF_ARRAYS

# Services of objects know no folders: asked to make one, some make a bucket.
_OBJECTS: Final = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "memory"}
# What services say of a condition that was not met, of two writers at once, and of unknown conditions.
_THERE: Final = ("PreconditionFailed", "pre-conditions", "ConditionalRequestConflict")
_UNKNOWN: Final = ("NotImplemented", "not implemented")
_EMPTY: Final = ("InvalidRange", "Requested Range Not Satisfiable", "range is not satisfiable")


class Remote:
    """A folder of a file system whose uploads are whole or not there, such as S3.

    What is not there is a FileNotFoundError; a service that does not answer, or refuses, is an AuditError
    when something is read: nothing is computed again because of it.
    """

    # Seconds after which a lease that was taken over is looked at again: two may have done so at once.
    settling = 1.0

    def __init__(self, url: str) -> None:
        self._url = url
        self._system_of: tuple[int, Any] | None = None
        self._root = ""
        self._system  # noqa: B018 an unknown protocol is told at once

    @property
    def _system(self) -> Any:
        """The file system; made again in a process that was forked."""
        if self._system_of is None or self._system_of[0] != os.getpid():
            system, root = self._open()
            self._system_of, self._root = (os.getpid(), system), str(root).rstrip("/")
        return self._system_of[1]

    def _open(self) -> tuple[Any, str]:
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise AuditError(
                f'the store {shown(self._url)} needs fsspec; run: pip install "pytest-auditkit[remote]"'
            ) from error
        try:
            # Another process' files are asked for anew each time.
            found: tuple[Any, str] = url_to_fs(self._url, use_listings_cache=False)
        except Exception as error:  # whatever a library raises
            raise AuditError(f"the store {shown(self._url)} cannot be opened: {error}") from error
        return found

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def read(self, name: str, most: int = MOST_OF_ARRAYS, *, use: bool = False) -> bytes:  # noqa: ARG002
        """One download; times of use are not kept."""
        try:
            with self._answering("read"):
                content = bytes(self._system.cat_file(self._at(name), start=0, end=most + 1))
        except AuditError as error:
            if _says(error.__cause__, _EMPTY):
                return b""
            raise
        if len(content) > most:
            raise UnreadableError(name)
        return content

    def size(self, name: str) -> int:
        """Bytes of a file."""
        with self._answering("read"):
            return int(self._system.info(self._at(name))["size"])

    def publish(self, name: str, content: bytes, *, kept: bool = True) -> None:  # noqa: ARG002 a put is kept
        """One upload."""
        with _os_errors():
            self._make_room(name)
            self._system.pipe_file(self._at(name), content)

    def publish_all(self, files: Sequence[tuple[str, bytes]], *, kept: bool = True) -> None:
        """One upload each, in this order."""
        for name, content in files:
            self.publish(name, content, kept=kept)

    def create(self, name: str, content: bytes) -> bool:
        """One conditional upload, where the file system knows such; else the best that can be had."""
        with _os_errors():
            self._make_room(name)
            try:
                self._system.pipe_file(self._at(name), content, mode="create")
            except FileExistsError:
                return False
            except (OSError, TypeError, NotImplementedError) as error:
                if _says(error, _THERE):
                    return False
                if isinstance(error, OSError) and not _says(error, _UNKNOWN):
                    raise
                return self._create_unless_there(name, content)
        return True

    def swap(self, name: str, before: bytes, after: bytes) -> bool:
        """Whoever wrote last has it, and all others see that."""
        if self._now(name, len(before)) != before:
            return False
        self.publish(name, after)
        time.sleep(self.settling)
        return self._now(name, len(after)) == after

    def delete(self, name: str) -> None:
        """Remove a file."""
        with _os_errors(), contextlib.suppress(FileNotFoundError):
            self._system.rm_file(self._at(name))

    def entries(self, under: str = "") -> Iterator[Entry]:
        """One listing."""
        system = self._system
        with self._answering("listed"):
            try:
                found = system.find(self._at(under), detail=True, refresh=True)
            except TypeError:  # a file system without listings of its own
                found = system.find(self._at(under), detail=True)
            except FileNotFoundError:
                return
        for path, about in found.items():
            name = str(path)[len(self._root) :].lstrip("/")
            yield Entry(name, int(about.get("size") or 0), _changed(about))

    def _now(self, name: str, most: int) -> bytes | None:
        try:
            return self.read(name, most)
        except FileNotFoundError:
            return None
        except UnreadableError:
            return b""

    def _create_unless_there(self, name: str, content: bytes) -> bool:
        if self._now(name, 1 << 20) is not None:
            return False
        self.publish(name, content)
        return True

    def _make_room(self, name: str) -> None:
        """Folders, where a file system has any."""
        system = self._system
        known = (system.protocol,) if isinstance(system.protocol, str) else system.protocol
        if not _OBJECTS.intersection(known):
            system.makedirs(self._at(name).rpartition("/")[0], exist_ok=True)

    @contextlib.contextmanager
    def _answering(self, what: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, AuditError):
            raise
        except Exception as error:  # whatever a library raises
            raise AuditError(
                f"the evidence store {shown(self._url)} cannot be {what}: {error or repr(error)}; check its "
                "address, your credentials and their rights (get, put, delete, list), and the network"
            ) from error


def _says(error: BaseException | None, words: tuple[str, ...]) -> bool:
    text = f"{error} {getattr(error, '__cause__', None)}"
    return any(word in text for word in words)


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
    except (OSError, AuditError):
        raise
    except (TypeError, KeyError, AttributeError):
        raise
    except Exception as error:
        raise OSError(5, f"{error}") from error
