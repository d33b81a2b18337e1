"""The evidence store: arrays under their address, written whole or not at all.

A shard is two files: ``<address>.safetensors`` with the arrays, and ``<address>.json`` with the sha256
of the former and how it was made. The sidecar is written last, so a shard without one does not exist. What is
there and whole is never written again: who comes second finds it.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError
from auditkit.evidence.leases import FOLDER, Leases, held
from auditkit.evidence.places import HALF, Place, place_of

Arrays = dict[str, npt.NDArray[Any]]

FORMAT: Final = 2
ARRAYS, SIDECAR = ".safetensors", ".json"
_ADDRESS: Final = re.compile(r"[0-9a-f]{2}/([0-9a-f]{64})\.(safetensors|json)")
# A sidecar names a stage and its parameters; a larger one is none of ours.
_LARGEST_SIDECAR: Final = 64 << 20


@dataclass(frozen=True)
class Kept:
    """A shard's file with the arrays, as it was read or written."""

    sha256: str
    size: int


class Stored(NamedTuple):
    """A file of a store, and what it is.

    Attributes:
        name: relative to the store.
        address: of the shard; empty for other files.
        kind: arrays, sidecar, lease, half (of an interrupted write), or other.
        size: bytes.
        changed: seconds since 1970.
    """

    name: str
    address: str
    kind: str
    size: int
    changed: float


class Store:
    """A folder of shards that many processes may read and write at once.

    Attributes:
        root: the folder; for a store elsewhere, its URL.
    """

    def __init__(self, root: Path | str) -> None:
        text = str(root)
        self.url = text if "://" in text and not text.startswith("file://") else ""
        self.root: Path | str = self.url or Path(text.removeprefix("file://"))

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to another process, a store is where it is."""
        return type(self), (self.place,)

    @property
    def place(self) -> str:
        """What to open it by, from any folder."""
        return self.url or str(Path(self.root).absolute())

    @cached_property
    def files(self) -> Place:
        """Where its files are."""
        return place_of(self.root)

    @cached_property
    def leases(self) -> Leases:
        """Who computes what now."""
        return Leases(self.files)

    def read(self, address: str) -> Arrays | None:
        """The shard's arrays; None if it is not there or does not match its digest."""
        found = self.fetch(address)
        return None if found is None else found[0]

    def fetch(self, address: str) -> tuple[Arrays, Kept] | None:
        """As `read`, with the digest that the arrays were held to."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            about = self.about(address)
            content = self.files.read(_name(address, ARRAYS))
            digest = hashlib.sha256(content).hexdigest()
            if digest != about["sha256"]:
                return None
            return dict(load(content)), Kept(digest, len(content))
        except (OSError, ValueError, KeyError, TypeError, SafetensorError, RecursionError):
            return None

    def about(self, address: str) -> dict[str, Any]:
        """A shard's sidecar.

        Raises:
            OSError: there is none.
            ValueError: it is damaged.
        """
        content = self.files.read(_name(address, SIDECAR))
        if len(content) > _LARGEST_SIDECAR:
            raise ValueError("no sidecar is so large")
        about = json.loads(content)
        if not isinstance(about, dict):
            raise ValueError("not a sidecar")  # noqa: TRY004 a damaged file
        return about

    def kept(self, address: str) -> Kept | None:
        """What the sidecar says of a shard, whose arrays are not read; None if it is not there."""
        try:
            about = self.about(address)
            return Kept(str(about["sha256"]), int(about.get("size") or self._size(address)))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def _size(self, address: str) -> int:
        """Of a shard whose sidecar does not say it: written before format 2."""
        return len(self.files.read(_name(address, ARRAYS)))

    def write(self, address: str, arrays: Arrays, about: Mapping[str, Any]) -> Kept:
        """Keep a shard: whole files, sidecar last. One that is there and whole is left as it is.

        Returns:
            What is in the store now.

        Raises:
            AuditError: the disk is full or the folder cannot be written; nothing half-written is left.
        """
        from safetensors.numpy import save

        before = self.fetch(address)
        if before is not None:
            return before[1]
        content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
        kept = Kept(hashlib.sha256(content).hexdigest(), len(content))
        said = {**about, "format": FORMAT, "sha256": kept.sha256, "size": kept.size}
        text = json.dumps(said, sort_keys=True, indent=1)
        with self._writing("free some space, or choose another folder with --audit-store"):
            self.files.delete(_name(address, SIDECAR))
            self.files.publish(_name(address, ARRAYS), content)
            self.files.publish(_name(address, SIDECAR), text.encode())
        return kept

    def drop(self, address: str) -> None:
        """Forget a shard: its sidecar first, so that nobody finds half of it.

        Raises:
            AuditError: the store cannot be written.
        """
        with self._writing("it may be read-only"):
            for suffix in (SIDECAR, ARRAYS):
                self.files.delete(_name(address, suffix))

    def forget(self, name: str) -> None:
        """Remove a file that is no shard's.

        Raises:
            AuditError: the store cannot be written.
        """
        with self._writing("it may be read-only"):
            self.files.delete(name)

    @contextlib.contextmanager
    def lease(self, address: str, *, steal: bool = False) -> Iterator[bool]:
        """Hold a shard while it is computed, so that nobody else computes it; whether it was to be had.

        Args:
            address: of the shard.
            steal: go on as if it were to be had: who holds it hangs.

        Raises:
            AuditError: the folder cannot be written.
        """
        if steal:
            yield True
            return
        with contextlib.ExitStack() as stack:
            with self._writing("choose another one with --audit-store"):
                had = stack.enter_context(held(self.leases, address))
            yield had

    @contextlib.contextmanager
    def _writing(self, mended_by: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise AuditError(
                f"evidence cannot be written to {self.root}: {error.strerror or error}; {mended_by}"
            ) from error

    def stored(self) -> Iterator[Stored]:
        """All files.

        Raises:
            AuditError: the store cannot be listed.
        """
        try:
            for entry in self.files.entries():
                yield Stored(entry.name, *_kind(entry.name), entry.size, entry.changed)
        except OSError as error:
            raise AuditError(
                f"the store {self.root} cannot be listed: {error.strerror or error}"
            ) from error


def _name(address: str, suffix: str) -> str:
    return f"{address[:2]}/{address}{suffix}"


def _kind(name: str) -> tuple[str, str]:
    """Address and kind of a file."""
    match = _ADDRESS.fullmatch(name)
    if match is not None and match[1][:2] == name[:2]:
        return match[1], "arrays" if match[2] == "safetensors" else "sidecar"
    if name.rpartition("/")[2].startswith(HALF):
        return "", "half"
    lease = name.startswith(f"{FOLDER}/") and name.endswith(".json")
    return (name[len(FOLDER) + 1 : -5], "lease") if lease else ("", "other")
