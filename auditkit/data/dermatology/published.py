"""What the published data sets share: their folders, files by name, attributes, the paper's part."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditkit.data.entry import Entry, Listing
from auditkit.data.location import data_folder
from auditkit.data.rows import check_columns
from auditkit.data.source import FileSource
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard

# DeGrave et al., Auditing the inference processes of medical-image classifiers by leveraging generative
# AI and the expertise of physicians, Nature Biomedical Engineering, 2023.
PAPER = "the paper (doi 10.1038/s41551-023-01160-9)"
PUBLISHED = "the published data set"


@dataclass(frozen=True)
class Attributes:
    """What a data set knows of its pictures, and what is used unless the card says otherwise.

    Attributes:
        known: all names.
        groups: to report by.
        features: for a model's second input.
    """

    known: Sequence[str]
    groups: Sequence[str]
    features: Sequence[str]

    def chosen(self, card: DataCard, table: Path) -> tuple[Sequence[str], Sequence[str]]:
        """Group columns and feature columns.

        Raises:
            AuditError: the card names one that the data set has not.
        """
        groups = card.columns.groups or self.groups
        features = card.columns.features or self.features
        check_columns(table, self.known, [*groups, *features])
        return groups, features


def published_folder(card: DataCard, name: str, address: str, holds: str) -> Path:
    """The data set's folder, or an error that says where to get it."""
    return data_folder(card, f"get {name} from {address} ({holds})")


def files_by_name(root: Path, folders: Iterable[str], suffixes: Sequence[str]) -> dict[str, Path]:
    """Files of the given kinds in those of the folders that exist, by name without suffix.

    The first folder that has a name wins.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        path = root / folder
        if not path.is_dir():
            continue
        for name in sorted(os.listdir(path)):  # noqa: PTH208 20 000 names, no paths are needed
            stem, suffix = os.path.splitext(name)  # noqa: PTH122 the same
            if suffix.lower() in suffixes:
                found.setdefault(stem, path / name)
    return found


def picture(files: Mapping[str, Path], names: Sequence[str], where: str, root: Path) -> FileSource:
    """The first of the names that is there; else where it was expected, so that opening it fails."""
    for name in names:
        path = files.get(name)
        if path is not None:
            return FileSource(path.parent.resolve(), path.name, where)
    return FileSource(root, f"{names[0]}.jpg", where)


def numbers_to_text(value: str) -> str:
    """'55.0' as '55'; other texts as they are."""
    whole, point, rest = value.partition(".")
    return whole if point and not rest.strip("0") else value


def one_of(row: Mapping[str, str], spellings: Sequence[str], table: Path) -> str:
    """The column of a row under any of its known spellings.

    Raises:
        AuditError: none of them is there.
    """
    plain = {"".join(filter(str.isalnum, name.lower())): name for name in row}
    for spelling in spellings:
        if spelling in plain:
            return plain[spelling]
    raise AuditError(
        f"{table}:1: there is no column '{spellings[0]}' (also known as: {', '.join(spellings[1:])}); the "
        f"table has: {', '.join(row)}"
    )


def expected(card: DataCard, paper: Mapping[str, int], whole: int) -> tuple[Mapping[str, int], str]:
    """How many pictures there are per class, and who says so."""
    return (paper, PAPER) if card.filter == "paper" else ({"": whole}, PUBLISHED)


def refuse_unknown_columns(card: DataCard, allowed: Sequence[str]) -> None:
    """A published data set fixes its columns; a card may choose only some.

    Raises:
        AuditError: the card sets another.
    """
    for key in card.columns.model_fields_set - {*allowed, "groups", "features"}:
        raise AuditError(
            f"{card.path}: columns.{key}: format '{card.format}' has its own columns; only "
            f"{', '.join([*allowed, 'groups', 'features'])} can be chosen"
        )


def listed(
    source: Path,
    entries: list[Entry],
    counts: tuple[Mapping[str, int], str],
    positive: Sequence[str],
) -> Listing:
    """A listing of a published data set.

    Raises:
        AuditError: nothing is left of it.
    """
    if not entries:
        raise AuditError(f"{source}: no row is left by the filter; is this the right table?")
    return Listing(source, entries, tuple(positive) or None, counts[0], counts[1])
