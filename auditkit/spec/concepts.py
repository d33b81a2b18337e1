"""Concepts of a data set and the captions that name them, as a data card declares them."""

import re
import string
from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import Field, field_validator, model_validator

from auditkit.spec.audit import Number
from auditkit.spec.problems import nearest
from auditkit.spec.typed import Strict

TEXT = "text"
"""The field of a caption template that free text fills."""

SEPARATOR = " + "
"""Between the names of concepts that are permuted together."""

_VALUE = "value"
_LONGEST = 200
_WORD = re.compile(r"[^\W_]")


def fields(template: str) -> list[str]:
    """Names of the fields of a template.

    Raises:
        ValueError: it is no template, or a field is more than a name: attributes, indices, conversions
            and formats are refused.
    """
    found = []
    for _, name, specification, conversion in string.Formatter().parse(template):
        if name is None:
            continue
        if not name or specification or conversion:
            raise ValueError("plain names were expected between braces")
        found.append(name)
    return found


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with its fields filled in, and nothing evaluated.

    >>> fill("Age: {Age}, {text}", {"Age": "1", "text": "no {effusion}"})
    'Age: 1, no {effusion}'
    """
    parts = string.Formatter().parse(template)
    return "".join(text + ("" if name is None else values[name]) for text, name, _, _ in parts)


def _checked(template: str) -> str:
    try:
        fields(template)
    except ValueError as error:
        raise ValueError(f"'{template}' is no template: {error}") from None
    return template


class Concept(Strict):
    """A named property of an image that can be permuted in a caption."""

    name: str = Field(min_length=1, description="As specs and reports call it.")
    column: str | None = Field(
        None,
        min_length=1,
        description="Column (key, category, attribute) that holds its value; left out: the name.",
    )
    values: list[str] = Field(
        default=["0", "1"],
        min_length=2,
        description="All values that it may have, as text; of binary concepts 0 (absent) and 1.",
    )
    above: Number | None = Field(
        None, description="The column is a number, and the concept is 1 above this, else 0."
    )
    phrases: dict[str, str] = Field(
        default_factory=dict,
        description="What a caption says of each value; `{value}` and columns of `details` are filled in. "
        "Left out: in a template the value; else nothing for 0, `{value} NAME` for other numbers of a count, "
        "NAME for 1 of a binary concept, the value of a category.",
    )
    mentions: list[str] = Field(
        default_factory=list,
        description="Words by which free text would tell the concept's value; beside its name.",
    )

    @field_validator("values")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("each value was expected once")
        if "" in value:
            raise ValueError("an empty value means unknown; leave it out")
        if any(len(known) > _LONGEST for known in value):
            raise ValueError(f"values of at most {_LONGEST} characters were expected")
        return value

    @field_validator("mentions")
    @classmethod
    def _words(cls, value: list[str]) -> list[str]:
        for phrase in value:
            if not _WORD.search(phrase):
                raise ValueError(f"'{phrase}' has no word to look for in free text")
        return value

    @field_validator("phrases")
    @classmethod
    def _templates(cls, value: dict[str, str]) -> dict[str, str]:
        return {known: _checked(phrase) for known, phrase in value.items()}

    @field_validator("name")
    @classmethod
    def _separable(cls, value: str) -> str:
        if SEPARATOR in value or "[" in value or "]" in value:
            raise ValueError(f"a name without '{SEPARATOR}' and brackets was expected")
        if value != value.strip() or not value.isprintable() or not _WORD.search(value):
            raise ValueError(f"{value!r}: a name with a word, on one line, was expected")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.above is not None and self.values != ["0", "1"]:
            raise ValueError("above: a concept with the values ['0', '1'] was expected")
        for value in self.phrases:
            if value not in self.values:
                raise ValueError(f"phrases: '{value}' is not among the values")
        return self

    @property
    def source(self) -> str:
        """The column that holds the value."""
        return self.column or self.name

    def phrase(self, value: str, details: Mapping[str, str]) -> str:
        """What a caption says of the value; may be empty, and is if the value is unknown ("")."""
        if not value:
            return ""
        if value in self.phrases:
            return fill(self.phrases[value], {**details, _VALUE: value})
        if self.values == ["0", "1"]:
            return self.name if value == "1" else ""
        if all(known.isdecimal() for known in self.values):
            return "" if value == "0" else f"{value} {self.name}"
        return value


class Captions(Strict):
    """How an image's concepts, details and free text become its caption."""

    template: str | None = Field(
        None,
        min_length=1,
        description="With `{CONCEPT}` for values (or their phrases, where declared), `{DETAIL}` and "
        "`{text}`, as 'Age: {Age}, Sex: {Sex}, {text}'. Left out: the phrases of all concepts in order, then "
        "the text, joined.",
    )
    join: str = Field(", ", description="Between phrases, where there is no template.")
    empty: str = Field("", description="The caption of an image of which nothing is said.")
    text: str | None = Field(None, description="Column with free text.")
    details: list[str] = Field(
        default_factory=list, description="Further columns that phrases may use."
    )

    @field_validator("template")
    @classmethod
    def _fields(cls, value: str | None) -> str | None:
        if value is not None and not fields(_checked(value)):
            raise ValueError("a template with {CONCEPT} was expected")
        return value


def check_captions(concepts: Sequence[Concept], captions: Captions) -> None:
    """Hold the fields of templates and phrases against what there is to fill them.

    Raises:
        ValueError: a name is used twice, or a field is unknown.
    """
    names = [concept.name for concept in concepts]
    for name in (taken := [*names, *captions.details]):
        if taken.count(name) > 1 or name in (TEXT, _VALUE):
            raise ValueError(
                f"'{name}': concepts and details must have different names, none of them '{TEXT}' or "
                f"'{_VALUE}'"
            )
    if captions.template is not None:
        told = [TEXT] if captions.text else []
        _check_fields("captions.template", captions.template, [*taken, *told])
    for concept in concepts:
        for phrase in concept.phrases.values():
            place = f"concepts: phrases of '{concept.name}'"
            _check_fields(place, phrase, [*captions.details, _VALUE])


def _check_fields(place: str, template: str, known: Sequence[str]) -> None:
    for name in fields(template):
        if name not in known:
            raise ValueError(f"{place}: unknown field '{name}'; {nearest(name, known)}")
