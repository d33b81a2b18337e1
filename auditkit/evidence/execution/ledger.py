"""What the tasks of a job array tell each other and the driver, through files that they share.

One file of JSON lines per task, to which only that task appends; each reader goes on where it stopped.
A network file system shows whole appends to whoever opens the file again: nothing else is asked of it.
"""

import json
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from auditkit.evidence.execution.contract import Done

# The usual time is taken over so many of the latest shards.
_REMEMBERED = 101


@dataclass
class Ledger:
    """The tasks' files.

    Attributes:
        folder: where they lie.
    """

    folder: Path
    _read: dict[str, int] = field(default_factory=dict)

    def say(self, task: str, **said: Any) -> None:
        """Append a line to the task's file, at once and whole."""
        line = json.dumps(said, separators=(",", ":")).encode() + b"\n"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        handle = os.open(self.folder / f"{task}.jsonl", flags, 0o600)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)

    def news(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """What was said since the last call: task and line."""
        for name in sorted(os.listdir(self.folder)):  # noqa: PTH208 asks a network file system anew
            task, dot, ending = name.rpartition(".")
            if dot and ending == "jsonl":
                for line in self._lines(name):
                    yield task, line

    def _lines(self, name: str) -> Iterator[dict[str, Any]]:
        with (self.folder / name).open("rb") as file:
            file.seek(self._read.get(name, 0))
            content = file.read()
        whole, _, _ = content.rpartition(b"\n")
        self._read[name] = self._read.get(name, 0) + (len(whole) + 1 if whole else 0)
        yield from (json.loads(line) for line in whole.splitlines())


@dataclass
class Board:
    """The state of an array as its ledger tells it, with the reader's own clock.

    Attributes:
        done: shards that are in the store.
        taken: per shard, by task, when this reader learned that the task had begun it; until it is done or
            given back.
        seconds: of the latest computed shards.
        here: tasks that began, with their machines.
        ended: tasks that came to their end, with what they said.
    """

    ledger: Ledger
    done: set[int] = field(default_factory=set)
    taken: dict[int, dict[str, float]] = field(default_factory=dict)
    seconds: deque[float] = field(default_factory=partial(deque, maxlen=_REMEMBERED))
    here: dict[str, str] = field(default_factory=dict)
    ended: dict[str, dict[str, Any]] = field(default_factory=dict)

    def update(self, now: float) -> list[Done]:
        """Read on; shards that are newly done, each once."""
        return [done for task, said in self.ledger.news() for done in self._one(task, said, now)]

    def _one(self, task: str, said: dict[str, Any], now: float) -> Iterator[Done]:
        if "begun" in said:
            if said["begun"] in self.done:
                return
            self.taken.setdefault(said["begun"], {})[task] = now
        elif "back" in said:
            self.taken.get(said["back"], {}).pop(task, None)
        elif "hello" in said:
            self.here[task] = said["hello"]
        elif "end" in said:
            self.ended[task] = said
        elif "shard" in said and said["shard"] not in self.done:
            done = Done(**said)
            self.done.add(done.shard)
            self.taken.pop(done.shard, None)
            if done.state == "computed":
                self.seconds.append(done.seconds)
            yield done

    def usual(self) -> float | None:
        """Seconds that a shard usually takes; None before there is one."""
        return median(self.seconds) if self.seconds else None
