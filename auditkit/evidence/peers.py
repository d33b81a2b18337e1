"""What an audit names beside the model and its data, as evidence has it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auditkit.errors import Unavailable
from auditkit.spec.answers_card import AnswersCard, Unanswered
from auditkit.spec.assessment import AssessmentCard, Unrecorded
from auditkit.spec.beside import Beside
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.generator_card import GeneratorCard
from auditkit.spec.ratings_card import RatingsCard

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence


@dataclass(frozen=True)
class Peers:
    """What an audit names beside the model and its data.

    Attributes:
        models: makes the evidence of another model on the same data.
        generators: text-to-image models.
        assessments: recorded assessments, or what is missing.
        ratings: tables of people's ratings.
        counterfactuals: counterfactual generators, of whatever model.
        answers: answers of expert studies, or what is missing.
    """

    models: "Mapping[str, Callable[[], Evidence]]" = field(default_factory=dict)
    generators: Mapping[str, GeneratorCard] = field(default_factory=dict)
    assessments: Mapping[str, AssessmentCard | Unrecorded] = field(default_factory=dict)
    ratings: Mapping[str, RatingsCard] = field(default_factory=dict)
    counterfactuals: Mapping[str, CounterfactualCard] = field(default_factory=dict)
    answers: Mapping[str, AnswersCard | Unanswered] = field(default_factory=dict)

    @classmethod
    def of(cls, named: Beside) -> "Peers":
        """What an audit names, without other models."""
        return cls(
            generators=named.generators,
            assessments=named.assessments,
            ratings=named.ratings,
            counterfactuals=named.counterfactuals,
            answers=named.answers,
        )

    def assessment(self, name: str) -> AssessmentCard:
        """A recorded assessment.

        Raises:
            Unavailable: there is no such record.
        """
        found = self.assessments[name]
        if isinstance(found, Unrecorded):
            raise Unavailable(found.reason)
        return found

    def answers_of(self, study: str) -> AnswersCard:
        """The answers of an expert study.

        Raises:
            Unavailable: it was not held, or not exported.
        """
        found = self.answers[study]
        if isinstance(found, Unanswered):
            raise Unavailable(found.reason)
        return found
