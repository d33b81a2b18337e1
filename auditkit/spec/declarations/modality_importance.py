"""Declaration of the check `modality-importance`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, SerializeAsAny, field_validator, model_validator

from auditkit.spec.audit import Number
from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters
from auditkit.spec.methods import Method, parse_method
from auditkit.spec.removing import Ablation, Performance
from auditkit.spec.typed import Strict
from auditkit.spec.volume import Modality

_DIFFERENCE, _SHARE = (-1.0, 1.0), (0.0, 1.0)


class Arms(Strict):
    """Data sets that differ in nothing but how a modality's cue goes with the label."""

    aligned: str = Field(description="Data in which the cue always goes with the label.")
    independent: str = Field(description="Data in which it tells nothing.")
    anti_aligned: str | None = Field(
        None, description="Data in which it always tells the opposite."
    )


class ModalityImportance(Parameters):
    """What the model loses without each modality, and whether heatmaps say so."""

    modalities: list[Modality] = Field(
        min_length=1,
        max_length=8,
        description="All modalities of the model, by name, in any order.",
    )
    methods: list[Annotated[SerializeAsAny[Method], BeforeValidator(parse_method)]] = Field(
        default_factory=list,
        description="Heatmap methods whose modality sums are compared with it.",
    )
    performance: Performance = Field(
        "accuracy",
        description="What a subset of modalities is worth: accuracy, or AUROC of the score.",
    )
    ablation: Ablation = Field(
        default_factory=Ablation,
        description="How a modality is taken away; a word is the operator.",
    )
    resolved: Number = Field(
        0.95,
        gt=0.5,
        le=1,
        description="Probability that the ranking must have for correlations with it to be evaluated.",
    )
    arms: dict[Modality, Arms] = Field(
        default_factory=dict,
        description="Per modality, data sets of the same task with its cue planted.",
    )
    images: int | None = Field(None, ge=2, description="Only the first images of the data.")

    @field_validator("modalities")
    @classmethod
    def _once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("modalities: one is named twice; drop one")
        return value

    @field_validator("methods", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name in self.arms:
            if name not in self.modalities:
                raise ValueError(f"arms: '{name}' is not among 'modalities'")
        labels = [method.label for method in self.methods]
        if len(set(labels)) < len(labels):
            raise ValueError("two methods have the same name; set 'name' to tell them apart")
        return self

    @property
    def other_data(self) -> Sequence[str]:
        """The arms."""
        named = [
            name
            for arms in self.arms.values()
            for name in (arms.aligned, arms.independent, arms.anti_aligned)
            if name is not None
        ]
        return list(dict.fromkeys(named))


def _measures(parameters: ModalityImportance) -> Mapping[str, Measure]:
    return dict(_all(parameters))


def _all(parameters: ModalityImportance) -> Iterator[tuple[str, Measure]]:
    unit = "accuracy" if parameters.performance == "accuracy" else "AUROC"
    for name in parameters.modalities:
        text = f"Shapley value of {name}: its share of the performance that the modalities add."
        yield f"importance[{name}]", Measure(unit, _DIFFERENCE, text)
    for name in parameters.modalities:
        text = f"Share of resamples of the patients in which {name} is the most important modality."
        yield f"top_probability[{name}]", Measure("proportion of resamples", _SHARE, text)
    yield (
        "top_modality",
        Measure(
            "modality",
            _SHARE,
            "The most important modality, and all that may be it.",
            choices=tuple(parameters.modalities),
        ),
    )
    text = "Share of resamples of the patients with the ranking of modalities that is reported."
    yield "ranking_probability", Measure("proportion of resamples", _SHARE, text)
    yield "all_modalities", Measure(unit, _SHARE, f"{unit} with all modalities.")
    yield "no_modality", Measure(unit, _SHARE, f"{unit} with every modality taken away.")
    for method in parameters.methods:
        text = f"Mean over cases of Kendall's tau-b between {method.label}'s modality sums and importance."
        yield f"{method.label}.mi_correlation", Measure("Kendall's tau-b", _DIFFERENCE, text)
        text = (
            f"Kendall's tau-b between importance and {method.label}'s modality sums, as shares of each "
            "case's heat, averaged over cases."
        )
        yield f"{method.label}.mean_mi_correlation", Measure("Kendall's tau-b", _DIFFERENCE, text)
    for name, arms in parameters.arms.items():
        text = f"{unit} where the cue of {name} is aligned with the label minus where it is independent."
        yield f"reliance[{name}]", Measure(unit, _DIFFERENCE, text)
        if arms.anti_aligned is not None:
            text = (
                f"{unit} where the cue of {name} is independent minus where it tells the opposite."
            )
            yield f"misled[{name}]", Measure(unit, _DIFFERENCE, text)


def _needs(_parameters: ModalityImportance) -> frozenset[Need]:
    return frozenset({"labels"})


MODALITY_IMPORTANCE = CheckDeclaration(
    name="modality-importance",
    title="Importance of modalities",
    summary="Which modalities does the model rely on, and do heatmaps say so?",
    paper="Jin et al., Med. Image Anal. 2023, arXiv:2202.10553 (section 4.3.2, Eq. 1)",
    parameters=ModalityImportance,
    measures=_measures,
    compute="auditkit.checks.modality_importance:modality_importance",
    needs=_needs,
    guidelines=("G3",),
)
