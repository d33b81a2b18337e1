"""Declaration of the check `truthfulness`."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters
from auditkit.spec.methods import HasMethods

Fill = Literal["black", "mean", "blur"]


class Truthfulness(HasMethods, Parameters):
    """Cumulative feature removal against random removal."""

    steps: int = Field(10, ge=2, le=100, description="Removal steps from nothing to everything.")
    repeats: int = Field(15, ge=1, le=1000, description="Random permutations of the baseline.")
    fills: list[Fill] = Field(
        default=["mean"], min_length=1, description="What replaces removed pixels."
    )
    images: int | None = Field(None, ge=2, description="Only the first images of the data.")


def _measures(parameters: Truthfulness) -> Mapping[str, Measure]:
    at: dict[str, tuple[float | str, ...] | None] = {"fill": tuple(parameters.fills)}
    measures = {}
    for method in parameters.methods:
        measures[f"{method.label}.delta_aupc"] = Measure(
            "accuracy",
            (-1.0, 1.0),
            f"Area under the random removal curve minus that of {method.label}.",
            at,
        )
        measures[f"{method.label}.aupc"] = Measure(
            "accuracy", (0.0, 1.0), f"Area under the removal curve of {method.label}.", at
        )
    return measures


def _needs(_parameters: Truthfulness) -> frozenset[Need]:
    return frozenset({"labels"})


TRUTHFULNESS = CheckDeclaration(
    name="truthfulness",
    title="Truthfulness of heatmaps",
    summary="Does removing what a heatmap highlights hurt more than removing at random?",
    paper="Jin et al., Med. Image Anal. 2023, arXiv:2202.10553 (section 4.3.1, ΔAUPC)",
    parameters=Truthfulness,
    measures=_measures,
    compute="auditkit.checks.truthfulness:truthfulness",
    needs=_needs,
)
