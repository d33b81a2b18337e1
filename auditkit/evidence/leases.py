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

from auditkit.evidence.places import Place

# Seconds without a beat after which a lease of another machine is dead, and between beats.
TTL = 60.0
_BEAT = TTL / 4
FOLDER = "leases"


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
    try:
        after = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _asked(pid)
    fields = after.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _asked(pid: int) -> str:
    """As `started` where the system has no such files: only whether it runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        pass
    return "runs"


@dataclass
class Leases:
    """The leases of a store.

    Attributes:
        place: where they are.
        ttl: seconds without a beat after which a lease of another machine is dead.
    """

    place: Place
    ttl: float = TTL
    _seen: dict[str, tuple[bytes | None, float]] = field(default_factory=dict)

    def take(self, address: str) -> "Lease | None":
        """The shard's lease; None if somebody else has it.

        Raises:
            OSError: the store cannot be written.
        """
        lease = Lease(self.place, f"{FOLDER}/{address}.json")
        for _ in range(2):
            if self.place.create(lease.name, lease.content()):
                self._seen.pop(address, None)
                _beating.add(lease)
                return lease
            if not self._dead(address, lease.name):
                return None
        return None

    def _dead(self, address: str, name: str) -> bool:
        """Whether the lease that is there is nobody's; then it is gone."""
        try:
            content = self.place.read(name)
        except FileNotFoundError:
            return True
        if lives(content) and not self._stands_still(address, content):
            return False
        # Somebody else may have taken it over meanwhile: theirs is left alone.
        with contextlib.suppress(FileNotFoundError):
            if self.place.read(name) == content:
                self.place.delete(name)
        return True

    def _stands_still(self, address: str, content: bytes) -> bool:
        if _parsed(content).get("machine") == machine():
            return False  # its process runs
        now = time.monotonic()
        before, since = self._seen.get(address, (None, now))
        if before != content:
            self._seen[address] = (content, now)
            return False
        return now - since > self.ttl


def lives(content: bytes) -> bool:
    """Whether the process that holds a lease may still run: False only if it was here and is gone."""
    about = _parsed(content)
    if about.get("machine") != machine():
        return True
    return bool(about["started"]) and started(about["pid"]) == about["started"]


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

    def content(self) -> bytes:
        """The file."""
        about = {
            "holder": self.holder,
            "machine": machine(),
            "pid": os.getpid(),
            "started": started(os.getpid()),
            "beat": self.beat,
        }
        return json.dumps(about).encode()

    @property
    def own(self) -> bool:
        """Whether it still is this process'."""
        try:
            return _parsed(self.place.read(self.name)).get("holder") == self.holder
        except OSError:
            return False

    def renew(self) -> None:
        """Say that its holder still runs."""
        self.beat += 1
        with contextlib.suppress(OSError):
            if self.own:
                self.place.publish(self.name, self.content(), kept=False)

    def release(self) -> None:
        """Let others have the shard."""
        _beating.remove(self)
        with contextlib.suppress(OSError):
            if self.own:
                self.place.delete(self.name)


class _Beating:
    """One thread per process, which renews its leases while it has any."""

    def __init__(self) -> None:
        self._held: set[Lease] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def add(self, lease: Lease) -> None:
        with self._lock:
            if self._pid != os.getpid():  # the thread stayed in the process that forked
                self._held, self._thread, self._pid = set(), None, os.getpid()
            self._held.add(lease)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="leases")
                self._thread.start()

    def remove(self, lease: Lease) -> None:
        with self._lock:
            self._held.discard(lease)

    def _run(self) -> None:
        while True:
            time.sleep(_BEAT)
            with self._lock:
                held = list(self._held)
            for lease in held:
                lease.renew()


_beating = _Beating()


@contextlib.contextmanager
def held(leases: Leases, address: str) -> Iterator[bool]:
    """Hold a shard's lease; whether it was to be had."""
    lease = leases.take(address)
    try:
        yield lease is not None
    finally:
        if lease is not None:
            lease.release()
