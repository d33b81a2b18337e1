"""The result of checking a data set, and its text for people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from auditkit.data.mentions import Mention
from auditkit.results import IdentifierFinding
from auditkit.sharing.findings import uncleared
from auditkit.spec.data_card import VOLUMES, DataCard

_SHOWN, _SHORT = 20, 5


@dataclass(frozen=True)
class Copies:
    """Pictures that are equal, or so similar that they must be copies.

    Attributes:
        ids: of the pictures.
        patients: distinct ones among them (a picture without a patient is its own).
        labels: distinct ones among them.
        splits: distinct ones among them.
    """

    ids: tuple[str, ...]
    patients: tuple[str, ...]
    labels: tuple[str, ...]
    splits: tuple[str, ...]


@dataclass(frozen=True)
class DataCheck:
    """All that was found in a data set.

    Attributes:
        card: what was checked.
        source: its table or folder.
        images: number of pictures, or of cases of volumes, that are listed, over all splits.
        annotated: of these, with a mask or a box.
        card_problems: the card and the data set disagree.
        row_problems: labels, patients, ids.
        file_problems: pictures and masks that are missing or cannot be read as declared.
        classes: number of pictures per label.
        splits: number of pictures per split.
        groups: number of pictures per value of each group column.
        concepts: number of pictures per value of each concept.
        mentions: sentences of free text that tell a concept that captions tell, too.
        missing: number of empty cells per group and feature column.
        patients: number of patients by their number of pictures.
        sizes: number of pictures per size; of cases per grid, or per grid of a modality.
        exact: groups of equal files; of cases that share a file.
        similar: groups of near-duplicates; may hold equal ones, too.
        split_patients: patients with pictures in several splits.
        ignored: files that are no pictures.
        left_out: number of pictures that are not listed, by reason.
        incomplete: cases that lack a modality: audits count them as not evaluated.
        modalities: number of cases that have each modality.
        empty_regions: of the annotated pictures or cases, with nothing in the region.
        identifiers: what may identify patients, in headers, names and columns.
    """

    card: DataCard
    source: Path
    images: int
    annotated: int
    card_problems: Sequence[str]
    row_problems: Sequence[str]
    file_problems: Sequence[str]
    classes: Mapping[str, int]
    splits: Mapping[str, int]
    groups: Mapping[str, Mapping[str, int]]
    concepts: Mapping[str, Mapping[str, int]]
    mentions: Sequence[Mention]
    missing: Mapping[str, int]
    patients: Mapping[int, int]
    sizes: Mapping[str, int]
    exact: Sequence[Copies]
    similar: Sequence[Copies]
    split_patients: Sequence[str]
    ignored: Sequence[str]
    left_out: Mapping[str, int]
    incomplete: Sequence[str] = ()
    modalities: Mapping[str, int] = field(default_factory=dict)
    empty_regions: int = 0
    identifiers: Sequence[IdentifierFinding] = ()

    @property
    def uncleared(self) -> Sequence[IdentifierFinding]:
        """Identifiers that the card's dossier does not answer for."""
        return uncleared(self.identifiers, self.card.dossier.deidentified)

    @property
    def leaks(self) -> Sequence[Copies]:
        """Copies across splits."""
        return [copies for copies in self._copies if len(copies.splits) > 1]

    @property
    def label_conflicts(self) -> Sequence[Copies]:
        """Copies with different labels."""
        return [copies for copies in self._copies if len(copies.labels) > 1]

    @property
    def shared_pictures(self) -> Sequence[Copies]:
        """Copies across patients: the audit takes them for independent."""
        return [copies for copies in self._copies if len(copies.patients) > 1]

    @property
    def _copies(self) -> Sequence[Copies]:
        inside = {ids for copies in self.similar for ids in copies.ids}
        return [*self.similar, *(c for c in self.exact if not inside.issuperset(c.ids))]

    @property
    def problems(self) -> int:
        """Number of things to mend or to explain; 0 if the data set is as it should be."""
        listed = (
            self.card_problems,
            self.row_problems,
            self.file_problems,
            self.incomplete,
            self.split_patients,
            self.uncleared,
        )
        copies = (self.leaks, self.label_conflicts, self.shared_pictures, self.mentions)
        return sum(map(len, listed)) + sum(map(len, copies))

    def render_text(self) -> str:
        """The check as plain text, problems first."""
        return "\n".join(_lines(self)) + "\n"


