"""A cluster in virtual time: workers that start, compute, die, hang, are slow or taken away, and a driver.

Which worker does which shard next is decided by the engines' own `Schedule`.
"""

import heapq
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from auditkit.evidence.execution.schedule import Schedule

Floats = npt.NDArray[np.float64]

HOUR = 3600.0
# The driver looks for hung workers, and idle workers ask again, so often.
TICK = 1.0


@dataclass(frozen=True)
class Cluster:
    """What happens on a cluster.

    Attributes:
        workers: how many.
        start: seconds from asking for a worker until it computes: imports, model, data set.
        driver: seconds of the driver's own work per shard.
        slow: share of the workers that need `slowness` times as long.
        slowness: see there.
        deaths: per worker and hour.
        notice: seconds until a death is noticed.
        hung: number of workers that hang in a shard, once each.
        taken: share of the workers that are pre-empted, at any time.
        away: seconds until a pre-empted worker may start again.
    """

    workers: int = 100
    start: float = 15.0
    driver: float = 0.001
    slow: float = 0.0
    slowness: float = 5.0
    deaths: float = 0.0
    notice: float = 5.0
    hung: int = 0
    taken: float = 0.0
    away: float = 600.0


@dataclass
class Outcome:
    """What a simulated run came to.

    Attributes:
        makespan: virtual seconds from the start until the last shard was delivered.
        useful: seconds that the delivered shards take on an ordinary worker, each once.
        workers: of the cluster.
        delivered: how often each shard was delivered, (shards,).
        begun: shards begun, with those begun again.
        lost: workers that died, were killed or taken away.
        busy: share of the makespan in which the driver worked.
        seconds: real seconds that the simulation took.
    """

    makespan: float
    useful: float
    workers: int
    delivered: npt.NDArray[np.int64]
    begun: int
    lost: int
    busy: float
    seconds: float

    @property
    def efficiency(self) -> float:
        """Useful seconds over workers x makespan, in [0, 1]."""
        return self.useful / (self.workers * self.makespan)


@dataclass
class _Worker:
    """A place on the cluster. After a death another process takes it, under another name."""

    place: int
    slowness: float
    life: int = 0
    running: bool = False
    hangs: bool = False

    @property
    def name(self) -> str:
        return f"{self.place}.{self.life}"


class Simulation:
    """Shards on a cluster, in virtual time."""

    def __init__(
        self, costs: Floats, cluster: Cluster, *, seed: int = 0, known: bool = False
    ) -> None:
        """With everything that will happen by itself already planned.

        Args:
            costs: seconds of each shard on an ordinary worker, (shards,).
            cluster: what happens.
            seed: of everything that is drawn.
            known: whether the scheduler is told the costs beforehand.
        """
        self.costs, self.cluster = costs, cluster
        self.random = np.random.default_rng(seed)
        self.schedule = Schedule(range(len(costs)), costs=costs.__getitem__ if known else None)
        self.delivered = np.zeros(len(costs), dtype=np.int64)
        self.now = self.finished = self.driver_free = self.driver_worked = 0.0
        self.begun = self.lost = 0
        self.idle: dict[str, _Worker] = {}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._planned = 0
        slow = set(self._places(cluster.slow))
        self.workers = [
            _Worker(place, cluster.slowness if place in slow else 1.0)
            for place in range(cluster.workers)
        ]
        for worker in self.workers:
            self._start(worker)
        for place in self._places(cluster.taken):
            self._at(self._any_time(), self.taken, self.workers[place])
        for place in self._places(cluster.hung / cluster.workers):
            self._at(self._any_time(), self.hangs, self.workers[place])
        self._at(TICK, self.tick)

    def run(self) -> Outcome:
        """Until every shard is delivered."""
        began = time.perf_counter()
        while not self.schedule.done:
            self.now, _, action = heapq.heappop(self._events)
            action()
        return Outcome(
            makespan=self.finished,
            useful=float(self.costs.sum()),
            workers=self.cluster.workers,
            delivered=self.delivered,
            begun=self.begun,
            lost=self.lost,
            busy=self.driver_worked / self.finished,
            seconds=time.perf_counter() - began,
        )

    def ready(self, worker: _Worker) -> None:
        """A worker's process has started: it asks for work, and will die some time."""
        worker.running = True
        if self.cluster.deaths:
            life = float(self.random.exponential(HOUR / self.cluster.deaths))
            self._at(self.now + life, self.dies, worker, worker.life)
        self.asks(worker)

    def asks(self, worker: _Worker) -> None:
        """A worker is given a shard, or waits."""
        task = self.schedule.next(worker.name, self.now)
        if task is None:
            self.idle[worker.name] = worker
            return
        self.idle.pop(worker.name, None)
        begins = self._driver()
        self.begun += 1
        if worker.hangs:
            worker.hangs = False
            return
        takes = float(self.costs[task.shard]) * worker.slowness
        self._at(begins + takes, self.ends, worker, worker.life, task.shard)

    def ends(self, worker: _Worker, life: int, shard: int) -> None:
        """A worker has computed a shard, unless it died meanwhile."""
        if not self._lives(worker, life):
            return
        if self.schedule.finished(worker.name, shard, self.now):
            self.delivered[shard] += 1
            self.finished = max(self.finished, self.now, self.driver_free)
        self.asks(worker)

    def dies(self, worker: _Worker, life: int, away: float = 0.0) -> None:
        """A worker's process is gone; the driver notices later."""
        if self._lives(worker, life):
            worker.running = False
            self._at(self.now + self.cluster.notice, self.noticed, worker, away)

    def noticed(self, worker: _Worker, away: float) -> None:
        """The driver knows that a worker is gone, and has another one started in its place."""
        self.lost += 1
        self.idle.pop(worker.name, None)
        self.schedule.lost(worker.name, self.now)
        worker.life += 1
        self._start(worker, away)

    def taken(self, worker: _Worker) -> None:
        """A worker is pre-empted."""
        self.dies(worker, worker.life, self.cluster.away)

    def hangs(self, worker: _Worker) -> None:
        """A worker's next shard will never end."""
        worker.hangs = True

    def tick(self) -> None:
        """The driver looks after its workers: the hung are killed, the idle ask again."""
        hung = set(self.schedule.hung(self.now))
        for worker in self.workers if hung else ():
            if worker.name in hung and worker.running:
                worker.running = False
                self.noticed(worker, 0.0)
        for worker in list(self.idle.values()):
            self.asks(worker)
        self._at(self.now + TICK, self.tick)

    def _start(self, worker: _Worker, away: float = 0.0) -> None:
        takes = self.cluster.start * float(self.random.uniform(0.9, 1.3))
        self._at(self.now + away + takes, self.ready, worker)

    def _lives(self, worker: _Worker, life: int) -> bool:
        return worker.running and worker.life == life

    def _driver(self) -> float:
        """When the driver, which does one thing at a time, has dealt with a shard."""
        self.driver_free = max(self.now, self.driver_free) + self.cluster.driver
        self.driver_worked += self.cluster.driver
        return self.driver_free

    def _places(self, share: float) -> list[int]:
        """A share of the workers, whole ones."""
        chosen = self.random.permutation(self.cluster.workers)
        places: list[int] = chosen[: math.ceil(share * self.cluster.workers)].tolist()
        return places

    def _any_time(self) -> float:
        """A moment of the expected run."""
        expected = float(self.costs.sum()) / self.cluster.workers
        return expected * float(self.random.uniform(0.05, 0.95))

    def _at(self, when: float, action: Callable[..., None], *given: object) -> None:
        self._planned += 1
        heapq.heappush(self._events, (when, self._planned, partial(action, *given)))
