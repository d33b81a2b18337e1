"""Declaration of the check `counterfactual-attributes`: what differs between the pairs?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Self

from pydantic import Field, field_validator, model_validator

from auditkit.spec.audit import Number
from auditkit.spec.declaration import CheckDeclaration, Measure
from auditkit.spec.declarations.counterfactuals import PAPER, Screened, counterfactual_needs
from auditkit.spec.measured import QUANTITIES, Quantity
from auditkit.spec.problems import nearest

MOST_STANDARDISED = 1e3


class HasAttributes(Screened):
    """Attributes that are measured in images and counterfactuals."""

    attributes: list[str] = Field(
        default_factory=lambda: list(QUANTITIES), description="Measured quantities."
    )
    classifier: str | None = Field(
        None, description="Model card with `exclusive: false` and a class per concept."
    )
    concepts: list[str] = Field(
        default_factory=list, description="Its classes whose probability is an attribute as well."
    )
    dilate: Number = Field(
        0.06,
        ge=0,
        le=0.5,
        description="How far the lesion's mask is grown before the background is measured, as a share of "
        "the picture's side.",
    )

    @field_validator("attributes")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        for name in value:
            if name not in QUANTITIES:
                raise ValueError(f"unknown attribute '{name}'; {nearest(name, QUANTITIES)}")
            if value.count(name) > 1:
                raise ValueError(f"attribute '{name}' is named twice")
        return value

    @model_validator(mode="after")
    def _judged(self) -> Self:
        if bool(self.concepts) != (self.classifier is not None):
            raise ValueError("classifier, concepts: both or neither were expected")
        if not self.attributes and not self.concepts:
            raise ValueError("attributes: at least one was expected")
        return self

    @property
    def models(self) -> Sequence[str]:
        """The concept classifier."""
        return (self.classifier,) if self.classifier else ()

    @property
    def quantities(self) -> Mapping[str, Quantity]:
        """All that is measured, by name; a concept's name stands in brackets."""
        found = {name: QUANTITIES[name] for name in self.attributes}
        for concept in self.concepts:
            name, text = f"concept[{concept}]", f"{concept} is more probable to {self.classifier}"
            found[name] = Quantity(name, "probability", (0.0, 1.0), text, masked=False)
        return found


class CounterfactualAttributes(HasAttributes):
    """Malignant minus benign counterfactual, held against the intervention on colour."""

    colour_shift: Number = Field(
        20.0, gt=0, le=100, description="Radius in CIELUV of the intervention on colour."
    )
    angles: int = Field(16, ge=4, le=360, description="Its directions, for the figure.")


def _measures(parameters: CounterfactualAttributes) -> Mapping[str, Measure]:
    return dict(_all(parameters))


def _all(parameters: CounterfactualAttributes) -> Iterator[tuple[str, Measure]]:
    for name, quantity in parameters.quantities.items():
        low, high = quantity.bounds
        both = (low - high, high - low)
        text = (
            f"Mean of malignant minus benign counterfactual in {name}: above 0, {quantity.meaning}."
        )
        yield f"difference[{name}]", Measure(quantity.unit, both, text)
        text = f"The same in standard deviations of {name} between the images as they are."
        yield (
            f"standardised[{name}]",
            Measure("standard deviations", (-MOST_STANDARDISED, MOST_STANDARDISED), text),
        )
        text = f"Share of pairs whose malignant member has more of {name}; ties are halves."
        yield f"higher[{name}]", Measure("proportion", (0.0, 1.0), text)
    text = (
        "Mean change of the score when images are shifted in CIELUV towards the mean colour difference of "
        "the pairs' background: above 0, the intervention agrees with the counterfactuals."
    )
    yield "colour_response", Measure("probability", (-1.0, 1.0), text)
    text = "Share of pairs that passed the prescreening."
    yield "retained", Measure("proportion", (0.0, 1.0), text)


COUNTERFACTUAL_ATTRIBUTES = CheckDeclaration(
    name="counterfactual-attributes",
    title="What counterfactuals change",
    summary="Which measurable attributes differ between the malignant and the benign counterfactual?",
    paper=f"{PAPER} (Figs. 2c, 3; measured in place of experts' annotation)",
    parameters=CounterfactualAttributes,
    measures=_measures,
    compute="auditkit.checks.counterfactual_attributes:counterfactual_attributes",
    needs=counterfactual_needs,
    rests_on=("counterfactual",),
)
