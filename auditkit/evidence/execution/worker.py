"""What runs in a worker's process, whatever engine started it."""

import pickle
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from auditkit.errors import AuditError
from auditkit.evidence.execution.contract import Done, Job
from auditkit.evidence.execution.shard import announce, compute_shard
from auditkit.evidence.identity import code_version
from auditkit.evidence.kinds import Settings
from auditkit.evidence.settling import settle
from auditkit.evidence.stage import Compute
from auditkit.evidence.store import Store

if TYPE_CHECKING:
    from auditkit.evidence.workroom import Workroom


def packed(job: Job) -> bytes:
    """A job as workers are sent it; never read from a store, nor from any file that a user names.

    Raises:
        AuditError: it holds what cannot leave this process.
    """
    try:
        return pickle.dumps(job)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise AuditError(
            f"{job.stage.name} cannot be computed by other processes: {error}; use the inline engine"
        ) from error


def unpacked(job: bytes, worker: str) -> Job:
    """The job again.

    Raises:
        AuditError: it names what this process cannot import.
    """
    try:
        found: Job = pickle.loads(job)  # noqa: S301 from the driver, over its own pipe
    except (AttributeError, ImportError) as error:
        raise AuditError(
            f"worker {worker} does not find what it is to compute with: {error}; put it in a module that "
            "can be imported, or use the inline engine"
        ) from error
    return found


@dataclass
class Worker:
    """Computes shards of the jobs that it was given; keeps its models between jobs.

    Attributes:
        name: for people.
        store: where shards are kept.
        settings: how they are computed.
        code: the driver's `code_version`.
    """

    name: str
    store: Store
    settings: Settings
    code: str
    _jobs: dict[str, tuple[Job, Compute]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make evidence that arrives in this process here.

        Raises:
            AuditError: this machine has another version of the code.
        """
        if self.code != code_version():
            raise AuditError(
                f"worker {self.name} has another version of auditkit, or of the packages that it computes "
                "with, than the process that sent it work; install the same on every machine"
            )
        settle(partial(_workroom, self.store, self.settings))

    def compute(
        self,
        key: str,
        job: bytes | None,
        shard: int,
        *,
        steal: bool = False,
        following: int | None = None,
    ) -> Done:
        """Have one shard in the store.

        Args:
            key: of the job; a job is sent once.
            job: from `packed`; None once this worker has it.
            shard: its number.
            steal: as in `compute_shard`.
            following: the shard that probably comes next; its images may be made ready meanwhile.
        """
        if job is not None:
            taken = unpacked(job, self.name)
            # One job at a time: the last one's model stays in the workroom, its arrays need not.
            self._jobs = {key: (taken, taken.make())}
        known, compute = self._jobs[key]
        if following is not None:
            announce(known, following)
        return compute_shard(self.store, known, shard, compute, worker=self.name, steal=steal)


def _workroom(store: Store, settings: Settings) -> "Workroom":
    from auditkit.evidence.engine import Engine
    from auditkit.evidence.workroom import Workroom

    return Workroom(Engine(store, threads=1, listing=False), settings)
