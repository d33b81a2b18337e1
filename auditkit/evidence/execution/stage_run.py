"""One job on its way through the worker processes: what they are to do, and what became of it."""

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from typing import NamedTuple

from auditkit.errors import AuditError
from auditkit.evidence.execution.contract import Done, Job
from auditkit.evidence.execution.schedule import Schedule
from auditkit.evidence.execution.worker import packed

# Workers wait once so many shards are done that nobody asked for yet.
_AHEAD = 256
# Seconds between looks at who hangs.
LOOK = 0.2


class Step(NamedTuple):
    """What a worker is to do now, and what will probably come then.

    Attributes:
        shard: its number.
        steal: whether somebody else is at it, who is slow.
        following: the next shard; None if there is none.
    """

    shard: int
    steal: bool
    following: int | None


@dataclass(eq=False)
class StageRun:
    """One job; workers take shards of it from their own threads, one thread reads what became of them.

    Attributes:
        job: what is computed.
        shards: their numbers.
        patience: as in `Schedule`.
        attempts: as in `Schedule`.
        key: names the job.
        content: the job as it is sent.
    """

    job: Job
    shards: Sequence[int]
    patience: float
    attempts: int
    key: str = field(default_factory=lambda: token_hex(8))
    content: bytes = field(init=False, repr=False)
    _schedule: Schedule = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _outcomes: "queue.SimpleQueue[Done | BaseException | None]" = field(
        default_factory=queue.SimpleQueue
    )
    _busy: dict[str, float] = field(default_factory=dict)
    _stopped: bool = False

    def __post_init__(self) -> None:
        self.content = packed(self.job)
        self._schedule = Schedule(self.shards, attempts=self.attempts, patience=self.patience)

    @property
    def over(self) -> bool:
        """Whether nobody needs to ask for a shard any more."""
        return self._stopped or self._schedule.done

    def next(self, worker: str) -> Step | None:
        """What the worker is to do; None if there is nothing now."""
        with self._lock:
            if self.over or self._outcomes.qsize() >= _AHEAD:
                return None
            now = time.monotonic()
            task = self._schedule.next(worker, now)
            if task is None:
                return None
            self._busy[worker] = now
            return Step(*task, self._schedule.following(worker))

    def finished(self, worker: str, done: Done) -> None:
        """A worker has done its shard."""
        with self._lock:
            del self._busy[worker]
            computed = done.state == "computed"
            now = time.monotonic()
            if self._schedule.finished(worker, done.shard, now, usual=computed):
                self._outcomes.put(done)
            elif self._stopped:
                self._outcomes.put(None)

    def lost(self, worker: str, shard: int, how: str) -> None:
        """A worker died of its shard, or with it."""
        with self._lock:
            del self._busy[worker]
            try:
                self._schedule.lost(worker, time.monotonic())
            except AuditError:
                self._fail(AuditError(self._deadly(shard, how)))
            self._outcomes.put(None)

    def fail(self, worker: str, error: BaseException) -> None:
        """A worker met an error: nobody takes a shard any more."""
        with self._lock:
            self._busy.pop(worker, None)
            self._fail(error)

    def stop(self) -> None:
        """Take nothing more; what is in hand is still delivered."""
        self._stopped = True
        self._outcomes.put(None)

    def hung(self) -> list[str]:
        """Workers that will not finish their shards, or whose shards nobody waits for any more."""
        with self._lock:
            now = time.monotonic()
            if not self.over:
                return self._schedule.hung(now)
            return [name for name, since in self._busy.items() if now - since > self.patience]

    def outcomes(self) -> Iterator[Done | None]:
        """What became of each shard; None now and then, when nothing did."""
        left = self._schedule.left
        while left:
            try:
                found = self._outcomes.get(timeout=LOOK)
            except queue.Empty:
                found = None
            if isinstance(found, BaseException):
                raise found
            if found is None and self._ended():
                return
            left -= found is not None
            yield found

    def _ended(self) -> bool:
        """Whether nothing more will come of a job that was stopped."""
        with self._lock:
            return self._stopped and not self._busy and self._outcomes.empty()

    def _fail(self, error: BaseException) -> None:
        self._stopped = True
        self._outcomes.put(error)

    def _deadly(self, shard: int, how: str) -> str:
        images = self.job.stage.indices(shard)
        which = f"images {images[0] + 1} to {images[-1] + 1} have"
        if len(images) == 1:
            which = f"image {images[0] + 1} has"
        return (
            f"{self.job.stage.name}, shard {shard}: {which} cost one worker process after the other "
            f"({how}); look at what is there, or give workers more memory"
        )
