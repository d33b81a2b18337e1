"""Declaration of the check `performance`."""

import math
from collections.abc import Mapping

from pydantic import Field

from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters


class Performance(Parameters):
    """Discrimination and calibration at the card's threshold."""

    by: list[str] = Field(
        default_factory=list, description="Group columns; every measure is also given per group."
    )
    bins: int = Field(10, ge=2, le=100, description="Equal-mass bins of the calibration error.")
    images: int | None = Field(None, ge=1, description="Only the first images of the data.")


def _measures(parameters: Performance) -> Mapping[str, Measure]:
    groups: dict[str, tuple[float | str, ...] | None] = dict.fromkeys(parameters.by)
    share = ("proportion", (0.0, 1.0))
    table = {
        "roc_auc": (*share, "Area under the ROC curve of the score."),
        "sensitivity": (*share, "Share of positive images decided positive at the threshold."),
        "specificity": (*share, "Share of negative images decided negative at the threshold."),
        "accuracy": (*share, "Share of images decided right."),
        "brier": ("squared probability", (0.0, 1.0), "Mean squared error of the probability."),
        "calibration_error": (*share, "Expected calibration error over equal-mass bins."),
        "calibration_slope": (
            "log-odds per log-odds",
            (-math.inf, math.inf),
            "Slope of the logistic recalibration; 1 is calibrated, below 1 over-confident.",
        ),
        "calibration_intercept": (
            "log-odds",
            (-math.inf, math.inf),
            "Calibration in the large: intercept at slope 1; 0 is calibrated.",
        ),
    }
    return {
        name: Measure(unit, bounds, text, groups) for name, (unit, bounds, text) in table.items()
    }


PERFORMANCE = CheckDeclaration(
    name="performance",
    title="Performance",
    summary="Discrimination and calibration, over all images and per group.",
    paper="DeGrave et al., Nat. Biomed. Eng. 2023, doi:10.1038/s41551-023-01160-9 (Fig. 1)",
    parameters=Performance,
    measures=_measures,
    compute="auditkit.checks.performance:performance",
    needs=lambda _: frozenset[Need]({"labels"}),
)
