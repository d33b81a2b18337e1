"""Declaration of the check `reproduction`."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from auditkit.spec.audit import Number
from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters

Against = Literal["runtime", "reference", "noise-floor", "vendor"]


class Reproduction(Parameters):
    """The PyTorch model against the runtime that the device ships with."""

    against: list[Against] = Field(
        default=["runtime"],
        min_length=1,
        description="`runtime`: for the same input; `vendor`: pictures prepared as the device's own app "
        "does; `reference`: TFLite's reference kernels; `noise-floor`: the runtime's two kernels.",
    )
    tolerance_steps: int = Field(
        1, ge=0, description="Quantised outputs within so many steps count as equal."
    )
    tolerance: Number = Field(
        1e-4,
        ge=0,
        description="Float outputs whose probabilities differ by no more count as equal.",
    )
    images: int | None = Field(1000, ge=3, description="Only the first images of the data.")


def _measures(parameters: Reproduction) -> Mapping[str, Measure]:
    at: dict[str, tuple[float | str, ...] | None] = {"against": tuple(parameters.against)}
    share = ("proportion", (0.0, 1.0))
    return {
        "pearson_r": Measure("correlation", (-1.0, 1.0), "Pearson's r of the two scores.", at),
        "logit_pearson_r": Measure(
            "correlation", (-1.0, 1.0), "Pearson's r of the two scores' log-odds.", at
        ),
        "bit_equal": Measure(
            *share, "Share of images whose outputs are equal to the bit.", at, better="higher"
        ),
        "within_tolerance": Measure(
            *share,
            "Share of images whose outputs differ by at most `tolerance_steps` steps, or floats by "
            "`tolerance`.",
            at,
            better="higher",
        ),
        "decision_agreement": Measure(
            *share, "Share of images with the same decision.", at, better="higher"
        ),
    }


def _needs(parameters: Reproduction) -> frozenset[Need]:
    needs: set[Need] = {"reference-runtime", "pictures"}
    if {"reference", "noise-floor"} & set(parameters.against):
        needs.add("reference-kernels")
    if "vendor" in parameters.against:
        needs.add("vendor-input")
    return frozenset(needs)


REPRODUCTION = CheckDeclaration(
    name="reproduction",
    title="Reproduction",
    summary="Does the model that is audited answer as the device's own runtime does?",
    paper="DeGrave et al., Nat. Biomed. Eng. 2023, doi:10.1038/s41551-023-01160-9 (Supp. Fig. 2)",
    parameters=Reproduction,
    measures=_measures,
    compute="auditkit.checks.reproduction:reproduction",
    needs=_needs,
)
