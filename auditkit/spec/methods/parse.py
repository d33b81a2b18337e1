"""Methods as a user writes them: by name, or as a mapping with their parameters."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError, field_validator

from auditkit.spec.methods.added import KnownMethods
from auditkit.spec.methods.base import Method
from auditkit.spec.methods.controls import EdgeMap, GaussianMap, RandomMap
from auditkit.spec.methods.gradients import (
    Deconvolution,
    DeepLift,
    ExpectedGradients,
    GradCAM,
    Gradient,
    GradientShap,
    GuidedBackprop,
    GuidedGradCAM,
    InputXGradient,
    IntegratedGradients,
    SmoothGrad,
)
from auditkit.spec.methods.perturbations import (
    FeatureAblation,
    FeaturePermutation,
    KernelShap,
    Lime,
    Occlusion,
    ShapleySampling,
    SufficientSubsets,
)
from auditkit.spec.problems import nearest
from auditkit.spec.typed import Strict, known_keys

_SHIPPED: dict[str, type[Method]] = {
    kind.model_fields["method"].default: kind
    for kind in (
        Gradient,
        InputXGradient,
        GuidedBackprop,
        Deconvolution,
        GradCAM,
        GuidedGradCAM,
        DeepLift,
        IntegratedGradients,
        GradientShap,
        SmoothGrad,
        ExpectedGradients,
        Occlusion,
        FeatureAblation,
        FeaturePermutation,
        ShapleySampling,
        KernelShap,
        Lime,
        SufficientSubsets,
        RandomMap,
        EdgeMap,
        GaussianMap,
    )
}
METHODS = KnownMethods(_SHIPPED)


def parse_method(value: Any) -> Any:
    """A method from its name alone (``gradcam``) or from a mapping with ``method``."""
    if isinstance(value, Method):
        return value
    data = {"method": value} if isinstance(value, str) else value
    name = data.get("method") if isinstance(data, dict) else None
    if not isinstance(name, str):
        raise ValueError("a heatmap method is a name or a mapping with the key 'method'")  # noqa: TRY004 pydantic turns ValueError into a located problem
    if name not in METHODS:
        raise ValueError(f"unknown heatmap method '{name}'; {nearest(name, METHODS)}")
    try:
        return METHODS[name].model_validate(data)
    except ValidationError as error:
        raise ValueError(_explain(name, dict(error.errors()[0]))) from None


def _explain(name: str, detail: dict[str, Any]) -> str:
    place = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        *inside, wrong = detail["loc"]
        known = known_keys(METHODS[name], tuple(inside))
        return f"{name} has no parameter '{place}'; {nearest(str(wrong), known)}"
    message = str(detail["msg"]).removeprefix("Value error, ")
    return f"{name}: {place}: {message}" if place else f"{name}: {message}"


class HasMethods(Strict):
    """Mixin: a list of heatmap methods with distinct names."""

    methods: list[Annotated[SerializeAsAny[Method], BeforeValidator(parse_method)]] = Field(
        min_length=1, description="Heatmap methods: names, or mappings with `method`."
    )

    @field_validator("methods", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("methods")
    @classmethod
    def _distinct(cls, value: list[Method]) -> list[Method]:
        labels = [method.label for method in value]
        if len(set(labels)) < len(labels):
            raise ValueError("two methods have the same name; set 'name' to tell them apart")
        return value
