"""What the four checks of concept permutation have in common: which generator permutes what."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from auditkit.spec.concepts import SEPARATOR
from auditkit.spec.declaration import Parameters

Block = Annotated[list[str], Field(min_length=2)]

PAPER = "Jabbour et al., ECCV 2024, arXiv:2407.14509"


class Permuting(Parameters):
    """Concepts of the data set, permuted in captions and drawn by a text-to-image model."""

    generator: str = Field(description="Name of a generator card.")
    concepts: list[str | Block] = Field(
        min_length=1,
        description="Concepts of the data card, each permuted by itself; a list within the list is "
        "permuted together, as correlated concepts must be.",
    )
    repeats: int = Field(1, ge=1, description="Images with fresh noise per caption.")
    seed: int = Field(0, ge=0, description="Declared seed of the noise.")
    images: int | None = Field(None, ge=2, description="Only the first images of the data.")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        flat = self.named_concepts
        for name in flat:
            if flat.count(name) > 1:
                raise ValueError(f"concepts: '{name}' is named twice")
        return self

    @property
    def blocks(self) -> list[tuple[str, ...]]:
        """The concepts that are permuted together, most of them alone."""
        return [(item,) if isinstance(item, str) else tuple(item) for item in self.concepts]

    @property
    def names(self) -> list[str]:
        """A name for each block."""
        return [SEPARATOR.join(block) for block in self.blocks]

    @property
    def named_concepts(self) -> list[str]:
        """Every concept of every block."""
        return [name for block in self.blocks for name in block]

    @property
    def generators(self) -> tuple[str, ...]:
        """Names of the generators that the check draws with."""
        return (self.generator,)
