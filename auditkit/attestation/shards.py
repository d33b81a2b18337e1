"""The evidence that a run lists: verified where it is at hand, and packed into the run's folder."""

import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from auditkit.attestation.digests import sha256_of
from auditkit.attestation.manifest import Problem, compare, write_manifest
from auditkit.attestation.outcome import Line, line
from auditkit.errors import AuditError
from auditkit.results import Results
from auditkit.results.evidence_list import ListedEvidence, ListedShard, read_evidence_list
from auditkit.results.folder import EVIDENCE, EVIDENCE_LIST, MANIFEST

ARRAYS, SIDECAR = ".safetensors", ".json"
_ADDRESS: Final = re.compile(r"[0-9a-f]{64}")
_PROVES: Final = (
    "these arrays are those that were judged; whether the model gives them: auditkit reproduce"
)


def listed_evidence(folder: Path) -> ListedEvidence:
    """A run's evidence.json.

    Raises:
        AuditError: there is none, or it is not as runs write it.
    """
    path = folder / EVIDENCE_LIST
    if path.exists() and not path.is_file():
        raise AuditError(f"{path} is not a plain file")
    found = read_evidence_list(path)
    for shard in found.shards:
        if not _ADDRESS.fullmatch(shard.address):
            raise AuditError(f"{path}: {shard.address!r} is not the address of a shard")
    return found


def store_of(folder: Path, listed: ListedEvidence, store: Path | None) -> Path:
    """Where a run's shards are: in its own folder, in the store given, or in the one that it names."""
    if (folder / EVIDENCE).is_dir():
        return folder / EVIDENCE
    return store or folder / listed.store


def shard_file(store: Path, address: str, suffix: str = ARRAYS) -> Path:
    """One file of a shard."""
    return store / address[:2] / f"{address}{suffix}"


def check_evidence(folder: Path, results: Results, store: Path | None) -> list[Line]:
    """Whether evidence.json is the list that results.json names, and the shards those that it lists."""
    subject = "list of evidence"
    if results.evidence is None and not (folder / EVIDENCE_LIST).exists():
        return [Line(subject, "not checked", "this run lists no evidence", "")]
    try:
        listed = listed_evidence(folder)
    except AuditError as error:
        return [line(subject, "nothing was checked", "", (Problem(EVIDENCE_LIST, str(error)),))]
    says = f"{len(listed.shards)} shards are listed, and results.json names this list"
    problems: tuple[Problem, ...] = ()
    if results.evidence is None or results.evidence.sha256 != sha256_of(folder / EVIDENCE_LIST):
        problems = (Problem(EVIDENCE_LIST, "is not the list that results.json names"),)
    proves = "the verdicts are said to rest on these shards and no others"
    return [line(subject, says, proves, problems), _check_shards(folder, listed, store)]


def _check_shards(folder: Path, listed: ListedEvidence, store: Path | None) -> Line:
    place, subject = store_of(folder, listed, store), "evidence"
    packed = place == folder / EVIDENCE
    problems = list(_packed_problems(folder, listed)) if packed else []
    absent = 0
    for shard in listed.shards:
        file = shard_file(place, shard.address)
        sidecar = file.with_suffix(SIDECAR)
        if not file.is_file():
            absent += 1
            continue
        if sha256_of(file) != shard.sha256:
            problems.append(Problem(_shown(folder, file), "is not the shard that was judged"))
        if packed and sidecar.is_file() and _stated(sidecar) != (shard.sha256, shard.images):
            problems.append(Problem(_shown(folder, sidecar), "is not of the shard beside it"))
    at_hand = len(listed.shards) - absent
    where = "packed with the run" if packed else f"in the store {place}"
    says = f"{at_hand} of {len(listed.shards)} shards are at hand ({where})"
    says += (
        f"; {absent} are not at hand and were NOT checked" if absent else " and were hashed again"
    )
    if absent and not problems:
        return Line(subject, "not checked", says, _PROVES if at_hand else "")
    return line(subject, says, _PROVES, tuple(dict.fromkeys(problems)))


def _packed_problems(folder: Path, listed: ListedEvidence) -> Sequence[Problem]:
    """What the folder's own list says, which covers sidecars too, and shards that nobody listed."""
    found = compare(folder / EVIDENCE, (MANIFEST,))
    expected = {
        shard_file(Path(), shard.address, suffix).as_posix()
        for shard in listed.shards
        for suffix in (ARRAYS, SIDECAR)
    }
    missing = [Problem(file, "is missing") for file in sorted(expected - found.digests.keys())]
    foreign = [
        Problem(file, "is not listed in evidence.json")
        for file in sorted(found.digests.keys() - expected)
    ]
    problems = dict.fromkeys((*found.problems, *missing, *foreign))
    return [Problem(f"{EVIDENCE}/{file}", what) for file, what in problems]


def _shown(folder: Path, file: Path) -> str:
    return file.relative_to(folder).as_posix() if file.is_relative_to(folder) else str(file)


def pack(folder: Path, store: Path | None = None) -> tuple[Path, int, int]:
    """Copy the listed shards into the run's folder, all or none; its manifest does not change.

    Args:
        folder: the run's.
        store: the store; by default the one that evidence.json names.

    Returns:
        The folder evidence/, the number of shards and their bytes.

    Raises:
        AuditError: it is there already, a shard is not at hand, or is not the one that was judged.
    """
    listed, target = listed_evidence(folder), folder / EVIDENCE
    if target.exists() or target.is_symlink():
        raise AuditError(
            f"{target} exists; whether it is whole says: auditkit verify {folder} (or delete it first)"
        )
    source = store or folder / listed.store
    if not source.is_dir():
        raise AuditError(f"the store {source} does not exist; name it with --store DIR")
    half = Path(tempfile.mkdtemp(dir=folder, prefix=".half-"))
    try:
        for shard in listed.shards:
            _copy(shard, source, half)
        write_manifest(half, (MANIFEST,))
        half.chmod(0o755)
        half.rename(target)
    except OSError as error:
        raise AuditError(
            f"{target} cannot be written: {error.strerror}; free some space"
        ) from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return target, len(listed.shards), sum(shard.size for shard in listed.shards)


def _copy(shard: ListedShard, source: Path, target: Path) -> None:
    """Copy a shard and its sidecar, and hold the copy against the list."""
    for suffix in (ARRAYS, SIDECAR):
        file, copy = (shard_file(place, shard.address, suffix) for place in (source, target))
        if not file.is_file():
            raise AuditError(
                f"{file} ({shard.stage}) is not in the store; run the audit again to compute it"
            )
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(file, copy)
    copied = shard_file(target, shard.address)
    stated = _stated(copied.with_suffix(SIDECAR))
    if sha256_of(copied) != shard.sha256 or stated != (shard.sha256, shard.images):
        raise AuditError(
            f"{shard_file(source, shard.address)} ({shard.stage}) is not the shard that was judged"
        )


def _stated(sidecar: Path) -> tuple[object, object] | None:
    """Of which array file and how many images a sidecar says that it is; all else in it is for people."""
    try:
        about = json.loads(sidecar.read_bytes())
        return about["sha256"], about["images"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
