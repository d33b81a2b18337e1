"""Declaration of the check `triangulation`."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from auditkit.spec.audit import Number
from auditkit.spec.declaration import CheckDeclaration, Combined, Measure, Parameters
from auditkit.spec.problems import nearest
from auditkit.spec.typed import Strict

Line = Literal["intervention", "counterfactuals", "experts", "concepts", "heatmaps"]
Conclusion = Literal[
    "established", "contradicted", "suggested", "not found", "unclear", "not examined"
]
LINES: tuple[Line, ...] = ("intervention", "counterfactuals", "experts", "concepts", "heatmaps")
CONCLUSIONS: tuple[Conclusion, ...] = (
    "established",
    "contradicted",
    "suggested",
    "unclear",
    "not found",
    "not examined",
)


class Row(Strict):
    """One measure of another audit, as evidence about an attribute."""

    line: Line = Field(
        description="Kind of evidence: intervention (pictures changed in this attribute alone), "
        "counterfactuals (what a generator changes), experts (what people see in them), concepts "
        "(permutation), heatmaps."
    )
    audit: str = Field(description="Id of an audit in the same folder, of the same task.")
    measure: str = Field(description="One of its measures.")
    at: dict[str, Number | str] = Field(
        default_factory=dict, description="Value of each dimension of the measure."
    )
    margin: Number | None = Field(
        None,
        gt=0,
        description="Sizes up to this count as no effect; default: that of the audit's own expectation "
        "`between: [-margin, margin]` or `below: margin` of this measure.",
    )
    towards: Literal["up", "down", "unsigned"] = Field(
        "up",
        description="Whether a larger value says that more of the attribute raises the score (up), lowers it "
        "(down), or that it matters without saying in which direction (unsigned: importance).",
    )


class Triangulation(Parameters):
    """Independent lines of evidence about what a model reads."""

    attributes: dict[str, list[Row]] = Field(
        min_length=1, description="Per attribute, the rows of evidence about it."
    )

    warranted: dict[str, Literal["up", "down"]] = Field(
        default_factory=dict,
        description="Attributes that a sound model may read, and whether more of each should raise the score "
        "(up) or lower it (down). Among equal conclusions they come after the others, unless they are read "
        "the other way round.",
    )

    @field_validator("attributes")
    @classmethod
    def _rows(cls, value: dict[str, list[Row]]) -> dict[str, list[Row]]:
        for name, rows in value.items():
            if not rows:
                raise ValueError(f"attributes: '{name}' has no rows; give at least one")
        return value

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name in self.warranted:
            if name not in self.attributes:
                raise ValueError(
                    f"warranted: '{name}' is not among 'attributes'; {nearest(name, self.attributes)}"
                )
        return self

    @property
    def combined(self) -> Sequence[Combined]:
        """What is laid side by side."""
        return [
            Combined(row.audit, row.measure, row.at, ("attributes", name, i))
            for name, rows in self.attributes.items()
            for i, row in enumerate(rows)
        ]


def _measures(parameters: Triangulation) -> Mapping[str, Measure]:
    found = {
        f"conclusion[{name}]": Measure(
            "conclusion",
            (0.0, 1.0),
            f"What the lines of evidence say together about {name}.",
            choices=CONCLUSIONS,
        )
        for name in parameters.attributes
    }
    text = "The attribute with the strongest evidence, or none."
    found["first"] = Measure(
        "attribute", (0.0, 1.0), text, choices=(*parameters.attributes, "none")
    )
    return found


def _needs(_parameters: Any) -> frozenset[Any]:
    return frozenset()


TRIANGULATION = CheckDeclaration(
    name="triangulation",
    title="Triangulation",
    summary="Do independent lines of evidence agree on what the model reads?",
    paper="Lawlor, Tilling and Davey Smith 2016, doi:10.1093/ije/dyw314; DeGrave et al. 2023, "
    "doi:10.1038/s41551-023-01160-9",
    parameters=Triangulation,
    measures=_measures,
    compute="auditkit.checks.triangulation:triangulation",
    needs=_needs,
    combines=True,
)
