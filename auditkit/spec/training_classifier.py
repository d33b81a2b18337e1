"""Training recipes of classifiers: of concepts, and of the target models of DEPICT. No torch."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, field_validator, model_validator

from auditkit.spec.audit import Number, identifier
from auditkit.spec.card_names import check_builder
from auditkit.spec.model_card import Input, Sha256
from auditkit.spec.strict_yaml import read_yaml
from auditkit.spec.typed import Strict, typed

# What does not change the weights: a run may be continued with other values of these.
_WITHOUT_EFFECT = frozenset({"name", "title", "stand_in", "licence", "source", "workers"})
_NEEDED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"primary": ("classifier", "concept"), "mixed": ("classifier",), "end-to-end": ("input",)}
)
_REFUSED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "primary": ("input", "network"),
        "mixed": ("input", "network", "concept"),
        "end-to-end": ("classifier",),
    }
)


class Network(Strict):
    """What is trained: the concept classifier of DEPICT, or an architecture of timm."""

    format: Literal["concept-cnn", "timm"] = "concept-cnn"
    architecture: str | None = Field(None, description="Name in timm.")
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        description="Given to its builder, as `{widths: [8, 16, 32, 32, 32]}`.",
    )
    pretrained: str | None = Field(
        None,
        min_length=1,
        description="File of weights to start from (timm), relative to the recipe, with timm's names; its "
        "last layer is replaced. Nothing is ever downloaded.",
    )
    sha256: Sha256 | None = Field(None, description="Of `pretrained`, checked before it is read.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_builder(self.architecture, self.arguments)
        if (self.format == "timm") != (self.architecture is not None):
            raise ValueError("'architecture' and the format timm belong together")
        if self.format != "timm" and self.pretrained is not None:
            raise ValueError("pretrained: only architectures of timm start from a file")
        if self.sha256 is not None and self.pretrained is None:
            raise ValueError("sha256: without 'pretrained' there is no file to check")
        for name in ("concepts", "num_classes", "size"):
            if name in self.arguments:
                raise ValueError(f"arguments: '{name}' follows from the recipe; drop it")
        return self


class Augmentation(Strict):
    """How training images vary; nothing by default, because concepts may be colours or sides."""

    flip_horizontal: Number = Field(0.0, ge=0, le=1, description="Probability.")
    flip_vertical: Number = Field(0.0, ge=0, le=1, description="Probability.")
    rotate: Number = Field(
        0.0, ge=0, le=180, description="Largest angle in degrees; corners become black."
    )
    colour: Number = Field(
        0.0,
        ge=0,
        lt=1,
        description="Brightness, contrast and saturation are multiplied by 1 - colour to 1 + colour.",
    )
    crop: Literal["centre", "random"] = Field(
        "centre", description="Which square along the longer side, where `input.crop` is centre."
    )


class ImageTraining(Strict):
    """What all recipes of classifiers have; defaults are those of DEPICT for COCO (supplement 9.1)."""

    name: str = Field(description="Of the model that results; `--model NAME`.")
    title: str = Field("", description="One line for people; goes to the model's card.")
    stand_in: str = Field("", description="If it is a substitute: what for, and how made.")
    licence: str = Field("", description="SPDX name of the resulting weights' licence.")
    source: str = Field("", description="Where pretrained weights come from.")
    data: str = Field(description="Name or path of the data card to train on.")
    validation: str | Number = Field(
        description="Data card to validate on, or the share of the training data's patients."
    )
    network: Network = Network()
    input: Input | None = Field(None, description="As in model cards; the resulting card has it.")
    augment: Augmentation = Augmentation()
    epochs: int = Field(ge=1, description="At most.")
    batch: int = Field(128, ge=2, description="Images per step, at most.")
    optimiser: Literal["sgd", "adamw"] = "sgd"
    learning_rate: Number = Field(0.1, gt=0)
    momentum: Number = Field(0.8, ge=0, lt=1, description="Of `sgd`.")
    weight_decay: Number = Field(1e-4, ge=0)
    patience: int | None = Field(
        5,
        ge=1,
        description="Epochs without a lower validation loss after which it stops; null: never.",
    )
    patience_from: int = Field(8, ge=1, description="Epochs that are trained in any case.")
    seed: int = Field(0, ge=0)
    workers: int = Field(2, ge=1, le=64, description="Threads that prepare images.")
    path: Path = Field(default=Path(), exclude=True)
    digest: str = Field(default="", exclude=True)

    _identifier = field_validator("name")(identifier)

    @field_validator("validation")
    @classmethod
    def _share(cls, value: str | float) -> str | float:
        if not isinstance(value, str) and not 0 < value < 1:
            raise ValueError("the name of a data card or a share between 0 and 1 was expected")
        return value

    @model_validator(mode="after")
    def _used(self) -> Self:
        if self.optimiser == "adamw" and "momentum" in self.model_fields_set:
            raise ValueError("momentum: adamw does not use it; drop it")
        given = self.input
        if given is not None and given.mean_image is not None:
            raise ValueError("input.mean_image: only 'mean' and 'std' are trained with")
        if self.augment.crop == "random" and given is not None and given.crop == "none":
            raise ValueError("augment.crop: 'random' needs 'input.crop: centre'")
        return self

    def effective(self) -> dict[str, Any]:
        """What determines the trained weights, as plain data."""
        return self.model_dump(mode="json", exclude=set(_WITHOUT_EFFECT))

    def card_name(self, name: str) -> str:
        """A card's name, or its path: relative to the recipe."""
        is_path = "/" in name or name.endswith((".yaml", ".yml"))
        return str(self.path.parent / name) if is_path else name


