"""Evidence in a store elsewhere, brought to this machine while a command looks at it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditkit.evidence.store import Store


@contextmanager
def at_hand(run: Path, given: Path | None) -> Iterator[Path | None]:
    """The store that a user named, as a folder; of one elsewhere, the shards that a run lists.

    Args:
        run: the run's folder.
        given: a folder or URL; None if none was named.

    Raises:
        AuditError: the store does not answer.
    """
    from auditkit.evidence.store import Store

    if given is None or not Store(given).url or not run.is_dir():
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="auditkit-") as folder:
        _fetch(run, Store(given), Path(folder))
        yield Path(folder)


def _fetch(run: Path, store: "Store", folder: Path) -> None:
    """Copy what is there, byte for byte: what is missing or changed is told by whoever looks at it."""
    from auditkit.attestation.shards import listed_evidence

    for shard in listed_evidence(run).shards:
        store.copy(shard.address, shard.sha256, folder)
