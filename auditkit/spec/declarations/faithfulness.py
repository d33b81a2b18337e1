"""Declaration of the check `faithfulness`."""

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field, field_validator

from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters
from auditkit.spec.methods import HasMethods, Method
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

    @field_validator("sizes")
    @classmethod
    def _shares(cls, value: list[float]) -> list[float]:
        if not all(0 < size < 1 for size in value) or len(set(value)) < len(value):
            raise ValueError("sizes: shares between 0 and 1, each once, were expected")
        return value

    @property
    def compared(self) -> list[Method]:
        """The methods and then the controls."""
        return [*self.methods, *self.controls]


def _measures(parameters: Faithfulness) -> Mapping[str, Measure]:
    return dict(_all(parameters))


def _all(parameters: Faithfulness) -> Iterator[tuple[str, Measure]]:
    at: dict[str, tuple[float | str, ...] | None] = {"size": tuple(parameters.sizes)}
    for method in parameters.compared:
        name = method.label
        text = f"Area under the decided class' probability while {name} removes, hottest first."
        yield f"{name}.deletion", Measure("probability", _SHARE, text, better="lower")
        text = f"Area under the decided class' probability while {name} inserts, hottest first."
        yield f"{name}.insertion", Measure("probability", _SHARE, text, better="higher")
        text = (
            f"Infidelity of {name}, as a share of that of a map of zeros, after the best scaling."
        )
        yield f"{name}.infidelity", Measure("share", _SHARE, text, better="lower")
        text = f"Pearson correlation of sums of {name} over random subsets with what their removal costs."
        yield f"{name}.sensitivity_n", Measure("Pearson's r", _SIGNED, text, at, better="higher")
    for method in parameters.methods:
        for control in parameters.controls:
            yield from _over(method.label, control.label, at)


def _over(
    name: str, control: str, at: Mapping[str, tuple[float | str, ...] | None]
) -> Iterator[tuple[str, Measure]]:
    for part, unit in (
        ("deletion", "probability"),
        ("insertion", "probability"),
        ("infidelity", "share"),
    ):
        text = f"By how much {part} of {name} is better than that of {control}, image by image."
        yield f"{name}.{part}.over[{control}]", Measure(unit, _SIGNED, text, better="higher")
    text = f"Sensitivity-n of {name} minus that of {control}, image by image."
    unit = "Pearson's r"
    yield (
        f"{name}.sensitivity_n.over[{control}]",
        Measure(unit, (-2.0, 2.0), text, at, better="higher"),
    )


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
