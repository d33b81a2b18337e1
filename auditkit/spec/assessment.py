"""Recorded assessments: who found an explanation understandable and relevant, and when."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from auditkit.spec.assessment_questions import (
    OptionalText,
    Relevance,
    Text,
    Understandability,
)
from auditkit.spec.audit import Number, identifier
from auditkit.spec.dates import Date
from auditkit.spec.methods import METHODS
from auditkit.spec.problems import nearest
from auditkit.spec.typed import Strict

SUFFIX = ".assessment.yaml"
MAX_YEARS = 3

# The end-user forms of Jin et al. (arXiv:2102.02437), and what physicians asked for in arXiv:2202.10553.
Form = Literal[
    "heatmap",
    "heatmap-with-description",
    "segmentation",
    "feature-shape",
    "feature-interaction",
    "similar-examples",
    "prototypes",
    "counterfactual",
    "concepts",
    "score",
    "rules",
    "decision-tree",
    "text",
    "other",
]


class Explanation(Strict):
    """What was assessed: the form of an explanation, not what it says of one image."""

    form: Form = Field(description="Kind of explanation.")
    description: Text = Field(description="One sentence: what assessors were shown, and how.")
    methods: list[str] = Field(
        description="Heatmap methods that were shown (`auditkit list methods`); [] if none."
    )

    @field_validator("methods")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        for name in value:
            if name not in METHODS:
                raise ValueError(f"unknown heatmap method '{name}'; {nearest(name, METHODS)}")
        return value


class Assessor(Strict):
    """One person's answers."""

    role: Text = Field(description="Such as 'neurosurgeon' or 'radiographer'.")
    organisation: Text = Field(description="Where the assessor works.")
    name: OptionalText = Field("", description="Left out: anonymous.")
    date: Date = Field(description="Day of the answers.")
    experience: Number | None = Field(
        None, ge=0, le=80, description="Years of experience in that role."
    )
    independent: bool | None = Field(
        None, description="Whether the assessor declares to be independent of the manufacturer."
    )
    understandability: Understandability
    relevance: Relevance


class AssessmentCard(Strict):
    """One record, `*.assessment.yaml`."""

    assessment: str = Field(description="Name; `assessment: NAME` in a spec.")
    title: str = Field("", description="One line for people.")
    task: str = Field(description="Which models it concerns.")
    stand_in: str = Field("", description="If it is a fictitious example: what for.")
    explanation: Explanation = Field(description="What was assessed.")
    models: list[str] = Field(
        default_factory=list,
        description="Names of the models whose explanations were shown: for others the record does not "
        "count. Left out: every model of the task.",
    )
    date: Date = Field(description="Day on which the assessment was concluded.")
    expires: Date = Field(
        description=f"Last day on which it counts; at most {MAX_YEARS} years after the first answers."
    )
    assessors: list[Assessor] = Field(min_length=1, description="Everybody who answered.")
    path: Path = Field(default=Path(), exclude=True)
    digest: str = Field(default="", exclude=True)

    _identifiers = field_validator("assessment", "task")(identifier)

    @field_validator("expires")
    @classmethod
    def _after(cls, value: dt.date, info: ValidationInfo) -> dt.date:
        concluded = info.data.get("date", value)
        if value < concluded:
            raise ValueError(f"{value} is before the assessment's own date, {concluded}")
        return value

    @field_validator("assessors")
    @classmethod
    def _in_time(cls, value: list[Assessor], info: ValidationInfo) -> list[Assessor]:
        first, last = min(one.date for one in value), max(one.date for one in value)
        concluded, expires = info.data.get("date", last), info.data.get("expires", first)
        if last > concluded:
            raise ValueError(
                f"somebody answered on {last}, after the assessment's 'date', {concluded}; state the day "
                "on which it was concluded there"
            )
        latest = _years_after(first, MAX_YEARS)
        if expires > latest:
            raise ValueError(
                f"the first answers are of {first}, so that 'expires' can be {latest} at the latest "
                f"({MAX_YEARS} years later), got {expires}"
            )
        return value

    @field_validator("assessors")
    @classmethod
    def _everybody_once(cls, value: list[Assessor]) -> list[Assessor]:
        named = [(one.name.strip(), one.organisation) for one in value if one.name.strip()]
        for name, organisation in named:
            if named.count((name, organisation)) > 1:
                raise ValueError(f"{name} ({organisation}) is there twice; once was expected")
        return value


@dataclass(frozen=True)
class Unrecorded:
    """An assessment of which there is no record: what rests on it is not run.

    Attributes:
        task: what the record would be about.
        reason: what is missing, and the command that makes the form.
    """

    task: str
    reason: str
    path: Path = Path()

    @property
    def digest(self) -> str:
        """What tells it from a record."""
        return self.reason


def unrecorded(name: str, task: str, problem: str) -> Unrecorded:
    """The absence of a record, with the command that makes its form."""
    path = Path(name)
    out = f" --out {name}" if len(path.parts) > 1 or name.endswith(".yaml") else ""
    stem = path.name.removesuffix(SUFFIX).removesuffix(".yaml")
    command = f"auditkit new clinical-assessment {stem} --task {task}{out}"
    return Unrecorded(task, f"{problem}; for an empty form run: {command}")


def _years_after(day: dt.date, years: int) -> dt.date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        # The 29th of February, in a year that has none.
        return day.replace(year=day.year + years, day=28)
