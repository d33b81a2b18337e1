"""Gathering a stage's evidence: shards that are there are read, the others are computed and kept.

Several processes may gather the same stage at once: each takes shards that nobody else holds and
leaves the others to their holders, so that no shard is computed twice.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from filelock import Timeout

from auditkit.errors import AuditError
from auditkit.evidence.identity import address, code_version
from auditkit.evidence.store import Arrays, Kept, Store
from auditkit.results.evidence_list import ListedShard

Compute = Callable[[Sequence[int]], Arrays]


class Progress(Protocol):
    """Told how far a stage is."""

    def __call__(self, stage: str, done: int, total: int, seconds: float) -> None:
        """Shards done of all, after so many seconds."""
        ...


def silent(stage: str, done: int, total: int, seconds: float) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Stage:
    """One kind of evidence for one model and data set.

    Attributes:
        name: for people.
        identity: all that determines the arrays, but the images; without the keys ``images`` and ``code``.
        digests: per image, its content (and whatever else of it matters); they complete the identity.
        shard: images per shard.
    """

    name: str
    identity: Mapping[str, Any]
    digests: Sequence[str]
    shard: int

    def shards(self) -> Iterator[tuple[str, list[int]]]:
        """Each shard's address and the indices of its images."""
        for start in range(0, len(self.digests), self.shard):
            indices = list(range(start, min(start + self.shard, len(self.digests))))
            yield self.where(indices), indices

    def where(self, indices: Sequence[int]) -> str:
        """The address of the shard that holds these images."""
        assert not {"images", "code"} & set(self.identity), "these keys are the shard's own"
        images = [self.digests[i] for i in indices]
        return address({**self.identity, "images": images, "code": code_version()})

    def content(self, indices: Sequence[int]) -> str:
        """What the shard is of, whatever code computed it and whatever machine was timed."""
        images = [self.digests[i] for i in indices]
        identity = {key: _machineless(value) for key, value in self.identity.items()}
        return address({**identity, "images": images})


def _machineless(value: Any) -> Any:
    return {k: v for k, v in value.items() if k != "machine"} if isinstance(value, dict) else value


@dataclass
class Counts:
    """How much was computed and how much was found."""

    computed: int = 0
    found: int = 0


@dataclass
class Engine:
    """Runs stages over a store, with some threads.

    ``compute`` is made by ``worker()`` once per thread, so that each may own a model.

    Attributes:
        used: every shard that was found or computed, by address.
    """

    store: Store
    threads: int = 1
    progress: Progress = silent
    counts: Counts = field(default_factory=Counts)
    used: dict[str, ListedShard] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    _noting: threading.Lock = field(default_factory=threading.Lock)

    def news(self) -> list[ListedShard]:
        """The shards that were used since the last call."""
        with self._noting:
            new = [shard for where, shard in self.used.items() if where not in self._told]
            self._told |= {shard.address for shard in new}
        return new

    def gather(self, stage: Stage, worker: Callable[[], Compute]) -> Arrays:
        """All images' arrays in order, joined along the first axis."""
        shards = list(stage.shards())
        parts: dict[str, Arrays] = {}
        for where, indices in shards:
            found = self._found(stage, indices, where)
            if found is not None:
                parts[where] = found
        self.counts.found += len(parts)
        missing = [shard for shard in shards if shard[0] not in parts]
        if missing:
            parts |= self._compute(stage, missing, worker, len(shards))
        ordered = [parts[where] for where, _ in shards]
        return {name: np.concatenate([part[name] for part in ordered]) for name in ordered[0]}

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
        """Have some of the stage's shards in the store, without holding more than one per thread.

        Args:
            stage: what to compute.
            worker: as `gather` takes it.
            shards: the images of each shard wanted.
        """
        wanted = [(stage.where(indices), list(indices)) for indices in shards]
        missing = [shard for shard in wanted if self._found(stage, shard[1], shard[0]) is None]
        self.counts.found += len(wanted) - len(missing)
        if missing:
            self._compute(stage, missing, worker, len(wanted), keep=False)

    def shard(self, stage: Stage, indices: Sequence[int]) -> Arrays | None:
        """One shard's arrays; None if it is not in the store."""
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
        with self._noting:
            known = self.used.get(where)
            if known is not None and known.sha256 == kept.sha256:
                return
            self.used[where] = ListedShard(
                address=where,
                sha256=kept.sha256,
                stage=stage.name,
                content=stage.content(indices),
                images=len(indices),
                size=kept.size,
            )
            # A shard that was damaged and computed again is told again.
            self._told.discard(where)

    def _compute(
        self,
        stage: Stage,
        missing: list[tuple[str, list[int]]],
        worker: Callable[[], Compute],
        total: int,
        *,
        keep: bool = True,
    ) -> dict[str, Arrays]:
        started = time.monotonic()
        parts: dict[str, Arrays] = {}
        local: dict[str, Compute] = {}

        def one(shard: tuple[str, list[int]], patience: float) -> Arrays | None:
            me = threading.current_thread().name
            if me not in local:
                local[me] = worker()
            arrays = self._one(stage, shard, local[me], patience)
            # A future holds its result until the stage ends.
            return arrays if keep or arrays is None else {}

        with _cancelled_on_error(ThreadPoolExecutor(max_workers=max(1, self.threads))) as pool:
            # Shards that another process holds come back as None and wait for the second round.
            for patience in (0.0, -1.0):
                todo = [shard for shard in missing if shard[0] not in parts]
                futures = {pool.submit(one, shard, patience): shard[0] for shard in todo}
                for future in _finished(futures):
                    arrays = future.result()
                    if arrays is not None:
                        parts[futures[future]] = arrays
                        done = total - len(missing) + len(parts)
                        self.progress(stage.name, done, total, time.monotonic() - started)
        return parts

    def _one(
        self, stage: Stage, shard: tuple[str, list[int]], compute: Compute, patience: float
    ) -> Arrays | None:
        where, indices = shard
        try:
            with self.store.lock(where).acquire(timeout=patience):
                found = self._found(stage, indices, where)
                if found is not None:
                    self.counts.found += 1
                    return found
                started = time.monotonic()
                arrays = compute(indices)
                about = {
                    "stage": stage.name,
                    "identity": dict(stage.identity),
                    "seconds": round(time.monotonic() - started, 3),
                    "images": len(indices),
                }
                self._note(stage, indices, where, self.store.write(where, arrays, about))
                self.counts.computed += 1
                return arrays
        except Timeout:
            return None
        except OSError as error:
            raise AuditError(
                f"the evidence folder {self.store.root} cannot be written: {error.strerror}; choose "
                "another one with --audit-store"
            ) from error


@contextmanager
def _cancelled_on_error(pool: ThreadPoolExecutor) -> Iterator[ThreadPoolExecutor]:
    """Ctrl-C or an error waits for the shards in hand only, not for all that are queued."""
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _finished(futures: Mapping[Future[Arrays | None], str]) -> Iterator[Future[Arrays | None]]:
    """Futures as they finish; the first error cancels what has not begun."""
    pending = set(futures)
    while pending:
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            if future.exception() is not None:
                for other in pending:
                    other.cancel()
            yield future


def threads(workers: int = 1) -> int:
    """Threads for one of ``workers`` processes on this machine."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, cores // max(1, workers))


@contextmanager
def threads_restored() -> Iterator[None]:
    """Leave torch's number of threads as it was, if torch is there at all: it is the process' own."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else None
    try:
        yield
    finally:
        if torch and before is not None:
            torch.set_num_threads(before)
