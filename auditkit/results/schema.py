"""The whole of results.json; every field has its description."""

from typing import Literal

from pydantic import Field

from auditkit.results.audited import DataResult, InstrumentResult, ModelResult
from auditkit.results.found import AuditResult
from auditkit.results.judged import Release, VerdictResult
from auditkit.results.part import SCHEMA_VERSION, Part
from auditkit.results.ran import (
    Deviations,
    Environment,
    EvidenceList,
    ProfileResult,
    Redaction,
    Registration,
    Run,
    SourceFile,
)


class Results(Part):
    """A run: specs x models, judged, with its provenance."""

    schema_version: Literal["1.0", "1.1"] = Field(
        default=SCHEMA_VERSION, description="Of this file."
    )
    run: Run = Field(description="When and how.")
    environment: Environment = Field(description="On what.")
    release: list[Release] = Field(description="The decision about each model.")
    deviations: Deviations = Field(description="What is partial, stand-in, dirty or rerun.")
    models: list[ModelResult] = Field(description="What was audited.")
    data: list[DataResult] = Field(description="With what.")
    instruments: list[InstrumentResult] = Field(
        default_factory=list, description="Generators and classifiers of concepts that were used."
    )
    verdicts: list[VerdictResult] = Field(description="Every expectation, judged.")
    audits: list[AuditResult] = Field(description="Everything that was found.")
    sources: list[SourceFile] = Field(
        default_factory=list, description="Specs and cards as they were read."
    )
    registration: Registration | None = Field(
        default=None, description="What was recorded of the specs before the run."
    )
    profile: ProfileResult | None = Field(default=None, description="The profile in force, if any.")
    evidence: EvidenceList | None = Field(default=None, description="What the verdicts rest on.")
    redaction: Redaction | None = Field(default=None, description="What this copy withholds.")
    language: str = Field(default="en", description="Language that its renderings are in.")
