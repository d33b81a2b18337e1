"""Training recipes of counterfactual generators (progressive exaggeration). No torch."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from auditkit.spec.audit import Number, identifier
from auditkit.spec.counterfactual_card import Discriminator, GeneratorNetwork
from auditkit.spec.strict_yaml import read_yaml
from auditkit.spec.typed import Strict, typed

PAPER = "degrave-2023"
# What does not change the weights: a run may be continued with other values of these.
_WITHOUT_EFFECT = frozenset(
    {"name", "title", "stand_in", "licence", "source", "workers", "checkpoint_every", "samples"}
    | {"steps", "epochs", "stop", "evaluate_every"}
)
# As the paper has it (doi:10.1038/s41551-023-01160-9, Methods); a key given beside it counts.
_DEGRAVE: Mapping[str, Any] = MappingProxyType(
    {
        "network": {
            "kind": "cyclegan",
            "width": 64,
            "grid": 1,
            "downsamplings": 2,
            "blocks": 9,
            "textures": 0,
            "own": False,
        },
        "batch": 32,
        "discriminator_steps": 5,
        "discriminator_width": 64,
        "weights": {"gan": 1.0, "reconstruction": 3.0, "cycle": 3.0, "classifier": 1.0},
        "learning_rate": 2e-4,
        "momentum": 0.0,
        "epochs": 500,
        "ema": 0.0,
        "augment": {"scale": 1.2, "brightness": 0.2},
        "stop": None,
    }
)
RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType({"fast": {}, PAPER: _DEGRAVE})


class Weights(Strict):
    """Of the losses; images are in [-1, 1] in them, as in the paper's code."""

    gan: Number = Field(
        0.1, ge=0, description="Of the discriminator's answer; the paper's 1 holds changes back."
    )
    reconstruction: Number = Field(3.0, ge=0, description="L1 of x - G(x, b(f(x))).")
    cycle: Number = Field(3.0, ge=0, description="L1 of x - G(G(x, c), b(f(x))).")
    classifier: Number = Field(
        2.0, ge=0, description="Cross-entropy of f(G(x, c)) with c's centre; the paper has 1."
    )


class Augment(Strict):
    """How training images vary."""

    scale: Number = Field(
        1.0, ge=1, le=2, description="Images are enlarged by this and cropped at random."
    )
    brightness: Number = Field(0.0, ge=0, lt=1, description="Multiplied by 1 - b to 1 + b.")


class Stop(Strict):
    """When training is good enough: on held-out images, at ``times`` evaluations in a row."""

    consistency: Number = Field(
        0.97, gt=0, le=1, description="Pairs on both sides of the threshold."
    )
    reconstruction: Number = Field(0.008, gt=0, description="L1 of the reconstruction, in [0, 1].")
    times: int = Field(2, ge=1)


class CounterfactualTraining(Strict):
    """How `auditkit train counterfactual` trains a generator for one model on one data set."""

    train: Literal["counterfactual"] = "counterfactual"
    recipe: Literal["fast", "degrave-2023"] = Field(
        "fast", description="Whose values the keys have that are left out."
    )
    name: str | None = Field(None, description="Left out: MODEL-DATA, with seed where it is not 0.")
    title: str = Field("", description="One line for people; goes to the generator's card.")
    stand_in: str = Field("", description="If it is a substitute: what for, and how made.")
    licence: str = Field("", description="SPDX name of the resulting weights' licence.")
    source: str = Field("", description="For the card.")
    model: str = Field(description="Name or path of the audited model's card.")
    data: str = Field(description="Name or path of the data card to train on.")
    held_out: Number = Field(
        0.1, gt=0, lt=1, description="Share of the patients that is only evaluated on."
    )
    images: int | None = Field(None, ge=20, description="Only the first images of the data.")
    network: GeneratorNetwork = GeneratorNetwork()
    discriminator: Discriminator = Field(
        "unconditional", description="The paper's; `class-conditional` is what it replaced."
    )
    discriminator_width: int = Field(16, ge=4, le=256)
    bins: int = Field(10, ge=2, le=100)
    weights: Weights = Weights()
    batch: int = Field(16, ge=2)
    discriminator_steps: int = Field(1, ge=1, description="Per step of the generator.")
    learning_rate: Number = Field(1e-3, gt=0)
    momentum: Number = Field(0.5, ge=0, lt=1, description="Adam's first decay rate.")
    steps: int = Field(1500, ge=1, description="Steps of the generator, at most.")
    epochs: int | None = Field(
        None, ge=1, description="In place of steps: passes of the discriminator over the data."
    )
    ema: Number = Field(0.99, ge=0, lt=1, description="Decay of the averaged weights; 0: none.")
    precision: Literal["float32", "bfloat16"] = "float32"
    augment: Augment = Augment()
    views: Literal["one", "all"] = Field(
        "one", description="Of models with several views: one at random per step, or all."
    )
    stop: Stop | None = Field(Stop(), description="null: never before the last step.")
    evaluate_every: int = Field(50, ge=1, description="Steps of the generator.")
    checkpoint_every: int = Field(100, ge=1, description="Steps of the generator.")
    samples: int = Field(8, ge=0, le=64, description="Images in the grid of each evaluation.")
    seed: int = Field(0, ge=0)
    workers: int = Field(2, ge=1, le=64, description="Threads that prepare images.")
    path: Path = Field(default=Path(), exclude=True)
    digest: str = Field(default="", exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("recipe") not in RECIPES:
            return given
        base = dict(RECIPES[given["recipe"]])
        if "steps" in given:
            base.pop("epochs", None)
        return _merged(base, given)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.name is not None:
            identifier(self.name)
        if self.epochs is not None and "steps" in self.model_fields_set:
            raise ValueError("epochs, steps: one of them was expected")
        return self

    def effective(self) -> dict[str, Any]:
        """What determines the trained weights, as plain data."""
        return self.model_dump(mode="json", exclude=set(_WITHOUT_EFFECT))

    def card_name(self, name: str) -> str:
        """A card's name, or its path: relative to the recipe."""
        is_path = "/" in name or name.endswith((".yaml", ".yml"))
        return str(self.path.parent / name) if is_path else name


def _merged(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, and what it leaves out as the base has it, group by group."""
    found = {**base, **given}
    for key, value in base.items():
        if isinstance(value, Mapping) and isinstance(given.get(key), Mapping):
            found[key] = {**value, **given[key]}
    return found


def read_counterfactual_training(path: Path) -> CounterfactualTraining:
    """A recipe from its file.

    Raises:
        SpecError: listing every problem with its line.
    """
    document = read_yaml(path)
    recipe = typed(document, CounterfactualTraining)
    return recipe.model_copy(update={"path": path.resolve(), "digest": document.digest})
