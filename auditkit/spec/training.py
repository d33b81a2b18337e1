"""Training recipes: how a text-to-image pipeline is fine-tuned on captioned images."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from auditkit.spec.audit import Number, identifier
from auditkit.spec.strict_yaml import read_yaml
from auditkit.spec.typed import Strict, typed

TRAINING_SUFFIX = ".training.yaml"

# What does not change the weights: a run may be continued with other values of these.
_WITHOUT_EFFECT = frozenset(
    {"name", "title", "stand_in", "licence", "source", "half", "workers", "checkpoint_every"}
    | {"validation", "sample_every", "samples", "sample_steps", "guidance"}
)


class Lora(Strict):
    """Low-rank adapters on the attention projections instead of all weights."""

    rank: int = Field(ge=1, le=1024)
    alpha: Number = Field(gt=0, description="The adapter's output is scaled by alpha / rank.")


class ConceptTraining(Strict):
    """How `auditkit train concepts` fine-tunes a pipeline; defaults as DEPICT (arXiv:2407.14509)."""

    train: Literal["concepts"]
    name: str = Field(description="Of the generator that results; `generator: NAME` in a spec.")
    title: str = Field("", description="One line for people; goes to the generator's card.")
    stand_in: str = Field("", description="If it is a substitute: what for, and how made.")
    licence: str = Field("", description="SPDX name of the resulting weights' licence.")
    source: str = Field("", description="Where the pipeline to start from comes from.")
    data: str = Field(description="Name or path of the data card with captions.")
    validation: str | None = Field(None, description="Data card for validation loss and samples.")
    start: str = Field(
        min_length=1, description="Pipeline to start from, in the layout of diffusers."
    )
    text_encoder: str | None = Field(
        None,
        description="Folder of a transformers model with its tokenizer that replaces the pipeline's; "
        "cross attention is rebuilt if its width differs.",
    )
    parts: list[Literal["unet", "text_encoder"]] = Field(
        default=["unet", "text_encoder"], min_length=1, description="What is trained."
    )
    steps: int = Field(ge=1, description="Steps of the optimiser.")
    batch: int = Field(16, ge=1, description="Images that go through the network at once.")
    accumulate: int = Field(1, ge=1, description="Batches per step.")
    learning_rate: Number = Field(1e-4, gt=0)
    warmup: int = Field(0, ge=0, description="Steps over which the rate rises linearly from 0.")
    decay: Literal["constant", "cosine"] = Field(
        "constant", description="After the warm-up; `cosine` falls to 0 at the last step."
    )
    weight_decay: Number = Field(0.01, ge=0)
    clip: Number = Field(1.0, gt=0, description="Largest norm of the gradient.")
    ema: Number = Field(0.9999, ge=0, lt=1, description="Decay of the averaged weights; 0: none.")
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        "float32", description="Of the networks' arithmetic; weights stay float32."
    )
    compile: bool = Field(False, description="Compile the U-Net: minutes first, then faster.")
    null_captions: Number = Field(
        0.1, ge=0, le=1, description="Share of captions left empty, for guidance."
    )
    stratified_timesteps: bool = Field(
        False, description="Spread the timesteps of a step evenly: less noise in the gradient."
    )
    lora: Lora | None = None
    gradient_checkpointing: bool = Field(False, description="Less memory, more time.")
    half: bool = Field(False, description="Save the result in float16.")
    seed: int = Field(0, ge=0)
    checkpoint_every: int = Field(500, ge=1, description="Steps.")
    sample_every: int = Field(1000, ge=1, description="Steps between validations and samples.")
    samples: int = Field(8, ge=0, le=64, description="Images drawn each time.")
    sample_steps: int = Field(25, ge=1, le=1000, description="Steps of the scheduler per sample.")
    guidance: Number = Field(7.5, ge=1, description="Of samples; the card's default later.")
    workers: int = Field(2, ge=1, le=64, description="Threads that prepare images.")
    path: Path = Field(default=Path(), exclude=True)
    digest: str = Field(default="", exclude=True)

    _identifier = field_validator("name")(identifier)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.warmup >= self.steps:
            raise ValueError(f"warmup: fewer than the {self.steps} steps were expected")
        if len(set(self.parts)) < len(self.parts):
            raise ValueError("parts: each was expected once")
        return self

    @property
    def images_per_step(self) -> int:
        """Images behind each step of the optimiser."""
        return self.batch * self.accumulate

    def beside(self, folder: str) -> Path:
        """A folder that the recipe names, relative to the recipe."""
        return self.path.parent / folder

    def effective(self) -> dict[str, Any]:
        """What determines the trained weights, as plain data."""
        return self.model_dump(mode="json", exclude=set(_WITHOUT_EFFECT))


def read_concept_training(path: Path) -> ConceptTraining:
    """A recipe from its file.

    Raises:
        SpecError: listing every problem with its line.
    """
    document = read_yaml(path)
    recipe = typed(document, ConceptTraining)
    return recipe.model_copy(update={"path": path.resolve(), "digest": document.digest})
