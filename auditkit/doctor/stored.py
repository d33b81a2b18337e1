"""The evidence store: readable, writable, and a lease that can be taken."""

import hashlib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from auditkit.doctor.finding import Finding
from auditkit.errors import AuditError

# No shard's: nothing is ever kept under it.
_ADDRESS = hashlib.sha256(b"auditkit doctor").hexdigest()
_LOOKED_AT = 1000


def stored(place: str) -> Iterator[Finding]:
    """Findings about a store: a folder or a URL."""
    if "://" not in place and not Path(place).exists():
        yield _new(Path(place))
        return
    from auditkit.evidence.store import Store

    try:
        store = Store(place)
        files = len(list(islice(store.stored(), _LOOKED_AT)))
        with store.lease(_ADDRESS) as had:
            pass
    except AuditError as error:
        yield Finding(
            "wrong", "store", str(error), "choose another one with --store, --audit-store"
        )
        return
    more = "or more " if files == _LOOKED_AT else ""
    if not had:
        yield Finding(
            "note", "store", "another process looks at it now", "run auditkit doctor again"
        )
        return
    said = f"{place}: {files} {more}files; can be read, written and locked"
    yield Finding("ok", "store", said, "whether all is whole: auditkit store verify")


def _new(place: Path) -> Finding:
    parent = next(parent for parent in place.absolute().parents if parent.exists())
    if parent.is_dir() and os.access(parent, os.W_OK):
        return Finding("ok", "store", f"{place} is not there yet; the first audit makes it")
    mend = "choose another folder with --audit-store"
    return Finding("wrong", "store", f"{place} cannot be made: {parent} is not writable", mend)
