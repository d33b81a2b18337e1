"""What the audits by removal share: fills, support, performance, controls, modality weights."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from auditkit.spec.audit import Number
from auditkit.spec.methods import Control, Method, parse_method
from auditkit.spec.typed import Strict
from auditkit.spec.volume import Modality

Fill = Literal["black", "mean", "blur", "noise"]
Performance = Literal["accuracy", "auc"]
COMPAT: Final = "clinical-xai-2022"
Compat = Literal["clinical-xai-2022"]


def _control(value: Any) -> Any:
    method = parse_method(value)
    if not isinstance(method, Control):
        raise ValueError(  # noqa: TRY004 pydantic turns ValueError into a located problem
            f"'{method.method}' looks at the model; random-map, edge-map or gaussian-map was expected"
        )
    return method


class HasControls(Strict):
    """Mixin: maps that know nothing of the model, with which every method is compared in pairs."""

    controls: list[Annotated[SerializeAsAny[Method], BeforeValidator(_control)]] = Field(
        default_factory=list,
        description="Maps that do not look at the model (random-map, edge-map, gaussian-map); every "
        "method is compared with each, image by image.",
    )

    @model_validator(mode="after")
    def _distinct_controls(self) -> Self:
        labels = [method.label for method in (*getattr(self, "methods", ()), *self.controls)]
        if len(set(labels)) < len(labels):
            raise ValueError("controls: a method of the same name is there already; set 'name'")
        return self


class Ablation(Strict):
    """How a modality is taken away."""

    operator: Literal["zero", "mean", "noise"] = Field(
        "zero",
        description="What replaces it: zero, its mean over the case's foreground, or values drawn from "
        "the case's own foreground outside the annotated region.",
    )
    stage: Literal["before", "after"] = Field(
        "before", description="Before or after it is scaled and normalised for the network."
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        """A word alone is the operator."""
        return {"operator": value} if isinstance(value, str) else value

    @property
    def wording(self) -> str:
        """For people: 'zero before standardisation'."""
        return f"{self.operator} {self.stage} standardisation"


class HasModalityWeights(Strict):
    """Mixin: the modality importance phi that weights MSFI (Jin et al., Eqs. 1, 3, 4)."""

    weights: dict[Modality, Number] | None = Field(
        None,
        min_length=1,
        description="The importance of each modality; left out: its Shapley value for the model.",
    )
    performance: Performance = Field(
        "accuracy", description="Of the modality subsets whose Shapley values are the weights."
    )
    ablation: Ablation = Field(
        default_factory=Ablation,
        description="How a modality is taken away; a word is the operator.",
    )
