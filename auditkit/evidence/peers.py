"""What an audit names beside the model and its data, as evidence has it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
    """

    models: "Mapping[str, Callable[[], Evidence]]" = field(default_factory=dict)
    generators: Mapping[str, GeneratorCard] = field(default_factory=dict)
    assessments: Mapping[str, AssessmentCard | Unrecorded] = field(default_factory=dict)
    ratings: Mapping[str, RatingsCard] = field(default_factory=dict)
    counterfactuals: Mapping[str, CounterfactualCard] = field(default_factory=dict)

    @classmethod
    def of(cls, named: Beside) -> "Peers":
        """What an audit names, without other models."""
        return cls(
            generators=named.generators,
            assessments=named.assessments,
            ratings=named.ratings,
            counterfactuals=named.counterfactuals,
        )
