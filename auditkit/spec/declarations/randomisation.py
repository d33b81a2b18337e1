"""Declaration of the check `randomisation`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import Field

from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters
from auditkit.spec.methods import HasMethods


class Randomisation(HasMethods, Parameters):
    """Whether heatmaps change when the network forgets what it learned."""

    signs: Literal["signed", "absolute"] = Field(
        "absolute", description="Whether maps are compared with or without their signs."
    )
    draws: int = Field(
        5,
        ge=3,
        le=20,
        description="Random networks of the same architecture: a sample, over which intervals are.",
    )
    trained_on_random_labels: str | None = Field(
        None, description="A model card: the same architecture, trained on permuted labels."
    )
    images: int | None = Field(None, ge=2, description="Only the first images of the data.")

    @property
    def trainings(self) -> Sequence[str]:
        """The model trained on random labels."""
        return [self.trained_on_random_labels] if self.trained_on_random_labels else []


def _measures(parameters: Randomisation) -> Mapping[str, Measure]:
    return dict(_all(parameters))


def _all(parameters: Randomisation) -> Iterator[tuple[str, Measure]]:
    unit, bounds = "Spearman's rho", (-1.0, 1.0)
    for method in parameters.methods:
        text = (
            f"Mean rank correlation of {method.label} with itself on networks of random parameters, over "
            "such networks and patients."
        )
        yield f"{method.label}.random_parameters", Measure(unit, bounds, text)
        if parameters.trained_on_random_labels:
            text = (
                f"Mean rank correlation of {method.label} with itself on one network trained on random "
                "labels, over patients."
            )
            yield f"{method.label}.random_labels", Measure(unit, bounds, text)


def _needs(_parameters: Randomisation) -> frozenset[Need]:
    return frozenset()


RANDOMISATION = CheckDeclaration(
    name="randomisation",
    title="Sanity checks by randomisation",
    summary="Do heatmaps depend on what the network has learned?",
    paper="Adebayo et al., NeurIPS 2018, arXiv:1810.03292",
    parameters=Randomisation,
    measures=_measures,
    compute="auditkit.checks.randomisation:randomisation",
    needs=_needs,
    guidelines=("G3",),
)
