"""Declaration of the check `attribute-response`."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from auditkit.errors import AuditError
from auditkit.spec.attributes import ATTRIBUTES
from auditkit.spec.audit import Number
from auditkit.spec.declaration import CheckDeclaration, Measure, Parameters
from auditkit.spec.declarations.changes import change_measures
from auditkit.spec.problems import nearest

Share = Annotated[Number, Field(ge=0, le=1)]


def _known(name: str) -> str:
    if name not in ATTRIBUTES:
        raise ValueError(f"unknown attribute '{name}'; {nearest(name, ATTRIBUTES)}")
    return name


class AttributeResponse(Parameters):
    """Redrawing each synthetic picture with one attribute low and high."""

    attributes: list[str] = Field(
        default_factory=lambda: list(ATTRIBUTES),
        min_length=1,
        description="Attributes of the generator, one at a time.",
    )
    low: Share = Field(0.1, description="The low value, as a share of the attribute's range.")
    high: Share = Field(0.9, description="The high value, as a share of the attribute's range.")
    values: dict[str, list[Number]] = Field(
        default_factory=dict,
        description="Low and high value of single attributes in their own unit, in place of shares.",
    )
    images: int | None = Field(None, ge=1, description="Only the first images of the data.")

    @field_validator("attributes")
    @classmethod
    def _named_once(cls, value: list[str]) -> list[str]:
        for name in value:
            if value.count(_known(name)) > 1:
                raise ValueError(f"attribute '{name}' is named twice")
        return value

    @field_validator("values")
    @classmethod
    def _in_range(cls, value: dict[str, list[float]]) -> dict[str, list[float]]:
        for name, pair in value.items():
            if len(pair) != 2 or not pair[0] < pair[1]:
                raise ValueError(f"'{_known(name)}': two values were expected, the lower one first")
            try:
                for end in pair:
                    ATTRIBUTES[_known(name)].checked(end)
            except AuditError as error:
                raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low ({self.low:g}) was expected below high ({self.high:g})")
        for name in self.values:
            if name not in self.attributes:
                raise ValueError(f"values: '{name}' is not among the attributes")
        return self

    def span(self, name: str) -> tuple[float, float]:
        """The low and the high value of an attribute, in its own unit."""
        if name in self.values:
            low, high = self.values[name]
            return low, high
        known = ATTRIBUTES[name]
        width = known.high - known.low
        return known.low + self.low * width, known.low + self.high * width


def _measures(parameters: AttributeResponse) -> Mapping[str, Measure]:
    measures: dict[str, Measure] = {}
    for name in parameters.attributes:
        low, high = parameters.span(name)
        moved = f"when {name} alone goes from {low:g} to {high:g}"
        measures |= change_measures(name, moved)
    return measures


ATTRIBUTE_RESPONSE = CheckDeclaration(
    name="attribute-response",
    title="Attribute response",
    summary="What does the score do when one known property of a picture changes and nothing else?",
    paper="Attributes after DeGrave et al., Nat. Biomed. Eng. 2023, doi:10.1038/s41551-023-01160-9",
    parameters=AttributeResponse,
    measures=_measures,
    compute="auditkit.checks.attribute_response:attribute_response",
    needs=lambda _: frozenset({"interventions", "pictures"}),
)
