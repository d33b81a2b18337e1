"""Declaration of the check `compare-methods`."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Literal, Self

from pydantic import Field, model_validator

from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters
from auditkit.spec.declarations.plausibility import HasPlausibility
from auditkit.spec.methods import HasMethods, Method
from auditkit.spec.postprocess import HasRegions
from auditkit.spec.removing import Fill, HasModalityWeights

Metric = Literal[
    "explanation-coverage",
    "ground-truth-coverage",
    "iou",
    "relevance-mass",
    "coverage-above-chance",
    "fp",
    "msfi",
    "aupc",
    "delta-aupc",
]
REMOVAL: tuple[Metric, ...] = ("aupc", "delta-aupc")
PLAUSIBLE: tuple[Metric, ...] = ("fp", "msfi")
_SHARE, _DIFFERENCE = (0.0, 1.0), (-1.0, 1.0)


class CompareMethods(HasPlausibility, HasRegions, HasMethods, Parameters):
    """Heatmap methods side by side on one number per image."""

    metric: Metric = Field(description="What every heatmap of every image is given as a number.")
    by: str | None = Field(
        None, description="Group column: the ranking is also given within each of its values."
    )
    against: list[str] = Field(
        default_factory=list,
        description="Other data sets of the same task, whose ranking by the same model is compared.",
    )
    min_group: int = Field(
        10, ge=2, description="Groups with fewer patients are shown without an estimate."
    )
    fill: Fill = Field("mean", description="AUPC: what replaces removed pixels.")
    steps: int = Field(10, ge=2, le=100, description="AUPC: removal steps.")
    repeats: int = Field(15, ge=1, le=1000, description="ΔAUPC: random orders of removal.")
    images: int | None = Field(None, ge=2, description="Only the first images of the data.")

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        if len(self.methods) < 2:
            raise ValueError("methods: at least two are needed for a comparison")
        if len(set(self.against)) < len(self.against):
            raise ValueError("against: a data set is named twice")
        defaults = type(self).model_fields
        idle = [
            one
            for one in dict.fromkeys(self._unused)
            if getattr(self, one) != defaults[one].get_default(call_default_factory=True)
        ]
        if idle:
            raise ValueError(
                f"{', '.join(idle)}: of no effect on the metric {self.metric}; drop it"
            )
        return self

    @property
    def _unused(self) -> list[str]:
        """Parameters that the metric does not use."""
        regions, plausible = list(HasRegions.model_fields), list(HasPlausibility.model_fields)
        removal = ["fill", "steps", "repeats"]
        if self.metric in REMOVAL:
            return [*regions, *plausible, *(["repeats"] if self.metric == "aupc" else [])]
        if self.metric not in PLAUSIBLE:
            return [*removal, *(one for one in plausible if one not in regions)]
        weights = list(HasModalityWeights.model_fields) if self.metric == "fp" else []
        return [*removal, *weights, *(one for one in regions if one not in plausible)]

    @property
    def other_data(self) -> list[str]:
        """The data sets of ``against``."""
        return self.against

    @property
    def larger_is_better(self) -> bool:
        """Whether a large value is rank 1: only the area under the removal curve should be small."""
        return self.metric != "aupc"

    @property
    def bounds(self) -> tuple[float, float]:
        """Range of the metric."""
        return _DIFFERENCE if self.metric in ("coverage-above-chance", "delta-aupc") else _SHARE

    @property
    def unit(self) -> str:
        """What the metric counts."""
        return "accuracy" if self.metric in REMOVAL else "proportion"

    @property
    def pairs(self) -> Iterator[tuple[Method, Method]]:
        """Every two methods, in the order in which they are listed."""
        return combinations(self.methods, 2)


def _measures(parameters: CompareMethods) -> Mapping[str, Measure]:
    by = parameters.by
    groups: dict[str, tuple[float | str, ...] | None] = {by: None} if by else {}
    text = (
        "Mean correlation between two patients' rankings of the methods; 0: chance, 1: all alike."
    )
    found = {"concordance": Measure("Spearman's rho", _DIFFERENCE, text, groups)}
    most = float(len(parameters.methods))
    for method in parameters.methods:
        text = f"Mean over patients of the rank of {method.label}; 1 is best."
        found[f"{method.label}.mean_rank"] = Measure("rank", (1.0, most), text, groups)
    return found | dict(_pairs(parameters)) | dict(_agreements(parameters, groups))


def _pairs(parameters: CompareMethods) -> Iterator[tuple[str, Measure]]:
    low, high = parameters.bounds
    for first, second in parameters.pairs:
        a, b = first.label, second.label
        text = f"Probability that {a} is better than {b} in a patient; ties count half."
        yield f"{a}.over.{b}", Measure("proportion of patients", _SHARE, text)
        text = f"Mean over patients of {parameters.metric} of {a} minus that of {b}."
        yield f"{a}.minus.{b}", Measure(parameters.unit, (low - high, high - low), text)


def _agreements(
    parameters: CompareMethods, groups: Mapping[str, tuple[float | str, ...] | None]
) -> Iterator[tuple[str, Measure]]:
    if groups:
        text = "Agreement between the ranking in a group and that among all other images."
        unit = "Kendall's tau-b"
        yield "rank_agreement.group", Measure(unit, _DIFFERENCE, text, groups, everywhere=False)
    if parameters.against:
        text = "Agreement between the ranking on these data and that on another data set."
        at: dict[str, tuple[float | str, ...] | None] = {"against": tuple(parameters.against)}
        yield "rank_agreement.data", Measure("Kendall's tau-b", _DIFFERENCE, text, at)


def _needs(parameters: CompareMethods) -> frozenset[Need]:
    if parameters.metric in REMOVAL:
        return frozenset({"labels"})
    if parameters.metric == "msfi" and not parameters.weights:
        return frozenset({"annotations", "labels"})
    return frozenset(
        {"annotations"} if parameters.metric in PLAUSIBLE else {"annotations", "pictures"}
    )


COMPARE_METHODS = CheckDeclaration(
    name="compare-methods",
    title="Heatmap methods compared",
    summary="Which heatmap method is best on one metric, and does the ranking hold elsewhere?",
    paper="Jin et al., Med. Image Anal. 2023, arXiv:2202.10553 (section 4.3); Demsar, JMLR 2006",
    parameters=CompareMethods,
    measures=_measures,
    compute="auditkit.checks.compare_methods:compare_methods",
    needs=_needs,
)
