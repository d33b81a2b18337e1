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
        "--max-size", default="", metavar="SIZE", help="such as 20GB: oldest go first"
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
    from auditkit.evidence.housekeeping import inventory, litter, stages

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
    print(f"{alive} shards are being computed; {len(litter(found))} files are litter")
    if found.foreign:
        print(f"{len(found.foreign)} other files, such as {min(found.foreign)}")
    return 0


def _verify(given: argparse.Namespace) -> int:
    from auditkit.evidence.housekeeping import damaged, inventory

    store = _opened(given)
    found = inventory(store)
    broken = list(damaged(store, found.shards))
    for address in broken:
        print(f"{address}  {found.shards[address].stage or 'damaged sidecar'}: damaged")
        if given.delete:
            store.drop(address)
    done = "removed" if given.delete else "will be computed again when needed"
    told = f"; {len(broken)} damaged, {done}" if broken else ", all whole"
    print(f"{len(found.shards)} shards, {_size(found.size)}{told}")
    return 1 if broken and not given.delete else 0


def _prune(given: argparse.Namespace) -> int:
    from auditkit.evidence.housekeeping import Wish, inventory, litter, remove, to_go

    wish = Wish(
        largest=_bytes(given.max_size) if given.max_size else None,
        oldest=_seconds(given.older_than) if given.older_than else None,
        other_code=given.other_code,
        keep=_kept(given.keep),
    )
    store = _opened(given)
    found = inventory(store)
    shards, names = to_go(found, wish), litter(found)
    if not given.dry_run:
        remove(store, shards, names)
    size = sum(shard.size for shard in shards)
    would = "would go" if given.dry_run else "removed"
    print(f"{len(shards)} shards, {_size(size)}, and {len(names)} files of litter {would}")
    print(f"{len(found.shards) - len(shards)} shards stay, {_size(found.size - size)}")
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
