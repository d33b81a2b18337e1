"""Concepts of a data set and the captions that name them, as a data card declares them."""

import string
from collections.abc import Mapping
from typing import Self

from pydantic import Field, field_validator, model_validator

from auditkit.spec.typed import Strict

TEXT = "text"
"""The field of a caption template that free text fills."""

SEPARATOR = " + "
"""Between the names of concepts that are permuted together."""


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
    above: float | None = Field(
        None, description="The column is a number, and the concept is 1 above this, else 0."
    )
    phrases: dict[str, str] = Field(
        default_factory=dict,
        description="What a caption says of each value; `{value}` and columns of `details` are filled in. "
        "Left out: nothing for 0, `{value} NAME` for other numbers of a count, NAME for 1 of a binary "
        "concept, the value of a category.",
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
        return value

    @field_validator("name")
    @classmethod
    def _separable(cls, value: str) -> str:
        if SEPARATOR in value or "[" in value or "]" in value:
            raise ValueError(f"a name without '{SEPARATOR}' and brackets was expected")
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
        """What a caption says of the value; may be empty."""
        if value in self.phrases:
            return self.phrases[value].format_map({**details, "value": value})
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
        description="With `{CONCEPT}` for values and `{text}`, as 'Age: {Age}, Sex: {Sex}, {text}'. Left "
        "out: the phrases of all concepts in order, then the text, joined.",
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
        if value is not None:
            try:
                names = [name for _, name, _, _ in string.Formatter().parse(value)]
            except ValueError as error:
                raise ValueError(f"'{value}' is no template: {error}") from None
            if not any(names):
                raise ValueError("a template with {CONCEPT} was expected")
        return value
