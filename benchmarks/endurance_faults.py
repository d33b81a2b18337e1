"""What else may befall a run, once each: what it says, whether it goes on afterwards, what it finds."""

import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from endurance_kills import undisturbed
from endurance_log import read, running, tally
from endurance_work import MAXIMUM, Audits, Work, arrays_of

WORKERS = 2
_TENTH = 10


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    passed: bool
    says: str


@dataclass
class Run:
    """Runs of one work over one store.

    Attributes:
        work: what is gathered.
        store: its name.
        expected: the undisturbed digest.
    """

    work: Work
    expected: str
    store: str

    @property
    def log(self) -> Path:
        """What is computed."""
        return self.work.folder / f"{self.store}.log"

    @property
    def once(self) -> Path:
        """Is there once what happens once has happened."""
        return self.work.folder / f"{self.store}.once"

    def go(self, mischief: str = "", before: Sequence[str] = ()) -> int:
        """Gather until the end; the exit status."""
        environment = self.work.environment(
            self.log, ENDURANCE_MISCHIEF=mischief, ENDURANCE_ONCE=str(self.once)
        )
        # `auditkit gather` each time: what it says of a fault is what a user reads.
        self.work.gather_next()
        return self.work.start(self.store, environment, before).wait(MAXIMUM)

    def begun(self) -> int:
        """Times that a shard was begun so far."""
        found = tally(read(self.log))
        return found.begun + found.stolen

    def ends_well(self) -> str:
        """What is wrong with what is in the store, in words; empty if nothing is."""
        if self.work.digest(self.store) != self.expected:
            return "the digest differs"
        left = [path.name for path in (self.work.folder / self.store).rglob(".half-*")]
        if left:
            return f"half-written files are left: {left}"
        return f"processes are left: {running(self.log)}" if running(self.log) else ""

    def said(self, words: str) -> bool:
        """Whether the runs have printed this, and no traceback."""
        text = self.work.said(self.store)
        return words in text and "Traceback" not in text


def resumed(run: Run, refused: bool, says: str) -> Outcome:
    """After a fault: a run without it goes on to the end."""
    run.go()
    wrong = run.ends_well()
    return Outcome(refused and not wrong, f"{says}; resumed: {wrong or 'the same digest'}")


def no_space(run: Run) -> Outcome:
    """The disk is full (a file system of 64 kB)."""
    store = run.work.folder / run.store
    with _mounted(store) as possible:
        if not possible:
            return Outcome(True, "not tried: no file system can be mounted here")
        status = run.go()
        clear = run.said("No space left on device; free some space")
        kept = len(run.work.sidecars(run.store))
        subprocess.run(["mount", "-o", "remount,size=64m", str(store)], check=True)
        told = f"one clear message, status {status}, {kept} shards kept"
        return resumed(run, clear and status == 1, told)


def read_only(run: Run) -> Outcome:
    """The store may not be written."""
    store = run.work.folder / run.store
    store.mkdir()
    store.chmod(0o555)
    status = run.go(before=_without_rights())
    store.chmod(0o755)
    clear = run.said("evidence cannot be written to") and run.begun() == 0
    return resumed(run, clear and status == 1, f"one clear message, status {status}")


def read_only_and_whole(run: Run) -> Outcome:
    """The store may not be written, and holds everything."""
    run.go()
    store = run.work.folder / run.store
    begun = run.begun()
    for folder in [store, *store.glob("*/")]:
        folder.chmod(0o555)
    status = run.go(before=_without_rights())
    for folder in [store, *store.glob("*/")]:
        folder.chmod(0o755)
    computed = run.begun() - begun
    wrong = run.ends_well()
    return Outcome(
        not (status or computed or wrong), f"status {status}, {computed} shards computed {wrong}"
    )


def flipped_bytes(run: Run) -> Outcome:
    """A byte is flipped in a tenth of the shards."""
    return _damaged(run, _flip)


def cut_sidecars(run: Run) -> Outcome:
    """A tenth of the sidecars are cut short, every other one to nothing."""
    return _damaged(run, _cut)


def lost_arrays(run: Run) -> Outcome:
    """A tenth of the files with arrays are gone."""
    return _damaged(run, lambda _, sidecar: arrays_of(sidecar).unlink())


