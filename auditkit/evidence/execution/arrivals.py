"""What workers on other machines say is in the store, until it is seen from here.

A shared file system may show a new file late: network file systems remember for a minute that a file was not
there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from auditkit.errors import AuditError
from auditkit.evidence.execution.contract import Done
from auditkit.evidence.stage import Stage
from auditkit.evidence.store import Store


@dataclass
class Arrivals:
    """Shards that are reported done, each given on once it can be read here.

    Attributes:
        store: where they are looked for.
        stage: whose they are.
        patience: seconds until a shard that cannot be seen is an error.
    """

    store: Store
    stage: Stage
    patience: float = 90.0
    _waiting: dict[int, tuple[Done, float]] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many are reported and not seen."""
        return len(self._waiting)

    def add(self, done: Done, now: float) -> None:
        """A worker says so."""
        self._waiting.setdefault(done.shard, (done, now))

    def seen(self, now: float) -> Iterator[Done]:
        """Those that are here by now.

        Raises:
            AuditError: one is not, after so long.
        """
        for number, (done, since) in list(self._waiting.items()):
            if done.state == "held" or self._here(number):
                del self._waiting[number]
                yield done
            elif now - since > self.patience:
                raise AuditError(unshared(self.store, done.worker))

    def _here(self, number: int) -> bool:
        return self.store.kept(self.stage.where(self.stage.indices(number))) is not None


def unshared(store: Store, worker: str) -> str:
    """Why evidence of a worker is not to be found, and what to do."""
    return (
        f"worker {worker} and this process do not see the same evidence store at {store}; name a "
        "folder that all machines share, or s3://BUCKET/PREFIX"
    )
