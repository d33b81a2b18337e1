"""From plain data to typed models, with every problem on its line."""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from auditkit.spec.problems import Problem, SpecError, nearest
from auditkit.spec.strict_yaml import Document, Place


class Strict(BaseModel):
    """Base of all that a user writes: unknown keys and silent conversions are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


Model = TypeVar("Model", bound=BaseModel)

# Unknown keys for which the nearest known one is looked for, which takes longer than finding them.
_HINTED = 50


def typed(document: Document, model: type[Model]) -> Model:
    """The document as ``model``.

    Raises:
        SpecError: listing every problem with its line.
    """
    return typed_part(document, document.data, model, ())


def typed_part(document: Document, data: Any, model: type[Model], place: Place) -> Model:
    """A part of the document, standing at ``place``, as ``model``."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [
            _problem(document, model, place, dict(detail), hint=index < _HINTED)
            for index, detail in enumerate(error.errors())
        ]
        raise SpecError(_unique(problems)) from None


def _unique(problems: list[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))


def _problem(
    document: Document, model: type[BaseModel], place: Place, detail: dict[str, Any], *, hint: bool
) -> Problem:
    where = (*place, *_real_place(detail["loc"], document, place))
    key = ".".join(str(part) for part in where) or "the file"
    line = document.line(where)
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        known = known_keys(model, where[len(place) : -1]) if hint else ()
        mend = f"; {nearest(str(where[-1]), known)}" if hint else ""
        return Problem(document.path, line, f"unknown key '{key}'{mend}")
    if kind == "missing":
        missing = ".".join(str(part) for part in (*place, *detail["loc"]))
        return Problem(document.path, line, f"key '{missing}' is missing")
    message = str(context.get("error", detail["msg"])).removeprefix("Value error, ")
    if kind == "value_error":
        return Problem(document.path, line, f"{key}: {message}")
    if kind == "string_type" and isinstance(detail["input"], bool | int | float):
        message = "a text was expected: put it in quotes"
    return Problem(document.path, line, f"{key}: {message}, got {detail['input']!r}"[:500])


def _real_place(loc: tuple[Any, ...], document: Document, place: Place) -> Place:
    """Drop pydantic's own words (names of union members) from a location."""
    real: list[str | int] = []
    for part in loc:
        if (*place, *real, part) in document.lines:
            real.append(part)
    return tuple(real)


def known_keys(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that a model knows at a place inside it."""
    current: Any = model
    for part in place:
        if isinstance(part, int):
            continue
        fields = getattr(current, "model_fields", {})
        found = next((f for n, f in fields.items() if part in (n, f.alias)), None)
        current = _inner_model(found.annotation) if found else None
    fields = getattr(current, "model_fields", {})
    return [field.alias or name for name, field in fields.items()]


def _inner_model(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _inner_model(inner)
        if found is not None:
            return found
    return None
