"""Which worker does which shard next. Knows no processes and no clock: it is told both.

Choosing a shard takes the same short time however many there are, and each shard costs nine bytes.
"""

import math
from array import array
from bisect import bisect_left, insort
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from auditkit.errors import AuditError

# The usual cost is taken over so many of the latest shards.
_REMEMBERED = 101
# A shard that took this many times the usual is not slow any more: its worker hangs.
_HOPELESS = 20.0
# While none is finished nobody knows how long a shard takes: an hour is usual for some. So many times the
# patience, then.
_BEFOREHAND = 60.0
# A worker's first shard includes loading the model, which is slow where all load at once.
_LOADING = 10.0
# Seconds that a shard runs before doing it twice may pay.
_WORTH = 1.0
# What is told to cost less than this share of the median is taken to cost so much: nothing is for free.
_LEAST = 0.1
# A shard is delivered or unknown, waits, or is in somebody's hands.
_DONE, _QUEUED, _OUT = range(3)


class Task(NamedTuple):
    """What a worker is to do.

    Attributes:
        shard: its number.
        steal: whether somebody else is at it, who is slow.
    """

    shard: int
    steal: bool


@dataclass
class _Running:
    shard: int
    since: float
    first: bool


@dataclass
class _Latest:
    """The latest few numbers, and their median."""

    _order: deque[float] = field(default_factory=deque)
    _sorted: list[float] = field(default_factory=list)

    def add(self, number: float) -> None:
        if len(self._order) == _REMEMBERED:
            del self._sorted[bisect_left(self._sorted, self._order.popleft())]
        self._order.append(number)
        insort(self._sorted, number)

    @property
    def median(self) -> float | None:
        return self._sorted[len(self._sorted) // 2] if self._sorted else None


class Schedule:
    """Hands out shards, longest first where costs are known, else in order.

    Once nothing is queued, an idle worker is given the shard that runs longest elsewhere, if it has run for
    more than ``straggling`` times what is usual for it: whichever finishes first is delivered.
    """

    def __init__(
        self,
        shards: Sequence[int],
        *,
        costs: Callable[[int], float] | None = None,
        attempts: int = 3,
        straggling: float = 3.0,
        patience: float = 60.0,
    ) -> None:
        """With everything queued.

        Args:
            shards: their numbers, each once.
            costs: what a shard costs, in any unit.
            attempts: workers that one shard may cost.
            straggling: times the usual seconds after which a running shard may be given to a second worker.
            patience: seconds within which no worker is taken for hung.
        """
        first = sorted(shards, key=costs, reverse=True) if costs else shards
        self._queue, self._next = array("q", first), 0
        self._returned: deque[int] = deque()
        self._ahead: dict[str, int] = {}
        self._states = bytearray(max(shards, default=-1) + 1)
        for shard in shards:
            self._states[shard] = _QUEUED
        self._queued = self._left = self._states.count(_QUEUED)
        self._running: dict[str, _Running] = {}
        self._hands: Counter[int] = Counter()
        self._loaded: set[str] = set()
        self._lives: Counter[int] = Counter()
        self._deaths = 0
        self._took = _Latest()
        self._costs, self._least = costs, 0.0
        if costs and self._left:
            self._least = _LEAST * costs(self._queue[len(self._queue) // 2])
        self._attempts, self._straggling, self._patience = attempts, straggling, patience

    @property
    def empty(self) -> bool:
        """Whether nothing is queued."""
        return not self._queued

    @property
    def done(self) -> bool:
        """Whether everything was delivered."""
        return not self._left

    @property
    def left(self) -> int:
        """Shards that are not delivered."""
        return self._left

    def usual(self, shard: int) -> float | None:
        """Seconds that a shard takes, as a rule; None while none is finished."""
        median = self._took.median
        return None if median is None else median * self._cost(shard)

    def next(self, worker: str, now: float) -> Task | None:
        """What the worker is to do; None if there is nothing for it now."""
        self._back(self._put_down(worker))
        shard = self._from_queue(worker)
        steal = shard is None
        if shard is None:
            shard = self._straggler(worker, now)
        if shard is None:
            return None
        self._hands[shard] += 1
        self._running[worker] = _Running(shard, now, worker not in self._loaded)
        return Task(shard, steal)

    def following(self, worker: str) -> int | None:
        """The shard that the worker will be given next unless others take it: it may make ready for it."""
        if worker not in self._ahead and self._queued > len(self._ahead):
            self._ahead[worker] = self._first()
        return self._ahead.get(worker)

    def finished(self, worker: str, shard: int, now: float, *, usual: bool = True) -> bool:
        """A worker has finished a shard; whether it is the first to, and the shard is to be delivered.

        Args:
            worker: who.
            shard: which.
            now: when.
            usual: whether that took as long as it takes: it was computed, not found or held by others.
        """
        running = self._running.get(worker)
        if running is not None and running.shard == shard:  # else its namesake did it, and is gone
            self._put_down(worker)
            if usual:
                self._loaded.add(worker)
                self._took.add((now - running.since) / self._cost(shard))
        state = self._state(shard)
        if state == _DONE:
            return False
        self._queued -= state == _QUEUED  # somebody who was thought lost finished it
        self._states[shard] = _DONE
        self._left -= 1
        return True

    def lost(self, worker: str, now: float) -> None:  # noqa: ARG002 the same call for all that happens
        """A worker is gone; its shard goes back to the front.

        Raises:
            AuditError: the shard has cost too many workers.
        """
        self._loaded.discard(worker)
        if worker in self._ahead:
            self._returned.appendleft(self._ahead.pop(worker))
        running = self._put_down(worker)
        if running is None or self._state(running.shard) == _DONE:
            return
        shard = running.shard
        self._lives[shard] += 1
        self._deaths += 1
        # Where workers die all the time, some shards meet several deaths by chance.
        elsewhere = self._deaths - self._lives[shard]
        if self._lives[shard] >= self._attempts + int(math.log10(1 + elsewhere)):
            raise AuditError(
                f"shard {shard} has cost {self._lives[shard]} workers, one after the other; "
                "look at what its images have in common, or give workers more memory"
            )
        self._back(running)

    def hung(self, now: float) -> list[str]:
        """Workers whose shard takes so long that they will not finish."""
        return [name for name, run in self._running.items() if now - run.since > self._limit(run)]

    def _limit(self, run: _Running) -> float:
        usual = self.usual(run.shard)
        if usual is None:
            return _BEFOREHAND * self._patience
        return max(self._patience * (_LOADING if run.first else 1), _HOPELESS * usual)

    def _from_queue(self, worker: str) -> int | None:
        if not self._queued:
            return None
        shard = self._ahead.pop(worker, None)
        if shard is None or self._states[shard] != _QUEUED:
            shard = self._first()
        self._states[shard] = _OUT
        self._queued -= 1
        return shard

    def _first(self) -> int:
        """The next shard that waits; there is one."""
        while True:
            if self._returned:
                shard = self._returned.popleft()
            elif self._next < len(self._queue):
                shard = self._queue[self._next]
                self._next += 1
            else:
                shard = self._ahead.popitem()[1]  # another worker is still busy
            if self._states[shard] == _QUEUED:
                return shard

    def _back(self, running: _Running | None) -> None:
        """What somebody had in hand, and nobody has now, is queued again."""
        if running is None or running.shard in self._hands:
            return
        if self._state(running.shard) == _OUT:
            self._states[running.shard] = _QUEUED
            self._returned.appendleft(running.shard)
            self._queued += 1

    def _straggler(self, worker: str, now: float) -> int | None:
        """The shard that has run longest, of those that only one other worker has."""
        slow = [
            run for name, run in self._running.items() if name != worker and self._is_slow(run, now)
        ]
        longest = min(slow, key=lambda run: run.since, default=None)
        return None if longest is None else longest.shard

    def _is_slow(self, run: _Running, now: float) -> bool:
        if self._hands[run.shard] > 1 or self._state(run.shard) == _DONE:
            return False
        usual = self.usual(run.shard)
        return usual is not None and now - run.since > max(self._straggling * usual, _WORTH)

    def _put_down(self, worker: str) -> _Running | None:
        """The worker has nothing in its hands any more; what it had."""
        running = self._running.pop(worker, None)
        if running is not None:
            self._hands[running.shard] -= 1
            if not self._hands[running.shard]:
                del self._hands[running.shard]
        return running

    def _state(self, shard: int) -> int:
        return self._states[shard] if 0 <= shard < len(self._states) else _DONE

    def _cost(self, shard: int) -> float:
        return max(self._costs(shard), self._least) if self._costs and self._least > 0 else 1.0
