"""The evidence store: arrays under their address, written whole or not at all.

A shard is two files: ``<address>.safetensors`` with the arrays, and ``<address>.json`` with the sha256
of the former and how it was made. The sidecar is written last, so a shard without one does not exist.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from auditkit.errors import AuditError

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Kept:
    """A shard's file with the arrays, as it was read or written."""

    sha256: str
    size: int


class Store:
    """A folder of shards that many processes may read and write at once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, address: str) -> Arrays | None:
        """The shard's arrays; None if it is not there or does not match its digest."""
        found = self.fetch(address)
        return None if found is None else found[0]

    def fetch(self, address: str) -> tuple[Arrays, Kept] | None:
        """As `read`, with the digest that the arrays were held to."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        data, sidecar = self._paths(address)
        try:
            about = json.loads(sidecar.read_text(encoding="utf-8"))
            content = data.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            if digest != about["sha256"]:
                raise ValueError("digest differs")  # noqa: TRY301 handled as every other damage
            return dict(load(content)), Kept(digest, len(content))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, SafetensorError):
            return None

    def kept(self, address: str) -> Kept | None:
        """What the sidecar says of a shard, whose arrays are not read; None if it is not there."""
        data, sidecar = self._paths(address)
        try:
            about = json.loads(sidecar.read_text(encoding="utf-8"))
            return Kept(str(about["sha256"]), data.stat().st_size)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, address: str, arrays: Arrays, about: Mapping[str, Any]) -> Kept:
        """Keep a shard: to temporary files first, moved into place whole, sidecar last.

        Raises:
            AuditError: the disk is full or the folder cannot be written; nothing half-written is left.
        """
        from safetensors.numpy import save

        content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
        digest = hashlib.sha256(content).hexdigest()
        text = json.dumps({**about, "sha256": digest}, sort_keys=True, indent=1)
        data, sidecar = self._paths(address)
        try:
            data.parent.mkdir(parents=True, exist_ok=True)
            sidecar.unlink(missing_ok=True)
            _write_whole(data, content)
            _write_whole(sidecar, text.encode())
        except OSError as error:
            raise AuditError(
                f"evidence cannot be written to {self.root}: {error.strerror}; free some space, or "
                "choose another folder with --audit-store"
            ) from error
        return Kept(digest, len(content))

    @contextlib.contextmanager
    def lease(self, address: str, *, steal: bool = False) -> Iterator[bool]:
        """Hold a shard while it is computed, so that nobody else computes it; whether it was to be had.

        Args:
            address: of the shard.
            steal: go on as if it were to be had: who holds it hangs.

        Raises:
            AuditError: the folder cannot be written.
        """
        folder = self.root / "locks"
        lock = FileLock(folder / f"{address}.lock")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            yield steal
            return
        except OSError as error:
            raise AuditError(
                f"the evidence folder {self.root} cannot be written: {error.strerror}; choose another "
                "one with --audit-store"
            ) from error
        try:
            yield True
        finally:
            lock.release()

    def _paths(self, address: str) -> tuple[Path, Path]:
        stem = self.root / address[:2] / address
        return stem.with_suffix(".safetensors"), stem.with_suffix(".json")


def _write_whole(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".half-", suffix=path.suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)  # noqa: PTH105 atomic on every platform
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108 the name is a plain string here
        raise
