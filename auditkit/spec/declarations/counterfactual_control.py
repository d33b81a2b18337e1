"""Declaration of the check `counterfactual-control`: is an artifact that the model ignores left alone?"""

from collections.abc import Mapping, Sequence

from pydantic import Field, field_validator

from auditkit.spec.counterfactual_card import Discriminator, Wanted
from auditkit.spec.declaration import CheckDeclaration, Measure
from auditkit.spec.declarations.counterfactuals import (
    PAPER,
    HasCounterfactuals,
    counterfactual_needs,
)


class CounterfactualControl(HasCounterfactuals):
    """Data whose card draws an artifact into images, and generators that were trained on such data."""

    discriminators: list[Discriminator] = Field(
        default=["unconditional"], min_length=1, description="How the generators were trained."
    )

    @field_validator("discriminators")
    @classmethod
    def _once(cls, value: list[Discriminator]) -> list[Discriminator]:
        if len(set(value)) < len(value):
            raise ValueError("one is named twice; drop one")
        return value

    @property
    def counterfactuals(self) -> Sequence[Wanted]:
        """One generator per kind of discriminator."""
        return [
            Wanted(self.trained_on, self.family, self.seed, kind) for kind in self.discriminators
        ]


def _measures(parameters: CounterfactualControl) -> Mapping[str, Measure]:
    share = ("share of the artifact", (-5.0, 5.0))
    text = "Mean change of the score when the artifact is drawn into an image."
    found = {"artifact_response": Measure("probability", (-1.0, 1.0), text)}
    for kind in parameters.discriminators:
        for side in ("benign", "malignant"):
            text = (
                f"How much of the artifact is left in the {side} counterfactual, {kind} discriminator: 1 all "
                "of it, 0 none."
            )
            found[f"{side}_left[{kind}]"] = Measure(*share, text)
        text = f"Malignant minus benign of what is left, {kind} discriminator."
        found[f"difference[{kind}]"] = Measure(*share, text)
    return found


COUNTERFACTUAL_CONTROL = CheckDeclaration(
    name="counterfactual-control",
    title="Negative control of counterfactuals",
    summary="Is an artifact left alone that goes with the label and that the model does not use?",
    paper=f"{PAPER} (Supp. Fig. 3)",
    parameters=CounterfactualControl,
    measures=_measures,
    compute="auditkit.checks.counterfactual_control:counterfactual_control",
    needs=counterfactual_needs,
)
