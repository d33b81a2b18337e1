"""The evidence that a run lists: verified where it is at hand, and packed into the run's folder."""

import re
import shutil
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from auditkit.attestation.digests import sha256_of
from auditkit.attestation.manifest import Problem, compare, write_manifest
from auditkit.attestation.outcome import Line, line
from auditkit.errors import AuditError
from auditkit.results import Results
from auditkit.results.evidence_list import ListedEvidence, ListedShard, read_evidence_list
from auditkit.results.folder import EVIDENCE, EVIDENCE_LIST, MANIFEST
from auditkit.results.shard_format import (
    MOST_OF_SIDECAR,
    Sidecar,
    arrays_name,
    arrays_name_1,
    read_sidecar,
    sidecar_name,
)

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
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
        if not (_DIGEST.fullmatch(shard.address) and _DIGEST.fullmatch(shard.sha256)):
            raise AuditError(
                f"{path}: {shard.address!r} is not the address of a shard with its digest"
            )
    return found


def store_of(folder: Path, listed: ListedEvidence, store: Path | None) -> Path:
    """Where a run's shards are: in its own folder, in the store given, or in the one that it names."""
    if (folder / EVIDENCE).is_dir():
        return folder / EVIDENCE
    return store or folder / listed.store


def shard_file(store: Path, shard: ListedShard) -> Path:
    """The file with the arrays that were judged, or that lie in their place."""
    own = store / arrays_name(shard.address, shard.sha256)
    if own.is_file():
        return own
    sidecar = _sidecar(store, shard)
    other = own if sidecar is None else store / sidecar.arrays
    first = store / arrays_name_1(shard.address)
    return first if first.is_file() and not other.is_file() else other


def sidecar_file(store: Path, shard: ListedShard) -> Path:
    """The file that says of which arrays a shard is."""
    return store / sidecar_name(shard.address)


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
        file, sidecar = shard_file(place, shard), sidecar_file(place, shard)
        if not file.is_file():
            absent += 1
            continue
        if sha256_of(file) != shard.sha256:
            problems.append(Problem(_shown(folder, file), "is not the shard that was judged"))
        if packed and sidecar.is_file() and _stated(place, shard) != (shard.sha256, shard.images):
            problems.append(Problem(_shown(folder, sidecar), "is not of the shard beside it"))
    at_hand = len(listed.shards) - absent
    where = "packed with the run" if packed else f"in the store {place}"
    if _far(listed, place, folder):
        where = f"in {listed.store}, which is asked with --store {listed.store}"
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
        name
        for shard in listed.shards
        for name in (_packed_name(shard, found.digests), sidecar_name(shard.address))
    }
    missing = [Problem(file, "is missing") for file in sorted(expected - found.digests.keys())]
    foreign = [
        Problem(file, "is not listed in evidence.json")
        for file in sorted(found.digests.keys() - expected)
    ]
    problems = dict.fromkeys((*found.problems, *missing, *foreign))
    return [Problem(f"{EVIDENCE}/{file}", what) for file, what in problems]


def _packed_name(shard: ListedShard, there: Collection[str]) -> str:
    first = arrays_name_1(shard.address)
    return first if first in there else arrays_name(shard.address, shard.sha256)


def _far(listed: ListedEvidence, place: Path, folder: Path) -> bool:
    """Whether the store is one that a run names by URL: a run from elsewhere opens no connection."""
    return "://" in listed.store and place == folder / listed.store


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
    if _far(listed, source, folder):
        raise AuditError(f"the evidence is in {listed.store}; name it with --store {listed.store}")
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
    arrays = shard_file(source, shard)
    for file in (arrays, sidecar_file(source, shard)):
        if not file.is_file():
            raise AuditError(
                f"{file} ({shard.stage}) is not in the store; run the audit again to compute it"
            )
        copy = target / file.relative_to(source)
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(file, copy)
    copied = sha256_of(target / arrays.relative_to(source))
    stated = _stated(target, shard)
    if (copied, stated) != (shard.sha256, (shard.sha256, shard.images)):
        raise AuditError(f"{arrays} ({shard.stage}) is not the shard that was judged")


def _stated(store: Path, shard: ListedShard) -> tuple[object, object] | None:
    """Of which array file and how many images a sidecar says that it is; all else in it is for people."""
    sidecar = _sidecar(store, shard)
    return None if sidecar is None else (sidecar.sha256, sidecar.about.get("images"))


def _sidecar(store: Path, shard: ListedShard) -> Sidecar | None:
    try:
        with sidecar_file(store, shard).open("rb") as file:
            return read_sidecar(shard.address, file.read(MOST_OF_SIDECAR + 1))
    except OSError:
        return None
