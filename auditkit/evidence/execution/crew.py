"""Worker processes of this machine: started, spoken to, killed, replaced."""

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from auditkit.errors import AuditError
from auditkit.evidence.execution.child import receive, send
from auditkit.evidence.execution.devices import VISIBLE
from auditkit.evidence.identity import code_version
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store

# One thread per operation: workers are the parallelism, and sums do not depend on their number.
_SINGLE = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_LETTING_GO = 2.0


@dataclass(eq=False)
class Child:
    """One worker process.

    Attributes:
        name: for people.
        process: the system's.
        ready: whether it has started and takes tasks.
        busy: the job's key and the shard that it computes; None while it is idle.
        since: when that was given, on the monotonic clock.
        keys: of the last job that it was sent.
    """

    name: str
    process: "subprocess.Popen[bytes]"
    ready: bool = False
    busy: tuple[str, int] | None = None
    since: float = 0.0
    key: str = ""

    def give(self, key: str, job: bytes, shard: int, *, steal: bool) -> None:
        """Have a shard computed; the job is sent once. A dead child is noticed by whoever listens."""
        self.busy, self.since = (key, shard), time.monotonic()
        try:
            send(self._input, (key, None if self.key == key else job, shard, steal))
        except OSError:
            return
        self.key = key

    @property
    def _input(self) -> BinaryIO:
        return cast("BinaryIO", self.process.stdin)

    def kill(self) -> None:
        """End it, whatever it does."""
        self.process.kill()

    def leave(self) -> None:
        """Let it end: its input is closed."""
        try:
            self._input.close()
        except OSError:
            self.process.kill()


@dataclass(eq=False)
class Crew:
    """The worker processes of one engine, kept between stages.

    Attributes:
        store: where they write.
        settings: how they compute.
        gpus: one worker each; none on a CPU.
        events: what happened: (child, kind, job's key, content).
    """

    store: Store
    settings: Settings
    gpus: Sequence[str] = ()
    children: list[Child] = field(default_factory=list)
    events: "queue.Queue[tuple[Child, str, Any, Any]]" = field(default_factory=queue.Queue)
    code: str = ""
    _made: int = 0

    def start(self, count: int) -> None:
        """Have so many children."""
        while len(self.children) < count:
            self.children.append(self._child())

    def replace(self, child: Child) -> int | None:
        """Another one in a dead one's place; the dead one's exit status."""
        status = child.process.wait()
        child.leave()
        self.children[self.children.index(child)] = self._child(self._gpu(child))
        return status

    def close(self) -> None:
        """Let all go; those that still compute are ended."""
        children, self.children = self.children, []
        for child in children:
            child.leave()
        for child in children:
            try:
                child.process.wait(_LETTING_GO)
            except subprocess.TimeoutExpired:
                child.kill()
                child.process.wait()

    def _gpu(self, child: Child) -> str | None:
        return self.gpus[self.children.index(child) % len(self.gpus)] if self.gpus else None

    def _child(self, gpu: str | None = None) -> Child:
        if gpu is None and self.gpus:
            gpu = self.gpus[len(self.children) % len(self.gpus)]
        self._made += 1
        name = f"worker-{self._made}"
        environment = {**os.environ, **dict.fromkeys(_SINGLE, "1")}
        if gpu is not None:
            environment[VISIBLE] = gpu
        try:
            process = subprocess.Popen(  # noqa: S603 this Python, this package
                [sys.executable, "-m", "auditkit.evidence.execution.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        except OSError as error:
            raise AuditError(f"a worker process cannot be started: {error.strerror}") from error
        child = Child(name, process)
        threading.Thread(target=self._listen, args=(child,), daemon=True).start()
        begin = {
            "path": sys.path,
            "name": name,
            "store": self.store,
            "settings": self.settings,
            "code": self.code or code_version(),
        }
        with contextlib.suppress(OSError):  # it is gone already, and the listener says so
            send(cast("BinaryIO", process.stdin), begin)
        return child

    def _listen(self, child: Child) -> None:
        """Pass on what a child says, and that it is gone."""
        answers = cast("BinaryIO", child.process.stdout)
        try:
            while True:
                kind, key, content = receive(answers)
                self.events.put((child, kind, key, content))
        except (EOFError, OSError, ValueError):
            self.events.put((child, "gone", None, None))
