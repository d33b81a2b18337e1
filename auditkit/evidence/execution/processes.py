"""Shards computed by processes of this machine: one per visible GPU, or one per core."""

import pickle
import queue
import secrets
import signal
import threading
import time
import weakref
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from auditkit.errors import AuditError
from auditkit.evidence.engine import threads
from auditkit.evidence.execution.contract import Done, Job
from auditkit.evidence.execution.crew import Child, Crew
from auditkit.evidence.execution.devices import visible_gpus
from auditkit.evidence.execution.schedule import Schedule
from auditkit.evidence.execution.worker import packed
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store

# Seconds between looks at who hangs.
_LOOK = 0.2
# Children in a row that died before they were ready.
_STILLBORN = 3


@dataclass(eq=False)
class Processes:
    """Worker processes, which keep their models from stage to stage.

    Attributes:
        store: where shards are kept.
        settings: how they are computed.
        workers: how many; left out, one per visible GPU, or one per core.
        patience: seconds after which a shard may be taken for hung, if it also takes far longer than usual.
        attempts: workers that one shard may cost.
        code: version of the code that workers must have; this process' own if left out.
    """

    store: Store
    settings: Settings
    workers: int | None = None
    patience: float = 120.0
    attempts: int = 3
    code: str = ""
    _crew: Crew = field(init=False)
    _size: int = field(init=False)
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _stillborn: int = 0

    def __post_init__(self) -> None:
        gpus = visible_gpus(self.settings.device)
        self._size = self.workers or len(gpus) or threads()
        self._crew = Crew(self.store, self.settings, gpus, code=self.code)
        weakref.finalize(self, Crew.close, self._crew)

    def run(self, job: Job, shards: Sequence[int]) -> Generator[Done]:
        """Each shard once, as they finish.

        Raises:
            AuditError: workers cannot be started or have another version of the code; the job cannot be
                sent to another process; a shard has cost too many workers.
        """
        if not shards:
            return
        self._cancelled.clear()
        running = _Running(job, shards, self._crew, self.patience, self.attempts)
        self._crew.start(min(self._size, max(len(shards), len(self._crew.children))))
        while not running.schedule.done:
            if self._cancelled.is_set() and not running.busy:
                return
            if not self._cancelled.is_set():
                running.give()
            running.end_hung()
            done = self._next(running)
            if done is not None:
                yield done

    def _next(self, running: "_Running") -> Done | None:
        """Something that happened; a shard, if one was finished for the first time."""
        try:
            child, kind, key, content = self._crew.events.get(timeout=_LOOK)
        except queue.Empty:
            return None
        if kind == "gone":
            self._stillborn = 0 if child.ready else self._stillborn + 1
            running.lost(child)
            if self._stillborn >= _STILLBORN:
                raise AuditError(
                    f"{self._stillborn} worker processes in a row died before they could begin; what "
                    "they said is above"
                )
            return None
        if kind == "refused":
            raise content.error()
        if kind == "ready":
            child.ready = True
            return None
        child.busy = None
        if key != running.key:
            return None  # of a stage that ended without it
        if kind == "failed":
            raise content.error()
        done: Done = content
        return done if running.schedule.finished(child.name, done.shard, time.monotonic()) else None

    def cancel(self) -> None:
        """Give no further shards."""
        self._cancelled.set()

    def describe(self) -> dict[str, str]:
        """What it is."""
        gpus = self._crew.gpus
        devices = f"GPU {', '.join(gpus)}" if gpus else "cores"
        return {"engine": "processes", "workers": str(self._size), "devices": devices}

    def close(self) -> None:
        """Let the workers go."""
        self._crew.close()


@dataclass
class _Running:
    """One job on its way through the crew."""

    job: Job
    shards: Sequence[int]
    crew: Crew
    patience: float
    attempts: int
    key: str = field(default_factory=lambda: secrets.token_hex(8))
    schedule: Schedule = field(init=False)
    content: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.content = _packed(self.job)
        self.schedule = Schedule(self.shards, attempts=self.attempts, patience=self.patience)

    @property
    def busy(self) -> bool:
        """Whether anybody computes a shard of this job."""
        return any(child.busy and child.busy[0] == self.key for child in self.crew.children)

    def give(self) -> None:
        """Something to do for everybody who is idle."""
        for child in self.crew.children:
            if child.ready and child.busy is None:
                task = self.schedule.next(child.name, time.monotonic())
                if task is not None:
                    child.give(self.key, self.content, task.shard, steal=task.steal)

    def end_hung(self) -> None:
        """Kill who hangs; that it is gone is heard like any other death."""
        now = time.monotonic()
        hung = set(self.schedule.hung(now))
        for child in self.crew.children:
            late = child.busy is not None and child.busy[0] != self.key
            if child.name in hung or (late and now - child.since > self.patience):
                child.kill()

    def lost(self, child: Child) -> None:
        """A child is gone: another one takes its place, and its shard is given again."""
        if child not in self.crew.children:
            return
        status = self.crew.replace(child)
        try:
            self.schedule.lost(child.name, time.monotonic())
        except AuditError as error:
            shard = child.busy[1] if child.busy else 0
            images = self.job.stage.indices(shard)
            raise AuditError(
                f"{self.job.stage.name}: images {images[0] + 1} to {images[-1] + 1} have cost "
                f"{self.attempts} worker processes ({_ended(status)}); look at these images, or give the machine more memory"
            ) from error


def _packed(job: Job) -> bytes:
    """A job to be sent.

    Raises:
        AuditError: it holds what cannot leave this process.
    """
    try:
        return packed(job)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise AuditError(
            f"{job.stage.name} cannot be computed by other processes: {error}; use the inline engine"
        ) from error


def _ended(status: int | None) -> str:
    if status is None or status >= 0:
        return f"exit status {status}"
    names: Callable[[int], signal.Signals] = signal.Signals
    try:
        return f"killed by {names(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
