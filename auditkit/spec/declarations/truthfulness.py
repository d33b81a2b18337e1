"""Declaration of the check `truthfulness`."""

from collections.abc import Iterator, Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters
from auditkit.spec.methods import HasMethods, Method
from auditkit.spec.removing import Compat, Fill, HasControls, Performance


class Truthfulness(HasControls, HasMethods, Parameters):
    """Cumulative feature removal against random removal."""

    steps: int = Field(10, ge=2, le=100, description="Removal steps from nothing to everything.")
    repeats: int = Field(15, ge=1, le=1000, description="Random permutations of the baseline.")
    fills: list[Fill] = Field(
        default=["mean", "noise"],
        min_length=1,
        description="What replaces removed pixels, two by default, since each makes other unusual images and "
        "the sign may depend on it: black (0), each channel's or modality's mean over the "
        "support, the image blurred, or noise: values drawn from what the heatmap ranks lowest.",
    )
    performance: Performance = Field(
        "accuracy", description="Whose fall is measured: accuracy, or AUROC of the score."
    )
    support: Literal["image", "foreground"] | None = Field(
        None,
        description="What is removed: every pixel, or those that are not 0; left out: every pixel of "
        "pictures, the foreground of volumes.",
    )
    compat: Compat | None = Field(
        None,
        description="Follow the published code of Jin et al. instead: thresholds at quantiles of values "
        "that are not 0, the whole map permuted, the nominal fraction on the axis.",
    )
    images: int | None = Field(None, ge=2, description="Only the first images of the data.")

    @model_validator(mode="after")
    def _distinct_fills(self) -> Self:
        if len(set(self.fills)) < len(self.fills):
            raise ValueError("fills: one is named twice; drop one")
        if self.compat is not None and self.support is not None:
            raise ValueError("support: the published code has none; drop it or 'compat'")
        return self

    @property
    def compared(self) -> list[Method]:
        """The methods and then the controls: all whose heatmaps are removed."""
        return [*self.methods, *self.controls]


def _measures(parameters: Truthfulness) -> Mapping[str, Measure]:
    return dict(_all(parameters))


def _all(parameters: Truthfulness) -> Iterator[tuple[str, Measure]]:
    at: dict[str, tuple[float | str, ...] | None] = {"fill": tuple(parameters.fills)}
    unit = "accuracy" if parameters.performance == "accuracy" else "AUROC"
    for method in parameters.compared:
        text = f"Area under the random removal curve minus that of {method.label}."
        yield f"{method.label}.delta_aupc", Measure(unit, (-1.0, 1.0), text, at)
        text = f"Area under the removal curve of {method.label}."
        yield f"{method.label}.aupc", Measure(unit, (0.0, 1.0), text, at)
    for method in parameters.methods:
        for control in parameters.controls:
            text = (
                f"Delta-AUPC of {method.label} minus that of {control.label}, each against random orders of "
                "its own cells."
            )
            yield f"{method.label}.over[{control.label}]", Measure(unit, (-2.0, 2.0), text, at)


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
    guidelines=("G3",),
)
