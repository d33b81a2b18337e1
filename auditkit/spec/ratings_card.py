"""Tables of people's ratings of heatmaps."""

from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from auditkit.spec.audit import Number, identifier
from auditkit.spec.typed import Strict


class RatingColumns(Strict):
    """Which column of the table holds what."""

    image: str = Field("image", description="Id of the image or case in the data set.")
    rater: str = Field("rater", description="Who rated; any text that tells people apart.")
    method: str = Field("method", description="Whose heatmap was rated, as the spec names methods.")
    rating: str = Field("rating", description="The rating, a number; empty: not rated.")

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len({self.image, self.rater, self.method, self.rating}) < 4:
            raise ValueError("four different columns were expected")
        return self


class Scale(Strict):
    """Which ratings could be given."""

    low: Number = Field(description="Worst rating.")
    high: Number = Field(description="Best rating.")
    step: Number | None = Field(
        None, gt=0, description="Distance between neighbouring ratings; left out: any number."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low {self.low:g} below high {self.high:g} was expected")
        if not self.holds(self.high):
            raise ValueError(f"from low {self.low:g}, steps of {self.step:g} do not reach high")
        return self

    def holds(self, rating: float) -> bool:
        """Whether a rating could be given."""
        if not self.low <= rating <= self.high:
            return False
        if self.step is None:
            return True
        steps = (rating - self.low) / self.step
        return abs(steps - round(steps)) < 1e-6  # decimals such as 0.1 have no exact float

    @property
    def wording(self) -> str:
        """For people: '0 to 10 in steps of 1'."""
        steps = "" if self.step is None else f" in steps of {self.step:g}"
        return f"{self.low:g} to {self.high:g}{steps}"


class RatingsCard(Strict):
    """One table, `*.ratings.yaml`."""

    ratings: str = Field(description="Name; `ratings: NAME` in a spec.")
    title: str = Field("", description="One line for people.")
    task: str = Field(description="Which models it concerns.")
    stand_in: str = Field(
        "", description="If the ratings are a substitute: what for, and how made."
    )
    data: str = Field(description="Name of the data set whose heatmaps were rated.")
    model: str = Field(description="Name of the model whose heatmaps were rated.")
    file: str = Field(description="CSV table, relative to the card; one row per rating.")
    columns: RatingColumns = RatingColumns()
    scale: Scale = Field(description="Which ratings could be given.")
    description: str = Field("", description="Who rated, when, and with which instruction.")
    path: Path = Field(default=Path(), exclude=True)
    digest: str = Field(default="", exclude=True)

    _identifiers = field_validator("ratings", "task", "data", "model")(identifier)
