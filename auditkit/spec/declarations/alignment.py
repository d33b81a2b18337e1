"""Declaration of the check `alignment`."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from auditkit.spec.audit import Number
from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters
from auditkit.spec.methods import HasMethods


class Alignment(HasMethods, Parameters):
    """Explanation region against annotated region."""

    top: Number = Field(
        0.1, gt=0, lt=1, description="The explanation region is this share of pixels, the hottest."
    )
    signs: Literal["positive", "absolute"] = Field(
        "positive", description="Whether evidence against the explained class counts."
    )
    images: int | None = Field(None, ge=2, description="Only the first images of the data.")


def _measures(parameters: Alignment) -> Mapping[str, Measure]:
    measures = {}
    for method in parameters.methods:
        table = {
            "explanation_coverage": ((0.0, 1.0), "share of the explanation inside the annotation"),
            "ground_truth_coverage": ((0.0, 1.0), "share of the annotation that is explained"),
            "iou": ((0.0, 1.0), "intersection over union of explanation and annotation"),
            "coverage_above_chance": (
                (-1.0, 1.0),
                "explanation coverage minus the annotation's share of the image",
            ),
        }
        for name, (bounds, text) in table.items():
            measures[f"{method.label}.{name}"] = Measure(
                "proportion", bounds, f"Mean over images of the {text} ({method.label})."
            )
    return measures


def _needs(parameters: Alignment) -> frozenset[Need]:
    return frozenset(
        {"annotations", "gradients"} if parameters.needs_gradients else {"annotations"}
    )


ALIGNMENT = CheckDeclaration(
    name="alignment",
    title="Explanation against annotation",
    summary="Do heatmaps point at the region that people marked?",
    paper="Boggust et al., Shared Interest, CHI 2022, arXiv:2107.09234",
    parameters=Alignment,
    measures=_measures,
    compute="auditkit.checks.alignment:alignment",
    needs=_needs,
)
