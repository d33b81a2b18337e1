"""Whether another machine sees the same evidence store: a shard that only this run could have left there."""

import contextlib
import secrets
import time
from dataclasses import dataclass

import numpy as np

from auditkit.errors import AuditError
from auditkit.evidence.execution.arrivals import unshared
from auditkit.evidence.identity import address
from auditkit.evidence.store import Store

# A network file system may take a moment to show a new file.
_PATIENCE, _PAUSE = 5.0, 0.2


@dataclass(frozen=True)
class Probe:
    """A shard at an address that nobody can have seen before.

    Attributes:
        where: its address.
    """

    where: str

    @classmethod
    def left_in(cls, store: Store) -> "Probe":
        """Write one.

        Raises:
            AuditError: the store cannot be written.
        """
        probe = cls(address({"probe": secrets.token_hex(16)}))
        store.write(probe.where, {"probe": np.zeros(1, np.uint8)}, {"stage": "probe"})
        return probe

    def look(self, store: Store, worker: str) -> None:
        """Find it from another machine.

        Raises:
            AuditError: it is not there: that machine has another store in the same place.
        """
        until = time.monotonic() + _PATIENCE
        while store.kept(self.where) is None:
            if time.monotonic() > until:
                raise AuditError(unshared(store, worker))
            time.sleep(_PAUSE)

    def remove(self, store: Store) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(AuditError):
            store.drop(self.where)
