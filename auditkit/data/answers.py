"""Experts' answers to pairs of pictures, unblinded, from the tables of a closed study."""

import hashlib
from collections.abc import Callable, Container, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar

from auditkit.data.answer_cells import Cells
from auditkit.data.answer_rows import (
    COLUMNS,
    PRACTICE,
    Choice,
    Noted,
    Pair,
    choice_of,
    noted_of,
    pair_of,
)
from auditkit.data.dataset import Record, manifest_digest
from auditkit.data.rows import Row, check_columns, read_cells, read_table
from auditkit.data.source import below, open_regular
from auditkit.errors import AuditError
from auditkit.spec.answers_card import AnswersCard, AnswersTable

MOST_BYTES: Final = 200_000_000


@dataclass(frozen=True)
class Answers:
    """All that a study found.

    Attributes:
        card: what it was.
        pairs: all of them, also those that were not shown.
        choices: which picture was chosen.
        noted: which attributes differ.
    """

    card: AnswersCard
    pairs: tuple[Pair, ...]
    choices: tuple[Choice, ...]
    noted: tuple[Noted, ...]

    @property
    def experts(self) -> list[str]:
        """Names of the experts, in the card's order."""
        return [one.expert for one in self.card.experts]

    @property
    def attributes(self) -> list[str]:
        """Names of the attributes, in the card's order."""
        return [one.attribute for one in self.card.attributes]

    @property
    def models(self) -> list[str]:
        """Names of the models, in the card's order."""
        return [one.model for one in self.card.models]


def read_answers(card: AnswersCard) -> Answers:
    """The three tables of a card.

    Raises:
        AuditError: a table cannot be read, is not the one that the card describes (sha256), lacks a column,
            has a cell that cannot be, a name that is not known or a row twice, tells of answers to a pair
            that was not shown, or of a direction that does not follow from comparator and sides. The
            message names file and line.
    """
    models = [one.model for one in card.models]
    experts = [one.expert for one in card.experts]
    attributes = [one.attribute for one in card.attributes]
    pairs = _parsed(card, "pairs", lambda cells: pair_of(cells, models, experts))
    _once(pairs, lambda one: one.pair, "pair")
    by_name = {one.pair: one for one in pairs}
    _each_shown(card, pairs)
    _screened_or_not(pairs)
    choices = _parsed(card, "choices", lambda cells: choice_of(cells, experts, by_name))
    _once(choices, lambda one: (one.expert, one.pair, one.showing), "answer")
    answered: dict[tuple[str, str, str], Choice] = {
        (one.expert, one.pair, one.showing): one for one in choices
    }
    noted = _parsed(card, "noted", lambda cells: noted_of(cells, attributes, answered, by_name))
    _once(
        noted,
        lambda one: (one.expert, one.pair, one.showing, one.category, one.text, one.comparator),
        "attribute",
    )
    return Answers(card, tuple(pairs), tuple(choices), tuple(noted))


def shown_digest(records: Iterable[Record], images: Container[str]) -> str:
    """Identity of those records of a data set of which a study has pairs, whatever else the set has.

    Args:
        records: of the data set.
        images: ids of the reference images, those of practice and of pairs that were not drawn as well.
    """
    own = [record for record in records if record.id in images]
    return manifest_digest(sorted(own, key=lambda record: record.id))


def answers_digest(card: AnswersCard) -> str:
    """SHA-256 over the three tables, in the card's order.

    Raises:
        AuditError: one cannot be read.
    """
    digests = [hashlib.sha256(_content(card, table)).hexdigest() for table in _tables(card)]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _tables(card: AnswersCard) -> Sequence[AnswersTable]:
    return card.pairs, card.choices, card.noted


def _path(card: AnswersCard, table: AnswersTable) -> Path:
    return card.path.parent / table.file


def _content(card: AnswersCard, table: AnswersTable) -> bytes:
    path = below(card.path.parent.resolve(), table.file, str(card.path))
    try:
        with open_regular(path, str(card.path)) as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise AuditError(f"{card.path}: {path} cannot be read: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise AuditError(
            f"{card.path}: {path} is larger than {MOST_BYTES // 1_000_000} MB, as no study's table is; name "
            "the one that `auditkit study export` wrote"
        )
    return content


class _FromTable(Protocol):
    @property
    def where(self) -> str: ...


Parsed = TypeVar("Parsed", bound=_FromTable)


def _parsed(card: AnswersCard, name: str, parse: Callable[[Cells], Parsed]) -> list[Parsed]:
    table: AnswersTable = getattr(card, name)
    path = _path(card, table)
    content = _content(card, table)
    found = hashlib.sha256(content).hexdigest()
    if found != table.sha256:
        raise AuditError(
            f"{path} has sha256 {found}, the card {card.path} says {table.sha256} ({name}); restore the "
            "table that `auditkit study export` wrote"
        )
    return [parse(Cells(path, row)) for row in _rows(path, name, content)]


def _rows(path: Path, name: str, content: bytes) -> list[Row]:
    """All rows; that nobody noted anything is possible, that nobody answered is not."""
    lines = read_cells(path, content)
    check_columns(path, lines[0][1] if lines else (), COLUMNS[name])
    return [] if name == "noted" and len(lines) == 1 else read_table(path, content)


def _once(rows: Iterable[Parsed], key: Callable[[Parsed], Hashable], what: str) -> None:
    seen: dict[Hashable, str] = {}
    for row in rows:
        if key(row) in seen:
            raise AuditError(
                f"{row.where}: the same {what} stands there twice (first at {seen[key(row)]}); keep one"
            )
        seen[key(row)] = row.where


def _screened_or_not(pairs: Iterable[Pair]) -> None:
    """Either all pairs, practice apart, were to be screened, or none."""
    first: Pair | None = None
    for one in pairs:
        if one.status != PRACTICE:
            first = first or one
            if (one.screened is None) != (first.screened is None):
                raise AuditError(
                    f"{one.where}: 'screened' has {_or_nothing(one)}, but at {first.where} "
                    f"{_or_nothing(first)}; a study screens all pairs, practice apart, or none"
                )


def _or_nothing(pair: Pair) -> str:
    return "nothing" if pair.screened is None else f"'{pair.screened}'"


def _each_shown(card: AnswersCard, pairs: Iterable[Pair]) -> None:
    there = {one.model for one in pairs if one.shown}
    for model in card.models:
        if model.model not in there:
            raise AuditError(
                f"{_path(card, card.pairs)}: no pair of model '{model.model}' was shown, which {card.path} "
                "names; correct its 'models'"
            )
