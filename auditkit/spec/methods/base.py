"""What heatmap methods have in common: a name, a baseline, superpixels, a budget."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from auditkit.spec.audit import Number, identifier
from auditkit.spec.typed import Strict

Baseline = Literal["black", "mean", "blur", "data"]


class Method(Strict):
    """Base of a heatmap method's parameters."""

    # Of a plug-in's method: `module:name` of its Explainer. The shipped ones are in a registry.
    explainer: ClassVar[str] = ""

    method: str = Field(description="Its name (`auditkit list methods`).")
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
    def background_images(self) -> int:
        """How many images of the data set it takes as 'nothing there'; 0 for most."""
        return 0

    @property
    def identity(self) -> dict[str, Any]:
        """What determines the heatmap: everything but the display name."""
        return self.model_dump(exclude={"name"})


class HasBaseline(Method):
    """A method that compares with an image in which there is nothing."""

    baseline: Baseline = Field(
        "mean",
        description="What stands for 'nothing there': black, each image's mean colour, the image blurred, "
        "or images of the data set (the mean over them).",
    )
    background: int = Field(
        16, ge=1, le=10_000, description="Images of the data set, where baseline is data."
    )

    @model_validator(mode="after")
    def _background_is_read(self) -> Self:
        if "background" in self.model_fields_set and self.baseline != "data":
            raise ValueError("background is read where baseline is data only; drop it")
        return self

    @property
    def background_images(self) -> int:
        """As many as declared, where the data set is the baseline."""
        return self.background if self.baseline == "data" else 0

    @property
    def identity(self) -> dict[str, Any]:
        """The number of background images counts only where there are any."""
        dropped = {"name"} if self.baseline == "data" else {"name", "background"}
        return self.model_dump(exclude=dropped)


class Superpixels(Strict):
    """The regions that are present or absent together: the players."""

    kind: Literal["grid", "slic"] = Field(
        "grid",
        description="Squares, or regions of similar colour (SLIC, doi:10.1109/TPAMI.2012.120).",
    )
    side: int = Field(8, ge=1, le=512, description="Cells per axis of the grid.")
    segments: int = Field(50, ge=2, le=5000, description="Regions that SLIC aims at.")
    compactness: Number = Field(10.0, gt=0, description="Of SLIC: larger regions are squarer.")
    shared: bool = Field(
        True,
        description="Whether a region is absent from all modalities at once, or each on its own.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        """A number alone is the side of a grid, a word the kind."""
        if isinstance(value, bool) or not isinstance(value, int | str):
            return value
        return {"side": value} if isinstance(value, int) else {"kind": value}


class HasSuperpixels(HasBaseline):
    """A method that covers superpixels; scores are enough."""

    superpixels: Superpixels = Field(
        default_factory=Superpixels,
        description="The regions that are covered; a number N is a grid of N by N.",
    )

    @property
    def needs_gradients(self) -> bool:
        """Scores are enough."""
        return False


class Sampled(HasSuperpixels):
    """A method whose answer is estimated, with a standard error."""

    samples: int = Field(
        2000,
        ge=8,
        le=10_000_000,
        description="Masked images that the model is shown per image; with `error`, the most.",
    )
    error: Number | None = Field(
        None,
        gt=0,
        lt=1,
        description="Go on until the standard error of the heatmap (root of the sum of squares over "
        "regions) is this share of the heatmap's own size.",
    )

    @model_validator(mode="after")
    def _enough(self) -> Self:
        """A picture's grid is known here; other regions are counted when they are made."""
        if self.superpixels.kind == "grid":
            players = self.superpixels.side**2
            least = (4 * players + 2) * max(1, self.background_images)
            if self.samples < least and 2**players > self.samples:
                raise ValueError(
                    f"samples: {self.samples} are too few to tell {players} superpixels of a "
                    f"picture apart; at least {least} were expected (4 per superpixel and 2, times the "
                    "baseline's images)"
                )
        return self
