"""Rows of the three tables of an expert study, each checked by itself."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, cast

from auditkit.data.answer_cells import Cells
from auditkit.metrics.attribute_scores import DIRECTIONS

Place = Literal["first", "second"]
Showing = Literal["first", "repeat"]
Direction = Literal[
    "benign only", "benign > malignant", "different", "benign < malignant", "malignant only"
]

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "pairs": (
        *("pair", "model", "image", "patient", "status", "first", "second", "malignant"),
        *("benign_score", "malignant_score", "screened", "repeats"),
    ),
    "choices": (
        *("expert", "pair", "showing", "stage", "left", "chosen", "unable", "seconds"),
        *("given_at", "comment"),
    ),
    "noted": (
        *("expert", "pair", "showing", "category", "text", "attribute", "comparator"),
        "direction",
    ),
}
"""Columns that each table has."""

SHOWN, PRACTICE, NOT_DRAWN, REJECTED = "shown", "practice", "not drawn", "rejected: "

_PLACES: Final = ("first", "second")
# As displayed, from "only in A" to "only in B": the same order as the directions if A is the benign one.
_COMPARATORS: Final = ("A only", "A > B", "different", "A < B", "B only")


def unblinded(comparator: str, *, malignant_is_a: bool) -> Direction:
    """What a comparator of the displayed pictures says of the benign and the malignant one.

    Example:
        >>> unblinded("A > B", malignant_is_a=True), unblinded("A only", malignant_is_a=False)
        ('benign < malignant', 'benign only')
    """
    place = _COMPARATORS.index(comparator)
    return DIRECTIONS[-1 - place if malignant_is_a else place]


@dataclass(frozen=True)
class Pair:
    """A pair of pictures.

    Attributes:
        pair: name.
        model: whose.
        image: id of the reference image.
        patient: id, or "" where it is not known.
        status: shown, practice, not drawn, or rejected with by whom.
        pictures: file names of the first and the second picture; "" if not exported.
        malignant: which of them is the malignant one.
        scores: the model's score of the benign and of the malignant picture; NaN where not known.
        screened: how many experts looked for artifacts in both pictures; None where nobody was asked to.
        repeats: experts who were to be shown it a second time, whether they answered or not.
        where: table and line, for messages.
    """

    pair: str
    model: str
    image: str
    patient: str
    status: str
    pictures: tuple[str, str]
    malignant: Place
    scores: tuple[float, float]
    screened: int | None
    repeats: tuple[str, ...]
    where: str

    @property
    def shown(self) -> bool:
        """Whether experts were asked about it, practice apart."""
        return self.status == SHOWN

    @property
    def unit(self) -> str:
        """Patient, or the image where the patient is not known: the cluster of all statistics."""
        return f"patient {self.patient}" if self.patient else f"image {self.image}"


@dataclass(frozen=True)
class Choice:
    """What one expert answered to one showing of a pair.

    Attributes:
        expert: who.
        pair: about which.
        showing: the first one or the repeat.
        stage: free text, or presets as well.
        left: which picture was displayed as A.
        chosen: A, B, or "" where the pair could not be assessed.
        unable: whether it could not be assessed.
        seconds: from the opening of the page; NaN where not known.
        given_at: when, in UTC.
        comment: free text.
        where: table and line.
    """

    expert: str
    pair: str
    showing: Showing
    stage: str
    left: Place
    chosen: str
    unable: bool
    seconds: float
    given_at: datetime
    comment: str
    where: str


@dataclass(frozen=True)
class Noted:
    """One attribute that an expert noted.

    Attributes:
        expert: who.
        pair: about which.
        showing: the first one or the repeat.
        category: part of the image.
        text: as it was entered.
        attribute: 'category/name' into which it was grouped; "" if into none.
        comparator: of the pictures as displayed.
        direction: of the benign and the malignant picture.
        where: table and line.
    """

    expert: str
    pair: str
    showing: Showing
    category: str
    text: str
    attribute: str
    comparator: str
    direction: Direction
    where: str


def pair_of(cells: Cells, models: Collection[str], experts: Collection[str]) -> Pair:
    """A row of the table of pairs."""
    status = cells.text("status")
    if status not in (SHOWN, PRACTICE, NOT_DRAWN) and not (
        status.startswith(REJECTED) and status.removeprefix(REJECTED).strip()
    ):
        raise cells.wrong(
            f"status '{status:.100}' is not known; '{SHOWN}', '{PRACTICE}', '{NOT_DRAWN}' or "
            f"'{REJECTED}NAMES' was expected"
        )
    first, second = cells.picture("first"), cells.picture("second")
    if bool(first) != bool(second) or (first and first == second):
        raise cells.wrong("first and second were expected to name two pictures, or both none")
    return Pair(
        cells.named("pair"),
        cells.one_of("model", models),
        cells.named("image"),
        cells.text("patient"),
        status,
        (first, second),
        cast("Place", cells.one_of("malignant", _PLACES)),
        (cells.number("benign_score", 1.0), cells.number("malignant_score", 1.0)),
        _screened(cells, status, len(experts)),
        _repeats(cells, status, experts),
        cells.where,
    )


def _screened(cells: Cells, status: str, experts: int) -> int | None:
    found = cells.count("screened", experts)
    if found is not None and status == PRACTICE:
        raise cells.wrong("screened: practice is not screened; nothing was expected")
    if found is None and status.startswith(REJECTED):
        raise cells.wrong("screened is empty, but the pair was rejected; a number was expected")
    return found


def _repeats(cells: Cells, status: str, experts: Collection[str]) -> tuple[str, ...]:
    names = cells.names("repeats", experts)
    if names and status != SHOWN:
        raise cells.wrong(f"repeats: only pairs that were shown are repeated, not '{status:.50}'")
    return names


def choice_of(cells: Cells, experts: Collection[str], pairs: Mapping[str, Pair]) -> Choice:
    """A row of the table of choices."""
    chosen, unable = cells.one_of("chosen", ("A", "B", "")), cells.flag("unable")
    if not (chosen or unable):
        raise cells.wrong("nothing is chosen; A or B was expected, or 'yes' for unable")
    expert, pair = cells.one_of("expert", experts), _shown(cells, pairs)
    showing = cast("Showing", cells.one_of("showing", ("first", "repeat")))
    if showing == "repeat" and expert not in pair.repeats:
        raise cells.wrong(
            f"expert '{expert}' answered a repeat, but {pair.where} does not name them under 'repeats'"
        )
    return Choice(
        expert,
        pair.pair,
        showing,
        cells.one_of("stage", ("stage-1", "stage-2")),
        cast("Place", cells.one_of("left", _PLACES)),
        chosen,
        unable,
        cells.number("seconds"),
        cells.time("given_at"),
        cells.text("comment"),
        cells.where,
    )


def _shown(cells: Cells, pairs: Mapping[str, Pair]) -> Pair:
    pair = pairs[cells.one_of("pair", pairs)]
    if not pair.shown:
        raise cells.wrong(
            f"pair '{pair.pair}' is answered, but {pair.where} says '{pair.status:.50}'; only "
            "pairs that were shown have answers"
        )
    return pair


def noted_of(
    cells: Cells,
    attributes: Collection[str],
    answered: Mapping[tuple[str, str, str], Choice],
    pairs: Mapping[str, Pair],
) -> Noted:
    """A row of the table of what was noted; ``answered`` has what was answered to which showing."""
    key = (cells.named("expert"), cells.named("pair"), cells.named("showing"))
    if key not in answered:
        raise cells.wrong(
            f"the table of choices has no answer of expert '{key[0]:.100}' to pair '{key[1]:.100}', showing "
            f"'{key[2]:.20}'"
        )
    choice = answered[key]
    comparator = cells.one_of("comparator", _COMPARATORS)
    direction = unblinded(comparator, malignant_is_a=choice.left == pairs[choice.pair].malignant)
    if cells.text("direction") != direction:
        raise cells.wrong(
            f"direction '{cells.text('direction'):.50}' contradicts comparator '{comparator}': picture A was "
            f"the {choice.left} one (table of choices) and the malignant one is the "
            f"{pairs[choice.pair].malignant} (table of pairs), so that '{direction}' was expected"
        )
    attribute = cells.one_of("attribute", (*attributes, ""))
    return Noted(
        choice.expert,
        choice.pair,
        choice.showing,
        cells.named("category"),
        cells.named("text"),
        attribute,
        comparator,
        direction,
        cells.where,
    )
