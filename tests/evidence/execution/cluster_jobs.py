"""Stages for workers in other processes, and the faults that they meet; those import this module."""

import ctypes
import os
import signal
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np

from auditkit.errors import AuditError, Unavailable
from auditkit.evidence.execution.contract import Job
from auditkit.evidence.stage import Stage
from auditkit.evidence.store import Store


class OddError(Exception):
    """Raised by a computation; its type is to arrive as it is."""


def squares(indices):
    return {"value": np.asarray([[i * i] for i in indices], np.int64)}


def make(calls: Path, fault, pause: float):
    """A computation that notes each call, and meets a fault; called once per worker."""
    (calls / f"made-{os.getpid()}").touch()

    def compute(indices):
        number = indices[0]
        with (calls / "computed").open("a") as file:
            file.write(f"{number} {os.getpid()}\n")
        time.sleep(pause)
        fault(calls, number)
        return squares(indices)

    return compute


def nothing(calls, number):
    """No fault."""


def _first(calls, name):
    """Whether this is the first time that anybody comes here."""
    try:
        (calls / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def killed_once(calls, number, *, at):
    if number == at and _first(calls, "killed"):
        os.kill(os.getpid(), signal.SIGKILL)


def killed_always(calls, number, *, at):
    if number == at:
        os.kill(os.getpid(), signal.SIGKILL)


def raises(calls, number, *, at):
    if number == at:
        raise OddError("image 3 is odd")


def hangs_once(calls, number, *, at):
    if number == at and _first(calls, "hung"):
        (calls / "hung").write_text(str(os.getpid()))
        time.sleep(300)


def computes(calls, _number, *, seconds):
    """Use the processor for so long, and say which process does."""
    notes_pid(calls, os.getpid())
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(10_000))


def waits_for(calls, number, *, at, name):
    """Say that it began, and go on when told to."""
    if number != at:
        return
    (calls / f"at-{name}").write_text(str(os.getpid()))
    for _ in range(3000):
        if (calls / name).exists():
            return
        time.sleep(0.02)


def job(calls, shards, fault=nothing, pause=0.0, name="squares"):
    """A stage of shards of one image each."""
    calls.mkdir(exist_ok=True)
    stage = Stage(name, {"kind": name, "calls": str(calls)}, [str(i) for i in range(shards)], 1)
    return Job(stage, partial(make, calls, fault, pause))


def computed(calls):
    """The first image of each call, in order."""
    file = calls / "computed"
    return [int(line.split()[0]) for line in file.read_text().splitlines()] if file.exists() else []


def values(store, job):
    """All values, joined; fails if a shard is not there."""
    found = [store.read(where)["value"] for where, _ in job.stage.shards()]
    return np.concatenate(found).ravel().tolist()


def alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def notes_gpus(calls, number):
    (calls / f"gpus-{number}").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "none"))


def other_store(root):
    return Store(root)


class ElsewhereStore(Store):
    """A store in a folder that is another one on another machine."""

    def __reduce__(self):
        return other_store, (Path(f"{self.root}-of-another-machine"),)


def talks(calls, number):
    """Print where a protocol might be."""
    print("spoken", flush=True)  # noqa: T201 what is tested
    os.write(1, b"spoken\n")


def until(happened, seconds=120):
    """Wait for something that another process does; fails rather than hang."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


class UnsendableError(Exception):
    """An error that cannot leave its process."""

    def __init__(self):
        super().__init__("of a lock")
        self.lock = threading.Lock()


def raises_one(calls, number, *, error):
    if number == 1:
        raise error()


def bad_card():
    return AuditError("the card names no classes; name them")


def no_runtime():
    return Unavailable("the runtime refuses the file")


def slow_once(calls, number, *, at):
    """Take long the first time."""
    if number == at and _first(calls, "slow"):
        (calls / "slow").write_text(str(os.getpid()))
        time.sleep(60)


def keeps_python(calls, number):
    """Never let another thread of Python run."""
    (calls / "hung").write_text(str(os.getpid()))
    ctypes.PyDLL(None).sleep(300)


def notes_pid(calls, number):
    (calls / f"pid-{number}").write_text(str(os.getpid()))


def notes_folder(calls, number):
    (calls / "folder").write_text(str(Path.cwd()))


def leaves_a_child_and_dies(calls, number, *, at):
    """A process that goes on, with all that its parent had open, and says so."""
    if number == at and _first(calls, "left"):
        if not os.fork():
            time.sleep(20)
            os._exit(0)
        os._exit(7)


def noise(indices):
    """Numbers in which any lost bit would show."""
    drawn = [np.random.default_rng(i).standard_normal(50) for i in indices]
    return {"noise": np.stack(drawn), "half": np.stack(drawn).astype(np.float16)}


def make_noise():
    return noise


def noise_job(images, shard):
    """A stage of shards of some images each; the last one has fewer."""
    stage = Stage("noise", {"kind": "noise", "of": images}, [str(i) for i in range(images)], shard)
    return Job(stage, make_noise)


def files(store, job):
    """Digest of each shard's file."""
    return [store.kept(where).sha256 for where, _ in job.stage.shards()]


def until_still(calls):
    """Wait until no shard has begun for half a second."""
    begun = -1
    while begun != len(computed(calls)):
        begun = len(computed(calls))
        time.sleep(0.5)


def number(file):
    """What a worker wrote; None until it has."""
    text = file.read_text() if file.exists() else ""
    return int(text) if text else None
