"""Random kills with resume: SIGKILL to driver or worker at a random moment, until everything is there."""

import os
import random
import signal
import subprocess
import time
from contextlib import redirect_stdout, suppress
from dataclasses import astuple, dataclass, field
from io import StringIO
from pathlib import Path

from endurance_log import Tally, in_hand, read, running, tally, workers
from endurance_work import MAXIMUM, Work

from auditkit.cli import main

# Share of kills while a process still starts, and of those that meet the driver where there are workers.
_EARLY, _DRIVER = 0.1, 0.6
_LETTING_GO = 20.0


@dataclass
class Kill:
    """One kill.

    Attributes:
        driver: whether the driver was met, else a worker.
        pids: the processes that it ended: of a driver, its workers as well.
        when: on the monotonic clock.
        early: whether nothing had been begun by then.
    """

    driver: bool
    pids: list[int]
    when: float
    early: bool


@dataclass
class Endured:
    """What came of it.

    Attributes:
        kills: all of them.
        lost: shards in hand at each of them.
        rounds: times that everything was gathered from nothing.
        total: computations, over all rounds.
        same: whether every round found what an undisturbed run finds.
        leftovers: files that belong to no shard, after `auditkit store prune`.
        litter: such files before.
        orphans: processes that outlived their driver.
        seconds: wall time.
    """

    kills: list[Kill] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    rounds: int = 0
    total: Tally = field(default_factory=lambda: Tally(0, 0, 0, 0, 0))
    same: bool = True
    leftovers: list[str] = field(default_factory=list)
    litter: int = 0
    orphans: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def problems(self, workers: int) -> list[str]:
        """What is not as it should be; empty if all is well."""
        found = []
        if not self.same:
            found.append("a digest differs from that of the undisturbed run")
        if any(
            lost > (workers if k.driver else 1)
            for k, lost in zip(self.kills, self.lost, strict=True)
        ):
            found.append(f"a kill lost more shards than were in hand ({self.lost})")
        if self.total.again > sum(self.lost):
            found.append(f"{self.total.again} shards computed again, {sum(self.lost)} were in hand")
        if self.total.late:
            found.append(f"{self.total.late} shards begun again although they were kept")
        if self.leftovers:
            found.append(f"left in the store: {', '.join(self.leftovers[:3])}")
        if self.orphans:
            found.append(f"processes outlived their driver: {self.orphans}")
        return found


@dataclass
class Endurance:
    """Kills a run again and again.

    Attributes:
        work: what is gathered.
        kills: how many.
        chance: when, and whom.
        spread: seconds after the first shard of a process within which it is killed.
    """

    work: Work
    kills: int
    chance: random.Random
    spread: float
    found: Endured = field(default_factory=Endured)

    def run(self) -> Endured:
        """Rounds from nothing to everything, until there were enough kills."""
        began = time.monotonic()
        self.work.write()
        expected = undisturbed(self.work)
        while len(self.found.kills) < self.kills:
            self.found.rounds += 1
            self._round(f"round{self.found.rounds}", expected)
        self.found.seconds = time.monotonic() - began
        return self.found

    def _round(self, store: str, expected: str) -> None:
        """Gather everything; once there were enough kills, without disturbance."""
        log = self.work.folder / f"{store}.log"
        environment, first = self.work.environment(log), len(self.found.kills)
        while not self._incarnation(self.work.start(store, environment), log):
            pass
        self.found.orphans += _orphans(log)
        said = read(log)
        self.found.lost += [len(in_hand(said, kill.pids)) for kill in self.found.kills[first:]]
        self.found.total = _sum(self.found.total, tally(said))
        self.found.same &= self.work.digest(store) == expected
        before, after = _files(self.work.folder / store)
        self.found.litter += before
        self.found.leftovers += after

    def _incarnation(self, process: "subprocess.Popen[bytes]", log: Path) -> bool:
        """One process from its start to its end; whether it came to it by itself."""
        while len(self.found.kills) < self.kills:
            if not self._moment(process, log):
                break
            victims = workers(process.pid)
            if victims and self.chance.random() > _DRIVER:
                victim = self.chance.choice(victims)
                self._kill(victim, [victim], log, driver=False)
                continue
            self._kill(process.pid, [process.pid, *victims], log, driver=True)
            process.wait()
            return False
        status = process.wait(MAXIMUM)
        if status not in (0, 1):
            raise SystemExit(f"status {status}: {self.work.said(log.stem)[-2000:]}")
        return True

    def _kill(self, victim: int, pids: list[int], log: Path, *, driver: bool) -> None:
        early = not any(each.pid in pids for each in read(log))
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
            self.found.kills.append(Kill(driver, pids, time.monotonic(), early))

    def _moment(self, process: "subprocess.Popen[bytes]", log: Path) -> bool:
        """Wait for the moment of the next kill; False if the process ends before it."""
        early = self.chance.random() < _EARLY
        wait, begun = self.chance.uniform(0, self.spread), _begun(log)
        while not early and _begun(log) == begun:
            if process.poll() is not None:
                return False
            time.sleep(0.01)
        with suppress(subprocess.TimeoutExpired):
            process.wait(wait)
        return process.poll() is None


def undisturbed(work: Work) -> str:
    """The digest of a run that nothing happens to."""
    environment = work.environment(work.folder / "undisturbed.log")
    status = work.start("undisturbed", environment).wait(MAXIMUM)
    assert status in (0, 1), work.said("undisturbed")
    return work.digest("undisturbed")


def _begun(log: Path) -> int:
    return log.stat().st_size if log.is_file() else 0


def _orphans(log: Path) -> list[int]:
    """Processes of a run that are there although their drivers have been gone for a while."""
    until = time.monotonic() + _LETTING_GO
    while running(log) and time.monotonic() < until:
        time.sleep(0.1)
    return running(log)


def _files(folder: Path) -> tuple[int, list[str]]:
    """How many files `auditkit store prune` removes some hours later, and what is left that is no shard's."""
    before, ago = list(folder.rglob("*.*")), time.time() - 86400
    for path in before:
        os.utime(path, (ago, ago))
    with redirect_stdout(StringIO()):
        status = main(["store", "prune", "--store", str(folder)])
        status += main(["store", "verify", "--store", str(folder)])
    left = list(folder.rglob("*.*"))
    shards = {path.stem for path in left if path.match("??/*.json")}
    strange = [
        path.name for path in left if path.name.partition(".")[0].partition("-")[0] not in shards
    ]
    return len(before) - len(left), strange + ["a damaged shard"] * bool(status)


def _sum(one: Tally, other: Tally) -> Tally:
    return Tally(*(mine + yours for mine, yours in zip(astuple(one), astuple(other), strict=True)))