def _lines(check: DataCheck) -> Iterator[str]:
    volumes = check.card.format in VOLUMES
    things = "cases" if volumes else "pictures"
    yield f"{check.card.data}: {check.images} {things} in {check.source}"
    yield from _section("card", check.card_problems)
    yield from _section("rows", check.row_problems)
    yield from _section("files missing or unreadable", check.file_problems)
    yield from _section("cases that lack a modality", check.incomplete)
    yield from _section("copies with different labels", map(_described, check.label_conflicts))
    yield from _section("leakage: copies in several splits", map(_described, check.leaks))
    yield from _section("leakage: patients in several splits", check.split_patients)
    yield from _section("copies across patients", map(_described, check.shared_pictures))
    yield from _section("free text that tells a concept of the caption", map(_told, check.mentions))
    yield from _section(_identifying(check), map(_located, check.identifiers))
    yield ""
    yield f"classes: {_listed(check.classes)}"
    if check.splits:
        yield f"splits: {_listed(check.splits)}"
    for column, counts in check.groups.items():
        yield f"{column}: {_listed(counts)}"
    for name, counts in check.concepts.items():
        yield f"concept {name}: {_listed(counts)}{_mentioned(check, name)}"
    missing = {column: count for column, count in check.missing.items() if count}
    yield f"missing values: {_listed(missing) or 'none'}"
    patients = sum(check.patients.values())
    yield f"patients: {patients} ({things} each: {_listed(check.patients, ' x ')})"
    if volumes:
        yield f"modalities: {_listed(check.modalities)}"
    empty = f" (of {check.empty_regions} nothing is in the region)" if check.empty_regions else ""
    yield f"annotated: {check.annotated}{empty}"
    yield f"sizes: {len(check.sizes)} ({_listed(check.sizes)})"
    similar = "" if volumes else f", {len(check.similar)} of similar pictures"
    yield f"copies: {len(check.exact)} groups of equal files{similar}"
    if check.ignored:
        yield f"files that are no pictures: {len(check.ignored)} ({', '.join(check.ignored[:_SHORT])})"
    if check.left_out:
        yield f"left out: {_listed(check.left_out)}"
    yield ""
    yield f"{check.problems} problems" if check.problems else "no problems"


def _section(title: str, found: "Sequence[str] | Iterator[str]") -> Iterator[str]:
    problems = list(found)
    if not problems:
        return
    yield f"\n{title}: {len(problems)}"
    yield from (f"  {problem}" for problem in problems[:_SHOWN])
    if len(problems) > _SHOWN:
        yield f"  ... and {len(problems) - _SHOWN} more"


def _described(copies: Copies) -> str:
    ids = ", ".join(copies.ids[:_SHORT]) + (", ..." if len(copies.ids) > _SHORT else "")
    parts = [f"labels {', '.join(copies.labels)}"]
    if any(copies.splits):
        parts.append(f"splits {', '.join(copies.splits)}")
    return f"{ids} ({'; '.join(parts)})"


def _identifying(check: DataCheck) -> str:
    stated = check.card.dossier.deidentified
    if check.identifiers and not check.uncleared:
        who = (
            f"the card states: {stated}" if stated else "the files say that they were de-identified"
        )
        return f"what may identify patients, cleared ({who})"
    return (
        "what may identify patients (remove it, or state in the card who de-identified the data, when and "
        "how: dossier: {deidentified: ...})"
    )


def _located(finding: IdentifierFinding) -> str:
    return f"{finding.where}: {finding.what}: {finding.count}"


def _told(mention: Mention) -> str:
    return f"{mention.id}: {mention.concept}: {mention.sentence:.160}"


def _mentioned(check: DataCheck, name: str) -> str:
    """In how many pictures the free text tells the concept; "" if none has any."""
    found = len({mention.id for mention in check.mentions if mention.concept == name})
    return f"; told by the free text of {found} pictures" if found else ""


def _listed(counts: Mapping[str, int] | Mapping[int, int], sign: str = ": ") -> str:
    """'a: 3, b: 2' with the largest first; 'pictures x patients' for histograms."""
    items = [f"{name}{sign}{count}" for name, count in counts.items()]
    rest = len(items) - _SHOWN
    return ", ".join(items[:_SHOWN]) + (f", ... and {rest} more" if rest > 0 else "")
