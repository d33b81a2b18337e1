"""A program that is sent lines and answers each with one line, and that ends when it is told to."""

import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from auditkit.errors import AuditError

MOST_BYTES = 64 << 20
_PART = 1 << 16
_ENDS_WITHIN = 5.0


class LineProcess:
    """A running program with all that it starts; it is ended by `close`, when forgotten, and at exit.

    Args:
        command: the program and its arguments.
        folder: where it runs.
        name: of the device, for messages.

    Raises:
        OSError: there is no such program, or it may not be run.
        ValueError: an argument cannot be given to a program.
    """

    def __init__(self, command: Sequence[str], folder: Path, name: str) -> None:
        self.name = name
        # A session of its own, so that what it starts in turn can be ended with it. Unbuffered, so
        # that a thread that is stuck in a read holds no lock which closing the pipe would wait for.
        self._process = subprocess.Popen(  # noqa: S603 allowed by the card's allow_code
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            start_new_session=True,
        )
        self.close = weakref.finalize(self, _end, self._process)

    @property
    def ended(self) -> bool:
        """Whether the program has ended by itself."""
        return self._process.poll() is not None

    def ask(self, line: bytes, timeout: float) -> bytes:
        """The answer to one line, without its end. After an error the program must be closed.

        Raises:
            AuditError: the program ends, takes longer than ``timeout`` seconds, or does not answer
                with one line.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        until = time.monotonic() + timeout
        parts: list[bytes] = []
        # Pipes have no timeout on every system, and a grandchild may hold them open: only a thread
        # that can be left behind keeps the time.
        exchange = threading.Thread(
            target=_exchange, args=(stdin, stdout, line + b"\n", parts), daemon=True
        )
        exchange.start()
        exchange.join(timeout)
        if exchange.is_alive():
            raise self._no_answer(f"took over {timeout:g} s")
        return self._one_line(b"".join(parts), until)

    def _one_line(self, answer: bytes, until: float) -> bytes:
        first, end, more = answer.partition(b"\n")
        if len(answer) > MOST_BYTES:
            raise self._no_answer(f"answered more than {MOST_BYTES >> 20} MiB")
        if not end:
            raise self._no_answer(self._silence(until))
        if more:
            raise self._no_answer("answered with more than one line")
        return first

    def _silence(self, until: float) -> str:
        try:
            left = min(max(until - time.monotonic(), 0.0), _ENDS_WITHIN)
            return f"ended with status {self._process.wait(left)}"
        except subprocess.TimeoutExpired:
            return "closed its output"

    def _no_answer(self, why: str) -> AuditError:
        return AuditError(f"{self.name} did not answer a request: the command {why}")


def _exchange(stdin: IO[bytes], stdout: IO[bytes], line: bytes, parts: list[bytes]) -> None:
    """Send a line and gather what comes until a line ends, the pipe ends, or it is too much."""
    size = 0
    # A program that ends, and a pipe that is closed meanwhile, are seen by what has not come.
    with suppress(OSError, ValueError):
        unsent = memoryview(line)
        while unsent:
            unsent = unsent[stdin.write(unsent) :]
    with suppress(OSError, ValueError):
        while size <= MOST_BYTES and (part := stdout.read(_PART)):
            parts.append(part)
            size += len(part)
            if b"\n" in part:
                return


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a program and whatever it started, and wait until it is gone."""
    with suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_ENDS_WITHIN)
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):
            if pipe is not None:
                pipe.close()
