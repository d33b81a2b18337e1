"""Gathering a stage's evidence: shards that are there are read, the others are computed and kept.

Several processes may gather the same stage at once: each takes shards that nobody else holds and
leaves the others to their holders, so that no shard is computed twice.
"""

import os
import sys
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from auditkit.errors import AuditError
from auditkit.evidence.execution.contract import Done, Executor, Job
from auditkit.evidence.execution.inline import Inline
from auditkit.evidence.stage import Compute, Stage
from auditkit.evidence.store import Arrays, Kept, Store
from auditkit.evidence.used import UsedShards
from auditkit.results.evidence_list import ListedShard

__all__ = ["Compute", "Engine", "Stage", "threads", "threads_restored"]

# A shard that another process holds is asked for again after so many seconds, more each time.
_SOONEST, _LATEST = 0.02, 1.0


class Progress(Protocol):
    """Told how far a stage is."""

    def __call__(self, stage: str, done: int, total: int, seconds: float) -> None:
        """Shards done of all, after so many seconds."""
        ...


def silent(stage: str, done: int, total: int, seconds: float) -> None:
    """Say nothing."""


@dataclass
class Counts:
    """How much was computed and how much was found.

    Attributes:
        computed: shards that this engine's workers computed.
        found: shards that were there, or that another process computed meanwhile.
        seconds: of computing, summed over workers.
        overhead: seconds of workers beside it: looking, leasing, writing.
    """

    computed: int = 0
    found: int = 0
    seconds: float = 0.0
    overhead: float = 0.0


