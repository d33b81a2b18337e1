"""What the checks of counterfactuals have in common: which generator they ask, and which pairs count."""

from collections.abc import Sequence

from pydantic import Field

from auditkit.spec.audit import Number
from auditkit.spec.counterfactual_card import Family, Wanted
from auditkit.spec.declaration import Need, Parameters
from auditkit.spec.typed import Strict

PAPER = "DeGrave et al., Nat. Biomed. Eng. 2023, doi:10.1038/s41551-023-01160-9"


class Screen(Strict):
    """Which pairs are looked at: the paper's prescreening (Methods, expert evaluation)."""

    consistent: bool = Field(
        True, description="Both counterfactuals lie on their side of the threshold."
    )
    largest_artifact: Number | None = Field(
        None, gt=0, description="Largest artifact score of either counterfactual."
    )
    vetoes: list[str] = Field(
        default_factory=list,
        description="Ratings cards of experts' vetoes, one per model: the worst rating is a veto.",
    )
    models: list[str] = Field(
        default_factory=list,
        description="Only images whose pairs pass for these models too, so that models are compared on the "
        "same images.",
    )


class HasCounterfactuals(Parameters):
    """Counterfactuals by a generator that was trained for the audited model."""

    trained_on: str = Field(description="Name of the data set that the generator was trained on.")
    family: Family = Field("progressive-exaggeration", description="How the generator works.")
    seed: int = Field(0, ge=0, description="Which training of it.")
    images: int | None = Field(None, ge=2, description="Only the first images of the data.")

    @property
    def wanted(self) -> Wanted:
        """The generator that is asked."""
        return Wanted(self.trained_on, self.family, self.seed)

    @property
    def counterfactuals(self) -> Sequence[Wanted]:
        """All generators that the check asks."""
        return (self.wanted,)


def counterfactual_needs(parameters: HasCounterfactuals) -> frozenset[Need]:
    """What checks of counterfactuals need; guided diffusion draws with a text-to-image model."""
    needs: set[Need] = {"pictures", "score", "counterfactuals"}
    return frozenset(needs | {"generator"} if parameters.family == "guided-diffusion" else needs)


class Screened(HasCounterfactuals):
    """Of these counterfactuals, those that pass a prescreening."""

    screen: Screen = Field(Screen(), description="Which pairs may be shown or measured.")

    @property
    def trainings(self) -> Sequence[str]:
        """The models with which images are shared."""
        return self.screen.models

    @property
    def rating_tables(self) -> Sequence[str]:
        """The tables of vetoes."""
        return self.screen.vetoes
