"""What a run's verdicts rest on, for evidence.json."""

import os
from collections.abc import Iterable
from pathlib import Path

from auditkit.evidence.identity import code_version
from auditkit.evidence.places import shown
from auditkit.evidence.store import Store
from auditkit.results.evidence_list import ListedEvidence, ListedShard


def listed_evidence(used: Iterable[ListedShard], store: Store, folder: Path) -> ListedEvidence:
    """Every shard once, sorted by address.

    Args:
        used: from `Engine.used` or `Engine.news`, of all processes; of one address, the last counts.
        store: where they lie.
        folder: of the run, to which the store's path is relative.
    """
    by_address = {shard.address: shard for shard in used}
    return ListedEvidence(
        store=_relative(store.root, folder),
        code=code_version(),
        shards=[by_address[address] for address in sorted(by_address)],
    )


def _relative(path: Path | str, folder: Path) -> str:
    if isinstance(path, str):  # a URL
        return shown(path)
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_posix()
