"""Generator cards: text-to-image diffusion models that draw images from captions."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from auditkit.spec.audit import Number, identifier
from auditkit.spec.card_names import plain
from auditkit.spec.model_card import Sha256
from auditkit.spec.typed import Strict

Scheduler = Literal["own", "ddim", "dpm-solver++", "euler", "unipc", "ddpm"]


class GeneratorCard(Strict):
    """A text-to-image pipeline under its name."""

    generator: str = Field(description="Name; `generator: NAME` in a spec.")
    title: str = Field("", description="One line for people.")
    task: str = Field(description="The task of the data that it was trained on.")
    stand_in: str = Field("", description="If it is a substitute: what for, and how made.")
    folder: str = Field(
        min_length=1, description="Folder in the layout of diffusers, relative to the card."
    )
    sha256: dict[str, Sha256] = Field(
        default_factory=dict, description="By file within the folder; checked before it is read."
    )
    steps: Annotated[int, Field(ge=1, le=1000)] = Field(25, description="Sampling steps.")
    guidance: Number = Field(7.5, ge=1, description="Scale of classifier-free guidance; 1 is none.")
    scheduler: Scheduler = Field("own", description="`own` is the one that the folder names.")
    size: int | None = Field(
        None, ge=8, le=2048, description="Side of the images in pixels; left out: as trained."
    )
    licence: str = Field("", description="SPDX name of the weights' licence.")
    source: str = Field("", description="Where the weights come from.")
    path: Path = Field(default=Path(), exclude=True)
    digest: str = Field(default="", exclude=True)

    @field_validator("sha256")
    @classmethod
    def _inside(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if not plain(name):
                raise ValueError(
                    f"'{name:.200}' is no file within the folder; a plain relative path was expected, as "
                    "unet/diffusion_pytorch_model.safetensors"
                )
        return value

    _identifiers = field_validator("generator", "task")(identifier)

    @property
    def root(self) -> Path:
        """The pipeline's folder."""
        return self.path.parent / self.folder
