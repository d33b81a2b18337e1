"""What two checks of concept permutation have in common: a classifier that judges what was drawn."""

from typing import Self

from pydantic import Field, model_validator

from auditkit.spec.declarations.permuting import Permuting


class Judging(Permuting):
    """Permuted concepts, and a concept classifier that sees whether they are in the images."""

    classifier: str = Field(
        description="Name of a model card with `exclusive: false` and a class per concept."
    )
    judged: list[str] = Field(
        default_factory=list,
        description="Further concepts of the data card that are judged and not permuted.",
    )

    @model_validator(mode="after")
    def _judged_once(self) -> Self:
        for name in self.judged:
            if self.named_concepts.count(name) > 1:
                raise ValueError(
                    f"judged: '{name}' is named twice; what is permuted is judged anyway"
                )
        return self

    @property
    def named_concepts(self) -> list[str]:
        """Every concept that the classifier judges, permuted ones first."""
        return [*self.permuted_concepts, *self.judged]

    @property
    def models(self) -> tuple[str, ...]:
        """The concept classifier."""
        return (self.classifier,)
