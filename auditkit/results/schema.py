"""The fields of results.json, each with its description."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from auditkit.verdict import Verdict

SCHEMA_VERSION: Literal["1.0"] = "1.0"


class Part(BaseModel):
    """Base of everything in results.json."""

    model_config = ConfigDict(extra="forbid")


class ChoiceResult(Part):
    """A name with what the data leave possible."""

    value: str = Field(description="The name that the data favour.")
    candidates: list[str] = Field(description="Names that cannot be excluded, the value first.")
    p_values: dict[str, float] = Field(description="Evidence against each name, one-sided.")


class MeasurementResult(Part):
    """A quantity with its interval, or a name with its candidates."""

    name: str = Field(description="The measure's name, as in `expect`.")
    at: dict[str, float | str] = Field(description="Value of each dimension of the measure.")
    value: float | None = Field(description="Point estimate; null if nothing could be evaluated.")
    low: float | None = Field(description="Lower end of the interval.")
    high: float | None = Field(description="Upper end of the interval.")
    level: float | None = Field(description="Coverage of the two-sided interval.")
    n: int = Field(description="Images in the estimate.")
    clusters: int = Field(description="Independent units (patients) in the estimate.")
    method: str = Field(description="How the interval was computed.")
    unit: str = Field(description="What the number counts.")
    planned: int = Field(description="Images that were to be evaluated.")
    not_evaluable: dict[str, int] = Field(description="Images that could not be, by reason.")
    reason: str = Field(description="Why there is no estimate; empty if there is one.")
    choice: ChoiceResult | None = Field(
        default=None, description="Of a measure that is a name; it has no value and no interval."
    )
    applicable: bool = Field(
        default=True,
        description="False where the quantity cannot be asked of the model; the reason says why.",
    )


class SeriesResult(Part):
    """One line of a figure."""

    name: str = Field(description="Legend.")
    x: list[float] = Field(description="Abscissae, or angles in degrees.")
    y: list[float | None] = Field(description="Ordinates.")
    low: list[float | None] | None = Field(description="Lower end of the band.")
    high: list[float | None] | None = Field(description="Upper end of the band.")
    dashed: bool = Field(description="Drawn as a reference line.")


class FigureResult(Part):
    """The numbers behind a figure."""

    name: str = Field(description="Unique within the audit.")
    title: str = Field(description="Heading.")
    kind: Literal["lines", "points", "circle", "forest", "ranks", "boxes", "violins", "matrix"] = (
        Field(
            description="Over an axis, around a circle, estimates with intervals, ranks, boxplots, "
            "distributions in two halves, a grid."
        )
    )
    x_label: str = Field(description="Quantity and unit of x.")
    y_label: str = Field(description="Quantity and unit of y.")
    series: list[SeriesResult] = Field(description="The lines.")
    caption: str = Field(description="How to read it.")
    diagonal: bool = Field(description="Whether the line y = x is drawn (chance, or calibration).")
    zero: bool = Field(description="Whether the line y = 0 is drawn.")
    labels: list[str] = Field(
        default_factory=list, description="Rows of a forest or grid: x is a place in this list."
    )
    critical_difference: float | None = Field(
        default=None, description="Of ranks: mean ranks closer than this do not differ."
    )
    reach: float | None = Field(default=None, description="Of a grid: size of the fullest colour.")


class TableResult(Part):
    """Rows for people."""

    name: str = Field(description="Unique within the audit.")
    title: str = Field(description="Heading.")
    columns: list[str] = Field(description="Column heads.")
    rows: list[list[str]] = Field(description="Cells.")
    caption: str = Field(description="How to read it.")


class PictureFile(Part):
    """A picture beside results.json."""

    file: str = Field(description="PNG in the run's folder, named by its sha256.")
    sha256: str = Field(description="Of the file.")


class Panel(PictureFile):
    """One picture of an example."""

    caption: str = Field(description="What it shows.")


class ExampleResult(Part):
    """Pictures of one case."""

    image_id: str = Field(description="Id of the image in its data set.")
    title: str = Field(description="Why it is shown.")
    panels: list[Panel] = Field(description="Pictures side by side.")
    columns: int = Field(default=0, description="Panels in a row; 0: as many as there is room for.")


class GalleryItemResult(Part):
    """One image of a gallery, under one heatmap method."""

    image_id: str = Field(description="Id of the image in its data set.")
    picture: PictureFile = Field(description="The square that the model sees.")
    heatmap: PictureFile | None = Field(
        description="The map at its own granularity, coloured, with transparency; null if none."
    )
    outline: str = Field(
        pattern=r"^[MLHVZ0-9 .,]*$",
        description="SVG path data of the annotation's edge, in [0, 1000]; empty if none.",
    )
    scores: dict[str, float | None] = Field(description="By name; null if not evaluable.")
    facets: dict[str, str] = Field(description="By name: label, prediction, groups and so on.")
    note: str = Field(description="What a reader must know of this image.")


class GalleryResult(Part):
    """All images with their scores, to be filtered and ranked."""

    name: str = Field(description="Unique within the audit.")
    title: str = Field(description="Heading.")
    scores: list[str] = Field(description="Names of the scores, in order; the first one ranks.")
    facets: list[str] = Field(description="Names of the facets, in order.")
    items: list[GalleryItemResult] = Field(description="The images.")
    caption: str = Field(description="How to read it.")


class CounterfactualFrameResult(Part):
    """One counterfactual of an image: what was asked of it and what came of it."""

    asked: float = Field(description="The score that it was to have.")
    got: float = Field(description="The model's score of it.")
    decision: str = Field(description="The model's decision about it.")
    picture: PictureFile = Field(description="The counterfactual.")
    difference: PictureFile = Field(description="Its amplified difference from the image.")


class CounterfactualCaseResult(Part):
    """An image with its counterfactuals."""

    image_id: str = Field(description="Id of the image in its data set.")
    picture: PictureFile = Field(description="The square that the model sees.")
    score: float = Field(description="The model's score of it.")
    facets: dict[str, str] = Field(description="By name: label, decision, case.")
    frames: list[CounterfactualFrameResult] = Field(
        description="From the lowest score asked for to the highest."
    )


class CounterfactualCasesResult(Part):
    """Cases to be looked at through all their counterfactuals."""

    name: str = Field(description="Unique within the audit.")
    title: str = Field(description="Heading.")
    cases: list[CounterfactualCaseResult] = Field(description="The cases, in order.")
    caption: str = Field(description="How they were chosen.")
    legend: str = Field(description="How to read the differences.")


class AuditResult(Part):
    """One audit of one model: what was asked, and everything that was found."""

    audit: str = Field(description="Id of the audit.")
    model: str = Field(description="Name of the model.")
    check: str = Field(description="Name of the check.")
    title: str = Field(description="One line for people.")
    why: str = Field(description="Why it matters, from the spec.")
    paper: str = Field(description="Where the method comes from.")
    guidelines: list[str] = Field(
        default_factory=list,
        description="Clinical XAI Guidelines (arXiv:2202.10553) that the check gives evidence for.",
    )
    data: str = Field(description="Name of the data set.")
    parameters: dict[str, Any] = Field(description="All parameters, defaults included.")
    assumes: list[str] = Field(description="Audits on which this one rests.")
    file: str = Field(description="Spec file or test, relative to the root folder.")
    sha256: str = Field(description="Of the spec file.")
    measurements: list[MeasurementResult] = Field(description="All quantities.")
    figures: list[FigureResult] = Field(description="All figures.")
    tables: list[TableResult] = Field(description="All tables.")
    examples: list[ExampleResult] = Field(description="Example images.")
    galleries: list[GalleryResult] = Field(
        default_factory=list, description="Every image with its scores, to be filtered and ranked."
    )
    counterfactuals: list[CounterfactualCasesResult] = Field(
        default_factory=list, description="Cases with what would have changed the model's mind."
    )
    notes: list[str] = Field(description="What a reader must know to read the numbers.")


class VerdictResult(Part):
    """One expectation, judged."""

    node: str = Field(description="pytest's node id.")
    audit: str = Field(description="Id of the audit.")
    model: str = Field(description="Name of the model.")
    measure: str = Field(description="Name of the measure.")
    at: dict[str, float | str] = Field(description="Value of each dimension.")
    expected: str = Field(description="The condition in words.")
    severity: Literal["blocking", "advisory"] = Field(description="Whether a release rests on it.")
    verdict: Verdict = Field(description="One of the seven verdicts.")
    reason: str = Field(description="Estimate, interval and n against the condition; or why not.")
    value: float | None = Field(description="Point estimate.")
    low: float | None = Field(description="Lower end of the interval.")
    high: float | None = Field(description="Upper end of the interval.")
    n: int = Field(description="Images in the estimate.")
    p_value: float | None = Field(description="One-sided p-value of a violation.")
    p_adjusted: float | None = Field(description="After Holm over the model's blocking ones.")
    fault: bool = Field(description="A failure that stands after Holm: a claimed fault.")
    file: str = Field(description="Spec file or test, relative to the root folder.")
    line: int = Field(description="Line of the expectation (from 1).")
    why: str = Field(description="Where the threshold comes from, if the spec says so.")
    waiver: str = Field(
        default="", description="Why a release may pass where this is not applicable."
    )
    guidelines: list[str] = Field(
        default_factory=list, description="Clinical XAI Guidelines that the measure is about."
    )


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
    dossier: dict[str, str] = Field(description="What the manufacturer states.")


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


class InstrumentResult(Part):
    """Identity of what an audit measures with beside model and data: further models, people's records."""

    kind: Literal[
        "generator",
        "counterfactual generator",
        "concept classifier",
        "further model",
        "assessment",
        "ratings",
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


class Release(Part):
    """The decision about one model."""

    model: str = Field(description="Name.")
    decision: Literal["pass", "blocked", "partial", "no blocking expectation"] = Field(
        description="A release passes only if every blocking expectation passes."
    )
    why: str = Field(description="One sentence.")
    counts: dict[str, int] = Field(description="Expectations by verdict.")


class Deviations(Part):
    """What makes this run less than the whole planned audit."""

    planned: int = Field(description="Expectations planned.")
    judged: int = Field(description="Expectations with a verdict.")
    deselected: list[str] = Field(description="Node ids that were deselected or not reached.")
    other_tasks: dict[str, int] = Field(
        description="Specs that were not planned, by the task they belong to."
    )
    reruns: bool = Field(description="Whether a rerun plug-in was active.")
    dirty: bool = Field(description="Whether the repository had uncommitted changes.")
    stand_ins: list[str] = Field(description="Models and data sets that are stand-ins.")


class Environment(Part):
    """On what it ran."""

    auditkit: str = Field(description="Version of auditkit.")
    python: str = Field(description="Version of Python.")
    platform: str = Field(description="Operating system and processor.")
    packages: dict[str, str] = Field(description="Versions of the packages that compute.")
    device: str = Field(description="cpu, cuda or mps, as asked for.")
    precision: str = Field(description="Arithmetic of float models.")
    commit: str = Field(description="Commit of the repository that holds the specs.")


class Run(Part):
    """When, how and by which command."""

    id: str = Field(description="Name of the run's folder.")
    started: str = Field(description="UTC, ISO 8601.")
    finished: str = Field(description="UTC, ISO 8601.")
    seconds: float = Field(description="Wall time.")
    command: list[str] = Field(description="The command line.")
    exit_status: int = Field(description="pytest's exit status.")
    evidence: dict[str, int] = Field(description="Shards computed and shards found.")


class Results(Part):
    """A run: specs x models, judged, with its provenance."""

    schema_version: Literal["1.0"] = Field(default=SCHEMA_VERSION, description="Of this file.")
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
