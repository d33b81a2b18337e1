"""One process per run, and interrupts that wait for the end of a step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from filelock import FileLock, Timeout

from auditkit.errors import AuditError


class Interrupted(KeyboardInterrupt):
    """Training was stopped by the user after a checkpoint; the message says how to go on."""


class Signals:
    """Whether the user wants to stop."""

    def __init__(self) -> None:
        self.stop = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """SIGINT and SIGTERM set ``stop``; a second one ends the process at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {kind: signal.signal(kind, self._note) for kind in _KINDS}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)

    def _note(self, _number: int, _frame: FrameType | None) -> Any:
        if self.stop:
            raise KeyboardInterrupt
        self.stop = True


_KINDS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def only_here(out: Path) -> Iterator[None]:
    """Hold the run's folder; the system lets go of it if the process dies.

    Raises:
        AuditError: another process trains there.
    """
    lock = FileLock(out / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise AuditError(
            f"another process trains in {out}; wait for it, or give another folder with --out"
        ) from None
    try:
        yield
    finally:
        lock.release()
