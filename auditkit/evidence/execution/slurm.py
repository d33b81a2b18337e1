"""Shards computed by job arrays of a Slurm cluster, through submitit.

Each `run` is one stage and one array. A task loads the models of the stage once, does its share of the
shards and then what is left of the others'. What it finished is in the store, so that Slurm may take its
machine away at any time.
"""

import threading
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from auditkit.errors import AuditError
from auditkit.evidence.execution.contract import Done, Job
from auditkit.evidence.execution.costs import images, seconds_per_image
from auditkit.evidence.execution.inline import Inline
from auditkit.evidence.execution.slurm_array import Array, Shared
from auditkit.evidence.execution.slurm_options import asks_for_gpus, options_of
from auditkit.evidence.identity import code_version
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store

CLUSTERS = ("slurm", "local", "debug")
_TASKS = 8


@dataclass
class SlurmEngine:
    """Job arrays.

    Attributes:
        store: where shards are kept; all machines see it.
        settings: how they are computed.
        workers: tasks of an array; None for 8.
        folder: private folders of arrays are made in it; all machines see it.
        cluster: slurm; or local, processes of this machine; or debug, this process.
        options: of sbatch, in submitit's names: partition, time in minutes, gpus_per_node, ...
        attempts: arrays in a row that may finish nothing, and tasks that one shard may cost.
        patience: seconds that a shard may take before there is a usual time; 20 times that time afterwards.
        tiny: a stage expected to take fewer seconds is computed by this process, as is a single shard of
            which nothing is known; 0 for never.
        code: version of the code that tasks must have; None for this process'.
    """

    store: Store
    settings: Settings
    workers: int | None = None
    folder: str | Path = ".auditkit/slurm"
    cluster: str = "slurm"
    options: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 3
    patience: float = 60.0
    tiny: float = 10.0
    code: str | None = None
    _per_image: dict[str, float] = field(default_factory=dict, init=False)
    _held: set[str] = field(default_factory=set, init=False)
    _cancelled: threading.Event = field(default_factory=threading.Event, init=False)

    def __post_init__(self) -> None:
        """Hold what was asked for to what there is.

        Raises:
            AuditError: submitit is not installed, an option is not known, or there is no Slurm here.
        """
        if find_spec("submitit") is None:
            raise AuditError(
                'the engine slurm needs submitit: pip install "pytest-auditkit[slurm]"'
            )
        if self.cluster not in CLUSTERS:
            raise AuditError(
                f"Slurm option cluster={self.cluster}: one of {', '.join(CLUSTERS)} was expected"
            )
        options_of(self.options, self.cluster)

    def run(self, job: Job, shards: Sequence[int]) -> Generator[Done]:
        """Each shard once, as tasks report them; tasks end with the iterator."""
        self._cancelled.clear()
        left = yield from self._still_held(job, shards)
        if not left:
            return
        if self._is_tiny(job, left):
            yield from self._inline(job, left)
            return
        array = Array(self._shared(), job, left, self._cancelled)
        for done in array.run():
            if done.state == "held":
                self._held.add(_where(job, done.shard))
            self._learn(job, done)
            yield done

    def cancel(self) -> None:
        """Tasks finish the shards in hand and take no more."""
        self._cancelled.set()

    def describe(self) -> dict[str, str]:
        """What it is."""
        asked = " ".join(f"{name}={text}" for name, text in self.options.items())
        told = {"engine": "slurm", "workers": f"{self._tasks} array tasks per stage"}
        if self.cluster != "slurm":
            told["cluster"] = self.cluster
        return {**told, "options": asked} if asked else told

    def close(self) -> None:
        """Nothing is held between stages."""

    @property
    def _tasks(self) -> int:
        return self.workers or _TASKS

    def _shared(self) -> Shared:
        return Shared(
            store=self.store,
            settings=self.settings,
            code=self.code or code_version(),
            tasks=self._tasks,
            folder=Path(self.folder).expanduser().absolute(),
            cluster=self.cluster,
            options=options_of(self.options, self.cluster),
            attempts=self.attempts,
            patience=self.patience,
        )

    def _still_held(self, job: Job, shards: Sequence[int]) -> Generator[Done, None, list[int]]:
        """Those that somebody else had and still has are told; the others are left for an array."""
        left = []
        for shard in shards:
            where = _where(job, shard) if self._held else ""
            if where in self._held and self._has_it(where):
                yield Done(shard, "held")
                continue
            self._held.discard(where)
            left.append(shard)
        return left

    def _has_it(self, where: str) -> bool:
        with self.store.lease(where) as free:
            return not free

    def _is_tiny(self, job: Job, shards: Sequence[int]) -> bool:
        """Whether an array would start more slowly than the shards are done here, on a like machine."""
        if not self.tiny or (asks_for_gpus(self.options) and not _gpu_here()):
            return False
        stage = job.stage
        usual = self._per_image.get(stage.name) or seconds_per_image(self.store, stage, shards)
        if usual is None:
            return len(shards) == 1
        return usual * images(stage, shards) < self.tiny

    def _inline(self, job: Job, shards: Sequence[int]) -> Generator[Done]:
        for done in Inline(self.store).run(job, shards):
            self._learn(job, done)
            yield done
            if self._cancelled.is_set():
                return

    def _learn(self, job: Job, done: Done) -> None:
        """The seconds of a stage's images, the latest shard counting half."""
        if done.state == "computed":
            name, seconds = job.stage.name, done.seconds / images(job.stage, [done.shard])
            self._per_image[name] = (self._per_image.get(name, seconds) + seconds) / 2


def _where(job: Job, shard: int) -> str:
    return job.stage.where(job.stage.indices(shard))


def _gpu_here() -> bool:
    import torch

    return torch.cuda.is_available()
