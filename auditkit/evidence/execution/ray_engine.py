"""Shards computed by actors of a Ray cluster, each with its models loaded."""

import secrets
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditkit.errors import AuditError
from auditkit.evidence.execution.arrivals import Arrivals
from auditkit.evidence.execution.contract import Done, Job
from auditkit.evidence.execution.failure import Failure
from auditkit.evidence.execution.probe import Probe
from auditkit.evidence.execution.ray_cluster import Cluster, Share, installed
from auditkit.evidence.execution.ray_crew import Crew
from auditkit.evidence.execution.ray_host import Host
from auditkit.evidence.execution.schedule import Schedule, Task
from auditkit.evidence.execution.worker import packed
from auditkit.evidence.identity import code_version
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store

_PAUSE = 0.25


@dataclass
class RayEngine:
    """Actors of a Ray cluster, which keep their models from stage to stage.

    Attributes:
        store: where shards are kept; every node sees it.
        settings: how they are computed.
        workers: how many actors; None for as many as the cluster has room for.
        address: of a cluster, ``auto`` or ``ray://HOST:PORT``; None starts Ray on this machine.
        gpus: share of a GPU per worker; None for a whole one where there are any.
        cpus: cores per worker.
        runtime_env: Ray's, for workers.
        attempts: workers that one shard may cost.
        patience: seconds that a shard may take before there is a usual time.
        code: version of the code that workers must have; None for this process'.
    """

    store: Store
    settings: Settings
    workers: int | None = None
    address: str | None = field(default=None, kw_only=True)
    gpus: float | None = field(default=None, kw_only=True)
    cpus: float = field(default=1.0, kw_only=True)
    runtime_env: dict[str, Any] | None = field(default=None, kw_only=True)
    attempts: int = field(default=3, kw_only=True)
    patience: float = field(default=60.0, kw_only=True)
    code: str | None = field(default=None, kw_only=True)
    _cluster: Cluster | None = field(default=None, init=False)
    _crew: Crew | None = field(default=None, init=False)
    _probe: Probe | None = field(default=None, init=False)
    _cancelled: threading.Event = field(default_factory=threading.Event, init=False)

    def __post_init__(self) -> None:
        """Hold what was asked for to what there is.

        Raises:
            AuditError: Ray is not installed, or a share of GPUs cannot be had.
        """
        installed()
        if self.gpus is not None and self.gpus > 1 and self.gpus != int(self.gpus):
            raise AuditError(f"gpus={self.gpus:g}: a share up to 1, or whole GPUs were expected")

    def run(self, job: Job, shards: Sequence[int]) -> Generator[Done]:
        """Each shard once, as actors finish them; actors stay for the next stage."""
        self._cancelled.clear()
        if not shards:
            return
        content, crew = packed(job), self._started()
        schedule = Schedule(shards, attempts=self.attempts, patience=self.patience)
        arrivals = Arrivals(self.store, job.stage)
        stage = _Round(content, schedule, crew, arrivals, self._cancelled, self.patience)
        yield from stage.run()

    def cancel(self) -> None:
        """Actors finish the shards in hand and are given no more."""
        self._cancelled.set()

    def describe(self) -> dict[str, str]:
        """What it is."""
        workers = self._crew.size if self._crew else self.workers or "as many as there is room for"
        told = {"engine": "ray", "workers": str(workers), "cluster": self.address or "this machine"}
        return told if self.gpus is None else {**told, "gpus": f"{self.gpus:g} per worker"}

    def close(self) -> None:
        """End the actors, and Ray if it was started here."""
        crew, cluster, probe = self._crew, self._cluster, self._probe
        self._crew = self._cluster = self._probe = None
        if crew is not None:
            crew.close()
        if probe is not None:
            probe.remove(self.store)
        if cluster is not None:
            cluster.close()

    def _started(self) -> Crew:
        if self._crew is None:
            self._cluster = cluster = Cluster(self.address)
            cluster.connect(self.workers, self.cpus, self.runtime_env)
            share = cluster.share(self.cpus, self.gpus, self.settings.device)
            self._probe = Probe.left_in(self.store)
            size = self.workers or cluster.room(share)
            self._crew = Crew(self._maker(share, self._probe), size, self.address is not None)
        return self._crew

    def _maker(self, share: Share, probe: Probe) -> Any:
        ray, code = installed(), self.code or code_version()
        remote = ray.remote(
            num_cpus=share.cpus,
            num_gpus=share.gpus,
            max_restarts=0,
            scheduling_strategy="SPREAD",
        )(Host)

        def make(name: str) -> Any:
            return remote.remote(name, self.store, self.settings, code, probe, Path.cwd())

        return make


@dataclass
class _Round:
    """One stage on a crew.

    Attributes:
        content: the job, packed.
        orphans: shards whose worker was lost: its lease may look alive from other machines for a while.
        key: of the job.
    """

    content: bytes
    schedule: Schedule
    crew: Crew
    arrivals: Arrivals
    cancelled: threading.Event
    patience: float
    orphans: set[int] = field(default_factory=set)
    key: str = field(default_factory=lambda: secrets.token_hex(8))

    def run(self) -> Iterator[Done]:
        reference = installed().put(self.content)
        while not self._over():
            now = time.monotonic()
            self.crew.fill(self.schedule.left, now)
            self._give(reference, now)
            for name, task, outcome in self.crew.events(_PAUSE):
                self._took(name, task, outcome)
            yield from self.arrivals.seen(time.monotonic())
            self._end_hung(time.monotonic())

    def _over(self) -> bool:
        if len(self.arrivals):
            return False
        return self.schedule.done or (self.cancelled.is_set() and not self._in_hand())

    def _in_hand(self) -> bool:
        return any(actor.task and actor.task[0] == self.key for actor in self.crew.actors.values())

    def _give(self, reference: Any, now: float) -> None:
        """One shard to each idle actor; none is sent ahead, as a call takes a millisecond."""
        if self.cancelled.is_set():
            return
        for name, actor in self.crew.idle():
            task: Task | None = self.schedule.next(name, now)
            if task is None:
                continue
            shard, steal = task.shard, task.steal or task.shard in self.orphans
            following = self.schedule.following(name)
            call = actor.handle.compute.remote(self.key, [reference], shard, steal, following)
            self.crew.give(name, (self.key, task.shard), call, now)

    def _took(self, name: str, task: tuple[str, int], outcome: Any) -> None:
        if task[0] != self.key:  # of an earlier stage that did not wait for it
            return
        now = time.monotonic()
        if outcome is None:
            self._lost(name, task[1], now)
        elif isinstance(outcome, Failure):
            raise outcome.error()
        elif self.schedule.finished(name, task[1], now, usual=outcome.state == "computed"):
            self.arrivals.add(outcome, now)

    def _end_hung(self, now: float) -> None:
        for name in self.schedule.hung(now):
            _, shard = self.crew.actors[name].task
            self.crew.drop(name)
            self._lost(name, shard, now)
        for name, actor in list(self.crew.actors.items()):
            if actor.task and actor.task[0] != self.key and now - actor.since > self.patience:
                self.crew.drop(name)

    def _lost(self, name: str, shard: int, now: float) -> None:
        self.orphans.add(shard)
        self.schedule.lost(name, now)
