"""Data cards: what is audited on."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from auditkit.spec.audit import Number, identifier
from auditkit.spec.typed import Strict


class Columns(Strict):
    """Which column of a table holds what."""

    image: str = Field("image", description="Path of the picture, relative to the table.")
    label: str = Field("label", description="Class name or index.")
    id: str | None = Field(None, description="Unique id; the image path if left out.")
    patient: str | None = Field(None, description="Images of one patient are one cluster.")
    mask: str | None = Field(None, description="Path of a mask picture; non-zero is inside.")
    box: str | None = Field(None, description="`x0,y0,x1,y1` in pixels, half-open.")
    groups: list[str] = Field(default_factory=list, description="Columns to report by.")
    features: list[str] = Field(
        default_factory=list, description="Columns that a model's second input may read (age, sex)."
    )


class Synthetic(Strict):
    """Parameters of the synthetic generators."""

    n: int = Field(ge=1, description="Number of images.")
    seed: int = Field(ge=0)
    size: int = Field(128, ge=32, le=1024, description="Side in pixels.")
    images_per_patient: int = Field(1, ge=1)
    tint_follows_label: Number = Field(
        0.0, ge=0, le=1, description="0: the colour cast is independent of the label."
    )


class DataCard(Strict):
    """A data set under its name."""

    data: str = Field(description="Name; `data: NAME` in a spec.")
    title: str = Field("", description="One line for people.")
    task: str = Field(description="Which models it concerns.")
    stand_in: str = Field("", description="If the images are a substitute: what for.")
    format: Literal["table", "synthetic-dermoscopy", "synthetic-clinical"]
    file: str | None = Field(None, description="CSV or Parquet table, relative to the card.")
    columns: Columns = Columns()
    positive: list[str] | None = Field(
        None, min_length=1, description="Labels that count as positive (two-class tasks)."
    )
    negative: list[str] | None = Field(
        None, min_length=1, description="All other labels; left out: whatever is not positive."
    )
    limit: int | None = Field(None, ge=1, description="Only the first rows of the table.")
    with_: Synthetic | None = Field(None, alias="with")
    licence: str = Field("", description="SPDX name or sentence.")
    source: str = Field("", description="Where the images come from.")
    description: str = Field("", description="Collection, annotators, reference standard.")
    path: Path = Field(default=Path(), exclude=True)
    digest: str = Field(default="", exclude=True)

    _identifiers = field_validator("data", "task")(identifier)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.format == "table" and not self.file:
            raise ValueError("file: a table was expected (format is 'table')")
        if self.format.startswith("synthetic-") and self.with_ is None:
            raise ValueError("with: the generator's parameters were expected (n, seed)")
        return self
