"""What one task of a job array does: its share of the shards, then what is left of the others' shares."""

import json
import os
import pickle
import socket
import time
import traceback
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from auditkit.evidence.execution.contract import Done, Job
from auditkit.evidence.execution.failure import Failure
from auditkit.evidence.execution.ledger import Board, Ledger
from auditkit.evidence.execution.probe import Probe
from auditkit.evidence.execution.slurm_share import Next, Order
from auditkit.evidence.execution.worker import Worker
from auditkit.evidence.kinds import Settings
from auditkit.evidence.stage import Stage
from auditkit.evidence.store import Store

# The driver's own file in the ledger; what it says ends the array.
DRIVER = "driver"
_PAUSE = 0.2


@dataclass(frozen=True)
class Plan:
    """What the tasks of an array have in common; lies in their private folder.

    Attributes:
        folder: private, on a file system that all machines share.
        store: where shards are kept.
        settings: how they are computed.
        code: the driver's `code_version`.
        probe: shows whether this machine sees the driver's store.
        patience: as in `Order`.
        attempts: as in `Order`.
    """

    folder: Path
    store: Store
    settings: Settings
    code: str
    probe: Probe
    patience: float
    attempts: int

    @property
    def ledger(self) -> Path:
        """Where tasks say what they did."""
        return self.folder / "ledger"

    @property
    def job(self) -> Path:
        """The packed job."""
        return self.folder / "job.pickle"

    def shares(self, attempt: int) -> Path:
        """The shards of each task."""
        return self.folder / f"shares-{attempt}.json"

    def failure(self, task: str) -> Path:
        """What a task's computation raised."""
        return self.folder / f"{task}.failure"


@dataclass
class ArrayTask:
    """Called once on the machine that Slurm gives it; again, from the start, after it was pre-empted.

    Attributes:
        plan: of the array.
        attempt: which submission this is of.
        number: of the task in it.
    """

    plan: Plan
    attempt: int
    number: int
    _hand: int | None = None

    @property
    def name(self) -> str:
        """Its name in the ledger."""
        return f"{self.attempt}-{self.number}"

    def __call__(self) -> None:
        """Work until nothing is left; a computation's error is left for the driver."""
        ledger = Ledger(self.plan.ledger)
        try:
            worker = self._worker()
            ledger.say(self.name, hello=worker.name)
            self._work(worker, ledger)
        except Exception as error:  # noqa: BLE001 raised by the driver
            traceback.print_exc()
            failure = pickle.dumps(Failure.of(error, self._place()))
            self.plan.failure(self.name).write_bytes(failure)
            ledger.say(self.name, end="failed")
        else:
            ledger.say(self.name, end="done")

    def checkpoint(self) -> Any:
        """For submitit, when Slurm takes the machine away: run again, as finished shards are kept."""
        from submitit.helpers import DelayedSubmission

        if self._hand is not None:
            Ledger(self.plan.ledger).say(self.name, back=self._hand)
        return DelayedSubmission(ArrayTask(self.plan, self.attempt, self.number))

    def _worker(self) -> Worker:
        plan, name = self.plan, self._place()
        plan.probe.look(plan.store, name)
        return Worker(name, plan.store, plan.settings, plan.code)

    def _place(self) -> str:
        job = os.environ.get("SLURM_JOB_ID") or str(os.getpid())
        return f"{socket.gethostname()}/{job}"

    def _work(self, worker: Worker, ledger: Ledger) -> None:
        packed: bytes | None = self.plan.job.read_bytes()
        board, order = Board(ledger), self._order()
        for following in _following(board, order):
            if following.again and not self._to_be_had(worker, following):
                done = Done(following.shard, "held")
            else:
                ledger.say(self.name, begun=following.shard)
                self._hand = following.shard
                done = worker.compute(
                    "", packed, following.shard, steal=following.steal, following=order.following
                )
                self._hand, packed = None, None
                ledger.say(self.name, **_told(done))
            if done.state == "held":
                order.held(following.shard, time.monotonic())

    def _order(self) -> Order:
        every = json.loads(self.plan.shares(self.attempt).read_bytes())
        own, plan = deque(every.pop(self.number)), self.plan
        return Order(self.name, own, every, patience=plan.patience, attempts=plan.attempts)

    def _to_be_had(self, worker: Worker, following: Next) -> bool:
        """Whether nobody computes a shard any more; asked without telling everybody each time."""
        if following.steal:
            return True
        stage = self._stage
        with worker.store.lease(stage.where(stage.indices(following.shard))) as held:
            return held

    @cached_property
    def _stage(self) -> Stage:
        job: Job = pickle.loads(self.plan.job.read_bytes())  # noqa: S301 the driver's, in its private folder
        return job.stage


def _following(board: Board, order: Order) -> Iterator[Next]:
    """What to do, one shard after the other, until nothing is left or the driver has what it wants."""
    while True:
        now = time.monotonic()
        board.update(now)
        if DRIVER in board.ended:
            return
        following = order.next(board, now)
        if following is not None:
            yield following
        elif order.waiting:
            time.sleep(_PAUSE)
        else:
            return


def _told(done: Done) -> dict[str, Any]:
    return {"back": done.shard} if done.state == "held" else asdict(done)
