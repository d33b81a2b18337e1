"""Dossiers: what no tool can know and a regulator asks for. Read from cards, or from files of their own."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from auditkit.spec.data_card import DataCard
from auditkit.spec.data_dossier import DataDossier
from auditkit.spec.dossier_fields import DOSSIER_SUFFIX, Dossier, DossierField, Person
from auditkit.spec.model_card import ModelCard
from auditkit.spec.model_dossier import ModelDossier
from auditkit.spec.problems import Problem, SpecError
from auditkit.spec.regular import is_file
from auditkit.spec.strict_yaml import Document, Place, read_yaml
from auditkit.spec.typed import typed_part

__all__ = [
    "DOSSIER_SUFFIX",
    "KINDS",
    "DataDossier",
    "Dossier",
    "DossierField",
    "ModelDossier",
    "Person",
    "as_texts",
    "empty_required",
    "read_dossier",
    "with_dossier",
]

KINDS: Mapping[str, type[ModelDossier] | type[DataDossier]] = {
    "model": ModelDossier,
    "data": DataDossier,
}

Card = TypeVar("Card", bound=BaseModel)


def read_dossier(path: Path) -> ModelDossier | DataDossier:
    """A dossier from its own file, of which `dossier: model` or `dossier: data` says what it is about.

    Raises:
        SpecError: with every problem, each with file and line.
    """
    document = read_yaml(path)
    said = document.data.get("dossier")
    if not isinstance(said, str) or said not in KINDS:
        message = f"dossier: 'model' or 'data' was expected, got {said!r}"
        if "dossier" not in document.data:
            message = "key 'dossier' is missing; 'model' or 'data' was expected there"
        raise SpecError([Problem(path, document.line(("dossier",)), message)])
    rest = {key: value for key, value in document.data.items() if key != "dossier"}
    if "file" in rest:
        message = "unknown key 'file'; a dossier's file names no other"
        raise SpecError([Problem(path, document.line(("file",)), message)])
    return typed_part(document, rest, KINDS[said], ()).read_from(path.resolve(), document.digest)


def with_dossier(card: Card, document: Document) -> Card:
    """The card with what the dossier's file states that it names, if it names one.

    Args:
        card: any card; those that have no dossier stay as they are.
        document: what it was read from.

    Raises:
        SpecError: the file cannot be read, is not valid, or is about something else.
    """
    update: dict[str, object] = {}
    if isinstance(card, ModelCard | DataCard) and card.dossier.file:
        update["dossier"] = _with_file(card.dossier, document, ("dossier", "file"))
    if isinstance(card, ModelCard) and card.fallback and card.fallback.dossier:
        other = _with_file(card.fallback.dossier, document, ("fallback", "dossier", "file"))
        update["fallback"] = card.fallback.model_copy(update={"dossier": other})
    return card.model_copy(update=update) if update else card


def _with_file(stated: Dossier, document: Document, place: Place) -> Dossier:
    """What a card states, and from the file that it names what it does not."""
    if not stated.file:
        return stated
    path = document.path.parent / stated.file
    if not is_file(path):
        raise SpecError([_problem(document, place, f"{path} does not exist; correct the name")])
    found = read_dossier(path)
    if not isinstance(found, type(stated)):
        message = f"{path} is the dossier of another kind of card: see its key 'dossier'"
        raise SpecError([_problem(document, place, message)])
    own = {name: getattr(stated, name) for name in stated.model_fields_set}
    return found.model_copy(update={name: value for name, value in own.items() if value})


def _problem(document: Document, place: Place, message: str) -> Problem:
    return Problem(document.path, document.line(place), f"{'.'.join(map(str, place))}: {message}")


def empty_required(dossier: Dossier) -> list[str]:
    """What release mode needs and nobody has provided, as `dossier.KEY`."""
    empty = [
        f"dossier.{key}"
        for key, field in dossier.fields().items()
        if field.needed and not getattr(dossier, key)
    ]
    if isinstance(dossier, ModelDossier) and not dossier.people:
        empty.append("dossier.people")
    return empty


def as_texts(dossier: Dossier) -> dict[str, str]:
    """Every field with what is stated there, in order; an empty text: not provided."""
    return {key: getattr(dossier, key) for key in dossier.fields()}