class ClassifierTraining(ImageTraining):
    """How `auditkit train concept-classifier` trains a model with one probability per concept."""

    train: Literal["concept-classifier"]
    concepts: list[str] | None = Field(
        None, min_length=1, description="Of the data card, in this order; left out: all."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.input is None:
            raise ValueError("input: the size of the images at least was expected")
        if self.concepts is not None and len(set(self.concepts)) < len(self.concepts):
            raise ValueError("concepts: each was expected once")
        return self


class TargetTraining(ImageTraining):
    """How `auditkit train target` trains the models that DEPICT explains.

    * primary: a linear head on a concept classifier, on images whose concept and label agree;
    * mixed: the same head on all images;
    * end-to-end: a network on the label, on all images or on those whose concept and label agree.
    """

    train: Literal["target"]
    kind: Literal["primary", "mixed", "end-to-end"]
    concept: str | None = Field(
        None, description="Images whose value of this concept is not the label are left out."
    )
    classifier: str | None = Field(
        None,
        description="Name or path of the card of the concept classifier, which stays as it is.",
    )
    classes: list[str] | None = Field(
        None,
        min_length=1,
        description="One model for each of these labels, which is positive; left out: one model, and "
        "the data card says what is positive.",
    )

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        for key in _NEEDED[self.kind]:
            if getattr(self, key) is None:
                raise ValueError(f"{key}: expected, because kind is {self.kind}")
        for key in _REFUSED[self.kind]:
            if key in self.model_fields_set:
                raise ValueError(f"{key}: a model of kind {self.kind} does not use it; drop it")
        return self


Recipe = TypeVar("Recipe", ClassifierTraining, TargetTraining)


def read_classifier_training(path: Path) -> ClassifierTraining:
    """A recipe of a concept classifier from its file.

    Raises:
        SpecError: listing every problem with its line.
    """
    return _read(path, ClassifierTraining)


def read_target_training(path: Path) -> TargetTraining:
    """A recipe of target models from its file.

    Raises:
        SpecError: listing every problem with its line.
    """
    return _read(path, TargetTraining)


def _read(path: Path, kind: type[Recipe]) -> Recipe:
    document = read_yaml(path)
    recipe = typed(document, kind)
    return recipe.model_copy(update={"path": path.resolve(), "digest": document.digest})
