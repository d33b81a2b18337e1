"""Declaration of the check `faithfulness`."""

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field

from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters
from auditkit.spec.methods import HasMethods
from auditkit.spec.removing import HasControls

_SHARE, _SIGNED = (0.0, 1.0), (-1.0, 1.0)


class Faithfulness(HasControls, HasMethods, Parameters):
    """How the decided class' probability follows what a heatmap ranks."""

    steps: int = Field(20, ge=2, le=100, description="Steps of the insertion and deletion curves.")
    fill: Literal["black", "mean", "blur"] = Field(
        "mean", description="What stands for removed pixels."
    )
    subsets: int = Field(
        64, ge=8, le=10_000, description="Random subsets of cells per image, and per size."
    )
    sizes: list[float] = Field(
        default=[0.1, 0.3, 0.5],
        min_length=1,
        description="Sizes n of sensitivity-n, as shares of the cells; between 0 and 1.",
    )
    images: int | None = Field(None, ge=2, description="Only the first images of the data.")


def _measures(parameters: Faithfulness) -> Mapping[str, Measure]:
    return dict(_all(parameters))


def _all(parameters: Faithfulness) -> Iterator[tuple[str, Measure]]:
    at: dict[str, tuple[float | str, ...] | None] = {"size": tuple(parameters.sizes)}
    for method in (*parameters.methods, *parameters.controls):
        name = method.label
        text = f"Area under the decided class' probability while {name} removes, hottest first."
        yield f"{name}.deletion", Measure("probability", _SHARE, text)
        text = f"Area under the decided class' probability while {name} inserts, hottest first."
        yield f"{name}.insertion", Measure("probability", _SHARE, text)
        text = (
            f"Infidelity of {name}, as a share of that of a map of zeros, after the best scaling."
        )
        yield f"{name}.infidelity", Measure("share", _SHARE, text)
        text = f"Pearson correlation of sums of {name} over random subsets with what their removal costs."
        yield f"{name}.sensitivity_n", Measure("Pearson's r", _SIGNED, text, at)


def _needs(_parameters: Faithfulness) -> frozenset[Need]:
    return frozenset()


FAITHFULNESS = CheckDeclaration(
    name="faithfulness",
    title="Faithfulness of heatmaps, image by image",
    summary="Does the decided class' probability follow what a heatmap ranks?",
    paper="Petsiuk et al., arXiv:1806.07421; Yeh et al., arXiv:1901.09392; Ancona et al., arXiv:1711.06104",
    parameters=Faithfulness,
    measures=_measures,
    compute="auditkit.checks.faithfulness:faithfulness",
    needs=_needs,
    guidelines=("G3",),
)
