"""The worker processes of one engine: each has a thread of the driver, which gives it shard after shard.

So no worker waits for the driver to look at what another one did.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from auditkit.errors import AuditError
from auditkit.evidence.execution.failure import Failure
from auditkit.evidence.execution.process import Begin, Lost, Process
from auditkit.evidence.execution.stage_run import LOOK, StageRun, Step

# Workers in a row that died before they were ready.
_STILLBORN = 3
# Seconds in which a thread ends once its process is gone.
_ENDING = 5.0


@dataclass(eq=False)
class Member:
    """A place in the crew.

    Attributes:
        name: for people.
        begin: what makes its worker.
        process: that it has now; another one once that has died.
        run: whose shard it computes; None while it computes nothing.
        idle: whether it waits for work.
        leaving: whether it is to end.
    """

    name: str
    begin: Begin
    process: Process = field(init=False)
    run: StageRun | None = None
    idle: bool = False
    leaving: bool = False

    def __post_init__(self) -> None:
        self.process = Process(self.name)

    def end(self) -> None:
        """Make it end soon; from another thread."""
        self.leaving = True
        if not self.idle:
            self.process.kill("the engine was closed")


class Crew:
    """Worker processes, started as they are needed and kept until `close`."""

    def __init__(self, begins: Sequence[Begin]) -> None:
        """With a place for each of ``begins``, and nobody there yet."""
        self._begins = begins
        self._members: list[tuple[Member, threading.Thread]] = []
        self._runs: list[StageRun] = []
        self._changed = threading.Condition()
        self._stillborn = 0

    def take(self, run: StageRun) -> None:
        """Work on a job, with as many processes as it has shards."""
        with self._changed:
            self._runs.append(run)
            while len(self._members) < min(len(self._begins), len(run.shards)):
                number = len(self._members)
                member = Member(f"worker-{number + 1}", self._begins[number])
                thread = threading.Thread(target=self._serve, args=(member,), daemon=True)
                self._members.append((member, thread))
                thread.start()
            self._changed.notify_all()

    def drop(self, run: StageRun) -> None:
        """Work on a job no more; what is in hand is finished."""
        run.stop()
        with self._changed:
            if run in self._runs:
                self._runs.remove(run)

    def stop(self) -> None:
        """Give nothing more of any job."""
        for run in list(self._runs):
            run.stop()

    def end_hung(self) -> None:
        """Kill who hangs; that it is gone is noticed like any other death."""
        for member, _ in list(self._members):
            run = member.run
            if run is None:
                continue
            if member.process.stood_still(time.monotonic()) > run.patience:
                member.process.kill(f"it did nothing for {run.patience:.0f} s")
            elif member.name in run.hung():
                member.process.kill("it took too long")

    def close(self) -> None:
        """Let all go; those that still compute are killed."""
        with self._changed:
            members, self._members = self._members, []
            self.stop()
            self._runs.clear()
            for member, _ in members:
                member.end()
            self._changed.notify_all()
        for _, thread in members:
            if thread is not threading.current_thread():
                thread.join(_ENDING)

    def _serve(self, member: Member) -> None:
        """The life of a member, in a thread of its own."""
        try:
            while runs := self._waited(member):
                if self._is_ready(member, runs) and not self._did_one(member, runs):
                    self._pause(member, LOOK)
        finally:
            member.process.leave()

    def _waited(self, member: Member) -> list[StageRun]:
        """The jobs of which something is to be done, once there are some; none for a member that leaves."""
        with self._changed:
            while not member.leaving:
                if runs := [run for run in self._runs if not run.over]:
                    return runs
                self._pause(member)
            return []

    def _pause(self, member: Member, seconds: float | None = None) -> None:
        with self._changed:
            if not member.leaving:
                member.idle = True
                self._changed.wait(seconds)
                member.idle = False

    def _is_ready(self, member: Member, runs: Sequence[StageRun]) -> bool:
        """Have its process running; if that cannot be, the jobs have failed."""
        if member.process.running:
            return True
        member.process.leave()
        member.process = Process(member.name)
        try:
            member.process.start(member.begin)
        except Lost as lost:
            self._note_stillborn(member, runs, str(lost))
        except BaseException as error:  # noqa: BLE001 raised by whoever waits for the jobs
            member.process.leave()
            for run in runs:
                run.fail(member.name, error)
        else:
            self._stillborn = 0
            return True
        return False

    def _note_stillborn(self, member: Member, runs: Sequence[StageRun], how: str) -> None:
        if member.leaving:
            return
        self._stillborn += 1
        if self._stillborn < _STILLBORN:
            return
        self._stillborn = 0
        error = AuditError(
            f"{_STILLBORN} worker processes in a row ended before they could begin ({how}); what they said "
            "is above"
        )
        for run in runs:
            run.fail(member.name, error)

    def _did_one(self, member: Member, runs: Sequence[StageRun]) -> bool:
        """Have one shard of these jobs computed; False if there is none to do now."""
        for run in runs:
            step = run.next(member.name)
            if step is not None:
                member.run = run
                self._compute(member, run, step)
                member.run = None
                return True
        return False

    def _compute(self, member: Member, run: StageRun, step: Step) -> None:
        try:
            found = member.process.compute(run.key, run.content, step)
        except Lost as lost:
            run.lost(member.name, step.shard, str(lost))
            with self._changed:
                self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 raised by whoever waits for the job
            run.fail(member.name, error)
        else:
            if isinstance(found, Failure):
                run.fail(member.name, found.error())
            else:
                run.finished(member.name, found)
