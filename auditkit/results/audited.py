"""Who was audited, on what and with what, as it stands in results.json."""

from typing import Any, Literal

from pydantic import Field

from auditkit.results.part import Part


class Person(Part):
    """Somebody who answers for a model, a data set or an audit."""

    name: str = Field(description="Of the person.")
    role: str = Field(description="What the person does there.")
    organisation: str = Field(description="For whom.")
    responsibility: str = Field(description="performed, reviewed, approved, or other words.")


class ModelResult(Part):
    """Identity of a model."""

    model: str = Field(description="Name.")
    title: str = Field(description="One line for people.")
    task: str = Field(description="What it decides.")
    stand_in: str = Field(description="If it is a substitute: for what; else empty.")
    card: str = Field(description="Path of the card, relative to the root folder if inside.")
    card_sha256: str = Field(description="Of the card file.")
    weights_sha256: str = Field(description="Of the weights file; empty if it could not be read.")
    pinned: bool = Field(description="Whether the card states the weights' sha256.")
    format: str = Field(description="Format and architecture.")
    input: dict[str, Any] = Field(description="Preprocessing.")
    output: dict[str, Any] = Field(description="Classes and score.")
    threshold: float | None = Field(description="Operating point.")
    licence: str = Field(description="Of the weights.")
    source: str = Field(description="Of the weights.")
    dossier: dict[str, str] = Field(
        description="What the manufacturer states, by field (`auditkit.spec.dossier`); empty: not provided."
    )
    people: list[Person] = Field(default_factory=list, description="Who answers for it.")


class IdentifierFinding(Part):
    """A place where something may identify a patient."""

    where: str = Field(description="DICOM header, file name, column of a table.")
    what: str = Field(description="Which tag or column, or what the text looks like.")
    count: int = Field(description="Files or rows.")


class DataResult(Part):
    """Identity of a data set."""

    data: str = Field(description="Name.")
    title: str = Field(description="One line for people.")
    task: str = Field(description="Which models it concerns.")
    stand_in: str = Field(description="If the images are a substitute: for what; else empty.")
    card_sha256: str = Field(description="Of the card file.")
    manifest_sha256: str = Field(description="Over all records and files; empty if not read.")
    images: int = Field(description="Number of images.")
    patients: int = Field(description="Number of patients.")
    incomplete: dict[str, int] = Field(
        default_factory=dict, description="Cases that are no images, by what they lack."
    )
    labels: dict[str, int] = Field(description="Images by label.")
    groups: dict[str, dict[str, int]] = Field(description="Images by group column and value.")
    licence: str = Field(description="Of the images.")
    source: str = Field(description="Of the images.")
    description: str = Field(description="Collection and reference standard.")
    dossier: dict[str, str] = Field(
        default_factory=dict, description="What its provider states, by field; empty: not provided."
    )
    identifiers: list[IdentifierFinding] = Field(
        default_factory=list,
        description="What may identify patients, as found before anything was shown.",
    )
    cleared: str = Field(
        default="", description="Who states that what was found identifies nobody; empty: nobody."
    )


class InstrumentResult(Part):
    """Identity of what an audit measures with beside model and data: further models, people's records."""

    kind: Literal[
        "generator",
        "counterfactual generator",
        "concept classifier",
        "further model",
        "assessment",
        "ratings",
        "expert study",
    ] = Field(description="What it is.")
    name: str = Field(description="Of its card.")
    title: str = Field(description="One line for people.")
    task: str = Field(description="What it was trained for.")
    stand_in: str = Field(description="If it is a substitute: for what; else empty.")
    settings: str = Field(description="How it is used, in words.")
    card_sha256: str = Field(description="Of the card file.")
    files_sha256: str = Field(description="Over all its files.")
    licence: str = Field(description="Of the weights or the table; else empty.")
    source: str = Field(description="Of the weights or the table; else empty.")
