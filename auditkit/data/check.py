"""What is wrong with a data set: files, labels, copies, leakage between patients and splits."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from auditkit.data.captions import check_concepts, tells
from auditkit.data.data_check import Copies, DataCheck
from auditkit.data.entry import Entry, Listing
from auditkit.data.files import count_problem, patient_of
from auditkit.data.identifiers import entry_identifiers
from auditkit.data.labels import check_spelling, labelling
from auditkit.data.load import GENERATORS, list_data
from auditkit.data.mentions import mentions
from auditkit.data.pictures import read_picture
from auditkit.data.similar import Thumbnail, similar_groups, thumbnail
from auditkit.data.volumes.case import Case
from auditkit.data.volumes.look import look_at
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard, Pictures


@dataclass(frozen=True)
class Look:
    """What opening one picture, or all volumes of a case, showed.

    Attributes:
        problems: files that are missing or cannot be read as declared.
        digests: of each file that could be read.
        sizes: of the picture, or of the volumes.
        small: of a picture.
        no_region: whether the picture is annotated but nothing is in the region.
    """

    problems: tuple[str, ...] = ()
    digests: tuple[bytes, ...] = ()
    sizes: tuple[str, ...] = ()
    small: Thumbnail | None = field(default=None, compare=False)
    no_region: bool = False


def check_data(
    card: DataCard,
    labels: Mapping[str, int] | None = None,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DataCheck:
    """Open every picture or volume and mask of a data set, of all its splits, and say all that is wrong.

    Args:
        card: the data card; ``split`` and ``limit`` are not applied, so that leakage shows.
        labels: as for `load_data`; None accepts every label that the data set has.
        workers: pictures decoded at a time; None: the machine's processors.
        progress: called with the number of pictures done and the number of all.

    Raises:
        AuditError: the data set's tables are missing or damaged, or its pictures are not files.
    """
    if card.format in GENERATORS:
        raise AuditError(
            f"{card.path}: the pictures of '{card.data}' are drawn, not read: no files to check"
        )
    listing = list_data(card)
    entries = listing.entries
    looks = _looks(entries, card.pictures, workers or os.cpu_count() or 1, progress)
    exact, similar = _copies(entries, looks)
    return DataCheck(
        card=card,
        source=listing.source,
        images=len(entries),
        annotated=sum(_annotated(entry) for entry in entries),
        card_problems=tuple(_card_problems(card, listing)),
        row_problems=tuple(_row_problems(card, listing, labels)),
        file_problems=tuple(problem for look in looks for problem in look.problems),
        classes=_counted(entry.label or "(missing)" for entry in entries),
        splits=_counted(entry.split for entry in entries if entry.split),
        groups=_columns(entries, lambda entry: entry.groups),
        concepts=_columns(entries, lambda entry: entry.concepts),
        mentions=mentions(card, entries, _permuted(card)),
        missing=_missing(entries),
        patients=_patients(entries),
        sizes=_counted(size for look in looks for size in look.sizes),
        exact=exact,
        similar=similar,
        split_patients=_split_patients(entries),
        ignored=tuple(listing.ignored),
        left_out=listing.left_out,
        incomplete=tuple(_incomplete(entries)),
        modalities=_counted(name for entry in _cases(entries) for name in entry.there),
        empty_regions=sum(look.no_region for look in looks),
        identifiers=tuple(entry_identifiers(card, entries)),
    )


def _looks(
    entries: Sequence[Entry],
    options: Pictures,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> list[Look]:
    looks: list[Look] = []
    with ThreadPoolExecutor(workers) as pool:
        for look in pool.map(lambda entry: _look(entry, options), entries):
            looks.append(look)
            if progress is not None:
                progress(len(looks), len(entries))
    return looks


def _look(entry: Entry, options: Pictures) -> Look:
    if isinstance(entry, Case):
        seen = look_at(entry)
        return Look(seen.problems, seen.digests, seen.sizes, None, seen.no_region)
    try:
        picture = read_picture(entry.picture, entry.where, options)
        height, width = picture.shape[:2]
        if entry.region is not None:
            mask = entry.region.draw((height, width), entry.where, options)
        digest = entry.picture.digest()
    except AuditError as error:
        return Look(problems=(str(error),))
    no_region = entry.region is not None and not mask.any()
    return Look((), (digest,), (f"{width} x {height}",), thumbnail(picture), no_region)


def _cases(entries: Sequence[Entry]) -> Sequence[Case]:
    return [entry for entry in entries if isinstance(entry, Case)]


def _annotated(entry: Entry) -> bool:
    return bool(entry.regions) if isinstance(entry, Case) else entry.region is not None


def _incomplete(entries: Sequence[Entry]) -> Iterable[str]:
    for case in _cases(entries):
        if case.incomplete:
            yield f"{case.where}: case '{case.id:.200}': {case.incomplete}"


def _card_problems(card: DataCard, listing: Listing) -> Iterable[str]:
    mismatch = count_problem(card, listing)
    if mismatch:
        yield mismatch
    splits = {entry.split for entry in listing.entries}
    if card.split is not None and card.split not in splits:
        yield f"{card.path}: no picture has the split '{card.split}'"
    try:
        check_spelling(card, listing)
    except AuditError as error:
        yield str(error)


def _row_problems(
    card: DataCard, listing: Listing, labels: Mapping[str, int] | None
) -> Iterable[str]:
    if labels is None:
        distinct = sorted({entry.label for entry in listing.entries} - {""})
        labels = {label: index for index, label in enumerate(distinct)}
    understood = labelling(card, listing, labels)
    seen: dict[str, str] = {}
    for entry in listing.entries:
        for action in (understood.index, patient_of, partial(_concepts_known, card)):
            try:
                action(entry)
            except AuditError as error:
                yield str(error)
        if entry.id in seen:
            yield f"{entry.where}: id '{entry.id:.200}' is already at {seen[entry.id]}"
        seen.setdefault(entry.id, entry.where)


def _concepts_known(card: DataCard, entry: Entry) -> None:
    check_concepts(card, entry.concepts, entry.where)


def _permuted(card: DataCard) -> list[str]:
    """Concepts that captions tell and that can thus be permuted."""
    return [concept.name for concept in card.concepts if tells(card, concept)]


def _copies(
    entries: Sequence[Entry], looks: Sequence[Look]
) -> tuple[tuple[Copies, ...], tuple[Copies, ...]]:
    """Groups with equal files; groups of similar pictures, of which equal ones count once."""
    equal: dict[bytes, list[int]] = {}
    for index, look in enumerate(looks):
        for digest in look.digests:
            equal.setdefault(digest, []).append(index)
    # Cases that share several files are one group.
    shared = dict.fromkeys(tuple(group) for group in equal.values() if len(group) > 1)
    exact = [_group(entries, group) for group in shared]
    firsts = list(equal.values())
    small = [looks[group[0]].small for group in firsts]
    similar = [
        _group(entries, sorted(index for place in group for index in firsts[place]))
        for group in similar_groups([item for item in small if item is not None])
    ]
    return tuple(exact), tuple(similar)


def _group(entries: Sequence[Entry], group: Sequence[int]) -> Copies:
    members = [entries[index] for index in group]
    return Copies(
        ids=tuple(entry.id for entry in members),
        patients=tuple(sorted({entry.patient or entry.id for entry in members})),
        labels=tuple(sorted({entry.label for entry in members})),
        splits=tuple(sorted({entry.split for entry in members})),
    )


def _counted(values: Iterable[str]) -> Mapping[str, int]:
    return dict(Counter(values).most_common())


def _columns(
    entries: Sequence[Entry], cells: Callable[[Entry], Mapping[str, str]]
) -> Mapping[str, Mapping[str, int]]:
    names = cells(entries[0])
    return {name: _counted(cells(entry)[name] or "unknown" for entry in entries) for name in names}


def _missing(entries: Sequence[Entry]) -> Mapping[str, int]:
    """Number of empty cells per group and feature column."""
    found: Counter[str] = Counter()
    for entry in entries:
        for name, value in {**entry.groups, **entry.features}.items():
            found[name] += not value
    return dict(found)


def _patients(entries: Sequence[Entry]) -> Mapping[int, int]:
    """Number of patients by their number of pictures."""
    pictures = Counter(entry.patient or entry.id for entry in entries)
    return dict(sorted(Counter(pictures.values()).items()))


def _split_patients(entries: Sequence[Entry]) -> Sequence[str]:
    splits: dict[str, set[str]] = {}
    for entry in entries:
        if entry.patient:
            splits.setdefault(entry.patient, set()).add(entry.split)
    return tuple(sorted(patient for patient, found in splits.items() if len(found) > 1))
