"""What the log of an endurance run says, and what processes are still there."""

import os
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from auditkit.evidence.process_table import stat_of


@dataclass(frozen=True)
class Said:
    """One line: when (monotonic seconds), by which process, what of which shard."""

    when: float
    pid: int
    what: str
    where: str


def read(log: Path) -> list[Said]:
    """All lines, in order."""
    if not log.is_file():
        return []
    rows = [line.split() for line in log.read_text().splitlines()]
    return [Said(float(when), int(pid), what, where) for when, pid, what, where in rows]


def in_hand(said: list[Said], pids: Collection[int]) -> set[str]:
    """Shards that these processes have begun and not kept."""
    mine = [each for each in said if each.pid in pids]
    kept = {each.where for each in mine if each.what == "kept"}
    return {each.where for each in mine if each.what in ("begun", "stolen")} - kept


@dataclass(frozen=True)
class Tally:
    """Computations of a whole run.

    Attributes:
        begun: times that a shard was begun by whom it was given to.
        shards: distinct ones that anybody has begun.
        stolen: times that one was begun because another worker was slow, perhaps before that one began.
        late: times that a shard was begun although it had been kept.
        again: times that whom it was given to had to begin what another one had begun that way.
    """

    begun: int
    shards: int
    stolen: int
    late: int
    again: int


def tally(said: list[Said]) -> Tally:
    """Count what a log says."""
    begun, stolen, late, kept = Counter[str](), Counter[str](), 0, set[str]()
    for each in said:
        if each.what == "begun":
            begun[each.where] += 1
            late += each.where in kept
        elif each.what == "stolen":
            stolen[each.where] += 1
        elif each.what == "kept":
            kept.add(each.where)
    again = begun.total() - len(begun)
    return Tally(begun.total(), len(begun.keys() | stolen.keys()), stolen.total(), late, again)


def children(pid: int) -> list[int]:
    """All processes that this one has started, and those that they have."""
    parents: dict[int, list[int]] = {}
    for process in _processes():
        parent = stat_of(process)
        if parent is not None:
            parents.setdefault(int(parent[1]), []).append(process)
    found, left = list[int](), [pid]
    while left:
        mine = parents.get(left.pop(), [])
        found += mine
        left += mine
    return found


def workers(pid: int) -> list[int]:
    """The worker processes of a driver."""
    from endurance_hook import WORKER

    return [child for child in children(pid) if any(w.endswith(WORKER) for w in _command(child))]


def running(log: Path) -> list[int]:
    """Processes whose environment names this log, zombies apart."""
    mark = f"ENDURANCE_LOG={log}".encode()
    found = []
    for process in _processes():
        stat = stat_of(process)
        try:
            environment = Path(f"/proc/{process}/environ").read_bytes()
        except OSError:
            continue
        if stat is not None and stat[0] != "Z" and mark in environment.split(b"\0"):
            found.append(process)
    return found


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208 names only


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []
