"""A stage tried on a few images: what its shards cost, and arrays that stand for all of them."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier

from auditkit.evidence.execution.contract import Job
from auditkit.evidence.execution.shard import compute_shard
from auditkit.evidence.stage import Compute, Stage
from auditkit.evidence.store import Arrays, Store
from auditkit.planning.fit import Fit
from auditkit.planning.rebound import in_batches
from auditkit.planning.together import together
from auditkit.planning.usage import Meter, Usage, metered
from auditkit.planning.watching import Counting, TooManyDrawn

Worker = Callable[[], Compute]

# What a stage may be tried for in any case, seconds; and the share of what is expected of it.
_CHEAP, _SHARE = 0.25, 0.03
# A first call that is shorter than this is mostly preparation, and is made again; a longer one too
# where it is at most this share of the stage: memory that is asked for first takes twice as long.
_BRIEF, _AGAIN = 0.5, 0.05
# Seconds for which threads are tried side by side, of stages that take so many or more.
_CROWDED, _WORTH = 0.06, 0.5
# Pictures of the larger of two small batches.
_FEW = 4
# About so many runs does a stage take.
_RUNS = 9


@dataclass(frozen=True)
class Calibration:
    """What is known of a stage.

    Attributes:
        fit: what a shard costs, by its images.
        arrays: of the images that were computed, or of a stage of all images together, whole.
        setup: of making the function that computes: once per worker.
        keeping: of writing a shard and reading it back.
        size: bytes of a shard, and of each of its images.
        images: that were computed.
        spent: by the calibration itself.
        crowding: what work takes in each of several threads at once, relative to one thread alone: 1 where
            they do not hinder each other, as many as there are threads where they take turns.
    """

    fit: Fit
    arrays: Arrays
    setup: Usage
    keeping: Usage
    size: tuple[float, float]
    images: int
    spent: Usage
    crowding: float = 1.0


def calibrated(
    stage: Stage,
    worker: Worker,
    numbers: Sequence[int],
    batch: int,
    left: float,
    turn: int = 0,
    threads: int = 1,
    unnoted: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Calibration:
    """Compute a few images of a stage.

    Args:
        stage: what is tried.
        worker: as engines take it.
        numbers: its shards that are not in the store; at least one.
        batch: inputs per pass.
        left: seconds that may still be spent on more than one image.
        turn: of this calibration among others, which take other images: data sets keep the last few that
            were read, and in a real run they are seldom among these.
        threads: of one process that will share the stage; where there are several, how they hinder each other
            is tried too.
        unnoted: within which stages that this one asks for are not noted: they were when it was tried alone.
    """
    shards = [stage.indices(number) for number in numbers]
    sizes, crowding = [len(indices) for indices in shards], 1.0
    if len(stage.digests) == 1:
        trial = _whole(stage, worker, batch)
    else:
        start = turn * _RUNS % len(shards)
        trial = _Trial(worker, shards[start:] + shards[:start], batch)
        trial.one(sizes, left)
        trial.more(sizes, left - trial.spent.cpu)
        with unnoted():
            crowding = trial.crowded(sizes, left - trial.spent.cpu, threads)
    keeping, size = _kept(stage, trial.arrays, trial.images)
    return Calibration(
        Fit(batch, trial.points, trial.passes),
        trial.arrays,
        trial.setup,
        keeping,
        size,
        trial.images,
        trial.spent + keeping,
        crowding,
    )


@dataclass
class _Trial:
    """Runs over a few images, each time of the next shard that has as many."""

    worker: Worker
    shards: Sequence[Sequence[int]]
    batch: int
    setup: Usage = field(default_factory=Usage)
    spent: Usage = field(default_factory=Usage)
    points: dict[int, Usage] = field(default_factory=dict)
    passes: Mapping[tuple[int, int], int] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)
    images: int = 0
    _padded: bool = False
    _runs: int = 0
    _compute: Compute | None = None

    def one(self, sizes: Sequence[int], left: float) -> None:
        """The first image alone; where pictures are drawn, a small batch stands for a padded one."""
        with metered() as making:
            self._compute = self.worker()
        self.setup = making.usage
        self.spent += making.usage
        try:
            first = self._ran(1, most=1)
        except TooManyDrawn:
            self._drawn()
            return
        self.passes = first.counting.passes
        worth = min(_AGAIN * self._expected(sizes), left)
        if first.usage.cpu < max(_BRIEF, worth):
            self.passes = self._ran(1).counting.passes

    def more(self, sizes: Sequence[int], left: float) -> None:
        """More images, as far as that is cheap beside what the stage costs."""
        fit = self._fit()
        allowed = min(max(_CHEAP, _SHARE * self._expected(sizes)), max(left, 0.0))
        for size in sorted(set(sizes), reverse=True):
            count = next((n for n in range(size, 1, -1) if fit.of(n).cpu <= allowed), 0)
            if count > self.images or (count and count not in self.points):
                allowed -= self._twice(count).cpu

    def crowded(self, sizes: Sequence[int], left: float, threads: int) -> float:
        """How threads of one process hinder each other: they share Python's lock, caches and memory."""
        if threads < 2 or self._padded or self._expected(sizes) < _WORTH or left < 0:
            return 1.0
        alone = self.points[self.images].cpu
        count = max(1, min(self.images, round(self.images * _CROWDED / max(alone, 1e-3))))
        with metered() as meter:
            computes = [self.worker() for _ in range(threads)]
            for compute in computes:
                compute(self._next(count))
            one = _side_by_side(computes[:1], [self._next(count)])
            every = _side_by_side(computes, [self._next(count) for _ in computes])
        self.spent += meter.usage
        return min(max(every / one, 1.0), float(threads))

    def _fit(self) -> Fit:
        return Fit(self.batch, dict(self.points), self.passes)

    def _expected(self, sizes: Sequence[int]) -> float:
        """Seconds of all shards, by what is known until now."""
        fit = self._fit()
        return sum(fit.of(size).cpu for size in sizes)

    def _twice(self, count: int) -> Usage:
        """What is short is tried twice, and counts as the quicker: other work is none of it."""
        first = self._ran(count).usage
        if first.cpu > _CHEAP / 2:
            return first
        again = self._ran(count).usage
        if again.cpu > first.cpu:
            self._known(count, first)
        return first + again

    def _ran(self, count: int, most: int | None = None) -> Meter:
        assert self._compute is not None
        counting, indices = Counting(most), self._next(count)
        try:
            with metered(counting) as meter:
                arrays = self._compute(indices)
        finally:
            self.spent += meter.usage
        self._known(count, meter.usage)
        if count >= self.images:
            self.arrays, self.images = arrays, count
        return meter

    def _next(self, count: int) -> Sequence[int]:
        """So many images of the next shard that has them."""
        large = [shard for shard in self.shards if len(shard) >= count]
        self._runs += 1
        return large[self._runs % len(large)][:count]

    def _known(self, count: int, usage: Usage) -> None:
        if self._padded:
            self.points = {1: usage, max(count, self.batch): usage}
        else:
            self.points[count] = usage

    def _drawn(self) -> None:
        """Pictures: full batches of one and of a few, by which a whole one is told."""
        assert self._compute is not None
        usual, tried = self._compute, dict[int, Usage]()
        for count in sorted({1, min(_FEW, max(map(len, self.shards)))}):
            self._compute = in_batches(self.worker, count)()
            tried[count] = self._ran(count).usage
        usage = _batch(tried, self.batch)
        self.points = {1: usage, self.batch: usage}
        self._compute, self._padded = usual, True


