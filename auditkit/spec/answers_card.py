"""Cards of experts' answers, ``*.answers.yaml``: what a closed study was, and its tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from auditkit.spec.audit import identifier
from auditkit.spec.dates import Date
from auditkit.spec.model_card import Sha256
from auditkit.spec.study import STUDY_SUFFIX, Expert, Preset
from auditkit.spec.typed import Strict

ANSWERS_SUFFIX = ".answers.yaml"


class AnswersTable(Strict):
    """One table of a study."""

    file: str = Field(min_length=1, description="CSV table, relative to the card.")
    sha256: Sha256 = Field(description="Checked before it is read.")


class StudiedModel(Strict):
    """A model whose pairs were looked at."""

    model: str = Field(description="Name.")
    sha256: Sha256 | None = Field(
        None, description="Its identity then; None where pairs came from a table."
    )
    generator_sha256: Sha256 | None = Field(
        None,
        description="sha256 of the weights of the counterfactual generator that made its pairs; None if "
        "unknown.",
    )


class AnswersCard(Strict):
    """The answers of one closed study, unblinded."""

    answers: str = Field(description="Name; `answers: NAME` in a spec.")
    title: str = Field("", description="One line for people.")
    task: str = Field(description="Which models it concerns.")
    stand_in: str = Field("", description="If images, models or experts are substitutes: what for.")
    data: str = Field(description="Name of the data set whose images were shown.")
    data_sha256: Sha256 | None = Field(
        None, description="Identity of the records that pairs were made of; None if unknown."
    )
    question: str = Field(description="What experts were asked first.")
    models: list[StudiedModel] = Field(min_length=1, description="Models whose pairs were shown.")
    experts: list[Expert] = Field(min_length=1, description="Who answered.")
    attributes: list[Preset] = Field(
        default_factory=list,
        description="Attributes as agreed upon by the experts, with what the literature says of them.",
    )
    pairs: AnswersTable = Field(
        description="One row per pair: whose it is, and which side is which."
    )
    choices: AnswersTable = Field(
        description="One row per pair and expert: which image was chosen."
    )
    noted: AnswersTable = Field(description="One row per attribute that an expert noted.")
    pictures: str = Field("", description="Folder of the pictures that the table of pairs names.")
    seed: str = Field(description="What order and sides were drawn from.")
    plan_sha256: Sha256 = Field(description="Of the plan, byte for byte.")
    closed: Date = Field(description="The day on which the study was closed.")
    path: Path = Field(default=Path(), exclude=True)
    digest: str = Field(default="", exclude=True)

    _identifiers = field_validator("answers", "task", "data")(identifier)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for key, names in (
            ("models", [one.model for one in self.models]),
            ("experts", [one.expert for one in self.experts]),
            ("attributes", [one.attribute for one in self.attributes]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{key}: '{twice[0]}' is named twice")
        return self


@dataclass(frozen=True)
class Unanswered:
    """A study of which there are no answers yet: what rests on it is not run.

    Attributes:
        task: what it would be about.
        reason: what is missing, and what to do.
    """

    task: str
    reason: str
    path: Path = Path()

    @property
    def digest(self) -> str:
        """What tells it from a card."""
        return self.reason


def unanswered(task: str, problem: str) -> Unanswered:
    """The absence of answers, with the commands that lead to them."""
    return Unanswered(
        task,
        f"{problem}; to ask experts write a plan (*{STUDY_SUFFIX}) and run: auditkit study new, then "
        "auditkit study serve, and when it is closed auditkit study export",
    )
