"""The evidence store: arrays under their address, written whole or not at all.

A shard is two files: one with the arrays, whose name holds part of its sha256, and ``<address>.json``, which
names it and says how it was made. The sidecar is written last, so a shard without one does not exist; of two
writers the last sidecar wins, whole, and readers ask for no lock (docs/store.md).
"""

import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError
from auditkit.evidence.identity import code_version
from auditkit.evidence.leases import FOLDER, Leases, held
from auditkit.evidence.places import HALF, Place, place_of, shown, unflattened
from auditkit.results.shard_format import (
    ADDRESS,
    MOST_OF_ARRAYS,
    MOST_OF_HEADER,
    MOST_OF_SIDECAR,
    Sidecar,
    arrays_name,
    read_sidecar,
    sidecar_name,
    sidecar_text,
)

Arrays = dict[str, npt.NDArray[Any]]

_SHARD: Final = re.compile(
    r"[0-9a-f]{2}/([0-9a-f]{64})(?:-[0-9a-f]{12}\.safetensors|\.safetensors|(\.json))"
)
_HALF: Final = re.compile(r"(?:.*/)?" + re.escape(HALF) + r"([0-9a-f]{2,64})?.*", re.DOTALL)


@dataclass(frozen=True)
class Kept:
    """A shard's file with the arrays, as it was read or written."""

    sha256: str
    size: int


class Stored(NamedTuple):
    """A file of a store, and what it is.

    Attributes:
        name: relative to the store.
        address: of the shard; empty for other files, and where it cannot be told.
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
        text = unflattened(root)
        self.url = text if "://" in text and not text.startswith("file://") else ""
        self.root: Path | str = self.url or Path(text.removeprefix("file://"))

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to another process, a store is where it is."""
        return type(self), (self.place,)

    def __str__(self) -> str:
        """For people and records: as it was given, without a password."""
        return shown(str(self.root))

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
        """As `read`, with the digest that the arrays were held to.

        Raises:
            AuditError: a store elsewhere does not answer.
        """
        sidecar = self.sidecar(address, use=True)
        if sidecar is None:
            return None
        most = MOST_OF_ARRAYS if sidecar.size is None else sidecar.size
        try:
            content = self.files.read(sidecar.arrays, most)
        except (OSError, ValueError):
            return None
        arrays = _arrays(content, sidecar.sha256)
        return None if arrays is None else (arrays, Kept(sidecar.sha256, len(content)))

    def sidecar(self, address: str, *, use: bool = False) -> Sidecar | None:
        """What is said of a shard; None if nothing is, or nothing that can be read.

        Args:
            address: of the shard.
            use: note that it was used.
        """
        if not ADDRESS.fullmatch(address):
            return None
        try:
            content = self.files.read(sidecar_name(address), MOST_OF_SIDECAR, use=use)
        except (OSError, ValueError):
            return None
        return read_sidecar(address, content)

    def kept(self, address: str) -> Kept | None:
        """What is said of a shard whose arrays are there, which are not read; None if they are not."""
        sidecar = self.sidecar(address)
        if sidecar is None:
            return None
        try:
            size = self.files.size(sidecar.arrays)
        except OSError:
            return None
        return Kept(sidecar.sha256, size) if sidecar.size in (None, size) else None

    def write(self, address: str, arrays: Arrays, about: Mapping[str, Any]) -> Kept:
        """Keep a shard: whole files, the arrays first, then the sidecar that names them.

        Args:
            address: of the shard.
            arrays: of its images.
            about: how it was made, for people; the code's version is added.

        Raises:
            AuditError: the disk is full or the folder cannot be written; nothing half-written is left.
        """
        from safetensors.numpy import save

        assert ADDRESS.fullmatch(address), address
        content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
        kept = Kept(hashlib.sha256(content).hexdigest(), len(content))
        if kept.size > MOST_OF_ARRAYS:
            raise AuditError(
                f"a shard has {kept.size / 1e9:.0f} GB, more than the store reads; ask for fewer images per "
                "shard with --audit-shard"
            )
        text = sidecar_text(address, kept.sha256, kept.size, {"code": code_version(), **about})
        with self._writing("free some space, or choose another folder with --audit-store"):
            self.files.publish_all(
                [(arrays_name(address, kept.sha256), content), (sidecar_name(address), text)]
            )
        return kept

    def copy(self, address: str, sha256: str, folder: Path) -> None:
        """Copy a shard's files as they are, what is there of them, into another store's folder.

        Args:
            address: of the shard.
            sha256: of the arrays that are wanted, whatever the sidecar names.
            folder: of the other store.

        Raises:
            AuditError: the store does not answer.
        """
        sidecar = self.sidecar(address)
        names = {arrays_name(address, sha256), sidecar_name(address)}
        for name in sorted(names | ({sidecar.arrays} if sidecar else set())):
            with contextlib.suppress(FileNotFoundError, ValueError):
                content = self.files.read(name)
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_bytes(content)

    def drop(self, address: str) -> None:
        """Forget a shard: its sidecar first, so that nobody finds half of it.

        Raises:
            AuditError: the store cannot be written.
        """
        sidecar = self.sidecar(address)
        with self._writing("it may be read-only"):
            self.files.delete(sidecar_name(address))
            if sidecar is not None:
                self.files.delete(sidecar.arrays)

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
            steal: take it whoever has it: who holds it hangs.

        Raises:
            AuditError: the folder cannot be written.
        """
        with contextlib.ExitStack() as stack:
            with self._writing("choose another one with --audit-store"):
                had = stack.enter_context(held(self.leases, address, steal=steal))
            yield had

    @contextlib.contextmanager
    def _writing(self, mended_by: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise AuditError(
                f"evidence cannot be written to {self}: {error.strerror or error}; {mended_by}"
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
                f"the store {self} cannot be listed: {error.strerror or error}"
            ) from error


def _arrays(content: bytes, sha256: str) -> Arrays | None:
    """The arrays of a file; None if it has another digest, or holds none."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if hashlib.sha256(content).hexdigest() != sha256:
        return None
    if int.from_bytes(content[:8], "little") > MOST_OF_HEADER:
        return None
    try:
        return dict(load(content))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, SafetensorError):
        return None


def _kind(name: str) -> tuple[str, str]:
    """Address and kind of a file."""
    match = _SHARD.fullmatch(name)
    if match is not None and match[1][:2] == name[:2]:
        return match[1], "sidecar" if match[2] else "arrays"
    half = _HALF.fullmatch(name)
    if half is not None:
        return half[1] or "", "half"
    lease = name.startswith(f"{FOLDER}/") and name.endswith(".json")
    return (name[len(FOLDER) + 1 : -5], "lease") if lease else ("", "other")
