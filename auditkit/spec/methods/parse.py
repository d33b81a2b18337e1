"""Methods as a user writes them: by name, or as a mapping with their parameters."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SerializeAsAny, field_validator

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
from auditkit.spec.named import parse_named
from auditkit.spec.typed import Strict

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
    return parse_named(value, "method", METHODS, "heatmap method")


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