def jumping_clock(run: Run) -> Outcome:
    """Clocks jump by up to a day at every look, and files have times of other years."""
    status = run.go("clock")
    begun, chance = run.begun(), random.Random(1)
    for path in (run.work.folder / run.store).rglob("*"):
        when = time.time() + chance.uniform(-1e8, 1e8)
        os.utime(path, (when, when))
    again = run.go("clock")
    computed = run.begun() - begun
    wrong = run.ends_well()
    says = f"{begun} shards, then {computed} again; {wrong or 'the same digest'}"
    return Outcome(not (status or again or computed or wrong), says)


def killed_once(run: Run) -> Outcome:
    """The kernel kills a worker."""
    return _one_more(run, "killed once")


def out_of_memory(run: Run) -> Outcome:
    """A worker asks for memory until there is none, and is killed."""
    return _one_more(run, "eats memory once")


def hung(run: Run) -> Outcome:
    """A worker is stopped in the middle of a shard and never goes on."""
    return _one_more(run, "hangs once")


def killed_always(run: Run) -> Outcome:
    """Every worker that begins a shard is killed."""
    status = run.go("killed always")
    clear = run.said("killed by SIGKILL") and run.said("cost one worker")
    return resumed(run, clear and status == 1, f"gives up, status {status}, {run.begun()} begun")


def other_code(run: Run) -> Outcome:
    """Workers have another version of the code."""
    status = run.go("code")
    clear = run.said("has another version of auditkit") and run.begun() == 0
    return resumed(run, clear and status == 1, f"one clear message, status {status}, none computed")


@dataclass(frozen=True)
class Fault:
    """One of the above, with the engine that it is tried on."""

    check: Callable[[Run], Outcome]
    engine: str = "inline"

    def run(self, work: Audits, expected: str, store: str) -> Outcome:
        """Try it over a store that is not there yet."""
        return self.check(Run(replace(work, engine=self.engine), expected, store))


def project(folder: Path, images: int) -> tuple[Audits, str]:
    """A small project, and the digest of an undisturbed run of it."""
    work = Audits(folder / "project", "inline", WORKERS, images=images, audits=("light", "forgets"))
    work.write()
    return work, undisturbed(work)


FAULTS = (
    Fault(no_space),
    Fault(no_space, "processes"),
    Fault(read_only),
    Fault(read_only_and_whole),
    Fault(flipped_bytes),
    Fault(cut_sidecars),
    Fault(lost_arrays),
    Fault(jumping_clock, "processes"),
    Fault(killed_once, "processes"),
    Fault(out_of_memory, "processes"),
    Fault(hung, "processes"),
    Fault(killed_always, "processes"),
    Fault(other_code, "processes"),
)


def _one_more(run: Run, mischief: str) -> Outcome:
    """One worker is lost: its shard is computed by another one."""
    status = run.go(mischief)
    found, wrong = tally(read(run.log)), run.ends_well()
    again = found.begun + found.stolen - found.shards
    met = run.once.exists()
    says = f"status {status}, {again} shard computed again; {wrong or 'the same digest'}"
    return Outcome(met and again == 1 and not (status or wrong), says)


def _damaged(run: Run, damage: Callable[[random.Random, Path], None]) -> Outcome:
    """Damage a tenth of the shards: those are computed again, and no other one."""
    run.go()
    chance, begun, sidecars = random.Random(1), run.begun(), run.work.sidecars(run.store)
    met = chance.sample(sidecars, max(1, len(sidecars) // _TENTH))
    for sidecar in met:
        damage(chance, sidecar)
    status = run.go()
    computed, wrong = run.begun() - begun, run.ends_well()
    says = f"{len(met)} of {len(sidecars)} damaged, {computed} computed again; {wrong or 'the same digest'}"
    return Outcome(computed == len(met) and not (status or wrong), says)


def _flip(chance: random.Random, sidecar: Path) -> None:
    path = arrays_of(sidecar)
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def _cut(chance: random.Random, sidecar: Path) -> None:
    content = sidecar.read_bytes()
    sidecar.write_bytes(content[: chance.choice([0, len(content) // 2])])


def _without_rights() -> list[str]:
    """The super-user writes everywhere unless told not to."""
    if os.getuid():
        return []
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]


@contextmanager
def _mounted(folder: Path) -> Iterator[bool]:
    """A tiny file system there, if this user may have one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    try:
        possible = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        possible = False
    try:
        yield possible
    finally:
        if possible:
            subprocess.run(["umount", str(folder)], check=True)
