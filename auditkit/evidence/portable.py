"""Evidence that another process of the same user can make for itself.

A worker elsewhere is sent what evidence is of, cards and numbers, and makes it in its own `Workroom`: it
loads each model and data set once, whatever it is asked.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from auditkit.evidence.settling import workroom
from auditkit.evidence.stage import Compute
from auditkit.spec.beside import Beside
from auditkit.spec.data_card import DataCard
from auditkit.spec.model_card import ModelCard

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence


@dataclass(frozen=True)
class Recipe:
    """What evidence is of.

    Attributes:
        card: the model.
        data: the data set.
        images: only the first so many; None for all.
        beside: what is named beside them.
        owner: the model whose classes the data set's labels are held to, if not ``card``: a peer looks at
            another model's data.
    """

    card: ModelCard
    data: DataCard
    images: int | None = None
    beside: Beside = field(default_factory=Beside)
    owner: ModelCard | None = None


@dataclass(frozen=True)
class Portable:
    """Makes the function that computes a stage's shards; can be pickled where the evidence has a recipe.

    Attributes:
        evidence: pickled as its recipe.
        worker: called as ``worker(evidence, make_model, settings, parameters)``; a module's function or a
            partial of one, whose further arguments can be pickled.
        parameters: of the stage.
    """

    evidence: "Evidence"
    worker: Callable[..., Compute]
    parameters: dict[str, Any]

    def __call__(self) -> Compute:
        """The function from image indices to arrays."""
        evidence = self.evidence
        return self.worker(evidence, evidence.own_model, evidence.settings, self.parameters)


def restored(recipe: Recipe) -> "Evidence":
    """Evidence that was sent to this process."""
    return workroom().restored(recipe)
