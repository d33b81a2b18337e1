"""Declaration of the check `counterfactual-stability`: does a re-trained generator say the same?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Self

from pydantic import Field, field_validator, model_validator

from auditkit.spec.counterfactual_card import Wanted
from auditkit.spec.declaration import CheckDeclaration, Measure
from auditkit.spec.declarations.counterfactual_attributes import HasAttributes
from auditkit.spec.declarations.counterfactuals import PAPER, counterfactual_needs


class CounterfactualStability(HasAttributes):
    """The same measured attributes by several trainings of the generator."""

    other_seeds: list[int] = Field(min_length=1, description="The other trainings' seeds.")

    @field_validator("other_seeds")
    @classmethod
    def _once(cls, value: list[int]) -> list[int]:
        if len(set(value)) < len(value) or min(value) < 0:
            raise ValueError("different seeds from 0 were expected")
        return value

    @model_validator(mode="after")
    def _trained(self) -> Self:
        if self.family == "guided-diffusion":
            raise ValueError("family: guided diffusion is not trained, and has no re-trainings")
        return self

    @property
    def counterfactuals(self) -> Sequence[Wanted]:
        """Every training, the audit's own first."""
        seeds = dict.fromkeys((self.seed, *self.other_seeds))
        return [Wanted(self.trained_on, self.family, seed) for seed in seeds]


def _measures(parameters: CounterfactualStability) -> Mapping[str, Measure]:
    return dict(_all(parameters))


def _all(parameters: CounterfactualStability) -> Iterator[tuple[str, Measure]]:
    for name, quantity in parameters.quantities.items():
        low, high = quantity.bounds
        width = high - low
        text = f"Mean over trainings of malignant minus benign counterfactual in {name}."
        yield f"mean_difference[{name}]", Measure(quantity.unit, (-width, width), text)
        text = f"Standard deviation between trainings of that difference in {name}."
        yield f"sd_difference[{name}]", Measure(quantity.unit, (0.0, width), text)
        text = (
            f"Smallest over trainings of the difference in {name}, in that direction of the two in which it "
            "is larger: above 0, every training says the same."
        )
        yield f"smallest_difference[{name}]", Measure(quantity.unit, (-width, width), text)
    text = (
        "Mean over pairs of trainings of Pearson's r between their standardised differences, as endless "
        "patients would show them."
    )
    yield "profile_correlation", Measure("Pearson's r", (-1.0, 1.0), text)


COUNTERFACTUAL_STABILITY = CheckDeclaration(
    name="counterfactual-stability",
    title="Counterfactuals of re-trained generators",
    summary="Does a generator that is trained again name the same attributes?",
    paper=f"{PAPER} (Supp. Fig. 11)",
    parameters=CounterfactualStability,
    measures=_measures,
    compute="auditkit.checks.counterfactual_stability:counterfactual_stability",
    needs=counterfactual_needs,
    rests_on=("counterfactual",),
)
