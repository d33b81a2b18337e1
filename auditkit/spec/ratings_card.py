"""Tables of people's ratings of heatmaps."""

from pathlib import Path

from pydantic import Field, field_validator

from auditkit.spec.audit import identifier
from auditkit.spec.typed import Strict


class RatingsCard(Strict):
    """One table, `*.ratings.yaml`."""

    ratings: str = Field(description="Name; `ratings: NAME` in a spec.")
    title: str = Field("", description="One line for people.")
    task: str = Field(description="Which models it concerns.")
    path: Path = Field(default=Path(), exclude=True)
    digest: str = Field(default="", exclude=True)

    _identifiers = field_validator("ratings", "task")(identifier)
