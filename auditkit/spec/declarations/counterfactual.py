"""Declaration of the check `counterfactual`: is the generator fit to be looked at?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Self

from pydantic import Field, model_validator

from auditkit.spec.audit import Number
from auditkit.spec.declaration import CheckDeclaration, Measure
from auditkit.spec.declarations.counterfactuals import (
    PAPER,
    HasCounterfactuals,
    counterfactual_needs,
)

_SHARE, _UNIT = (0.0, 1.0), "mean absolute difference in [0, 1]"


class Counterfactual(HasCounterfactuals):
    """Whether counterfactuals do what they should, and look as images do."""

    features: str | None = Field(
        None,
        description="Model card whose last features the kernel inception distance compares; left out: the "
        "distance is not measured.",
    )
    colour_shift: Number = Field(
        20.0,
        gt=0,
        le=100,
        description="Radius in CIELUV of the shift of real images whose distance is the yardstick.",
    )
    training_images: int = Field(
        0,
        ge=0,
        description="Compare with the first so many images of the data that it was trained on; 0: none.",
    )
    gallery: int = Field(12, ge=0, le=60, description="Failure cases shown with all their bins.")

    @model_validator(mode="after")
    def _there(self) -> Self:
        if self.images is not None and self.training_images > self.images:
            raise ValueError(f"training_images: at most {self.images}, as 'images', was expected")
        return self

    @property
    def other_data(self) -> Sequence[str]:
        """The training data, if it is compared with."""
        return (self.trained_on,) if self.training_images else ()

    @property
    def feature_models(self) -> Sequence[str]:
        """The model that gives the features."""
        return (self.features,) if self.features else ()


def _measures(parameters: Counterfactual) -> Mapping[str, Measure]:
    return dict(_all(parameters))


def _all(parameters: Counterfactual) -> Iterator[tuple[str, Measure]]:
    text = "Share of pairs (first, last bin) on both sides of the decision threshold."
    yield "consistency", Measure("proportion", _SHARE, text, better="higher")
    text = "Share of images whose decision the counterfactual for the other side flips."
    yield "flip_rate", Measure("proportion", _SHARE, text, better="higher")
    text = (
        "Mean distance of the score from the centre of the bin that was asked for, over all bins."
    )
    yield "bin_error", Measure("probability", _SHARE, text, better="lower")
    text = "Mean difference between an image and its reconstruction G(x, b(f(x)))."
    yield "reconstruction_error", Measure(_UNIT, _SHARE, text, better="lower")
    text = "Mean difference between an image and G(G(x, c), b(f(x))), c the first and the last bin."
    yield "cycle_error", Measure(_UNIT, _SHARE, text, better="lower")
    text = "Mean difference between the counterfactuals of the last and the first bin."
    yield "mean_change", Measure(_UNIT, _SHARE, text)
    text = "Largest difference of a pixel, of the images tested, if they are generated in other company."
    yield "batch_dependence", Measure("grey levels of 255", (0.0, 255.0), text)
    if parameters.features:
        name = parameters.features
        text = f"Kernel inception distance of counterfactuals from images, features of {name}."
        yield "kernel_distance", Measure("squared MMD", (-1e9, 1e9), text)
        text = (
            "Kernel inception distance of images with a visible colour shift minus that of "
            f"counterfactuals, features of {name}: above 0, counterfactuals look more real."
        )
        yield "kernel_distance_margin", Measure("squared MMD", (-1e9, 1e9), text)
    if parameters.training_images:
        text = "Consistency on images that the generator was trained on minus that on the others."
        yield "training_gap", Measure("proportion", (-1.0, 1.0), text)


COUNTERFACTUAL = CheckDeclaration(
    name="counterfactual",
    title="Counterfactuals",
    summary="Do counterfactuals change the model's mind, leave the rest alone and look real?",
    paper=f"{PAPER} (Methods, Supp. Table 2, Fig. 4)",
    parameters=Counterfactual,
    measures=_measures,
    compute="auditkit.checks.counterfactual:counterfactual",
    needs=counterfactual_needs,
)
