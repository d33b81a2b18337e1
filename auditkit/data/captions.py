"""Captions: what is said of a picture to a text-to-image model, as it is or with concepts changed."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from auditkit.data.dataset import Record
from auditkit.errors import AuditError
from auditkit.spec.concepts import TEXT, Concept, fields, fill
from auditkit.spec.data_card import DataCard
from auditkit.spec.problems import nearest

_TRUTHS = {"true": "1", "false": "0"}
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Told:
    """What captions tell of a picture, as its record has it."""

    concepts: Mapping[str, str]
    details: Mapping[str, str]
    text: str


def caption(card: DataCard, record: Record, changed: Mapping[str, str] = _NOTHING) -> str:
    """The caption of a picture; details and free text stay what they are when concepts change.

    Without a template: the phrases of the concepts in the card's order, empty ones left out, then the
    free text, joined. Runs of white space in the text become one space. Of an unknown value nothing is said.

    Args:
        card: the data card, with concepts and captions.
        record: a picture of its data set.
        changed: other values, by concept name.

    Returns:
        The caption; the card's ``captions.empty`` if nothing is said.

    Raises:
        AuditError: a changed concept or its value is not declared, or captions do not tell its value,
            so that changing it would do nothing; or a text has halves of characters.

    Example:
        With the concepts person (values 0, 1, 2) and couch (0, 1), a record with {person: "1", couch:
        "1"} has "1 person, couch", and "2 person, couch" where person is changed to "2".
    """
    for name, value in changed.items():
        _check_change(card, name, value)
    said = card.captions
    values = {concept.name: record.concepts.get(concept.name, "") for concept in card.concepts}
    values |= changed
    text = " ".join(record.text.split())
    if said.template is None:
        phrases = [item.phrase(values[item.name], record.details) for item in card.concepts]
        found = said.join.join(part for part in [*phrases, text] if part)
    else:
        filled = {item.name: _filled(item, values[item.name], record) for item in card.concepts}
        found = fill(said.template, {**record.details, **filled, TEXT: text}).strip()
    return _whole(found or said.empty, record)


def concept_of(card: DataCard, name: str) -> Concept:
    """The card's concept of that name.

    Raises:
        AuditError: there is none.
    """
    known = {concept.name: concept for concept in card.concepts}
    if name not in known:
        raise AuditError(f"{card.path}: there is no concept '{name}'; {nearest(name, known)}")
    return known[name]


def tells(card: DataCard, concept: Concept) -> bool:
    """Whether different values of the concept make different captions.

    False for a concept that the template leaves out, or whose phrases are all equal: it can be judged on
    pictures, but not permuted.
    """
    template = card.captions.template
    if template is not None and concept.name not in fields(template):
        return False
    if template is not None and not concept.phrases:
        return True
    details = {name: name for name in card.captions.details}
    return len({concept.phrase(value, details) for value in concept.values}) > 1


def told(card: DataCard, column_value: Callable[[str], str]) -> Told:
    """Concepts, details and free text of a picture, from the columns of its data set.

    Args:
        card: the data card.
        column_value: text in a column (key, category, attribute); "" if missing.
    """
    said = card.captions
    details = {name: column_value(name) for name in said.details}
    text = column_value(said.text) if said.text else ""
    return Told(concept_values(card, column_value), details, text)


def told_columns(card: DataCard) -> list[str]:
    """Names of the columns that concepts, details and free text are read from."""
    said = card.captions
    sources = [concept.source for concept in card.concepts]
    return [*sources, *said.details, *([said.text] if said.text else [])]


def concept_values(card: DataCard, column_value: Callable[[str], str]) -> dict[str, str]:
    """The value of each concept of a picture, from the columns of its data set.

    Args:
        card: the data card.
        column_value: text in a column (key, category, attribute); "" if missing.

    Returns:
        By concept name: the column's text, or for a concept with ``above`` "1" where the column's number
        is above, else "0"; "" if missing. True and false are 1 and 0 of binary concepts. What is not
        understood stays as it is, for `check_concepts` to refuse.
    """
    return {
        concept.name: _understood(concept, column_value(concept.source))
        for concept in card.concepts
    }


def check_concepts(card: DataCard, values: Mapping[str, str], where: str) -> None:
    """Hold a picture's concepts against the values that the card declares; "" is unknown.

    Raises:
        AuditError: naming the place, the first value that is not declared, and those that are.
    """
    for concept in card.concepts:
        value = values.get(concept.name, "")
        if value and value not in concept.values:
            wanted = (
                "a number was" if concept.above is not None else "one of the declared values was"
            )
            listed = "" if concept.above is not None else f" ({', '.join(concept.values)})"
            raise AuditError(
                f"{where}: concept '{concept.name}' (column '{concept.source}') is '{value:.200}'; "
                f"{wanted} expected{listed}"
            )


def _understood(concept: Concept, text: str) -> str:
    if concept.above is None or not text:
        return _TRUTHS.get(text.lower(), text) if concept.values == ["0", "1"] else text
    try:
        number = float(text)
    except ValueError:
        return text
    if math.isnan(number):  # as pandas writes what is missing
        return ""
    return str(int(number > concept.above))


def _whole(text: str, record: Record) -> str:
    """The text, which JSON may have given halves of characters: no tokenizer reads them."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        name = record.id.encode(errors="backslashreplace").decode()
        raise AuditError(
            f"picture {name:.200}: character {error.start + 1} of its caption is broken Unicode "
            "(half of a surrogate pair); mend the text that the data set has for it"
        ) from error
    return text


def _filled(concept: Concept, value: str, record: Record) -> str:
    return concept.phrase(value, record.details) if concept.phrases else value


def _check_change(card: DataCard, name: str, value: str) -> None:
    concept = concept_of(card, name)
    if value not in concept.values:
        raise AuditError(
            f"{card.path}: concept '{name}' cannot be '{value:.200}'; declared are "
            f"{', '.join(concept.values)}"
        )
    if not tells(card, concept):
        raise AuditError(
            f"{card.path}: captions do not tell the value of '{name}', so that it cannot be permuted; "
            "name it in captions.template, or give its values different phrases"
        )
