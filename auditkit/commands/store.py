"""``auditkit store``: what is kept, whether it is whole, and what may go."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from auditkit.errors import AuditError

if TYPE_CHECKING:
    from auditkit.evidence.store import Store

STORE = ".auditkit/store"
_SIZES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_AGES = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register ``store``."""
    store = commands.add_parser("store", help="the evidence store: status, prune, verify")
    actions = store.add_subparsers(required=True, metavar="ACTION")
    status = actions.add_parser("status", help="what is kept")
    status.set_defaults(run=_status)
    verify = actions.add_parser("verify", help="read everything and hold it to its digests")
    verify.add_argument("--delete", action="store_true", help="remove what is damaged")
    verify.set_defaults(run=_verify)
    prune = actions.add_parser("prune", help="remove what is not needed any more")
    prune.add_argument(
        "--max-size", default="", metavar="SIZE", help="such as 20GB: not used for longest go first"
    )
    prune.add_argument("--older-than", default="", metavar="AGE", help="such as 30d")
    prune.add_argument("--other-code", action="store_true", help="of other versions of the code")
    prune.add_argument(
        "--keep", action="append", type=Path, default=[], metavar="RUN", help="a run's; repeatable"
    )
    prune.add_argument("--dry-run", action="store_true", help="only say what would go")
    prune.set_defaults(run=_prune)
    for action in (status, verify, prune):
        action.add_argument("--store", default=STORE, metavar="PLACE", help=f"default: {STORE}")


def _opened(given: argparse.Namespace) -> "Store":
    from auditkit.evidence.store import Store

    store = Store(given.store)
    if not store.url and not Path(store.root).is_dir():
        raise AuditError(f"there is no store {given.store}; name it with --store PLACE")
    return store


def _status(given: argparse.Namespace) -> int:
    from auditkit.evidence.housekeeping import dead, inventory, litter, stages

    found = inventory(_opened(given))
    shards = found.shards.values()
    print(f"{given.store}: {len(found.shards)} shards, {_size(found.size)}")
    for name, count, size in stages(shards):
        print(f"  {name:<28} {count:>8} shards {_size(size):>10}")
    other = [shard for shard in shards if shard.code == "other"]
    if other:
        size = sum(shard.size for shard in other)
        print(
            f"of other versions of the code: {len(other)} shards, {_size(size)} (prune --other-code)"
        )
    alive = sum(found.leases.values())
    print(
        f"{alive} shards are being computed; {len(dead(found))} leases of processes that are gone"
    )
    print(f"{len(found.broken)} shards are broken; {len(litter(found))} files are litter (prune)")
    if found.foreign:
        print(f"{len(found.foreign)} other files, such as {min(found.foreign)}")
    return 0


def _verify(given: argparse.Namespace) -> int:
    from auditkit.evidence.housekeeping import damaged, inventory

    store = _opened(given)
    found = inventory(store)
    broken = list(damaged(store, found))
    for address in broken:
        shard = found.shards.get(address)
        print(f"{address}  {shard.stage if shard else 'sidecar or its arrays'}: damaged")
        if given.delete:
            store.drop(address)
    done = "removed" if given.delete else "will be computed again when needed"
    told = f"; {len(broken)} damaged, {done}" if broken else ", all whole"
    print(f"{len(found.shards) + len(found.broken)} shards, {_size(found.size)}{told}")
    return 1 if broken and not given.delete else 0


def _prune(given: argparse.Namespace) -> int:
    from auditkit.evidence.housekeeping import (
        Removed,
        Wish,
        dead,
        inventory,
        litter,
        remove,
        stages,
        to_go,
    )

    wish = Wish(
        largest=_bytes(given.max_size) if given.max_size else None,
        oldest=_seconds(given.older_than) if given.older_than else None,
        other_code=given.other_code,
        keep=_kept(given.keep),
    )
    store = _opened(given)
    found = inventory(store)
    shards = to_go(found, wish)
    if given.dry_run:
        gone = Removed(shards, len(litter(found)), len(dead(found)))
    else:
        gone = remove(store, found, shards)
    size = sum(shard.size for shard in gone.shards)
    for name, count, bytes_ in stages(gone.shards):
        print(f"  {name:<28} {count:>8} shards {_size(bytes_):>10}")
    would = "would go" if given.dry_run else "removed"
    litter_, leases = f"{gone.files} files of litter", f"{gone.leases} dead leases"
    print(f"{len(gone.shards)} shards, {_size(size)}, {litter_} and {leases} {would}")
    held = f"; {gone.held} of them are being computed" if gone.held else ""
    print(f"{len(found.shards) - len(gone.shards)} shards stay, {_size(found.size - size)}{held}")
    return 0


def _kept(runs: list[Path]) -> frozenset[str]:
    """Addresses that runs list."""
    from auditkit.results.evidence_list import read_evidence_list
    from auditkit.results.folder import EVIDENCE_LIST

    lists = [read_evidence_list(run / EVIDENCE_LIST) for run in runs]
    return frozenset(shard.address for listed in lists for shard in listed.shards)


def _bytes(text: str) -> int:
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?) ?([kMGT]?)B?", text)
    if match is None:
        raise AuditError(f"--max-size {text}: a size such as 500MB or 20GB was expected")
    return int(float(match[1]) * _SIZES[match[2]])


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?) ?([mhdw])", text)
    if match is None:
        raise AuditError(f"--older-than {text}: an age such as 12h, 30d or 8w was expected")
    return float(match[1]) * _AGES[match[2]]


def _size(number: float) -> str:
    for unit, factor in reversed(_SIZES.items()):
        if number >= factor:
            return f"{number / factor:.1f} {unit}B"
    return "0 B"
