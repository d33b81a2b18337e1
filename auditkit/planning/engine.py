"""An engine that computes a few images of what is missing, and notes what all of it would cost.

Checks are walked through with arrays of the full length, the computed rows standing for all: no second
description says what a check needs. Nothing is written to the store.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from auditkit.evidence.engine import Compute, Engine, Stage
from auditkit.evidence.identity import address
from auditkit.evidence.store import Arrays
from auditkit.planning.calibrating import Calibration, calibrated
from auditkit.planning.costs import StageCost
from auditkit.planning.rebound import evidence_of
from auditkit.planning.usage import Usage, metered

Worker = Callable[[], Compute]

# What calibrations may take: a fixed minute, and a share of what they say.
_MINUTE, _SHARE = 60.0, 0.1


@dataclass
class Planning(Engine):
    """Plans stages instead of computing them.

    Attributes:
        batch: inputs per pass.
        accelerated: whether networks run on a device whose time is not this process' processor time.
        sharing: threads of one process that will share each stage; others than these are processes.
        stages: what was asked for since `begin`.
        loading: seconds of loading each model, by name.
        spent: on calibrations, all in all.
        aside: the same since `begin`: no part of the time of a check.
    """

    batch: int = 16
    accelerated: bool = False
    sharing: int = 1
    stages: list[StageCost] = field(default_factory=list)
    loading: dict[str, float] = field(default_factory=dict)
    spent: Usage = field(default_factory=Usage)
    aside: Usage = field(default_factory=Usage)
    _known: dict[str, Calibration] = field(default_factory=dict)
    _planned: set[str] = field(default_factory=set)
    _foreseen: float = 0.0
    _deep: int = 0

    def begin(self) -> None:
        """The next audit."""
        self.stages, self.aside = [], Usage()

    def again(self) -> None:
        """The same plan from the start, with other samples: what was calibrated is still known."""
        self.begin()
        self._planned.clear()
        self._foreseen = 0.0

    def gather(self, stage: Stage, worker: Worker) -> Arrays:
        """All images' arrays; rows that are not in the store are those of a few computed images."""
        found = {number: self._at(stage, number) for number in range(stage.count)}
        missing = [number for number, arrays in found.items() if arrays is None]
        if not missing:
            self._price(stage, len(found), [])
            return super().gather(stage, worker)
        with self._set_aside():
            known = self._plan(stage, worker, missing, stage.count - len(missing))
            return _whole(stage, known.arrays, found)

    def ensure(self, stage: Stage, worker: Worker, shards: Sequence[Sequence[int]]) -> None:
        """Note what drawing these shards costs."""
        numbers = [indices[0] // stage.shard for indices in shards]
        missing = [number for number in numbers if self._at(stage, number) is None]
        if not missing:
            self._price(stage, len(numbers), [])
            return
        with self._set_aside():
            self._plan(stage, worker, missing, len(numbers) - len(missing))

    def shard(self, stage: Stage, indices: Sequence[int]) -> Arrays | None:
        """Some images' arrays, of the store or standing for them; None where the stage was not planned."""
        number, first = divmod(indices[0], stage.shard)
        kept = self._at(stage, number)
        if kept is not None:
            return {name: array[first : first + len(indices)] for name, array in kept.items()}
        known = self._known.get(self._key(stage, None))
        return None if known is None else _rows(known.arrays, indices)

    def _plan(
        self, stage: Stage, worker: Worker, missing: Sequence[int], found: int
    ) -> Calibration:
        self._load(worker)
        key = self._key(stage, worker)
        fresh = [number for number in missing if self._address(stage, number) not in self._planned]
        setup = key not in self._known
        if setup:
            left = _MINUTE + _SHARE * self._foreseen - self.spent.cpu
            turn, sharing = len(self._known), 1 if self.accelerated else self.sharing
            self._known[key] = calibrated(
                stage, worker, missing, self.batch, left, turn, sharing, self._unnoted
            )
        self._planned |= {self._address(stage, number) for number in fresh}
        self._price(stage, found, fresh, self._known[key], len(missing), key, setup=setup)
        return self._known[key]

    def _price(
        self,
        stage: Stage,
        found: int,
        fresh: Sequence[int],
        known: Calibration | None = None,
        missing: int = 0,
        key: str = "",
        *,
        setup: bool = False,
    ) -> None:
        sizes = [len(stage.indices(number)) for number in fresh]
        each = [known.fit.of(size) + known.keeping for size in sizes] if known else []
        usage = sum(each, Usage())
        started = known.setup if known and setup and each else Usage()
        per_shard, per_image = known.size if known else (0.0, 0.0)
        self._foreseen += self.time(usage + started)
        self.stages.append(
            StageCost(
                name=stage.name,
                key=key,
                images=sum(sizes),
                shards=len(sizes),
                found=found,
                shared=missing - len(sizes),
                usage=usage,
                longest=max(map(self.time, each), default=0.0),
                setup=self.time(started),
                size=per_shard * len(sizes) + per_image * sum(sizes),
                tried=known.images if known else 0,
                together=len(stage.digests) == 1,
                crowding=known.crowding if known else 1.0,
            )
        )

    def time(self, usage: Usage) -> float:
        """Seconds on an idle machine: processor time; the clock's where a device computes."""
        return usage.wall if self.accelerated else usage.cpu

    def _load(self, worker: Worker) -> None:
        """Load the worker's model before it is tried: that happens once per worker, not once per stage."""
        evidence = evidence_of(worker)
        if evidence is None or evidence.card.model in self.loading:
            return
        with metered() as meter:
            evidence.own_model()
        self.loading[evidence.card.model] = self.time(meter.usage)

    def _key(self, stage: Stage, worker: Worker | None) -> str:
        """What has the same arrays, images apart; pictures of another data set may take longer to read."""
        evidence = evidence_of(worker) if worker is not None else None
        data = "" if evidence is None else evidence.data.card.data
        return address({"identity": dict(stage.identity), "data": data})

    def _address(self, stage: Stage, number: int) -> str:
        return stage.where(stage.indices(number))

    @contextmanager
    def _unnoted(self) -> Iterator[None]:
        """Stages that are asked for within are none of the plan's."""
        noted, foreseen = list(self.stages), self._foreseen
        try:
            yield
        finally:
            self.stages[:], self._foreseen = noted, foreseen

    @contextmanager
    def _set_aside(self) -> Iterator[None]:
        """Time that is the calibration's and not the check's."""
        self._deep += 1
        try:
            with metered() as meter:
                yield
        finally:
            self._deep -= 1
            if not self._deep:
                self.aside += meter.usage
                self.spent += meter.usage


def _rows(arrays: Arrays, indices: Sequence[int]) -> Arrays:
    """The computed rows, again and again."""
    return {name: array[np.array(indices) % len(array)] for name, array in arrays.items()}


def _whole(stage: Stage, arrays: Arrays, found: dict[int, Arrays | None]) -> Arrays:
    """Arrays of all images: those of the store in their places."""
    if len(stage.digests) == 1:
        return {name: array.copy() for name, array in arrays.items()}
    whole = _rows(arrays, range(len(stage.digests)))
    for number, part in found.items():
        if part is None:
            continue
        start = number * stage.shard
        for name in whole:
            whole[name][start : start + len(part[name])] = part[name]
    return whole
