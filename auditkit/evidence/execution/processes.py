"""Shards computed by processes of this machine: one per visible GPU, or one per core."""

import time
import weakref
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice

from auditkit.evidence.engine import threads
from auditkit.evidence.execution.contract import Done, Job
from auditkit.evidence.execution.crew import Crew
from auditkit.evidence.execution.devices import visible_gpus
from auditkit.evidence.execution.process import Begin
from auditkit.evidence.execution.stage_run import LOOK, StageRun
from auditkit.evidence.identity import code_version
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store


@dataclass(eq=False)
class Processes:
    """Worker processes, which keep their models from stage to stage.

    They end with this process however it ends, and when nobody holds the engine any more.

    Attributes:
        store: where shards are kept.
        settings: how they are computed.
        workers: how many; left out, one per visible GPU, or one per core. Where there are more than GPUs,
            they share them.
        patience: seconds within which no worker is taken for hung.
        attempts: workers that one shard may cost.
        code: version of the code that workers must have; this process' own if left out.
    """

    store: Store
    settings: Settings
    workers: int | None = None
    patience: float = 120.0
    attempts: int = 3
    code: str = ""
    _gpus: list[str] = field(init=False)
    _crew: Crew = field(init=False)

    def __post_init__(self) -> None:
        self._gpus = visible_gpus(self.settings.device)
        self.workers = self.workers or len(self._gpus) or threads()
        code = self.code or code_version()
        own = islice(cycle(self._gpus or [None]), self.workers)
        self._crew = Crew([Begin(self.store, self.settings, code, gpu) for gpu in own])
        weakref.finalize(self, Crew.close, self._crew)

    def run(self, job: Job, shards: Sequence[int]) -> Generator[Done]:
        """Each shard once, as they finish.

        Raises:
            AuditError: workers cannot be started or have another version of the code; the job cannot be
                sent to another process; a shard has cost too many workers.
        """
        if not shards:
            return
        run = StageRun(job, shards, self.patience, self.attempts)
        self._crew.take(run)
        looked = time.monotonic()
        try:
            for done in run.outcomes():
                if done is not None:
                    yield done
                if time.monotonic() - looked > LOOK:
                    self._crew.end_hung()
                    looked = time.monotonic()
        finally:
            self._crew.drop(run)

    def cancel(self) -> None:
        """Give no further shards."""
        self._crew.stop()

    def describe(self) -> dict[str, str]:
        """What it is."""
        devices = f"GPU {', '.join(self._gpus)}" if self._gpus else "cores"
        return {"engine": "processes", "workers": str(self.workers), "devices": devices}

    def close(self) -> None:
        """Let the workers go; those that still compute are killed."""
        self._crew.close()
