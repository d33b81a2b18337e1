"""What a check found, as it stands in results.json."""

from typing import Any, Literal

from pydantic import Field

from auditkit.results.part import Part


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
    bounds: tuple[float | None, float | None] = Field(
        default=(None, None), description="Smallest and largest possible value; null: no limit."
    )
    affected: float | None = Field(
        default=None,
        description="Share of what is averaged that images not evaluated could move; null: their own share.",
    )


class SeriesResult(Part):
    """One line of a figure."""

    name: str = Field(description="Legend.")
    x: list[float] = Field(description="Abscissae, or angles in degrees.")
    y: list[float | None] = Field(description="Ordinates.")
    low: list[float | None] | None = Field(description="Lower end of the band.")
    high: list[float | None] | None = Field(description="Upper end of the band.")
    dashed: bool = Field(description="Drawn as a reference line.")
    marks: list[Literal["benign", "malignant", "neither", "unknown"]] | None = Field(
        default=None, description="Of squares: what is predominant, one for every x."
    )


class FigureResult(Part):
    """The numbers behind a figure."""

    name: str = Field(description="Unique within the audit.")
    title: str = Field(description="Heading.")
    kind: Literal[
        "lines", "points", "circle", "forest", "ranks", "boxes", "violins", "matrix", "squares"
    ] = Field(
        description="Over an axis, around a circle, estimates with intervals, ranks, boxplots, "
        "distributions in two halves, a grid, a grid of squares."
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
    reach: float | None = Field(
        default=None, description="Of a grid: size of the fullest colour, or largest square."
    )


class TableResult(Part):
    """Rows for people."""

    name: str = Field(description="Unique within the audit.")
    title: str = Field(description="Heading.")
    columns: list[str] = Field(description="Column heads.")
    rows: list[list[str]] = Field(description="Cells.")
    caption: str = Field(description="How to read it.")


class PictureFile(Part):
    """A picture beside results.json."""

    file: str = Field(
        description="PNG in the run's folder, named by its sha256; empty: withheld from this copy."
    )
    sha256: str = Field(description="Of the file.")


class SampleFile(Part):
    """Numbers per image beside results.json, by which two releases are compared in pairs."""

    file: str = Field(description="JSON in the run's folder, named by its sha256.")
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
    hazards: list[str] = Field(
        default_factory=list, description="Ids in the risk-management file that the spec names."
    )
    samples: SampleFile | None = Field(
        default=None, description="What its averages and AUROCs are of, image by image."
    )
