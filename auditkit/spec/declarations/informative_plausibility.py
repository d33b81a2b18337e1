"""Declaration of the check `informative-plausibility`."""

from collections.abc import Iterator, Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters
from auditkit.spec.declarations.plausibility import PAPER, HasPlausibility
from auditkit.spec.methods import HasMethods

_SHARE, _DIFFERENCE = (0.0, 1.0), (-1.0, 1.0)
_CLASS: Mapping[str, tuple[float | str, ...] | None] = {"class": None}


class InformativePlausibility(HasPlausibility, HasMethods, Parameters):
    """Whether implausible heatmaps tell that a decision is wrong."""

    score: Literal["msfi", "fp"] = Field("msfi", description="Which plausibility.")
    condition: Literal["label", "decision"] = Field(
        "decision", description="What 'per class' is: the decided class, or the true one."
    )
    bias: list[str] = Field(
        default_factory=list,
        description="Columns of the data (group or feature) with a number per image that quantifies a "
        "biased pattern, 0 for none.",
    )
    folds: int = Field(
        5, ge=2, le=20, description="Of patients, over which confidence is calibrated."
    )
    images: int | None = Field(None, ge=2, description="Only the first images of the data.")

    @model_validator(mode="after")
    def _distinct_columns(self) -> Self:
        if len(set(self.bias)) < len(self.bias):
            raise ValueError("bias: a column is named twice; drop one")
        return self


def _measures(parameters: InformativePlausibility) -> Mapping[str, Measure]:
    return dict(_all(parameters))


def _all(parameters: InformativePlausibility) -> Iterator[tuple[str, Measure]]:
    for method in parameters.methods:
        name = method.label
        text = f"Probability that a right decision's map ({name}) is more plausible than a wrong one's."
        yield f"{name}.auroc", Measure("probability of superiority", _SHARE, text, _CLASS)
        text = f"Mean plausibility ({name}) of right decisions minus that of wrong ones."
        yield f"{name}.difference", Measure(parameters.score.upper(), _DIFFERENCE, text, _CLASS)
        text = f"Spearman correlation of plausibility ({name}) with the decided class' probability."
        yield f"{name}.spearman", Measure("Spearman's rho", _DIFFERENCE, text, _CLASS)
        text = f"Spearman correlation of plausibility ({name}) with calibrated confidence."
        yield f"{name}.calibrated_spearman", Measure("Spearman's rho", _DIFFERENCE, text)
        for column in parameters.bias:
            text = (
                f"Spearman correlation of plausibility ({name}) with the biased pattern {column}."
            )
            yield f"{name}.bias[{column}]", Measure("Spearman's rho", _DIFFERENCE, text)


def _needs(_parameters: InformativePlausibility) -> frozenset[Need]:
    return frozenset({"annotations", "labels"})


INFORMATIVE_PLAUSIBILITY = CheckDeclaration(
    name="informative-plausibility",
    title="Informative plausibility of heatmaps",
    summary="Does an implausible heatmap tell that a decision is wrong?",
    paper=f"{PAPER} (section 4.4.2)",
    parameters=InformativePlausibility,
    measures=_measures,
    compute="auditkit.checks.informative_plausibility:informative_plausibility",
    needs=_needs,
    rests_on=("truthfulness",),
    guidelines=("G4",),
)
