"""One stage on a Slurm cluster: an array submitted, watched, and submitted again for what is missing."""

import json
import os
import pickle
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditkit.errors import AuditError
from auditkit.evidence.execution.arrivals import Arrivals
from auditkit.evidence.execution.contract import Done, Job
from auditkit.evidence.execution.costs import images
from auditkit.evidence.execution.failure import Failure
from auditkit.evidence.execution.ledger import Board, Ledger
from auditkit.evidence.execution.probe import Probe
from auditkit.evidence.execution.slurm_share import shares
from auditkit.evidence.execution.slurm_task import DRIVER, ArrayTask, Plan
from auditkit.evidence.execution.worker import packed
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store

# Seconds between looks at the ledger, and between questions to Slurm's accounting.
_PAUSE, _PAUSE_LOCAL, _ACCOUNTING = 1.0, 0.05, 30.0
# Tasks that have nothing to do are given so many seconds to end by themselves; on this machine, those that
# only start are given more, as submitit's processes print a traceback where they are interrupted.
_ENDING, _STARTING = 3.0, 20.0
# A task that was cancelled has ended so many seconds later, whether Slurm's accounting knows of it or not.
_CANCELLED = 60.0
_LINES = 15


@dataclass(frozen=True)
class Shared:
    """What all stages have in common; see `SlurmEngine`.

    Attributes:
        tasks: of an array, at most.
        folder: in which arrays' private folders are made.
        options: submitit's parameters.
    """

    store: Store
    settings: Settings
    code: str
    tasks: int
    folder: Path
    cluster: str
    options: dict[str, Any]
    attempts: int
    patience: float


