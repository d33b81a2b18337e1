"""What lies in a store, what of it is damaged, and what may go."""

import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from auditkit.evidence.identity import code_version
from auditkit.evidence.leases import FOLDER, lives
from auditkit.evidence.store import Store, Stored

# Younger files without a sidecar may be of a write that is under way.
GRACE = 3600.0


@dataclass
class Shard:
    """A shard as it lies in a store.

    Attributes:
        address: its address.
        size: bytes of both files.
        changed: when the arrays were written, seconds since 1970.
        stage: its kind; empty where the sidecar does not say it.
        code: whether the code that computed it is ``current``, ``other`` or ``unknown``.
    """

    address: str
    size: int = 0
    changed: float = 0.0
    stage: str = ""
    code: str = "unknown"


@dataclass
class Inventory:
    """All files of a store, by what they are.

    Attributes:
        shards: whole ones, as far as their sidecars say.
        orphans: arrays without a sidecar, and files of interrupted writes.
        leases: by address, whether their holder may still run.
        foreign: files that are none of a store's.
    """

    shards: dict[str, Shard] = field(default_factory=dict)
    orphans: list[Stored] = field(default_factory=list)
    leases: dict[str, bool] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of whole shards."""
        return sum(shard.size for shard in self.shards.values())


def inventory(store: Store) -> Inventory:
    """Look through a store, without reading arrays.

    Raises:
        AuditError: it cannot be listed.
    """
    found, arrays = Inventory(), dict[str, Stored]()
    for file in store.stored():
        if file.kind == "arrays":
            arrays[file.address] = file
        elif file.kind == "sidecar":
            shard = found.shards.setdefault(file.address, Shard(file.address))
            shard.size += file.size
        elif file.kind == "lease":
            found.leases[file.address] = _lives(store, file.name)
        elif file.kind == "half":
            found.orphans.append(file)
        else:
            found.foreign.append(file.name)
    for address, file in arrays.items():
        if address in found.shards:
            found.shards[address].size += file.size
            found.shards[address].changed = file.changed
        else:
            found.orphans.append(file)
    for address in found.shards.keys() - arrays.keys():
        del found.shards[address]
    _described(store, found.shards.values())
    return found


def _described(store: Store, shards: Collection[Shard]) -> None:
    for shard in shards:
        try:
            about = store.about(shard.address)
            shard.stage = str(about["identity"]["stage"])
            known = about.get("code")
            if known is not None:
                shard.code = "current" if known == code_version() else "other"
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            shard.stage = ""


def _lives(store: Store, name: str) -> bool:
    try:
        return lives(store.files.read(name))
    except OSError:
        return False


def damaged(store: Store, addresses: Collection[str]) -> Iterator[str]:
    """Shards whose arrays are not those that their sidecars state: everything is read."""
    for address in sorted(addresses):
        if store.fetch(address) is None:
            yield address


def stages(shards: Collection[Shard]) -> list[tuple[str, int, int]]:
    """Kinds of evidence with their number of shards and bytes, the largest first."""
    count, size = Counter[str](), Counter[str]()
    for shard in shards:
        name = shard.stage or "not said"
        count[name] += 1
        size[name] += shard.size
    return [(name, count[name], bytes_) for name, bytes_ in size.most_common()]


@dataclass(frozen=True)
class Wish:
    """What of a store may go.

    Attributes:
        largest: bytes that may stay; the oldest shards go first. None: any number.
        oldest: seconds since they were written; None: any age.
        other_code: whether shards go that another version of the code computed, which no run finds.
        keep: addresses that stay whatever else is wished.
    """

    largest: int | None = None
    oldest: float | None = None
    other_code: bool = False
    keep: frozenset[str] = frozenset()


def to_go(found: Inventory, wish: Wish, now: float | None = None) -> list[Shard]:
    """The shards that a wish lets go; never one that somebody holds."""
    now = time.time() if now is None else now
    held = {address for address, alive in found.leases.items() if alive}
    free = sorted(
        (s for a, s in found.shards.items() if a not in wish.keep and a not in held),
        key=lambda shard: (shard.changed, shard.address),
    )
    left, gone = found.size, list[Shard]()
    for shard in free:
        old = wish.oldest is not None and now - shard.changed > wish.oldest
        stale = wish.other_code and shard.code == "other"
        large = wish.largest is not None and left > wish.largest
        if old or stale or large:
            gone.append(shard)
            left -= shard.size
    return gone


def litter(found: Inventory, now: float | None = None) -> list[str]:
    """Names of files that nobody will ever read: of interrupted writes, and dead leases."""
    now = time.time() if now is None else now
    held = {address for address, alive in found.leases.items() if alive}
    old = [
        file.name
        for file in found.orphans
        if now - file.changed > GRACE and file.address not in held
    ]
    return [*old, *(f"{FOLDER}/{one}.json" for one, alive in found.leases.items() if not alive)]


def remove(store: Store, shards: Sequence[Shard], names: Sequence[str]) -> None:
    """Remove shards, sidecars first, and other files.

    Raises:
        AuditError: the store cannot be written.
    """
    for shard in shards:
        store.drop(shard.address)
    for name in names:
        store.forget(name)
