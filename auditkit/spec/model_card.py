"""Model cards: what is audited."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from auditkit.spec.asked import BlackBox, PythonSource
from auditkit.spec.audit import Number, identifier
from auditkit.spec.card_names import check_builder, check_own_files, own_files
from auditkit.spec.formats import FORMATS, FormatName
from auditkit.spec.model_dossier import ModelDossier
from auditkit.spec.typed import Strict
from auditkit.spec.views import VIEWS, View
from auditkit.spec.volume import VolumeInput

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Channels = Annotated[list[Number], Field(min_length=1, max_length=4)]
ClassChoice = Annotated[int, Field(ge=0)] | str


class Weights(Strict):
    """Where the parameters lie. Exactly one of file and package."""

    file: str | None = Field(
        None,
        min_length=1,
        description="Path, relative to the card; in a card with `fallback`, to your weights "
        "(and without `..`).",
    )
    package: str | None = Field(
        None, description="`distribution/path/within` of an installed Python package."
    )
    sha256: Sha256 | None = Field(None, description="Checked before anything is read.")
    definition: str | None = Field(
        None,
        min_length=1,
        description="The architecture's own file: deploy.prototxt (Caffe), config.json.",
    )
    keys: Literal["named", "in-order"] = Field(
        "named",
        description="How tensors find their place: by name, or in file order with equal shapes.",
    )
    strip_prefix: str = Field("", description="Removed from every name, such as `module.`.")
    rename: dict[str, str] = Field(
        default_factory=dict,
        description="Beginnings of names and what replaces them, in this order: `{myfc.: classifier.}`.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.file is None) == (self.package is None):
            raise ValueError("weights: exactly one of 'file' and 'package' is expected")
        return self


class Member(Strict):
    """One network of an ensemble; what it leaves out is the card's."""

    weights: Weights = Field(description="Its own parameters.")
    architecture: str | None = Field(None, description="Name in torchvision or timm.")
    arguments: dict[str, Any] | None = Field(None, description="Given to that builder.")


class Input(Strict):
    """From a picture to the model's input tensor: crop, resize, equalise, scale, normalise."""

    size: int = Field(ge=8, le=4096, description="Side of the square input in pixels.")
    crop: Literal["centre", "none"] = Field(
        "centre", description="Largest centred square, or none (the aspect ratio is warped)."
    )
    via: int | None = Field(
        None, ge=8, le=4096, description="Resized to this side first, as some apps do."
    )
    resize: Literal["bilinear", "bicubic", "nearest"] = Field(
        "bilinear", description="Interpolation; antialiased unless nearest."
    )
    antialias: bool = Field(True, description="Low-pass filtered before it is made smaller.")
    equalise: Literal["none", "before-resize", "after-resize"] = Field(
        "none",
        description="Histogram of each channel: of the whole picture, or of the resized one "
        "(differentiable).",
    )
    channels: Literal["rgb", "bgr", "grey"] = Field(
        "rgb", description="Order of the channels; `grey` is one channel of ITU-R 601 luma."
    )
    scale: Literal["unit", "bytes"] = Field(
        "unit", description="`unit`: values in [0, 1] before mean and std; `bytes`: 0 to 255."
    )
    mean: Channels = Field(
        default=[0.0], description="Subtracted, in units of `scale`, in the order of `channels`."
    )
    mean_image: str | None = Field(
        None,
        min_length=1,
        description="Caffe binaryproto of the input's size, subtracted in units of `scale`.",
    )
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

    @model_validator(mode="after")
    def _one_for_grey(self) -> Self:
        if self.channels == "grey" and max(len(self.mean), len(self.std)) > 1:
            raise ValueError("channels: grey is one channel; one mean and one std are expected")
        return self

    @property
    def depth(self) -> int:
        """Number of channels that the network is given."""
        return 1 if self.channels == "grey" else 3


# What a card of volumes has for `input`, which nothing reads.
_NO_PICTURES = Input(size=8)
_GEOMETRY = {"size", "crop", "via", "resize", "antialias"}
_PLAIN = Input(size=8).model_dump(exclude=_GEOMETRY)


class Feature(Strict):
    """One column of the data's table as part of a model's second input."""

    column: str = Field(description="A column that the data card lists under `features`.")
    values: list[str] | None = Field(
        None, min_length=1, description="Categories, one-hot in this order; left out: a number."
    )
    mean: Number = Field(0.0, description="Subtracted from a number.")
    std: Number = Field(1.0, gt=0, description="A number is divided by it.")
    missing: Number | None = Field(
        None, description="Number (all categories: zeros) for images without a value."
    )

    @property
    def width(self) -> int:
        """Number of values that the network is given."""
        return len(self.values) if self.values else 1


