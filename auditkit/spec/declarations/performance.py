"""Declaration of the check `performance`."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from auditkit.spec.audit import Number
from auditkit.spec.declaration import Better, CheckDeclaration, Measure, Need, Parameters

GAPS = ("roc_auc", "sensitivity", "specificity", "accuracy", "balanced_accuracy")
"""Measures whose differences between groups are measured: those that prevalence does not move by itself,
and accuracy, which models with many classes have."""

JOINT = " x "
"""Stands between the columns of an intersection: ``by: skin_type x sex``."""


class Performance(Parameters):
    """Discrimination and calibration at the card's threshold."""

    by: list[str] = Field(
        default_factory=list, description="Group columns; every measure is also given per group."
    )
    intersections: list[Annotated[list[str], Field(min_length=2, max_length=3)]] = Field(
        default_factory=list,
        description="Columns whose combinations are groups too: [[skin_type, sex]].",
    )
    bands: dict[str, Annotated[list[Number], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="Numeric columns, cut at these lower ends: {age: [0, 30, 50, 70]}.",
    )
    min_group: int = Field(
        30, ge=2, description="Groups with fewer images are shown without an estimate."
    )
    min_class: int = Field(
        5, ge=1, description="The same for shares of fewer images, and for classes with fewer."
    )
    bins: int = Field(10, ge=2, le=100, description="Equal-mass bins of the calibration error.")
    images: int | None = Field(None, ge=1, description="Only the first images of the data.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        used = {column for columns in self.groupings for column in columns}
        for columns in self.groupings:
            if len(set(columns)) < len(columns):
                raise ValueError(f"intersections: {JOINT.join(columns)} names a column twice")
        if len({frozenset(columns) for columns in self.groupings}) < len(self.groupings):
            raise ValueError("by and intersections: a grouping is named twice; drop one")
        for column, edges in self.bands.items():
            if column not in used:
                raise ValueError(f"bands: '{column}' is in neither 'by' nor 'intersections'")
            if any(low >= high for low, high in pairwise(edges)):
                raise ValueError(f"bands: the lower ends of '{column}' must rise")
        return self

    @property
    def groupings(self) -> list[Sequence[str]]:
        """Columns by which images are grouped, alone and together."""
        return [*([column] for column in self.by), *self.intersections]


def _measures(parameters: Performance) -> Mapping[str, Measure]:
    columns = dict.fromkeys(column for columns in parameters.groupings for column in columns)
    groups: dict[str, tuple[float | str, ...] | None] = dict.fromkeys(columns)
    found = {
        name: Measure(unit, bounds, text, groups, better=_BETTER.get(name))
        for name, (unit, bounds, text) in _TABLE.items()
    }
    return found | dict(_gaps(parameters))


def _gaps(parameters: Performance) -> Iterator[tuple[str, Measure]]:
    names: tuple[float | str, ...] = tuple(JOINT.join(by) for by in parameters.groupings)
    if names:
        for name in GAPS:
            text = f"Largest difference of {name} between two groups."
            yield f"{name}.largest_gap", Measure(*_SHARE, text, {"by": names})


# Of the others, two models have no pairs.
_BETTER: Mapping[str, Better] = {
    "roc_auc": "higher",
    "sensitivity": "higher",
    "specificity": "higher",
    "accuracy": "higher",
    "brier": "lower",
}
_SHARE = ("proportion", (0.0, 1.0))
_REAL = (-math.inf, math.inf)
_TABLE: dict[str, tuple[str, tuple[float, float], str]] = {
    "roc_auc": (*_SHARE, "Area under the ROC curve of the score."),
    "pr_auc": (*_SHARE, "Average precision of the score; chance gives the prevalence."),
    "sensitivity": (*_SHARE, "Share of positive images decided positive at the threshold."),
    "specificity": (*_SHARE, "Share of negative images decided negative at the threshold."),
    "accuracy": (*_SHARE, "Share of images decided right."),
    "balanced_accuracy": (*_SHARE, "Mean over classes of the share decided right (macro recall)."),
    "ppv": (*_SHARE, "Share of images decided positive that are, at the prevalence of the data."),
    "npv": (*_SHARE, "Share of images decided negative that are, at the prevalence of the data."),
    "brier": ("squared probability", (0.0, 1.0), "Mean squared error of the probability."),
    "calibration_error": (*_SHARE, "Expected calibration error over equal-mass bins."),
    "calibration_slope": (
        "log-odds per log-odds",
        _REAL,
        "Slope of the logistic recalibration; 1 is calibrated, below 1 over-confident.",
    ),
    "calibration_intercept": (
        "log-odds",
        _REAL,
        "Calibration in the large: intercept at slope 1; 0 is calibrated.",
    ),
}


PERFORMANCE = CheckDeclaration(
    name="performance",
    title="Performance",
    summary="Discrimination and calibration, over all images, per group and between groups.",
    paper="DeGrave et al., Nat. Biomed. Eng. 2023, doi:10.1038/s41551-023-01160-9 (Fig. 1)",
    parameters=Performance,
    measures=_measures,
    compute="auditkit.checks.performance:performance",
    needs=lambda _: frozenset[Need]({"labels"}),
)