@dataclass
class Array:
    """One stage's shards."""

    shared: Shared
    job: Job
    shards: Sequence[int]
    cancelled: threading.Event
    _jobs: dict[str, Any] = field(default_factory=dict)
    _over: set[str] = field(default_factory=set)
    _hung: dict[str, float] = field(default_factory=dict)
    _asked: float = 0.0

    def run(self) -> Iterator[Done]:
        """Each shard once, in the store and seen from here."""
        plan = self._planned()
        board, finished = Board(Ledger(plan.ledger)), False
        try:
            yield from self._attempts(plan, board)
            finished = True
        finally:
            self._end(board, at_once=not finished)
            plan.probe.remove(self.shared.store)
            if finished:
                shutil.rmtree(plan.folder, ignore_errors=True)

    def _planned(self) -> Plan:
        """The private folder, with all that tasks need."""
        shared, content = self.shared, packed(self.job)
        try:
            shared.folder.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix="array-", dir=shared.folder))  # mode 0700
        except OSError as error:
            raise AuditError(
                f"{shared.folder} cannot be written: {error.strerror}; name a folder that all machines "
                "share with the engine option folder=PATH"
            ) from error
        probe = Probe.left_in(shared.store)
        plan = Plan(
            folder,
            shared.store,
            shared.settings,
            shared.code,
            probe,
            shared.patience,
            shared.attempts,
        )
        plan.ledger.mkdir()
        plan.job.write_bytes(content)
        return plan

    def _attempts(self, plan: Plan, board: Board) -> Iterator[Done]:
        arrivals = Arrivals(self.shared.store, self.job.stage)
        left, attempt, fruitless = list(self.shards), 0, 0
        while left:
            self._submit(plan, left, attempt)
            yield from self._watched(plan, board, arrivals)
            before, left = left, [shard for shard in left if shard not in board.done]
            if self.cancelled.is_set():
                return
            if all(task in board.ended for task in self._jobs):
                break
            fruitless = 0 if len(left) < len(before) else fruitless + 1
            self._hopeless(board, left, fruitless)
            attempt += 1
        self._hopeless(board, left, 0)
        yield from (Done(shard, "held") for shard in left)

    def _submit(self, plan: Plan, left: Sequence[int], attempt: int) -> None:
        stage = self.job.stage
        weights = [(shard, float(images(stage, [shard]))) for shard in left]
        dealt = shares(weights, self.shared.tasks)
        plan.shares(attempt).write_text(json.dumps(dealt), encoding="ascii")
        tasks = [ArrayTask(plan, attempt, number) for number in range(len(dealt))]
        try:
            with _outside():
                jobs = _executor(self.shared, plan.folder).submit_array(tasks)
        except (RuntimeError, OSError) as error:  # submitit's own errors are RuntimeErrors
            raise AuditError(f"Slurm did not take the job array: {error}") from error
        self._jobs = {task.name: job for task, job in zip(tasks, jobs, strict=True)}
        self._over.clear()

    def _watched(self, plan: Plan, board: Board, arrivals: Arrivals) -> Iterator[Done]:
        """What tasks report, until all are over or nothing is left."""
        told = False
        while True:
            over = self._all_over()  # asked first, so that nothing said before the end is missed
            now = time.monotonic()
            for done in board.update(now):
                arrivals.add(done, now)
            yield from arrivals.seen(now)
            self._raise_failure(plan, board)
            if (over and not len(arrivals)) or self._complete(board, arrivals):
                return
            self._cancel_hung(board, now)
            if self.cancelled.is_set() and not told:
                told = True
                self._stop(board)
            time.sleep(_PAUSE if self.shared.cluster == "slurm" else _PAUSE_LOCAL)

    def _complete(self, board: Board, arrivals: Arrivals) -> bool:
        return not len(arrivals) and board.done.issuperset(self.shards)

    def _all_over(self) -> bool:
        """Whether every task of the array has ended; Slurm's accounting is asked now and then only."""
        now = time.monotonic()
        for task, job in self._jobs.items():
            if task in self._over:
                continue
            force = now - self._asked > _ACCOUNTING
            self._asked = now if force else self._asked
            if job.done(force_check=force) or now - self._hung.get(task, now) > _CANCELLED:
                self._over.add(task)
        return len(self._over) == len(self._jobs)

    def _raise_failure(self, plan: Plan, board: Board) -> None:
        for task, said in board.ended.items():
            if said["end"] == "failed":
                failure: Failure = pickle.loads(plan.failure(task).read_bytes())  # noqa: S301 our task's
                raise failure.error()

    def _cancel_hung(self, board: Board, now: float) -> None:
        usual = board.usual()
        limit = max(self.shared.patience, 20 * usual) if usual else self.shared.patience
        for tasks in board.taken.values():
            for task, since in tasks.items():
                if now - since > limit and task in self._jobs and task not in self._hung:
                    self._hung[task] = now
                    self._jobs[task].cancel(check=False)

    def _hopeless(self, board: Board, left: Sequence[int], fruitless: int) -> None:
        """Give up where submitting again is of no use.

        Raises:
            AuditError: with the last lines of a task's log.
        """
        attempts = self.shared.attempts
        lost = [shard for shard in left if len(board.taken.get(shard, {})) >= attempts]
        if lost:
            task = next(iter(board.taken[lost[0]]))
            raise AuditError(
                f"{self.job.stage.name}: shard {lost[0]} cost {attempts} tasks their lives; {self._log(task)}"
            )
        if fruitless >= attempts:
            raise AuditError(
                f"{self.job.stage.name}: {attempts} job arrays in a row ended without finishing a shard; "
                f"{self._log(next(iter(self._jobs)))}"
            )

    def _log(self, task: str) -> str:
        job = self._jobs.get(task) or next(iter(self._jobs.values()))
        lines = [
            line for text in (job.stdout(), job.stderr()) for line in (text or "").splitlines()
        ]
        last = "\n".join(lines[-_LINES:]) or "(empty)"
        return f"its log {job.paths.stderr} ends:\n{last}"

    def _stop(self, board: Board) -> None:
        """Have tasks stop after the shards in hand; those that have none at once."""
        board.ledger.say(DRIVER, end="cancelled")
        busy = {task for tasks in board.taken.values() for task in tasks}
        for task, job in self._jobs.items():
            if task not in busy and task not in self._over:
                job.cancel(check=False)

    def _end(self, board: Board, *, at_once: bool) -> None:
        """Let no task outlive the stage."""
        local = self.shared.cluster == "local"
        with suppress(OSError):
            board.ledger.say(DRIVER, end="complete")
        if not at_once:
            self._wait(_ENDING)
            starting = self._jobs.keys() - board.here.keys() - self._over
            self._wait(_STARTING if local and starting else 0.0)
        left = [job for task, job in self._jobs.items() if task not in self._over]
        for job in left:
            job.cancel(check=False)
        if left and local:
            self._wait(2 * _ENDING)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._all_over() and time.monotonic() < until:
            time.sleep(_PAUSE_LOCAL)


def _outside() -> AbstractContextManager[None]:
    """Where the driver is a Slurm job itself, its arrays do not inherit what it was given."""
    if "SLURM_JOB_ID" not in os.environ:
        return nullcontext()
    from submitit.helpers import clean_env

    return clean_env()


def _executor(shared: Shared, folder: Path) -> Any:
    """An executor of submitit, with its own files in the private folder: they are pickles."""
    import submitit

    kinds = {
        "slurm": submitit.SlurmExecutor,
        "local": submitit.LocalExecutor,
        "debug": submitit.DebugExecutor,
    }
    found: Any = kinds[shared.cluster](folder)
    if shared.cluster != "debug":
        found.update_parameters(**shared.options)
    return found
