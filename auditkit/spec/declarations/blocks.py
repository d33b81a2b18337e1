"""Concepts that are permuted: each by itself, or several together."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from auditkit.spec.concepts import SEPARATOR
from auditkit.spec.declaration import Parameters

Block = Annotated[list[str], Field(min_length=2)]


class HasBlocks(Parameters):
    """Blocks of concepts, most of them of one concept."""

    concepts: list[str | Block] = Field(
        min_length=1,
        description="Concepts of the data card, each permuted by itself; a list within the list is "
        "permuted together, as correlated concepts must be.",
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for name in self.permuted_concepts:
            if self.permuted_concepts.count(name) > 1:
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
    def permuted_concepts(self) -> list[str]:
        """Every concept of every block."""
        return [name for block in self.blocks for name in block]

    @property
    def named_concepts(self) -> list[str]:
        """What the data card must declare."""
        return self.permuted_concepts
