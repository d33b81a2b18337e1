"""Cards of counterfactual generators: what changes a picture until the audited model changes its mind."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from auditkit.spec.audit import Number, identifier
from auditkit.spec.model_card import Sha256
from auditkit.spec.typed import Strict

COUNTERFACTUAL_SUFFIX = ".counterfactual.yaml"

Family = Literal["progressive-exaggeration", "guided-diffusion"]
Discriminator = Literal["unconditional", "class-conditional"]


class GeneratorNetwork(Strict):
    """The generator of progressive exaggeration.

    * delta: tanh(atanh(x) + d(x, c)), with d zero at first, on a grid of cells of ``grid`` pixels;
    * cyclegan: the paper's, after CycleGAN with nine blocks: the image is made anew.

    Deviates: with ``own`` it is told the image's own bin as well, G(x, b(f(x)), c), so that a small
    reconstruction error is weaker evidence than in the paper.
    """

    kind: Literal["delta", "cyclegan"] = "delta"
    width: int = Field(16, ge=4, le=256, description="Channels of the first convolution.")
    grid: int = Field(
        4, ge=1, le=16, description="Delta: side in pixels of a cell of the grid it works on."
    )
    downsamplings: int = Field(1, ge=0, le=4, description="Halvings of the grid.")
    blocks: int = Field(4, ge=1, le=32, description="Residual blocks on the smallest grid.")
    textures: int = Field(
        8,
        ge=0,
        le=64,
        description="Delta: filters of single pixels that the grid turns up and down.",
    )
    own: bool = Field(
        True,
        description="Whether it is told the bin of the image's own score beside the wanted one.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind == "cyclegan" and "grid" in self.model_fields_set and self.grid != 1:
            raise ValueError("grid: 'cyclegan' works on pixels; drop it")
        return self


class CounterfactualWeights(Strict):
    """The generator's weights."""

    file: str = Field(min_length=1, description="A safetensors file, relative to the card.")
    sha256: Sha256 = Field(description="Checked before it is read.")


class Guidance(Strict):
    """How a text-to-image pipeline is guided by the audited model."""

    generator: str = Field(description="Name of a generator card.")
    steps: int = Field(4, ge=1, le=1000, description="Denoising steps.")
    start: Number = Field(
        0.5,
        gt=0,
        le=1,
        description="Share of the noise levels that the image is taken up to first.",
    )
    scale: Number = Field(
        1.5,
        gt=0,
        description="Length of a step along the audited model's gradient; after a step of 1, a linear model "
        "answers with the bin's centre.",
    )
    distance: Number = Field(
        0.05, ge=0, lt=1, description="Share of the way back to the image in each step."
    )


class CounterfactualCard(Strict):
    """A counterfactual generator under its name, `*.counterfactual.yaml`."""

    counterfactual: str = Field(description="Name, for people.")
    title: str = Field("", description="One line for people.")
    task: str = Field(description="Which models it concerns.")
    stand_in: str = Field("", description="If it is a substitute: what for, and how made.")
    family: Family = "progressive-exaggeration"
    model: str | None = Field(
        None,
        description="The model whose mind it changes; left out where it asks any model itself.",
    )
    model_sha256: Sha256 | None = Field(
        None, description="Identity of that model when the generator was trained."
    )
    data: str = Field(description="Name of the data set that it was trained on.")
    seed: int = Field(0, ge=0, description="Tells one training from another.")
    discriminator: Discriminator = "unconditional"
    bins: int = Field(10, ge=2, le=100, description="Equal parts of the score's range.")
    size: int | None = Field(
        None, ge=8, le=2048, description="Side of its images in pixels: of the model's input."
    )
    network: GeneratorNetwork | None = None
    weights: CounterfactualWeights | None = None
    guidance: Guidance | None = None
    licence: str = Field("", description="SPDX name of the weights' licence.")
    source: str = Field("", description="Where the weights come from.")
    path: Path = Field(default=Path(), exclude=True)
    digest: str = Field(default="", exclude=True)

    _identifiers = field_validator("counterfactual", "task", "data")(identifier)

    @model_validator(mode="after")
    def _of_its_family(self) -> Self:
        trained = ("model", "model_sha256", "size", "network", "weights")
        needed = trained if self.family == "progressive-exaggeration" else ("guidance",)
        refused = ("guidance",) if self.family == "progressive-exaggeration" else trained
        for key in needed:
            if getattr(self, key) is None:
                raise ValueError(f"{key}: expected, because the family is {self.family}")
        for key in refused:
            if getattr(self, key) is not None:
                raise ValueError(f"{key}: the family {self.family} does not use it; drop it")
        return self


@dataclass(frozen=True)
class Wanted:
    """Which counterfactual generator an audit asks for, whatever the model.

    Attributes:
        trained_on: name of the data set that it was trained on.
        family: how it works.
        seed: which training.
        discriminator: how it was trained.
    """

    trained_on: str
    family: Family = "progressive-exaggeration"
    seed: int = 0
    discriminator: Discriminator = "unconditional"

    def fits(self, card: CounterfactualCard) -> bool:
        """Whether a card is of this kind."""
        own = (card.data, card.family, card.seed, card.discriminator)
        return own == (self.trained_on, self.family, self.seed, self.discriminator)

    def of(self, model: str, cards: Iterable[CounterfactualCard]) -> list[CounterfactualCard]:
        """The cards for a model: several, if it has been trained for other weights of it."""
        return [card for card in cards if self.fits(card) and card.model in (None, model)]

    def command(self, model: str) -> str:
        """What a user runs to have it."""
        parts = [f"auditkit train counterfactual --model {model} --data {self.trained_on}"]
        parts += [f"--seed {self.seed}"] if self.seed else []
        parts += ["--discriminator class-conditional"] * (self.discriminator != "unconditional")
        return " ".join(parts)
