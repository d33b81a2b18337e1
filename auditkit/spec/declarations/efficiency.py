"""Declaration of the check `efficiency`."""

import math
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters
from auditkit.spec.methods import HasMethods

_POSITIVE = (0.0, math.inf)
PARTS: dict[str, tuple[str, str]] = {
    "seconds": ("seconds per heatmap", "Median over images of the time of one heatmap"),
    "forwards": ("inputs per heatmap", "Median over images of the inputs that the model answers"),
    "backwards": (
        "inputs per heatmap",
        "Median over images of the inputs through which gradients go back",
    ),
    "peak_memory": ("MiB", "Median over images of the most memory held beyond the model"),
    "error": ("share of the heatmap", "Median over images of the error that is left"),
}
"""Unit and summary of what is measured of every method."""


class Efficiency(HasMethods, Parameters):
    """Time, passes and memory of heatmaps on this machine."""

    images: int = Field(8, ge=1, description="Images that are explained, the first of the data.")
    batch: list[Annotated[int, Field(ge=1, le=1024)]] = Field(
        default=[1], min_length=1, description="Images explained in one call."
    )
    repeats: int = Field(3, ge=1, le=100, description="Timed calls; their median counts.")
    warm_up: int = Field(2, ge=0, le=100, description="Calls before, which are not timed.")
    threads: int = Field(1, ge=1, le=1024, description="Threads of one operation on a CPU.")

    @model_validator(mode="after")
    def _distinct_batches(self) -> Self:
        if len(set(self.batch)) < len(self.batch):
            raise ValueError("batch: a size is named twice")
        return self


def _measures(parameters: Efficiency) -> Mapping[str, Measure]:
    at: dict[str, tuple[float | str, ...] | None] = {"batch": tuple(map(float, parameters.batch))}
    return {
        f"{method.label}.{part}": Measure(unit, _POSITIVE, f"{text} ({method.label}).", at)
        for method in parameters.methods
        for part, (unit, text) in PARTS.items()
    }


EFFICIENCY = CheckDeclaration(
    name="efficiency",
    title="Computational efficiency of heatmaps",
    summary="How long does a heatmap take here, in how many passes, with what memory and error?",
    paper="Jin et al., Med. Image Anal. 2023, arXiv:2202.10553 (guideline G5, section 5.4)",
    parameters=Efficiency,
    measures=_measures,
    compute="auditkit.checks.efficiency:efficiency",
    needs=lambda _: frozenset[Need](),
    guidelines=("G5",),
)
