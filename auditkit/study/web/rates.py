"""How often somebody may ask: by address until they are signed in, by session then."""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from math import ceil
from typing import Final

MOST_KNOWN: Final = 10_000


@dataclass(frozen=True)
class Rate:
    """So many at once, and so many more each second."""

    burst: float
    per_second: float


ENTERING: Final = Rate(60, 1)
"""Invitations, by address: a department behind one address comes in within a minute; guessing stays slow."""
STRANGERS: Final = Rate(300, 10)
"""Everything else without a session, by address."""
SIGNED_IN: Final = Rate(400, 100)
"""By session: far more than hands can do."""


@dataclass
class Buckets:
    """Token buckets; of more than `most` names, those not heard of for the longest time are forgotten."""

    rate: Rate
    clock: Callable[[], float] = time.monotonic
    most: int = MOST_KNOWN
    _levels: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def __contains__(self, name: object) -> bool:
        return name in self._levels

    def __len__(self) -> int:
        return len(self._levels)

    def add(self, name: str) -> None:
        """Know somebody, with a full bucket."""
        self._keep(name, self.rate.burst, self.clock())

    def spend(self, name: str) -> int:
        """Take one: 0, or for how many seconds to wait because none is left."""
        now = self.clock()
        level, since = self._levels.get(name, (self.rate.burst, now))
        level = min(self.rate.burst, level + (now - since) * self.rate.per_second)
        allowed = level >= 1
        self._keep(name, level - allowed, now)
        return 0 if allowed else ceil((1 - level) / self.rate.per_second)

    def _keep(self, name: str, level: float, now: float) -> None:
        self._levels[name] = (level, now)
        self._levels.move_to_end(name)
        while len(self._levels) > self.most:
            self._levels.popitem(last=False)


class Rates:
    """The limits of one server, in bounded memory.

    Sessions have their own bucket only once they were found to be valid, so that invented ones count
    for the address that invents them.
    """

    def __init__(
        self,
        entering: Rate = ENTERING,
        strangers: Rate = STRANGERS,
        signed_in: Rate = SIGNED_IN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._entering = Buckets(entering, clock)
        self._strangers = Buckets(strangers, clock)
        self._sessions = Buckets(signed_in, clock)
        self._lock = threading.Lock()

    def know(self, token: str) -> None:
        """A session is valid: from now on it has its own limit."""
        name = _digest(token)
        with self._lock:
            if name not in self._sessions:
                self._sessions.add(name)

    def spend(self, address: str, token: str, *, entering: bool) -> int:
        """Count a request: 0, or after how many seconds to come again."""
        place, name = _place(address), _digest(token)
        with self._lock:
            if entering:
                return self._entering.spend(place)
            if name in self._sessions:
                return self._sessions.spend(name)
            return self._strangers.spend(place)


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _place(address: str) -> str:
    """Whom to count for: an address, or the network of an IPv6 address, in which anybody has billions."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