class Output(Strict):
    """What the model answers, and which part of it is the score."""

    kind: Literal["probabilities", "logits"] = Field(
        description="`logits` are passed through a softmax (one value, or not `exclusive`: a sigmoid)."
    )
    classes: list[str] | None = Field(None, min_length=1, description="Names, in output order.")
    classes_file: str | None = Field(
        None, min_length=1, description="The names in a file, one per line."
    )
    exclusive: bool = Field(
        True,
        description="Classes exclude one another; false: one yes or no per class (without `score`: a "
        "concept classifier).",
    )
    score: ClassChoice | list[ClassChoice] | None = Field(
        None,
        description="The positive class by name or index, or several whose probabilities are added; "
        "1 for networks with one output; left out where all classes are decided between.",
    )

    @field_validator("score")
    @classmethod
    def _one_at_least(cls, value: Any) -> Any:
        if isinstance(value, list) and (not value or len(set(value)) < len(value)):
            raise ValueError("score: one class at least, each once, is expected")
        return value

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not self.exclusive and isinstance(self.score, list):
            raise ValueError("score: one class is expected where classes are not exclusive")
        if self.independent and self.classes is None and self.classes_file is None:
            raise ValueError("classes: names are expected where each class has its own yes or no")
        chosen = self.score if isinstance(self.score, list) else [self.score]
        for one in chosen:
            if isinstance(one, str) and self.classes is not None and one not in self.classes:
                raise ValueError(f"score: '{one}' is not among 'classes'")
        return self

    @property
    def independent(self) -> bool:
        """Whether each class is answered by itself (a concept classifier): one probability per class."""
        return not self.exclusive and self.score is None


class Planted(Strict):
    """A behaviour that a stand-in was given on purpose: ground truth for audits."""

    behaviour: str = Field(description="In words.")
    check: str = Field(description="The check that finds it.")
    data: str = Field(description="The data set that it shows on.")
    with_: dict[str, Any] = Field(
        default_factory=dict, alias="with", description="The check's parameters."
    )
    measure: str = Field(description="The measure that shows it.")
    at: dict[str, float | str] = Field(
        default_factory=dict, description="The measure's dimensions."
    )
    sign: Literal["positive", "negative"] = Field(description="On which side of 0 it lies.")


class Fallback(Strict):
    """What is used while the device's own files have not been added; each key replaces the card's."""

    stand_in: str = Field(description="What it substitutes and how it was made.")
    title: str | None = Field(None, description="In place of the card's own.")
    format: FormatName | None = Field(None, description="In place of the card's own.")
    architecture: str | None = Field(None, description="In place of the card's own.")
    arguments: dict[str, Any] | None = Field(None, description="In place of the card's own.")
    weights: Weights | None = Field(None, description="In place of the card's own.")
    members: list[Member] | None = Field(
        None, min_length=1, description="In place of the card's own."
    )
    input: Input | None = Field(None, description="In place of the card's own.")
    output: Output | None = Field(None, description="In place of the card's own.")
    threshold: Number | None = Field(None, description="In place of the card's own.")
    mode: Literal["fake", "ref", "float"] | None = Field(
        None, description="In place of the card's own."
    )
    vendor_input: Input | None = Field(None, description="In place of the card's own.")
    licence: str | None = Field(None, description="In place of the card's own.")
    source: str | None = Field(None, description="In place of the card's own.")
    dossier: ModelDossier | None = Field(None, description="In place of the card's own.")
    planted: list[Planted] | None = Field(None, description="In place of the card's own.")


