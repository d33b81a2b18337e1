"""Declaration of the check `corruption-response`."""

from collections.abc import Mapping

from pydantic import Field, field_validator

from auditkit.spec.corruptions import AnyCorruption, Blur, Jpeg, Mark, Noise, Resize
from auditkit.spec.declaration import CheckDeclaration, Measure, Parameters
from auditkit.spec.declarations.changes import change_measures


class CorruptionResponse(Parameters):
    """Asking the model again about pictures that were stored, sent, taken or marked in another way."""

    corruptions: list[AnyCorruption] = Field(
        default_factory=lambda: [Jpeg(), Resize(), Blur(), Noise(), Mark()],
        min_length=1,
        description="Names, or mappings with `corruption`; all five with their defaults if left out.",
    )
    images: int | None = Field(None, ge=1, description="Only the first images of the data.")

    @field_validator("corruptions")
    @classmethod
    def _distinct(cls, value: list[AnyCorruption]) -> list[AnyCorruption]:
        labels = [one.label for one in value]
        if len(set(labels)) < len(labels):
            raise ValueError("two corruptions have the same name; set 'name' to tell them apart")
        return value


def _measures(parameters: CorruptionResponse) -> Mapping[str, Measure]:
    measures: dict[str, Measure] = {}
    for one in parameters.corruptions:
        when = f"when pictures are {one.done}"
        measures |= change_measures(one.label, when)
    return measures


CORRUPTION_RESPONSE = CheckDeclaration(
    name="corruption-response",
    title="Corruption response",
    summary="Does how a picture is stored, sent, taken or marked move the prediction?",
    paper="Corruptions after Hendrycks and Dietterich, ICLR 2019, arXiv:1903.12261",
    parameters=CorruptionResponse,
    measures=_measures,
    compute="auditkit.checks.corruption_response:corruption_response",
    needs=lambda _: frozenset({"pictures"}),
)
