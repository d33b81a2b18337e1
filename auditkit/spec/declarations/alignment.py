"""Declaration of the check `alignment`."""

from collections.abc import Iterator, Mapping
from typing import Self

from pydantic import Field, model_validator

from auditkit.spec.audit import Number
from auditkit.spec.declaration import Better, CheckDeclaration, Measure, Need, Parameters
from auditkit.spec.methods import HasMethods
from auditkit.spec.postprocess import HasRegions
from auditkit.spec.typed import Strict


class Cuts(Strict):
    """Where coverage is low and high; between them an image is undecided."""

    low: Number = Field(0.2, ge=0, lt=1, description="A coverage of at most this is low.")
    high: Number = Field(0.65, gt=0, le=1, description="A coverage of at least this is high.")
    iou: Number = Field(0.5, gt=0, le=1, description="An IoU of at least this is high.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low >= self.high:
            raise ValueError("low must be smaller than high")
        return self


class Alignment(HasRegions, HasMethods, Parameters):
    """Explanation region against annotated region."""

    cuts: Cuts = Field(
        default_factory=Cuts,
        description="Cut-offs of 'right for the wrong reasons' and of the eight cases.",
    )
    by: list[str] = Field(
        default_factory=list, description="Group columns; every measure is also given per group."
    )
    min_group: int = Field(
        30, ge=2, description="Groups with fewer images are shown without an estimate."
    )
    ranked: int = Field(5, ge=0, le=100, description="Images listed at each end of each score.")
    gallery: int = Field(
        200, ge=0, le=10_000, description="Most images that the report lets people browse."
    )
    images: int | None = Field(None, ge=2, description="Only the first images of the data.")

    @model_validator(mode="after")
    def _distinct_columns(self) -> Self:
        if len(set(self.by)) < len(self.by):
            raise ValueError("by: a column is named twice; drop one")
        return self


def _measures(parameters: Alignment) -> Mapping[str, Measure]:
    groups: dict[str, tuple[float | str, ...] | None] = dict.fromkeys(parameters.by)
    parts: tuple[tuple[Better | None, Iterator[_Part]], ...]
    found = {}
    for method in parameters.methods:
        parts = ("higher", _scores()), (None, _shares(parameters.cuts))
        for better, declared in parts:
            for name, bounds, text in declared:
                full, words = f"{method.label}.{name}", f"{text} ({method.label})."
                found[full] = Measure("proportion", bounds, words, groups, better=better)
    return found


_Part = tuple[str, tuple[float, float], str]


def _scores() -> Iterator[_Part]:
    for name, text in _SCORES.items():
        yield name, (0.0, 1.0), f"Mean over images of the {text}"
    text = "explanation coverage minus the annotation's share of the image"
    yield "coverage_above_chance", (-1.0, 1.0), f"Mean over images of the {text}"


def _shares(cuts: Cuts) -> Iterator[_Part]:
    conditions = {
        "low": f"with an explanation coverage of at most {cuts.low:g}",
        "high": f"with an explanation coverage of at least {cuts.high:g}",
        "aligned": f"with an IoU of at least {cuts.iou:g}",
        "subset": f"with an explanation coverage of at least {cuts.high:g}, IoU less than {cuts.iou:g}",
        "context": f"with a ground-truth coverage of at least {cuts.high:g}, neither of the former",
        "beside": f"with an explanation coverage of at most {cuts.low:g}, none of the former",
    }
    for name, (decisions, condition) in _CASES.items():
        yield name, (0.0, 1.0), f"Share of {decisions} decisions {conditions[condition]}"


_SCORES = {
    "explanation_coverage": "share of the explanation inside the annotation",
    "ground_truth_coverage": "share of the annotation that is explained",
    "iou": "intersection over union of explanation and annotation",
    "relevance_mass": "share of the heatmap's sum inside the annotation",
}
_CASES = {
    "right_for_right_reasons": ("right", "high"),
    "right_for_wrong_reasons": ("right", "low"),
    "wrong_for_right_reasons": ("wrong", "high"),
    "wrong_for_wrong_reasons": ("wrong", "low"),
    "human_aligned": ("right", "aligned"),
    "sufficient_subset": ("right", "subset"),
    "context_dependant": ("right", "context"),
    "sufficient_context": ("right", "beside"),
    "confuser": ("wrong", "aligned"),
    "insufficient_subset": ("wrong", "subset"),
    "context_confusion": ("wrong", "context"),
    "distractor": ("wrong", "beside"),
}


def _needs(_parameters: Alignment) -> frozenset[Need]:
    return frozenset({"annotations", "labels", "pictures"})


ALIGNMENT = CheckDeclaration(
    name="alignment",
    title="Explanation against annotation",
    summary="Do heatmaps point at the region that people marked?",
    paper="Boggust et al., Shared Interest, CHI 2022, arXiv:2107.09234",
    parameters=Alignment,
    measures=_measures,
    compute="auditkit.checks.alignment:alignment",
    needs=_needs,
)