class ModelCard(Strict):
    """A device under audit."""

    model: str = Field(description="Name; `--model NAME`.")
    title: str = Field("", description="One line for people.")
    task: str = Field(description="Specs on data of the same task are planned for it.")
    stand_in: str = Field("", description="If weights are a substitute: what for, and how made.")
    format: FormatName = Field(description="What reads the weights.")
    architecture: str | None = Field(None, description="Name in torchvision or timm.")
    arguments: dict[str, Any] = Field(default_factory=dict, description="Given to that builder.")
    weights: Weights | None = Field(None, description="One network; or see `members`.")
    members: list[Member] | None = Field(
        None, min_length=1, description="Networks whose probabilities are averaged."
    )
    views: Literal["all"] | list[View] = Field(
        default=["identity"],
        min_length=1,
        description="Flips and transpositions at test time, averaged; `all` is all eight.",
    )
    python: PythonSource | None = Field(None, description="Format `python`.")
    black_box: BlackBox | None = Field(None, description="Formats `http` and `command`.")
    input: Input = Field(_NO_PICTURES, description="From a picture to the network's input.")
    volume: VolumeInput | None = Field(
        None,
        description="In place of `input`: from one or more volumes or modalities to the input.",
    )
    vendor_input: Input | None = Field(
        None, description="How the device's own app prepares pictures, if that differs."
    )
    table: list[Feature] = Field(
        default_factory=list, description="Second input of the network, from the data's table."
    )
    output: Output = Field(description="What the model answers, and which part is the score.")
    threshold: Number | None = Field(
        None, description="Score from which on the decision is positive; with `output.score` only."
    )
    mode: Literal["fake", "ref", "float"] = Field(
        "fake",
        description="TFLite arithmetic: float rescale, gemmlowp fixed point, or no rounding.",
    )
    licence: str = Field("", description="SPDX name of the weights' licence.")
    source: str = Field("", description="Where the weights come from.")
    dossier: ModelDossier = Field(ModelDossier(), description="What only people know.")
    planted: list[Planted] = Field(
        default_factory=list, description="Behaviours that a stand-in was given on purpose."
    )
    fallback: Fallback | None = Field(
        None, description="Used until `auditkit weights add` has been given the device's files."
    )
    path: Path = Field(default=Path(), exclude=True)
    digest: str = Field(default="", exclude=True)
    folder: Path = Field(default=Path(), exclude=True)
    sums: dict[str, str] = Field(default_factory=dict, exclude=True)

    _identifiers = field_validator("model", "task")(identifier)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        kind = FORMATS[self.format]
        for given in self.networks:
            if kind.needs_architecture and not given.architecture:
                raise ValueError(f"architecture: the format {self.format} needs the name of one")
            if kind.needs_definition and not given.weights.definition:
                raise ValueError(f"weights.definition: the format {self.format} needs this file")
            if self.format != "python":
                check_builder(given.architecture, given.arguments or {})
        if kind.needs_weights and (self.weights is None) == (self.members is None):
            raise ValueError("exactly one of 'weights' and 'members' is expected")
        self._check_sources()
        self._check_input()
        if self.fallback is not None:
            check_own_files(own_files(self))
        if (self.output.score is None) != (self.threshold is None):
            raise ValueError("threshold and output.score belong together: give both or neither")
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise ValueError("threshold is a probability between 0 and 1")
        return self

    def _check_input(self) -> None:
        if self.volume is None:
            if "input" not in self.model_fields_set:
                raise ValueError("key 'input' is missing (or 'volume', for volumes and modalities)")
            return
        if self.input != _NO_PICTURES or self.vendor_input is not None:
            raise ValueError("volume: 'input' and 'vendor_input' are about pictures; drop them")
        if not FORMATS[self.format].volumes:
            able = ", ".join(name for name, kind in FORMATS.items() if kind.volumes)
            raise ValueError(f"volume: format '{self.format}' reads pictures; expected {able}")
        if self.view_names != ["identity"]:
            raise ValueError("volume: 'views' are of pictures; drop them")

    def _check_sources(self) -> None:
        if (self.format == "python") != (self.python is not None):
            raise ValueError("'python' and the format python belong together")
        if self.python is not None and self.members is not None:
            raise ValueError(
                "members: a factory makes one network; give it one 'weights' at most, and let it "
                "average its networks itself"
            )
        box = self.black_box
        if (self.format in ("http", "command")) != (box is not None):
            raise ValueError("'black_box' and the formats http and command belong together")
        if box is None:
            return
        if (self.format == "http") != (box.url is not None and box.command is None):
            raise ValueError("black_box: 'url' is for the format http, 'command' for command")
        if self.format == "command" and box.command is None:
            raise ValueError("black_box.command: the program and its arguments were expected")
        if self.view_names != ["identity"] or self.members or self.weights:
            raise ValueError("a black box has no weights, members or views of ours")
        if self.input.model_dump(exclude=_GEOMETRY) != _PLAIN:
            raise ValueError("input: a black box is given 8-bit RGB; only crop and resize are ours")

    @property
    def networks(self) -> list[Member]:
        """The networks of an ensemble, each complete; one for a single model."""
        if self.members is None:
            if self.weights is None:
                return []
            return [
                Member(
                    weights=self.weights, architecture=self.architecture, arguments=self.arguments
                )
            ]
        return [
            Member(
                weights=member.weights,
                architecture=member.architecture or self.architecture,
                arguments=self.arguments if member.arguments is None else member.arguments,
            )
            for member in self.members
        ]

    @property
    def view_names(self) -> list[View]:
        """The test-time views, in order."""
        return list(VIEWS) if self.views == "all" else self.views

    @property
    def gradients(self) -> bool:
        """Whether the network can be differentiated."""
        if self.python is not None:
            return self.python.gradients
        return FORMATS[self.format].gradients and not (
            self.format == "tflite" and self.mode == "ref"
        )

    @property
    def scored(self) -> bool:
        """Whether there is a score with a threshold, so that decisions are yes or no."""
        return self.output.score is not None
