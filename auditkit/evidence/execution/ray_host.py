"""What runs in an actor of Ray: a worker that keeps its models loaded."""

import contextlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditkit.evidence.execution.contract import Done
from auditkit.evidence.execution.failure import Failure
from auditkit.evidence.execution.probe import Probe
from auditkit.evidence.execution.worker import Worker
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store


@dataclass
class Host:
    """The class of the actors. Errors come back as values: Ray would change their type.

    Attributes:
        name: of the worker.
        store: where shards are kept.
        settings: how they are computed.
        code: the driver's `code_version`.
        probe: shows whether this machine sees the driver's store.
        folder: the driver's working directory, to which paths of cards may be relative.
    """

    name: str
    store: Store
    settings: Settings
    code: str
    probe: Probe
    folder: Path
    _worker: Worker | None = None
    _key: str = ""

    def ready(self) -> str | Failure:
        """Get ready, once; the machine's name."""
        place = f"{socket.gethostname()}/{self.name}"
        try:
            with contextlib.suppress(OSError):
                os.chdir(self.folder)
            self.probe.look(self.store, place)
            self._worker = Worker(place, self.store, self.settings, self.code)
        except Exception as error:  # noqa: BLE001 raised by the driver
            return Failure.of(error, place)
        return place

    def compute(
        self, key: str, job: list[Any], shard: int, steal: bool, following: int | None
    ) -> Done | Failure:
        """Have one shard in the store.

        Args:
            key: of the job.
            job: one reference to the packed job, in a list so that Ray does not fetch it each time.
            shard: its number.
            steal: as in `Worker.compute`.
            following: as there.
        """
        assert self._worker is not None, "ready comes first"
        try:
            packed = None if key == self._key else _fetched(job[0])
            done = self._worker.compute(key, packed, shard, steal=steal, following=following)
            self._key = key
        except Exception as error:  # noqa: BLE001 raised by the driver
            return Failure.of(error, self._worker.name)
        return done


def _fetched(reference: Any) -> bytes:
    import ray

    found: bytes = ray.get(reference)
    return found
