"""What the checks that draw permuted concepts have in common: which generator draws what."""

from pydantic import Field

from auditkit.spec.declarations.blocks import HasBlocks

PAPER = "Jabbour et al., ECCV 2024, arXiv:2407.14509"


class Permuting(HasBlocks):
    """Concepts of the data set, permuted in captions and drawn by a text-to-image model."""

    generator: str = Field(description="Name of a generator card.")
    repeats: int = Field(1, ge=1, description="Images with fresh noise per caption.")
    seed: int = Field(0, ge=0, description="Declared seed of the noise.")
    images: int | None = Field(None, ge=2, description="Only the first images of the data.")

    @property
    def generators(self) -> tuple[str, ...]:
        """Names of the generators that the check draws with."""
        return (self.generator,)
