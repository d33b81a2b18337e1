"""Specs against what was recorded of them before the run, for results.json and its report."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from os.path import commonpath, relpath
from pathlib import Path

from auditkit.attestation.git import first_commit_of, head
from auditkit.attestation.keys import SigningKey
from auditkit.attestation.record import RECORD, Entry, Record, RecordedFile, read_record, total_of
from auditkit.errors import AuditError
from auditkit.results import Registered, Registration, write_whole


def register(
    specs: Mapping[Path, str],
    cards: Mapping[Path, str],
    record: Path,
    tool: str,
    reason: str = "",
    key: SigningKey | None = None,
) -> Entry | None:
    """Add an entry to a record, or begin one.

    Args:
        specs: the specs with their sha256.
        cards: the cards that they name, likewise.
        record: the file.
        tool: name and version of what records.
        reason: why the entries before are not enough; the first needs none.
        key: signs the entry.

    Returns:
        The new entry; None if the last one says the same already.

    Raises:
        AuditError: the record is broken, or the reason is missing.
    """
    entries = read_record(record).entries if record.exists() else []
    listed, beside = _recorded(specs, record), _recorded(cards, record)
    last = entries[-1] if entries else None
    if last and key is None and (last.specs, last.cards) == (listed, beside):
        return None
    if last and not reason:
        raise AuditError(
            f"{record} has an entry of {last.time} already; say why there is another, with --reason TEXT"
        )
    entry = Entry(
        time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        specs=listed,
        cards=beside,
        total=total_of([*listed, *beside]),
        tool=tool,
        commit=head(record.parent),
        reason=reason,
        before=last.digest if last else "",
    )
    entry = entry.signed(key) if key else entry
    write_whole(record, Record(entries=[*entries, entry]).to_bytes())
    return entry


def default_record(paths: Sequence[Path]) -> Path:
    """REGISTRATION.json in the folder that holds all the paths."""
    folders = [path if path.is_dir() else path.parent for path in paths]
    return _common(folders) / RECORD


def registration(specs: Mapping[Path, str], root: Path) -> Registration | None:
    """What was recorded of a run's specs.

    Args:
        specs: the specs of the run with the sha256 that they were read with.
        root: the root folder, at which the search for a record ends.

    Returns:
        None if there is no record beside the specs or above them, up to the root folder.

    Raises:
        AuditError: the record's chain is broken.
    """
    path = next(_records(list(specs), root), None)
    if path is None:
        return None
    record = read_record(path)
    return Registration(
        file=_below(path, root),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        recorded=record.entries[-1].time if record.entries else "",
        commit=first_commit_of(path),
        specs=[_registered(record, path, spec, specs[spec], root) for spec in sorted(specs)],
    )


def _registered(record: Record, path: Path, spec: Path, sha256: str, root: Path) -> Registered:
    """A spec against the last entry that names it, dated by the first of those that say the same."""
    name, place = _relative(spec, path), _below(spec, root)
    entries = [(e, f.sha256) for e in record.entries for f in e.specs if f.file == name]
    if not entries:
        return Registered(file=place, state="not registered", recorded="", reason="")
    last = entries[-1][1]
    since = len(entries)
    while since and entries[since - 1][1] == last:
        since -= 1
    entry = entries[since][0]
    return Registered(
        file=place,
        state="unchanged" if last == sha256 else "changed",
        recorded=entry.time,
        reason=entry.reason,
    )


def wording(found: Registration) -> str:
    """What a record shows, and no more than that, in one or two sentences of English."""
    counts = {
        state: sum(spec.state == state for spec in found.specs)
        for state in ("unchanged", "changed", "not registered")
    }
    listed = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    when = (
        f"The record says {found.recorded}, by the clock of the machine that wrote it. This record existed "
        f"no later than commit {found.commit}, if that commit's date is trusted."
        if found.commit
        else f"The record says {found.recorded}, by the clock of the machine that wrote it; it stands in no "
        "commit, so nothing else shows that it existed then."
    )
    return f"Of {len(found.specs)} specs against {found.file}: {listed}. {when}"


def _records(specs: Sequence[Path], root: Path) -> Iterator[Path]:
    """Records, the nearest to all specs first, then the nearest to any."""
    folders = [spec.resolve().parent for spec in specs]
    for folder in [_common(folders), *folders] if folders else []:
        for above in (folder, *folder.parents):
            if (above / RECORD).is_file():
                yield above / RECORD
            if above == root.resolve() or not above.is_relative_to(root.resolve()):
                break


def _recorded(files: Mapping[Path, str], record: Path) -> list[RecordedFile]:
    named = {_relative(path, record): sha256 for path, sha256 in files.items()}
    return [RecordedFile(file=file, sha256=named[file]) for file in sorted(named)]


def _relative(path: Path, record: Path) -> str:
    return Path(relpath(path.resolve(), record.resolve().parent)).as_posix()


def _below(path: Path, root: Path) -> str:
    resolved, top = path.resolve(), root.resolve()
    return resolved.relative_to(top).as_posix() if resolved.is_relative_to(top) else path.as_posix()


def _common(folders: Sequence[Path]) -> Path:
    return Path(commonpath([folder.resolve() for folder in folders]))
