"""Recorded assessments: who found an explanation understandable and relevant, and when."""

from pathlib import Path

from pydantic import Field, field_validator

from auditkit.spec.audit import identifier
from auditkit.spec.typed import Strict


class AssessmentCard(Strict):
    """One record, `*.assessment.yaml`."""

    assessment: str = Field(description="Name; `assessment: NAME` in a spec.")
    title: str = Field("", description="One line for people.")
    task: str = Field(description="Which models it concerns.")
    path: Path = Field(default=Path(), exclude=True)
    digest: str = Field(default="", exclude=True)

    _identifiers = field_validator("assessment", "task")(identifier)