@dataclass
class Engine:
    """Runs stages over a store.

    Attributes:
        store: where shards are kept.
        threads: of the inline executor, if no other is given.
        executor: computes what is missing.
        listing: whether `used` is kept; whoever only fills the store needs no list.
        used: every shard that was found or computed, by address.
    """

    store: Store
    threads: int = 1
    progress: Progress = silent
    counts: Counts = field(default_factory=Counts)
    executor: Executor | None = None
    listing: bool = True
    used: UsedShards = field(default_factory=UsedShards)
    _noting: threading.Lock = field(default_factory=threading.Lock)

    def news(self) -> list[ListedShard]:
        """The shards that were used since the last call."""
        with self._noting:
            return self.used.news()

    def gather(self, stage: Stage, worker: Callable[[], Compute]) -> Arrays:
        """All images' arrays in order, joined along the first axis.

        Args:
            stage: what is asked for.
            worker: makes the function that computes; called once per worker, and pickled by engines
                whose workers are other processes.
        """
        joined = _Joined(stage)
        # There may be 10^5: eight bytes each, not forty.
        missing = array("q", (n for n in range(stage.count) if not self._into(joined, n)))
        self.counts.found += stage.count - len(missing)
        for number in self._computed(Job(stage, worker), missing, stage.count):
            if not self._into(joined, number):
                raise AuditError(
                    f"{stage.name}: a shard was removed from {self.store}, or damaged, while it was "
                    "used; run again"
                )
        return joined.arrays

    def missing(self, stage: Stage, made_of: Stage | None = None) -> list[list[int]]:
        """The images of each shard that is not in the store.

        Args:
            stage: what is asked for.
            made_of: what it is computed from, with shards of the same images; where the former is in the
                store, the latter is not read again, but what was computed rests on it.
        """
        missing = []
        for where, indices in stage.shards():
            if self._found(stage, indices, where) is None:
                missing.append(indices)
            elif made_of is not None:
                self._note_unread(made_of, indices)
        return missing

    def ensure(
        self, stage: Stage, worker: Callable[[], Compute], shards: Sequence[Sequence[int]]
    ) -> None:
        """Have some of the stage's shards in the store, without holding more than one at a time.

        Args:
            stage: what to compute.
            worker: as `gather` takes it.
            shards: the images of each shard wanted.
        """
        numbers = [indices[0] // stage.shard for indices in shards]
        missing = [number for number in numbers if self._at(stage, number) is None]
        self.counts.found += len(numbers) - len(missing)
        for number in self._computed(Job(stage, worker), missing, len(numbers)):
            self._note_unread(stage, stage.indices(number))

    def shard(self, stage: Stage, indices: Sequence[int]) -> Arrays | None:
        """One shard's arrays; None if it is not in the store."""
        return self._found(stage, indices, stage.where(indices))

    def close(self) -> None:
        """Let the executor's workers go."""
        if self.executor is not None:
            self.executor.close()

    def _into(self, joined: "_Joined", number: int) -> bool:
        """Put a shard in its place; False if it is not in the store."""
        found = self._at(joined.stage, number)
        if found is not None:
            joined.put(number, found)
        return found is not None

    def _at(self, stage: Stage, number: int) -> Arrays | None:
        indices = stage.indices(number)
        return self._found(stage, indices, stage.where(indices))

    def _found(self, stage: Stage, indices: Sequence[int], where: str) -> Arrays | None:
        found = self.store.fetch(where)
        if found is None:
            return None
        self._note(stage, indices, where, found[1])
        return found[0]

    def _note_unread(self, stage: Stage, indices: Sequence[int]) -> None:
        where = stage.where(indices)
        kept = self.store.kept(where)
        if kept is not None:
            self._note(stage, indices, where, kept)

    def _note(self, stage: Stage, indices: Sequence[int], where: str, kept: Kept) -> None:
        if not self.listing:
            return
        with self._noting:
            # A shard that was damaged and computed again is told again.
            if self.used.knows(where, kept.sha256):
                return
            self.used.put(
                ListedShard(
                    address=where,
                    sha256=kept.sha256,
                    stage=stage.name,
                    content=stage.content(indices),
                    images=len(indices),
                    size=kept.size,
                )
            )

    def _computed(self, job: Job, missing: Sequence[int], total: int) -> Iterator[int]:
        """Have shards computed; each as soon as it is in the store, whoever put it there.

        Raises:
            AuditError: somebody cancelled the executor.
        """
        executor = self.executor or Inline(self.store, self.threads)
        started, pause = time.monotonic(), _SOONEST
        left: Sequence[int] = missing
        told = total - len(missing)
        while left:
            held: list[int] = []
            unanswered = len(left)
            # Workers share the cores: had each as many threads of BLAS as there are cores, they would wait
            # for each other.
            with threadpool_limits(1, user_api="blas"), closing(executor.run(job, left)) as running:
                for done in running:
                    unanswered -= 1
                    if done.state == "held":
                        held.append(done.shard)
                        continue
                    self._count(done)
                    told += 1
                    yield done.shard
                    self.progress(job.stage.name, told, total, time.monotonic() - started)
            if unanswered:
                raise AuditError(
                    f"{job.stage.name}: cancelled; what was computed is kept, run again"
                )
            if len(held) == len(left):
                time.sleep(pause)
                pause = min(2 * pause, _LATEST)
            left = held

    def _count(self, done: Done) -> None:
        if done.state == "computed":
            self.counts.computed += 1
        else:
            self.counts.found += 1
        self.counts.seconds += done.seconds
        self.counts.overhead += done.overhead


@dataclass
class _Joined:
    """A stage's arrays, filled in shard by shard: nothing is held twice."""

    stage: Stage
    arrays: Arrays = field(default_factory=dict)

    def put(self, number: int, part: Arrays) -> None:
        if self.stage.count == 1:  # what is of all images together may have any length
            self.arrays = part
            return
        start = number * self.stage.shard
        for name, values in part.items():
            if name not in self.arrays:
                shape = (len(self.stage.digests), *values.shape[1:])
                self.arrays[name] = np.empty(shape, values.dtype)
            whole = self.arrays[name]
            if whole.dtype != values.dtype:
                whole = self.arrays[name] = whole.astype(
                    np.promote_types(whole.dtype, values.dtype)
                )
            whole[start : start + len(values)] = values


def threads(workers: int = 1) -> int:
    """Threads for one of ``workers`` processes on this machine."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, cores // max(1, workers))


@contextmanager
def threads_restored() -> Iterator[None]:
    """Leave torch's number of threads as it was, if torch is there at all: it is the process' own.

    The same of its choice of algorithms, see `auditkit.evidence.stages.batcher_for`.
    """
    torch = sys.modules.get("torch")
    before = (torch.get_num_threads(), torch.get_deterministic_debug_mode()) if torch else None
    try:
        yield
    finally:
        if torch and before is not None:
            torch.set_num_threads(before[0])
            torch.set_deterministic_debug_mode(before[1])
