"""One worker process of this machine: started, asked, ended."""

import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from auditkit.errors import AuditError
from auditkit.evidence.execution import child
from auditkit.evidence.execution.contract import Done
from auditkit.evidence.execution.devices import VISIBLE
from auditkit.evidence.execution.failure import Failure
from auditkit.evidence.execution.pipe import receive, send
from auditkit.evidence.execution.stage_run import Step
from auditkit.evidence.kinds import Settings
from auditkit.evidence.process_table import processor_ticks
from auditkit.evidence.still import Still
from auditkit.evidence.store import Store

# One thread per operation: workers are the parallelism, and sums do not depend on their number.
_SINGLE = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_LETTING_GO = 2.0
# What a worker started may outlive it and keep its pipe open: whether it is there is looked at so often.
_LOOK = 1000
# Seconds that count between two looks at what it does: its driver may have been stopped with it.
_UNWATCHED = 10.0


class Lost(Exception):  # noqa: N818 it is what happened, and no fault of the driver
    """A worker process is gone; why, for people."""


@dataclass(frozen=True)
class Begin:
    """What makes a worker.

    Attributes:
        store: where shards are kept.
        settings: how they are computed.
        code: the driver's `code_version`.
        gpu: the one that it sees, as CUDA names it; None leaves the environment as it is.
    """

    store: Store
    settings: Settings
    code: str
    gpu: str | None = None


@dataclass(eq=False)
class Process:
    """A process that computes one shard at a time.

    It is killed by the system when the thread that started it ends.

    Attributes:
        name: for people.
        key: of the job that it has.
        killed: why it was killed by `kill`; empty if it was not.
    """

    name: str
    key: str = ""
    killed: str = ""
    _popen: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)
    _asks: int = 0
    _watched: Still = field(default_factory=lambda: Still(_UNWATCHED), repr=False)

    def start(self, begin: Begin) -> None:
        """Have it ready.

        Raises:
            AuditError: it cannot be started, or has another version of the code.
            Lost: it died before it was ready.
        """
        environment = {**os.environ, **dict.fromkeys(_SINGLE, "1")}
        if begin.gpu is not None:
            environment[VISIBLE] = begin.gpu
        command = [sys.executable, "-P", child.__file__, str(os.getpid()), *_path()]
        try:
            self._popen = subprocess.Popen(  # noqa: S603 this Python, this package
                command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
            )
        except OSError as error:
            raise AuditError(f"a worker process cannot be started: {error.strerror}") from error
        failure = self._asked((self.name, begin.store, begin.settings, begin.code))
        if failure is not None:
            raise failure.error()

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    def compute(self, key: str, job: bytes, step: Step) -> Done | Failure:
        """Have a shard computed; the job is sent once.

        Raises:
            Lost: it died.
        """
        known, self.key = self.key == key, key
        sent = (None, None) if known else (_folder(), job)
        found: Done | Failure = self._asked((*sent, key, *step))
        if isinstance(found, Failure):
            self.key = ""  # it may not have come as far as taking the job
        return found

    def stood_still(self, now: float) -> float:
        """Seconds for which it has used no processor time since it was asked, as far as that was watched.

        Being stopped or in a deadlock takes none; computing does. 0 where the system does not tell.
        """
        ticks = None if self._popen is None else processor_ticks(self._popen.pid)
        return 0.0 if ticks is None else self._watched.seconds((self._asks, ticks), now)

    def kill(self, why: str) -> None:
        """End it, whatever it does; safe from another thread."""
        self.killed = why
        if self._popen is not None:
            self._popen.kill()

    def leave(self) -> None:
        """Let it end: its input is closed."""
        if self._popen is None:
            return
        _input(self._popen).close()
        try:
            self._popen.wait(_LETTING_GO)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        _output(self._popen).close()

    def _asked(self, message: Any) -> Any:
        assert self._popen is not None
        self._asks += 1
        try:
            send(_input(self._popen).fileno(), message)
            answers = _output(self._popen).fileno()
            while not _readable(answers):
                if self._popen.poll() is not None:
                    break
            else:
                return receive(answers)
        except (EOFError, OSError):
            pass
        raise Lost(self._ended())

    def _ended(self) -> str:
        """How it ended."""
        assert self._popen is not None
        try:
            status = self._popen.wait(_LETTING_GO)
        except subprocess.TimeoutExpired:  # it closed its pipe, and what it is good for
            self._popen.kill()
            status = self._popen.wait()
        return self.killed or _told(status)


def _folder() -> str | None:
    """The current folder, to which paths of cards may be relative."""
    try:
        return str(Path.cwd())
    except OSError:  # it was removed
        return None


def _path() -> list[str]:
    """Where this process has its code."""
    return [place or _folder() or "" for place in sys.path]


def _readable(pipe: int) -> bool:
    """Wait until there is something to read, or nobody will write any more; False if that takes long."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN | select.POLLHUP)
    return bool(poll.poll(_LOOK))


def _told(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def _input(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    return cast("IO[bytes]", process.stdin)


def _output(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    return cast("IO[bytes]", process.stdout)
