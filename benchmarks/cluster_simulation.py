"""A million images on a hundred workers, in virtual time, through the scheduler that the engines use.

    python benchmarks/cluster_simulation.py                          # the seconds per shard recorded beside this
    python benchmarks/cluster_simulation.py --store .auditkit/store  # those of a store of one's own
    python benchmarks/cluster_simulation.py --workers 1000 --shards 625000

What is simulated is time: workers that start, compute, die, hang, are slow or taken away, and a driver that
needs time for every shard. What is not simulated is the decision which worker does which shard next: that is
`auditkit.evidence.execution.schedule.Schedule`, as it runs in the engines. Seconds per shard are drawn from
measured ones, which the store's sidecars keep, with their long tail.

Scheduling efficiency is the sum of the seconds that the delivered shards take on an ordinary worker, over
workers x makespan: starting, waiting, slow nodes, lost and repeated work all lower it. Exit status 1: it is
below 0.9 in a scenario.
"""

import argparse
import heapq
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from auditkit.evidence.execution.schedule import Schedule

Floats = npt.NDArray[np.float64]

RECORDED = Path(__file__).parent / "shard_seconds.json"
REQUIRED = 0.9
# The driver looks for hung workers, and idle workers ask again, so often.
TICK = 1.0
HOUR = 3600.0


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


SCENARIOS: Mapping[str, Callable[[Cluster], Cluster]] = {
    "nothing goes wrong": lambda plain: plain,
    "1 % of the workers five times slower": lambda plain: replace(plain, slow=0.01),
    "one death per worker-hour": lambda plain: replace(plain, deaths=1.0),
    "one hung worker": lambda plain: replace(plain, hung=1),
    "a tenth pre-empted, back after ten minutes": lambda plain: replace(plain, taken=0.1),
    "all of these": lambda plain: replace(plain, slow=0.01, deaths=1.0, hung=1, taken=0.1),
}


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


def drawn(measured: Sequence[float], shards: int, seed: int = 0) -> Floats:
    """Seconds of so many shards, drawn from measured ones with replacement, (shards,)."""
    return np.random.default_rng((seed, 1)).choice(np.asarray(measured), size=shards)


def of_store(folder: Path, stage: str = "") -> list[float]:
    """Seconds of the computed shards in a store, of stages whose name contains ``stage``.

    Only whole shards count: the last one of a data set may have fewer images.
    """
    found: list[tuple[int, float]] = []
    for path in folder.rglob("*.json"):
        about = json.loads(path.read_text(encoding="utf-8"))
        if {"seconds", "images", "stage"} <= about.keys() and stage in about["stage"]:
            found.append((int(about["images"]), float(about["seconds"])))
    most = max((images for images, _ in found), default=0)
    return [seconds for images, seconds in found if images == most]


def simulated(
    measured: Mapping[str, Sequence[float]], shards: int, cluster: Cluster, seed: int = 0
) -> Iterator[tuple[str, str, bool, Outcome]]:
    """Every kind of shard in every scenario, with costs unknown and known to the scheduler."""
    for kind, seconds in measured.items():
        costs = drawn(seconds, shards, seed)
        for name, happens in SCENARIOS.items():
            for known in (False, True):
                run = Simulation(costs, happens(cluster), seed=seed, known=known).run()
                yield kind, name, known, run


HEADER = (
    "| shards | scenario | efficiency | costs known beforehand | makespan | begun again | workers lost "
    "| driver busy | simulated in |\n|---|---|---|---|---|---|---|---|---|"
)


def row(kind: str, name: str, unknown: Outcome, known: Outcome) -> str:
    """A row of the table: one scenario, with and without costs known beforehand."""
    cells = (
        kind,
        name,
        f"{unknown.efficiency:.1%}",
        f"{known.efficiency:.1%}",
        f"{unknown.makespan / HOUR:.2f} h",
        str(unknown.begun - len(unknown.delivered)),
        str(unknown.lost),
        f"{unknown.busy:.1%}",
        f"{unknown.seconds:.1f} s",
    )
    return f"| {' | '.join(cells)} |"


def report(
    measured: Mapping[str, Sequence[float]], shards: int, cluster: Cluster, seed: int = 0
) -> tuple[list[str], float]:
    """The table's lines, and the lowest efficiency."""
    lines, lowest = [HEADER], 1.0
    runs = simulated(measured, shards, cluster, seed)
    for (kind, name, _, unknown), (*_, known) in zip(runs, runs, strict=True):
        assert (unknown.delivered == 1).all(), "a shard was delivered twice, or never"
        lines.append(row(kind, name, unknown, known))
        lowest = min(lowest, unknown.efficiency, known.efficiency)
    return lines, lowest


def spread(seconds: Sequence[float]) -> str:
    """A distribution in words."""
    cuts = np.quantile(np.asarray(seconds), [0.5, 0.95, 1.0])
    middle, high, most = (f"{cut:.3g}" for cut in cuts)
    return f"{len(seconds)} measured, median {middle} s, 95 % {high} s, longest {most} s"


def main() -> int:
    given = _parser().parse_args()
    measured = json.loads(RECORDED.read_text(encoding="utf-8"))["seconds"]
    if given.store:
        measured = {given.stage or "shards of the store": of_store(given.store, given.stage)}
    cluster = Cluster(given.workers, given.start, given.driver)
    for kind, seconds in measured.items():
        print(f"{kind}: {spread(seconds)}")
    print(
        f"{given.shards} shards of 16 images on {given.workers} workers; starting a worker takes "
        f"{given.start:g} s, the driver's work per shard {1000 * given.driver:g} ms\n"
    )
    lines, lowest = report(measured, given.shards, cluster, given.seed)
    print("\n".join(lines))
    print(f"\nlowest efficiency {lowest:.1%}; at least {REQUIRED:.0%} was expected")
    return int(lowest < REQUIRED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--shards", type=int, default=62_500, help="of 16 images: a million")
    parser.add_argument("--store", type=Path, help="evidence store whose seconds per shard to draw from")
    parser.add_argument("--stage", default="", help="only stages whose name contains this")
    parser.add_argument("--start", type=float, default=Cluster.start, help="seconds to start a worker")
    parser.add_argument("--driver", type=float, default=Cluster.driver, help="its seconds per shard")
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
