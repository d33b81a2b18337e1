"""An error of a computation, carried from a worker to whoever asked, where it is raised as it was."""

import pickle
import traceback
from dataclasses import dataclass

from auditkit.errors import AuditError


@dataclass(frozen=True)
class Failure:
    """What went wrong in a worker.

    Attributes:
        worker: who met it, for people.
        content: the error, pickled; empty where it cannot be. Goes only from a worker to its driver.
        text: its traceback.
    """

    worker: str
    content: bytes
    text: str

    @classmethod
    def of(cls, error: BaseException, worker: str) -> "Failure":
        """An error, ready to be sent."""
        text = "".join(traceback.format_exception(error)).strip()
        try:
            content = pickle.dumps(error)
            pickle.loads(content)  # noqa: S301 an error with arguments of its own may not come back
        except Exception:  # noqa: BLE001 whatever it is, it stays here
            content = b""
        return cls(worker, content, text)

    def error(self) -> BaseException:
        """The error as it was, with the worker's traceback as a note; else an AuditError."""
        try:
            found = pickle.loads(self.content) if self.content else None  # noqa: S301 from our worker
        except Exception:  # noqa: BLE001 a type that is not to be had here
            found = None
        if not isinstance(found, BaseException):
            last = self.text.splitlines()[-1] if self.text else "no reason was given"
            found = AuditError(f"worker {self.worker} could not compute a shard: {last}")
        if not isinstance(found, AuditError):  # these say all that a user needs
            found.add_note(f"on worker {self.worker}:\n{self.text}")
        return found