def _side_by_side(computes: Sequence[Compute], shards: Sequence[Sequence[int]]) -> float:
    """Seconds by the clock in which threads compute a shard each."""
    ready = Barrier(len(shards))

    def work(compute: Compute, shard: Sequence[int]) -> tuple[float, float]:
        ready.wait()
        began = time.perf_counter()
        compute(shard)
        return began, time.perf_counter()

    with ThreadPoolExecutor(len(shards)) as pool:
        done = list(pool.map(work, computes, shards))
    return max(end for _, end in done) - min(began for began, _ in done)


def _batch(tried: Mapping[int, Usage], rows: int) -> Usage:
    """What a batch costs, by what smaller ones cost: a call by itself costs something, and each row."""
    few = max(tried)
    counts = tried[few].times(rows / few)
    if len(tried) == 1:
        return counts
    steps = (rows - 1) / (few - 1)
    line = tried[1] + (tried[few] + tried[1].times(-1.0)).times(steps)
    cpu, wall = (min(max(a, b), c) for a, b, c in _ends(line, tried[few], counts))
    return replace(counts, cpu=cpu, wall=wall)


def _ends(*usages: Usage) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Processor times, and times by the clock."""
    return tuple(one.cpu for one in usages), tuple(one.wall for one in usages)


def _whole(stage: Stage, worker: Worker, batch: int) -> _Trial:
    """A stage that is one thing."""
    trial = _Trial(worker, [[0]], batch)
    found = together(str(stage.identity.get("stage")), worker)
    if found is None:
        with metered() as making:
            trial._compute = worker()  # noqa: SLF001 of this module
        trial.setup, trial.spent = making.usage, making.usage
        trial._ran(1)  # noqa: SLF001 as above
        return trial
    trial.points, trial.arrays, trial.images = {1: found.usage}, found.arrays, found.images
    trial.spent = found.spent
    return trial


def _kept(stage: Stage, arrays: Arrays, images: int) -> tuple[Usage, tuple[float, float]]:
    """What writing and reading costs, in a folder that is removed again; and bytes."""

    def compute(_indices: Sequence[int]) -> Arrays:
        return arrays

    few = list(stage.digests[: max(images, 1)])
    tried = Stage(stage.name, stage.identity, few, max(stage.shard, len(few)))
    with TemporaryDirectory(prefix="auditkit-plan-") as folder:
        store, where = Store(Path(folder)), tried.where(tried.indices(0))
        with metered() as meter:
            compute_shard(store, Job(tried, lambda: compute), 0, compute)
            store.read(where)
        written = sum(file.stat().st_size for file in Path(folder, where[:2]).glob(f"{where}*"))
    plain = sum(array.nbytes for array in arrays.values())
    per_image = plain / max(images, 1) if len(stage.digests) > 1 else 0.0
    return meter.usage, (written - per_image * images, per_image)
