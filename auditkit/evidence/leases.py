"""Leases: who computes a shard now, so that nobody else does.

A lease is a small file that names its holder and a beat, which the holder's process raises now and then.
It is dead at once where its process was on this machine and is gone; elsewhere, when its beat has stood still
for a while by the clock of whoever waits. No clock of another machine is ever believed.

A lease saves work and protects nothing: what is in a store is right whoever writes it, and twice.
"""

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from auditkit.errors import AuditError
from auditkit.evidence.places import Place, UnreadableError
from auditkit.evidence.process_table import STARTED, STATE, stat_of
from auditkit.evidence.still import Still

# Seconds without a beat after which a lease of another machine is dead, and between beats.
TTL = 60.0
_BEAT = TTL / 4
FOLDER = "leases"
_RUNS = "runs"
# Bytes of a lease.
_MOST = 4096


@cache
def machine() -> str:
    """This machine since it was started, in which a process' number means something."""
    parts = [socket.gethostname()]
    for file in ("/proc/sys/kernel/random/boot_id",):
        with contextlib.suppress(OSError):
            parts.append(Path(file).read_text(encoding="ascii").strip())
    with contextlib.suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))  # containers count for themselves
    return " ".join(parts)


def started(pid: int) -> str:
    """When a process was started, in ticks since the machine was; empty if it does not run."""
    stat = stat_of(pid)
    if stat is None:
        return _asked(pid)
    return "" if stat[STATE] in "ZX" else stat[STARTED]


def _asked(pid: int) -> str:
    """As `started` where the system does not tell: only whether it runs."""
    if os.name == "posix":  # elsewhere signal 0 would end it
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return ""
        except (OSError, OverflowError):
            pass
    return _RUNS


@cache
def _own_start(pid: int) -> str:
    return started(pid)


@dataclass
class Leases:
    """The leases of a store.

    Attributes:
        place: where they are.
        ttl: seconds without a beat after which a lease of another machine is dead.
    """

    place: Place
    ttl: float = TTL
    _seen: dict[str, Still] = field(default_factory=dict)

    def take(self, address: str, *, steal: bool = False) -> "Lease | None":
        """The shard's lease; None if somebody else has it.

        Args:
            address: of the shard.
            steal: take it whoever has it.

        Raises:
            OSError: the store cannot be written.
        """
        lease = Lease(self.place, f"{FOLDER}/{address}.json")
        _beating.add(
            lease
        )  # before others can see it, who would take it for one that was left behind
        taken = False
        try:
            taken = self._taken(address, lease, steal=steal)
        finally:
            if not taken:
                _beating.remove(lease)
        return lease if taken else None

    def _taken(self, address: str, lease: "Lease", *, steal: bool) -> bool:
        if self.place.create(lease.name, lease.content()):
            self._seen.pop(address, None)
            return True
        if steal:
            self.place.publish(lease.name, lease.content(), kept=False)
            return True
        content = read_lease(self.place, lease.name)
        if content is None:  # it was let go just now
            return self.place.create(lease.name, lease.content())
        if lives(content) and not self._stands_still(address, content):
            return False
        # Somebody else may take it over at the same time: one of them does.
        return self.place.swap(lease.name, content, lease.content())

    def _stands_still(self, address: str, content: bytes) -> bool:
        """Whether its beat has stood still for as long as a lease lives, by this process' own clock."""
        if _parsed(content).get("machine") == machine():
            return False  # its process runs
        watched = self._seen.setdefault(address, Still(self.ttl / 4))
        return watched.seconds(content, time.monotonic()) >= self.ttl


def read_lease(place: Place, name: str) -> bytes | None:
    """A lease's file; None if there is none, nothing where it is no lease."""
    try:
        return place.read(name, _MOST)
    except FileNotFoundError:
        return None
    except UnreadableError:
        return b""


def lives(content: bytes) -> bool:
    """Whether a lease's process may still run: False if it was here and is gone, or this one and let go."""
    about = _parsed(content)
    if about.get("machine") != machine():
        return True
    if about["pid"] == os.getpid() and about["started"] == _own_start(os.getpid()):
        return about.get("holder") in _beating
    return bool(about["started"]) and started(about["pid"]) in (about["started"], _RUNS)


def _parsed(content: bytes) -> dict[str, Any]:
    """What a lease says; nothing, if it is damaged or somebody else's file."""
    try:
        about = json.loads(content)
        if isinstance(about["pid"], int) and isinstance(about["started"], str):
            return dict(about)
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    return {}


@dataclass(eq=False)
class Lease:
    """A lease that this process holds."""

    place: Place
    name: str
    holder: str = field(default_factory=lambda: secrets.token_hex(8))
    beat: int = 0
    _ended: bool = False
    _changing: threading.Lock = field(default_factory=threading.Lock)

    def content(self) -> bytes:
        """The file."""
        about = {
            "holder": self.holder,
            "machine": machine(),
            "pid": os.getpid(),
            "started": _own_start(os.getpid()),
            "beat": self.beat,
        }
        return json.dumps(about).encode()

    @property
    def own(self) -> bool:
        """Whether it still is this process'."""
        try:
            return _parsed(self.place.read(self.name, _MOST)).get("holder") == self.holder
        except (OSError, UnreadableError):
            return False

    def renew(self) -> None:
        """Say that its holder still runs."""
        with self._changing, contextlib.suppress(OSError, AuditError):
            if not self._ended and self.own:
                self.beat += 1
                self.place.publish(self.name, self.content(), kept=False)

    def release(self) -> None:
        """Let others have the shard; what cannot be removed is dead all the same."""
        if self not in _beating:  # a forked child gives back nothing of its parent's
            return
        with self._changing, contextlib.suppress(OSError, AuditError):
            self._ended = True
            if self.own:
                self.place.delete(self.name)
        _beating.remove(self)


class _Beating:
    """One thread per process, which renews its leases while it has any."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Hold nothing, with no thread."""
        self._held: dict[str, Lease] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def __contains__(self, lease: object) -> bool:
        """Whether a lease, or the holder that it names, is of this process."""
        return (lease.holder if isinstance(lease, Lease) else lease) in self._held

    def add(self, lease: Lease) -> None:
        with self._lock:
            self._held[lease.holder] = lease
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="leases")
                self._thread.start()

    def remove(self, lease: Lease) -> None:
        with self._lock:
            self._held.pop(lease.holder, None)

    def _run(self) -> None:
        while True:
            time.sleep(_BEAT)
            with self._lock:
                held = list(self._held.values())
                if not held:
                    self._thread = None
                    return
            for lease in held:
                lease.renew()


_beating = _Beating()

if hasattr(os, "register_at_fork"):  # a child holds nothing, and has not this thread
    os.register_at_fork(after_in_child=_beating.forget)


@contextlib.contextmanager
def held(leases: Leases, address: str, *, steal: bool = False) -> Iterator[bool]:
    """Hold a shard's lease; whether it was to be had."""
    lease = leases.take(address, steal=steal)
    try:
        yield lease is not None
    finally:
        if lease is not None:
            lease.release()
