"""Loaded by every Python process of an endurance run: writes down what is computed, and does mischief.

`ENDURANCE_LOG` names the file to which each process appends a line for each shard that it begins, keeps and
finishes. `ENDURANCE_MISCHIEF` names what is to go wrong, and `ENDURANCE_ONCE` a file that says that it did.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# The file that a worker process of the engine `processes` runs.
WORKER = "execution/child.py"


def install() -> None:
    """Wrap what computes shards."""
    is_worker = any(word.endswith(WORKER) for word in sys.orig_argv)
    mischief = os.environ.get("ENDURANCE_MISCHIEF", "")
    if mischief == "clock":
        _jumping_clock()
    from auditkit.evidence import identity
    from auditkit.evidence.execution import shard
    from auditkit.evidence.store import Store

    if mischief == "code" and is_worker:
        identity.code_version = lambda: "0" * 64
    whole, write = shard.compute_shard, Store.write

    def compute_shard(store: Any, job: Any, number: int, compute: Any, **given: Any) -> Any:
        where = job.stage.where(job.stage.indices(number))

        def logged(indices: Any) -> Any:
            say("stolen" if given.get("steal") else "begun", where)
            if is_worker:
                _happen(mischief)
            return compute(indices)

        return whole(store, job, number, logged, **given)

    def kept(store: Any, address: str, *arguments: Any) -> Any:
        found = write(store, address, *arguments)
        say("kept", address)
        return found

    Store.write = kept
    _replace(whole, compute_shard)


def _replace(whole: Callable[..., Any], by: Callable[..., Any]) -> None:
    """Everywhere where it was imported by name."""
    for module in list(sys.modules.values()):
        if getattr(module, "compute_shard", None) is whole:
            module.compute_shard = by


def say(what: str, where: str) -> None:
    """Append a line, at once and whole."""
    handle = os.open(os.environ["ENDURANCE_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(handle, f"{time.monotonic():.6f} {os.getpid()} {what} {where}\n".encode())
    os.close(handle)


def _happen(mischief: str) -> None:
    """What befalls a worker that has just begun a shard."""
    if mischief == "killed always" or (mischief == "killed once" and _first()):
        os.kill(os.getpid(), signal.SIGKILL)
    if mischief == "hangs once" and _first():
        os.kill(os.getpid(), signal.SIGSTOP)
    if mischief == "eats memory once" and _first():
        _eat()


def _first() -> bool:
    try:
        Path(os.environ["ENDURANCE_ONCE"]).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _eat() -> None:
    """Ask for memory beyond this process' limit until there is none, and end as the kernel would end it."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    eaten = []
    try:
        while True:
            eaten.append(bytearray(64 << 20))
    except MemoryError:
        os.kill(os.getpid(), signal.SIGKILL)


def _jumping_clock() -> None:
    """Wall clocks that jump by up to a day at every look; the monotonic clock goes on as always."""
    now, chance = time.time, random.Random(os.getpid())
    time.time = lambda: now() + chance.uniform(-86400, 86400)
    time.time_ns = lambda: int(1e9 * time.time())
