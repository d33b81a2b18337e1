"""Declaration of the check `across-trainings`."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field, field_validator

from auditkit.spec.declaration import CheckDeclaration, Measure, Need
from auditkit.spec.declarations.truthfulness import Truthfulness


class AcrossTrainings(Truthfulness):
    """Truthfulness over several trainings of the same model."""

    others: list[str] = Field(
        min_length=1,
        description="Model cards of the other trainings; the audited model is the first.",
    )

    @field_validator("others")
    @classmethod
    def _once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("others: one is named twice; drop one")
        return value

    @property
    def trainings(self) -> Sequence[str]:
        """The other trainings."""
        return self.others


def _measures(parameters: AcrossTrainings) -> Mapping[str, Measure]:
    return dict(_all(parameters))


def _all(parameters: AcrossTrainings) -> Iterator[tuple[str, Measure]]:
    at: dict[str, tuple[float | str, ...] | None] = {"fill": tuple(parameters.fills)}
    unit = "accuracy" if parameters.performance == "accuracy" else "AUROC"
    for method in parameters.compared:
        text = f"Mean over trainings of the delta-AUPC of {method.label}."
        yield f"{method.label}.mean_delta_aupc", Measure(unit, (-1.0, 1.0), text, at)
        text = f"Standard deviation between trainings of the delta-AUPC of {method.label}."
        yield f"{method.label}.sd_delta_aupc", Measure(unit, (0.0, 2.0), text, at)
        text = f"Delta-AUPC of {method.label} for the training where it is smallest."
        yield f"{method.label}.smallest_delta_aupc", Measure(unit, (-1.0, 1.0), text, at)
    text = "Mean over pairs of trainings of Kendall's tau-b between their rankings of methods."
    yield "rank_stability", Measure("Kendall's tau-b", (-1.0, 1.0), text, at)


def _needs(_parameters: AcrossTrainings) -> frozenset[Need]:
    return frozenset({"labels"})


ACROSS_TRAININGS = CheckDeclaration(
    name="across-trainings",
    title="Truthfulness over several trainings",
    summary="Are heatmaps as truthful when the same model is trained again?",
    paper="Jin et al., Med. Image Anal. 2023, arXiv:2202.10553 (section 5.2, Table 2)",
    parameters=AcrossTrainings,
    measures=_measures,
    compute="auditkit.checks.across_trainings:across_trainings",
    needs=_needs,
    guidelines=("G3",),
)
