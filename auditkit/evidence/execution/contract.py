"""The contract between whoever wants shards and whoever computes them.

A worker writes what it computed to the store and reports only that it did: arrays travel through the
store, never through an engine. So an engine may lose anything at any time but what is in the store.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from auditkit.evidence.stage import Compute, Stage


@dataclass(frozen=True)
class Job:
    """A stage, and how to compute its shards: sent to each worker once.

    Attributes:
        stage: what is computed.
        make: makes the function from image indices to arrays, which may own a model; it can be pickled
            (a `Portable` of `auditkit.evidence.portable`, or a partial of a module's function), and is
            called once per worker.
    """

    stage: Stage
    make: Callable[[], Compute]


@dataclass(frozen=True)
class Done:
    """What became of one shard.

    Attributes:
        shard: its number in the stage.
        state: ``computed``, or ``found`` in the store by then, or ``held`` by somebody else, who is
            computing it: ask again later.
        seconds: of computing alone.
        overhead: seconds of everything else: looking, leasing, writing.
        worker: who did it, for people.
    """

    shard: int
    state: str
    seconds: float = 0.0
    overhead: float = 0.0
    worker: str = ""


class Executor(Protocol):
    """Computes shards somewhere.

    Whatever happens to workers, `run` either yields every shard exactly once or raises.
    """

    def run(self, job: Job, shards: Sequence[int]) -> Generator[Done]:
        """Submit shards, and yield what became of each as it finishes, in any order.

        Closing the iterator cancels what has not begun. Where a worker dies, hangs or is lost, its
        shard is given to another one; a shard that cost several workers their lives is an error.

        Raises:
            AuditError: a worker cannot be started, has another version of the code, or a shard cannot
                be computed. An error of the computation itself is raised as it is.
        """
        ...

    def cancel(self) -> None:
        """Drop what has not begun; safe from another thread, and at any time."""
        ...

    def describe(self) -> dict[str, str]:
        """What it is, for people and for the record: ``engine``, ``workers``, and its own remarks."""
        ...

    def close(self) -> None:
        """Let workers go; may be called twice."""
        ...
