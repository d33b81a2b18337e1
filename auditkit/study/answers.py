"""What experts answer, checked before it is kept. The same names as the fields of the forms."""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from auditkit.spec.typed import Strict

MAX_NAME, MAX_COMMENT, MAX_ROWS = 200, 2000, 50

Side = Literal["A", "B"]
Comparator = Literal["A only", "A > B", "different", "A < B", "B only"]
COMPARATORS: tuple[Comparator, ...] = ("A only", "A > B", "different", "A < B", "B only")

# Control characters (Cc), of which readers of tables strip or split at some; marks that turn the direction of
# writing, which disguise text. Halves of surrogate pairs are no text to pydantic.
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_LINES: Final = re.compile(r"[\t\n]")


def _printable(text: str) -> str:
    found = _UNPRINTABLE.search(text)
    if found:
        raise ValueError(
            f"the character U+{ord(found[0]):04X} cannot be printed; delete it, or type the text again"
        )
    return text


def _printable_lines(text: str) -> str:
    _printable(_LINES.sub(" ", text))
    return text


Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_NAME, strip_whitespace=True),
    AfterValidator(_printable),
]
Comment = Annotated[
    str,
    StringConstraints(max_length=MAX_COMMENT, strip_whitespace=True),
    AfterValidator(_printable_lines),
]


class ScreeningAnswer(Strict):
    """Pre-screening of one image: does it contain artifacts?"""

    kind: Literal["screening"] = "screening"
    artifact: bool | None = None
    comment: Comment = ""

    @property
    def whole(self) -> bool:
        """Whether nothing is missing, so that it can be submitted."""
        return self.artifact is not None


class Noted(Strict):
    """One attribute that differs."""

    category: Name
    attribute: Name
    comparator: Comparator


class PairAnswer(Strict):
    """A pair: which image is chosen, and what differs. A and B as displayed."""

    kind: Literal["pair"] = "pair"
    choice: Side | None = None
    unable: bool = False
    noted: list[Noted] = Field(default_factory=list, max_length=MAX_ROWS)
    comment: Comment = ""

    @property
    def whole(self) -> bool:
        """A choice, or that the pair cannot be assessed; attributes need not differ."""
        return self.unable or self.choice is not None


class Decision(Strict):
    """An expert's own prediction."""

    decision: Name
    confidence: Annotated[int, Field(ge=0, le=100)]


class HeatmapAnswer(Strict):
    """A heatmap: one's own prediction before it is shown, and after it with a rating of it."""

    kind: Literal["heatmap"] = "heatmap"
    before: Decision | None = None
    after: Decision | None = None
    rating: float | None = Field(None, allow_inf_nan=False)
    unable: bool = False
    comment: Comment = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.before is None and (self.after is not None or self.rating is not None):
            raise ValueError(
                "the first prediction is missing: it comes before the heatmap is shown"
            )
        return self

    @property
    def whole(self) -> bool:
        """Both predictions and a rating, or that the heatmap cannot be rated."""
        rated = self.unable or (self.after is not None and self.rating is not None)
        return self.before is not None and rated


Answer = Annotated[ScreeningAnswer | PairAnswer | HeatmapAnswer, Field(discriminator="kind")]
