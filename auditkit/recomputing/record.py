"""The record of a run: its results, its list of evidence, and the arrays where they are at hand."""

import hashlib
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from auditkit.errors import AuditError
from auditkit.evidence.store import Arrays, Store
from auditkit.recomputing.outcome import Remark
from auditkit.results import Results, folder, read_results
from auditkit.results.evidence_list import ListedEvidence, ListedShard, read_evidence_list


@dataclass(frozen=True)
class Record:
    """What was written down.

    Attributes:
        place: the run's folder.
        results: its results.json.
        sha256: of results.json.
        listed: its evidence.json.
        store: where the recorded arrays are; None if they are not at hand.
        remarks: what of the record contradicts itself.
    """

    place: Path
    results: Results
    sha256: str
    listed: ListedEvidence
    store: Store | None
    remarks: list[Remark] = field(default_factory=list)
    _by_content: dict[str, ListedShard] = field(default_factory=dict)
    _states: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_content.update({shard.content: shard for shard in self.listed.shards})

    def find(self, content: str) -> ListedShard | None:
        """The shard that is of something, whatever code computed it."""
        return self._by_content.get(content)

    def arrays(self, shard: ListedShard) -> Arrays | None:
        """The recorded arrays; None, with a remark, if they are not those that were listed."""
        if self.store is None:
            return None
        found = self.store.fetch(shard.address)
        if found is not None and found[1].sha256 == shard.sha256:
            return found[0]
        if shard.address not in self._states:
            self._states[shard.address] = text = self._why(shard.address)
            kind = "not confirmed" if text == _GONE else "differs"
            where = f"{shard.address} ({shard.stage})"
            self.remarks.append(Remark(kind=kind, what="evidence", where=where, text=text))
        return None

    def _why(self, address: str) -> str:
        assert self.store is not None
        if self.store.kept(address) is None:
            return _GONE
        if self.store.fetch(address) is None:
            return "is damaged: it does not match the sha256 beside it"
        return "is not the file that evidence.json lists: its sha256 differs"

    @property
    def sizes(self) -> list[int]:
        """Images per shard that occur, the most frequent first."""
        return [size for size, _ in Counter(s.images for s in self.listed.shards).most_common()]

    @property
    def batch(self) -> int | None:
        """Inputs per forward pass, as shards of many images tell it; None if none does."""
        stages: dict[str, list[int]] = {}
        for shard in self.listed.shards:
            stages.setdefault(shard.stage, []).append(shard.images)
        whole = Counter(max(sizes) for sizes in stages.values() if len(sizes) > 1)
        return whole.most_common(1)[0][0] if whole else None


_GONE = "is not in the store"


def read_record(place: Path, store: Path | None = None) -> Record:
    """Read a run's folder.

    Args:
        place: the folder.
        store: where the arrays are, if neither in the folder nor where the record says.

    Raises:
        AuditError: something is missing or none of ours.
    """
    results_file = place / folder.RESULTS
    try:
        content = results_file.read_bytes()
        results = read_results(results_file)
    except OSError as error:
        raise AuditError(
            f"{results_file} cannot be read: {error.strerror}; give the folder of a run"
        ) from error
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise AuditError(
            f"{results_file} is not a results file of this version: {first}"
        ) from error
    listing = place / folder.EVIDENCE_LIST
    if not listing.is_file():
        raise AuditError(
            f"{place} has no {folder.EVIDENCE_LIST}: nothing says on which evidence its verdicts rest; "
            "runs of this version write one"
        )
    record = Record(
        place=place,
        results=results,
        sha256=hashlib.sha256(content).hexdigest(),
        listed=read_evidence_list(listing),
        store=_store(place, store, read_evidence_list(listing).store),
    )
    _hold_list(record, listing)
    _hold_once(record)
    return record


def _store(place: Path, given: Path | None, recorded: str) -> Store | None:
    if given is not None:
        store = Store(given)
        if not store.url and not given.is_dir():
            raise AuditError(f"--store {given} is not a folder; give an evidence store")
        return store
    # A record from elsewhere may name any URL: only a user's own word opens a connection.
    for folder_ in (place / folder.EVIDENCE, place / recorded):
        if folder_.is_dir():
            return Store(Path(os.path.normpath(folder_)))
    return None


def _hold_list(record: Record, listing: Path) -> None:
    """Whether evidence.json is the list that results.json names."""
    named = record.results.evidence
    found = hashlib.sha256(listing.read_bytes()).hexdigest()
    if named is None:
        text = "is not named in results.json"
    elif named.sha256 != found:
        text = (
            f"is not the list that results.json names: sha256 {found[:12]}, not {named.sha256[:12]}"
        )
    else:
        return
    kind = "not confirmed" if named is None else "differs"
    record.remarks.append(Remark(kind=kind, what="evidence", where=folder.EVIDENCE_LIST, text=text))


def _hold_once(record: Record) -> None:
    """Every shard is listed once: one that is listed often would fill a sample in place of others."""
    shards = record.listed.shards
    for names in ([shard.address for shard in shards], [shard.content for shard in shards]):
        for name, count in Counter(names).items():
            if count > 1:
                text = f"evidence.json lists it {count} times"
                record.remarks.append(
                    Remark(kind="differs", what="evidence", where=name, text=text)
                )
