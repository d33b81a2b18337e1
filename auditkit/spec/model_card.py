"""Model cards: what is audited."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from auditkit.spec.audit import Number, identifier
from auditkit.spec.typed import Strict

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Channels = Annotated[list[Number], Field(min_length=1, max_length=4)]


class Weights(Strict):
    """Where the parameters lie. Exactly one of file and package."""

    file: str | None = Field(None, description="Path, relative to the card.")
    package: str | None = Field(
        None, description="`distribution/path/within` of an installed Python package."
    )
    sha256: Sha256 | None = Field(None, description="Checked before anything is read.")
    keys: Literal["named", "in-order"] = Field(
        "named",
        description="How tensors find their place: by name, or in file order with equal shapes.",
    )
    strip_prefix: str = Field("", description="Removed from every name, such as `module.`.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.file is None) == (self.package is None):
            raise ValueError("weights: exactly one of 'file' and 'package' is expected")
        return self


class Input(Strict):
    """From a picture to the model's input tensor: crop, resize, scale, normalise."""

    size: int = Field(ge=8, le=4096, description="Side of the square input in pixels.")
    crop: Literal["centre", "none"] = Field(
        "centre", description="Largest centred square, or none (the aspect ratio is warped)."
    )
    resize: Literal["bilinear", "bicubic", "nearest"] = Field(
        "bilinear", description="Interpolation; antialiased unless nearest."
    )
    scale: Literal["unit", "bytes"] = Field(
        "unit", description="`unit`: values in [0, 1] before mean and std; `bytes`: 0 to 255."
    )
    mean: Channels = Field(default=[0.0], description="Subtracted, in units of `scale`.")
    std: Channels = Field(default=[1.0], description="Divided by, in units of `scale`.")

    @field_validator("std")
    @classmethod
    def _positive(cls, value: list[float]) -> list[float]:
        if min(value) <= 0:
            raise ValueError("std must be positive")
        return value

    @field_validator("mean", "std")
    @classmethod
    def _one_or_three(cls, value: list[float]) -> list[float]:
        if len(value) not in (1, 3):
            raise ValueError("one value, or one per colour channel (3), is expected")
        return value


class Output(Strict):
    """What the model answers, and which part of it is the score."""

    kind: Literal["probabilities", "logits"] = Field(
        description="`logits` are passed through a softmax (one value: a sigmoid)."
    )
    classes: list[str] | None = Field(None, min_length=1, description="Names, in output order.")
    classes_file: str | None = Field(None, description="The names in a file, one per line.")
    score: int | None = Field(
        None,
        ge=0,
        le=1,
        description="Index of the positive class of two; 1 for networks with one output; left out "
        "for many-class models.",
    )


class Dossier(Strict):
    """What no tool can know and a regulator asks for."""

    device: str = Field("", description="Name and version of the device.")
    manufacturer: str = Field("", description="Who answers for it.")
    intended_use: str = Field("", description="Indication, population, users, workflow.")
    limitations: str = Field("", description="Known limits and out-of-scope inputs.")
    training_data: str = Field("", description="Summary, and independence from the test data.")


class ModelCard(Strict):
    """A device under audit."""

    model: str = Field(description="Name; `--model NAME`.")
    title: str = Field("", description="One line for people.")
    task: str = Field(description="Specs on data of the same task are planned for it.")
    stand_in: str = Field("", description="If weights are a substitute: what for, and how made.")
    format: Literal["tflite", "torchvision", "timm"] = Field(description="What reads the weights.")
    architecture: str | None = Field(None, description="Name in torchvision or timm.")
    arguments: dict[str, Any] = Field(default_factory=dict, description="Given to that builder.")
    weights: Weights
    input: Input
    output: Output
    threshold: Number | None = Field(
        None, description="Score from which on the decision is positive; two-class models only."
    )
    mode: Literal["fake", "ref", "float"] = Field(
        "fake",
        description="TFLite arithmetic: float rescale, gemmlowp fixed point, or no rounding.",
    )
    licence: str = Field("", description="SPDX name of the weights' licence.")
    source: str = Field("", description="Where the weights come from.")
    dossier: Dossier = Dossier()
    path: Path = Field(default=Path(), exclude=True)
    digest: str = Field(default="", exclude=True)

    _identifiers = field_validator("model", "task")(identifier)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.format != "tflite" and not self.architecture:
            raise ValueError(f"architecture: the format {self.format} needs the name of one")
        hub = sorted({"pretrained", "checkpoint_path", "weights"} & set(self.arguments))
        if hub:
            raise ValueError(
                f"arguments: '{hub[0]}' would load weights past 'weights' and its sha256; drop it"
            )
        if (self.output.score is None) != (self.threshold is None):
            raise ValueError("threshold and output.score belong together: give both or neither")
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise ValueError("threshold is a probability between 0 and 1")
        return self
