"""The heatmap methods that specs can name; computed in `auditkit.evidence.heatmaps`."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    SerializeAsAny,
    ValidationError,
    field_validator,
    model_validator,
)

from auditkit.spec.audit import Number, identifier
from auditkit.spec.problems import nearest
from auditkit.spec.typed import Strict

Baseline = Literal["black", "mean", "blur"]


class Method(Strict):
    """Base of a heatmap method's parameters."""

    method: str
    name: str = Field("", description="Prefix of its measures; the method's own name if left out.")

    @model_validator(mode="after")
    def _valid_name(self) -> Self:
        if self.name:
            identifier(self.name)
        return self

    @property
    def label(self) -> str:
        """The prefix of this method's measures."""
        return self.name or self.method

    @property
    def needs_gradients(self) -> bool:
        """Whether a model that only answers scores cannot be asked."""
        return True

    @property
    def identity(self) -> dict[str, Any]:
        """What determines the heatmap: everything but the display name."""
        return self.model_dump(exclude={"name"})


class Gradient(Method):
    """Gradient of the explained output with respect to the input (Simonyan et al., arXiv:1312.6034)."""

    method: Literal["gradient"] = "gradient"


class IntegratedGradients(Method):
    """Integrated Gradients along a straight path from a baseline (Sundararajan et al., arXiv:1703.01365)."""

    method: Literal["integrated-gradients"] = "integrated-gradients"
    steps: int = Field(32, ge=2, le=1000, description="Points of the Gauss-Legendre rule.")
    baseline: Baseline = Field("black", description="Where the path starts.")


class GradCAM(Method):
    """Grad-CAM at the last spatial layer (Selvaraju et al., arXiv:1610.02391)."""

    method: Literal["gradcam"] = "gradcam"
    layer: str = Field("auto", description="Module name; auto: last layer before global pooling.")


class Occlusion(Method):
    """Change of the output when a square window is covered (Zeiler and Fergus, arXiv:1311.2901)."""

    method: Literal["occlusion"] = "occlusion"
    window: Number = Field(0.125, gt=0, le=1, description="Side, as a fraction of the input side.")
    stride: Number = Field(0.125, gt=0, le=1, description="Step, as a fraction of the input side.")
    baseline: Baseline = Field("mean", description="What covers the window.")

    @model_validator(mode="after")
    def _no_gaps(self) -> Self:
        if self.stride > self.window:
            raise ValueError("stride must not exceed window, else pixels are never covered")
        return self

    @property
    def needs_gradients(self) -> bool:
        """Scores are enough."""
        return False


METHODS: dict[str, type[Method]] = {
    "gradient": Gradient,
    "integrated-gradients": IntegratedGradients,
    "gradcam": GradCAM,
    "occlusion": Occlusion,
}


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
        return f"{name} has no parameter '{place}'; {nearest(place, METHODS[name].model_fields)}"
    message = str(detail["msg"]).removeprefix("Value error, ")
    return f"{name}: {place}: {message}" if place else f"{name}: {message}"


class HasMethods(Strict):
    """Mixin: a list of heatmap methods with distinct names."""

    methods: list[Annotated[SerializeAsAny[Method], BeforeValidator(parse_method)]] = Field(
        min_length=1, description="Heatmap methods: names, or mappings with `method`."
    )

    @property
    def needs_gradients(self) -> bool:
        """Whether any of the methods does."""
        return any(method.needs_gradients for method in self.methods)

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
