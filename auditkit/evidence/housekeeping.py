"""What lies in a store, what of it is damaged, and what may go."""

import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from auditkit.evidence.identity import code_version
from auditkit.evidence.leases import FOLDER, lives, read_lease
from auditkit.evidence.store import Store, Stored
from auditkit.results.shard_format import Sidecar, sidecar_name

# Younger files without a sidecar may be of a write that is under way.
GRACE = 3600.0
# Sidecars that are asked for at once, where each takes its time on the way.
_AT_ONCE = 16


@dataclass
class Shard:
    """A shard as it lies in a store.

    Attributes:
        address: its address.
        size: bytes of both files.
        changed: when it was last used, to the day, or written; seconds since 1970.
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
        broken: addresses whose sidecar cannot be read, or names arrays that are not there.
        orphans: arrays that no sidecar names, and files of interrupted writes.
        leases: by address, whether their holder may still run.
        foreign: files that are none of a store's.
    """

    shards: dict[str, Shard] = field(default_factory=dict)
    broken: dict[str, Stored] = field(default_factory=dict)
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
    found, sidecars, arrays = Inventory(), list[Stored](), dict[str, Stored]()
    now = time.time()
    for file in store.stored():
        if file.kind == "arrays":
            arrays[file.name] = file
        elif file.kind == "sidecar":
            sidecars.append(file)
        elif file.kind == "lease":
            # A living lease is written again every quarter of a minute.
            found.leases[file.address] = now - file.changed < GRACE and _lives(store, file.name)
        elif file.kind == "half":
            found.orphans.append(file)
        else:
            found.foreign.append(file.name)
    with ThreadPoolExecutor(_AT_ONCE if store.url else 1) as pool:
        every = pool.map(lambda file: store.sidecar(file.address), sidecars)
        for file, sidecar in zip(sidecars, every, strict=True):
            own = arrays.pop(sidecar.arrays, None) if sidecar else None
            if sidecar is None or own is None or sidecar.size not in (None, own.size):
                found.broken[file.address] = file
            else:
                found.shards[file.address] = _shard(file, own, sidecar)
    found.orphans += arrays.values()
    return found


def _shard(file: Stored, arrays: Stored, sidecar: Sidecar) -> Shard:
    about = sidecar.about
    identity, code = about.get("identity"), about.get("code")
    stage = identity.get("stage") if isinstance(identity, dict) else None
    state = "unknown" if code is None else "current" if code == code_version() else "other"
    stage = str(stage or about.get("stage") or "")
    return Shard(file.address, file.size + arrays.size, file.changed, stage, state)


def _lives(store: Store, name: str) -> bool:
    content = read_lease(store.files, name)
    return content is not None and lives(content)


def damaged(store: Store, found: Inventory) -> Iterator[str]:
    """Shards whose arrays are not those that their sidecars state: everything is read."""
    yield from sorted(found.broken)
    with ThreadPoolExecutor(_AT_ONCE if store.url else 1) as pool:
        addresses = sorted(found.shards)
        whole = pool.map(lambda address: store.fetch(address) is not None, addresses)
        yield from (
            address for address, is_whole in zip(addresses, whole, strict=True) if not is_whole
        )


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
        largest: bytes that may stay; those that were not used for longest go first. None: any number.
        oldest: seconds since they were used, to the day; None: any age.
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


def litter(found: Inventory, now: float | None = None) -> list[Stored]:
    """Files that nobody will ever read: of interrupted writes, and shards without arrays."""
    now = time.time() if now is None else now
    held = {address for address, alive in found.leases.items() if alive}
    every = [*found.orphans, *found.broken.values()]
    return [one for one in every if now - one.changed > GRACE and one.address not in held]


def dead(found: Inventory) -> list[str]:
    """Names of leases whose holders are gone."""
    return [f"{FOLDER}/{address}.json" for address, alive in found.leases.items() if not alive]


@dataclass
class Removed:
    """What went.

    Attributes:
        shards: of these.
        files: of litter.
        leases: of holders that are gone.
        held: shards that stayed, as somebody computes them now.
    """

    shards: list[Shard] = field(default_factory=list)
    files: int = 0
    leases: int = 0
    held: int = 0


def remove(store: Store, found: Inventory, shards: Sequence[Shard]) -> Removed:
    """Remove shards, sidecars first, and what is litter; each under its lease: nobody writes it meanwhile.

    Raises:
        AuditError: the store cannot be written.
    """
    removed = Removed()
    for name in dead(found):
        store.forget(name)
        removed.leases += 1
    for shard in shards:
        with store.lease(shard.address) as free:
            if free:
                store.drop(shard.address)
                removed.shards.append(shard)
            else:
                removed.held += 1
    for file in litter(found):
        removed.files += _swept(store, file)
    return removed


def _swept(store: Store, file: Stored) -> bool:
    """Remove a file, unless its shard is held, or has come to need it."""
    if not file.address:
        store.forget(file.name)
        return True
    with store.lease(file.address) as free:
        sidecar = store.sidecar(file.address)
        needed = sidecar is not None and file.name in (sidecar.arrays, sidecar_name(file.address))
        if not free or (needed and store.kept(file.address) is not None):
            return False
        store.forget(file.name)
        return True
