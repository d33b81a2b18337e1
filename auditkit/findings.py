"""What a check finds: measurements, curves, tables and images. No torch, no judgement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from auditkit.stats import Choice, Estimate, Sample

At = Mapping[str, float | str]
Mark = Literal["benign", "malignant", "neither", "unknown"]


@dataclass(frozen=True)
class Measurement:
    """A named quantity with its estimate, and how many images could not be evaluated and why.

    Attributes:
        name: a measure that the check declares.
        at: the value of each dimension of the measure.
        estimate: value, interval, n and method; ``None`` if nothing could be estimated.
        unit: what the number counts.
        bounds: smallest and largest possible value.
        planned: number of images that were to be evaluated.
        not_evaluable: number of images by reason; they are not in the estimate.
        reason: why there is no estimate.
        applicable: whether the quantity can be asked of the model at all; if not, ``reason`` says why.
        affected: share of what is averaged (patients, pairs of them) that could have any other value if
            those images were known; ``None`` if images are averaged, so that it is their own share. Of a
            choice, 0 says that its candidates hold whatever those images are.
        choice: in place of an estimate where the measure is a name: which, and what cannot be excluded.
        sample: what the estimate is of, image by image, so that two releases can be compared in pairs;
            ``None`` where the quantity is no average and no AUROC.
    """

    name: str
    at: At
    estimate: Estimate | None
    unit: str
    bounds: tuple[float, float]
    planned: int
    not_evaluable: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    applicable: bool = True
    affected: float | None = None
    choice: Choice | None = None
    sample: Sample | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Series:
    """One line of a figure, with its band where it has one; of squares, with what each is marked as."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    dashed: bool = False
    marks: Sequence[Mark] | None = None


@dataclass(frozen=True)
class Figure:
    """Numbers to be drawn: lines or points over an axis, or lines around a circle of angles in degrees.

    Or a forest of estimates: x is a place in ``labels``, y and its interval lie along the horizontal.
    Or mean ranks of ``labels`` in the same form, where less than ``critical_difference`` is no difference.
    Or boxes over ``labels``: the series are the lower whisker, the lower quartile, the median, the upper
    quartile and the upper whisker of each, then the outliers.
    Or violins over ``labels``: two series, x places among the labels and y values, whose distributions are
    drawn above and below the place.
    Or a matrix: rows are ``labels``, columns are the series, coloured up to the size ``reach``.
    Or squares: a matrix whose numbers are areas, the largest of size ``reach``, and whose colours are the
    marks of the series; a dashed series is a reference that has marks alone, its y are NaN.
    """

    name: str
    title: str
    kind: Literal[
        "lines", "points", "circle", "forest", "ranks", "boxes", "violins", "matrix", "squares"
    ]
    x_label: str
    y_label: str
    series: Sequence[Series]
    caption: str = ""
    diagonal: bool = False
    zero: bool = False
    labels: Sequence[str] = ()
    critical_difference: float | None = None
    reach: float | None = None


@dataclass(frozen=True)
class Table:
    """Rows for people; every number that matters is a measurement as well."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


@dataclass(frozen=True)
class Example:
    """Pictures of one case, side by side: PNG bytes with a caption each; so many in a row, if stated."""

    image_id: str
    title: str
    panels: Sequence[tuple[str, bytes]]
    columns: int = 0


@dataclass(frozen=True)
class GalleryItem:
    """One image of a gallery, under one heatmap method.

    Attributes:
        image_id: the image's id in its data set.
        picture: PNG of the square that the model sees, at most 128 px a side.
        heatmap: RGBA PNG of the map at its own granularity, at most 64 px a side, through the colour
            map; empty if there is none.
        outline: SVG path data of the annotation's edge, x and y in [0, 1000]; empty if there is none.
        scores: by score name; ``None`` if not evaluable.
        facets: by facet name, such as label, prediction, decision, case, group columns, method.
        note: what a reader must know of this image, such as why a score is not evaluable.
    """

    image_id: str
    picture: bytes
    heatmap: bytes
    outline: str
    scores: Mapping[str, float | None]
    facets: Mapping[str, str]
    note: str = ""


@dataclass(frozen=True)
class Gallery:
    """All images with their scores, to be filtered and ranked; ``scores`` and ``facets`` give the order."""

    name: str
    title: str
    scores: Sequence[str]
    facets: Sequence[str]
    items: Sequence[GalleryItem]
    caption: str = ""


@dataclass(frozen=True)
class CounterfactualFrame:
    """One counterfactual of an image: what was asked of it and what came of it.

    Attributes:
        asked: the score that it was to have.
        got: the model's score of it.
        decision: the model's decision about it.
        picture: PNG, at most 192 px a side.
        difference: PNG of its amplified difference from the image, at most 128 px a side.
    """

    asked: float
    got: float
    decision: str
    picture: bytes
    difference: bytes


@dataclass(frozen=True)
class CounterfactualCase:
    """An image with its counterfactuals from the lowest score asked for to the highest.

    Attributes:
        image_id: the image's id in its data set.
        picture: PNG of the square that the model sees, at most 192 px a side.
        score: the model's score of it.
        facets: by facet name: label, decision, case.
        frames: its counterfactuals.
    """

    image_id: str
    picture: bytes
    score: float
    facets: Mapping[str, str]
    frames: Sequence[CounterfactualFrame]


@dataclass(frozen=True)
class CounterfactualCases:
    """Cases to be looked at through all their counterfactuals, in the order given."""

    name: str
    title: str
    cases: Sequence[CounterfactualCase]
    caption: str = ""
    legend: str = ""


@dataclass
class Findings:
    """Everything one check found for one model."""

    measurements: list[Measurement] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    examples: list[Example] = field(default_factory=list)
    galleries: list[Gallery] = field(default_factory=list)
    counterfactuals: list[CounterfactualCases] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def find(self, name: str, at: At) -> Measurement | None:
        """The measurement of that name at exactly these values."""
        wanted = _plain(at)
        matches = (m for m in self.measurements if m.name == name and _plain(m.at) == wanted)
        return next(matches, None)

    def __getitem__(self, name: str) -> Measurement:
        """The measurement of that name, if there is one only."""
        found = [measurement for measurement in self.measurements if measurement.name == name]
        if len(found) == 1:
            return found[0]
        if not found:
            raise KeyError(name)
        places = ", ".join(str(dict(measurement.at)) for measurement in found)
        raise KeyError(f"{name} has {len(found)} values; use find(name, at) with one of {places}")


def _plain(at: At) -> dict[str, str]:
    return {k: v if isinstance(v, str) else format(float(v), "g") for k, v in at.items()}
