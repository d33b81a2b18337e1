"""Declaration of the check `reproduction`."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters

Against = Literal["xnnpack", "reference", "noise-floor"]


class Reproduction(Parameters):
    """The PyTorch model against the runtime that the device ships with."""

    against: list[Against] = Field(
        default=["xnnpack", "reference", "noise-floor"],
        min_length=1,
        description="The runtime's kernels; `noise-floor` compares the two kernels with each other.",
    )
    tolerance_steps: int = Field(
        1, ge=0, description="Outputs within so many quantisation steps count as equal."
    )
    images: int | None = Field(1000, ge=3, description="Only the first images of the data.")


def _measures(parameters: Reproduction) -> Mapping[str, Measure]:
    at: dict[str, tuple[float | str, ...] | None] = {"against": tuple(parameters.against)}
    share = ("proportion", (0.0, 1.0))
    return {
        "pearson_r": Measure("correlation", (-1.0, 1.0), "Pearson's r of the two scores.", at),
        "bit_equal": Measure(*share, "Share of images whose outputs are equal to the bit.", at),
        "within_tolerance": Measure(
            *share, "Share of images whose scores differ by at most `tolerance_steps`.", at
        ),
        "decision_agreement": Measure(*share, "Share of images with the same decision.", at),
    }


REPRODUCTION = CheckDeclaration(
    name="reproduction",
    title="Reproduction",
    summary="Does the model that is audited answer as the device's own runtime does?",
    paper="DeGrave et al., Nat. Biomed. Eng. 2023, doi:10.1038/s41551-023-01160-9 (Supp. Fig. 2)",
    parameters=Reproduction,
    measures=_measures,
    compute="auditkit.checks.reproduction:reproduction",
    needs=lambda _: frozenset[Need]({"reference-runtime"}),
)
