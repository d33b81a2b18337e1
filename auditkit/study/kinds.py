"""The words of a running study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from auditkit.study.answers import HeatmapAnswer, PairAnswer, ScreeningAnswer

Phase = Literal["screening", "stage-1", "grouping", "stage-2", "final-grouping", "rating", "closed"]
Role = Literal["expert", "coordinator"]
Showing = Literal["practice", "first", "repeat"]
AnyAnswer = ScreeningAnswer | PairAnswer | HeatmapAnswer

ANSWERED: tuple[Phase, ...] = ("screening", "stage-1", "stage-2", "rating")
"""Phases that consist of tasks."""


@dataclass(frozen=True)
class Person:
    """Somebody with a part in a study.

    Attributes:
        name: pseudonym, as in the plan.
        role: what they may do.
        simulated: whether a program answers.
    """

    name: str
    role: Role
    simulated: bool = False


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in.

    Attributes:
        person: who.
        csrf: what every form of theirs carries.
        expires: in UTC.
    """

    person: Person
    csrf: str
    expires: datetime


@dataclass(frozen=True)
class Task:
    """One thing that one expert is asked.

    Attributes:
        slug: unguessable name in addresses; says nothing.
        person: name of the expert.
        phase: when it is asked.
        sitting: number of the set, from 1; 0 is practice.
        place: in the phase, from 0.
        showing: practice, the first time, or again.
        item: of the study; never sent to a browser.
        order: which of the item's pictures are shown, in the order in which they are shown.
        done: whether an answer was submitted.
    """

    slug: str
    person: str
    phase: Phase
    sitting: int
    place: int
    showing: Showing
    item: str
    order: tuple[int, ...]
    done: bool = False


@dataclass(frozen=True)
class Standing:
    """Where a task stands among those of its expert and phase.

    Attributes:
        number: in its set, from 1.
        many: tasks of its set.
        sitting: its set among those of the phase, from 1; 0 for practice.
        sittings: sets of the phase, practice apart.
        previous: the task before; None for the first one.
    """

    number: int
    many: int
    sitting: int
    sittings: int
    previous: Task | None


@dataclass(frozen=True)
class Revision:
    """One state of an answer.

    Attributes:
        number: from 1.
        answer: all of it.
        submitted: whether the expert called it finished; the last such one counts.
        at: in UTC, by the server's clock.
        seconds: from the page's opening to this revision, as the browser counts; None if it does not say.
    """

    number: int
    answer: AnyAnswer
    submitted: bool
    at: datetime
    seconds: float | None = None


@dataclass(frozen=True)
class Saved:
    """That an answer is kept.

    Attributes:
        revision: its number.
        again: whether it was kept before, under the same nonce.
    """

    revision: int
    again: bool


@dataclass(frozen=True)
class Progress:
    """How far an expert is in a phase: counts, no answers."""

    person: str
    phase: Phase
    done: int
    tasks: int


@dataclass(frozen=True)
class FreeText:
    """What experts wrote, to be grouped.

    Attributes:
        category: part of the image.
        text: as it was written first; others that differ in case and spaces alone are the same.
        count: answers in force that name it.
        attribute: what it was grouped into, 'category/name'; "" if nothing yet.
    """

    category: str
    text: str
    count: int
    attribute: str


@dataclass(frozen=True)
class Board:
    """The grouping of free text.

    Attributes:
        texts: all free texts, by category and text.
        attributes: all attributes: presets of the plan and those made here, in the order they were made.
        state: digest of the grouping as it stands.
        agreed: experts who agree to this state.
    """

    texts: Sequence[FreeText]
    attributes: Sequence[str]
    state: str
    agreed: Sequence[str]


@dataclass(frozen=True)
class Event:
    """One line of the audit trail."""

    at: datetime
    person: str
    action: str
    detail: Mapping[str, str]
