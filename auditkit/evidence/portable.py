"""Evidence that another process of the same user can make for itself.

A worker elsewhere is sent what evidence is of, cards and numbers, and makes it in its own `Workroom`: it
loads each model and data set once, whatever it is asked.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from auditkit.data.dataset import Record
from auditkit.errors import AuditError
from auditkit.evidence.kinds import Settings
from auditkit.evidence.settling import workroom
from auditkit.evidence.sized import Sized, fitting
from auditkit.evidence.stage import Compute
from auditkit.evidence.store import Arrays
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


class ImageIdentities(Sequence[str]):
    """What of each image determines the model's answer and its score.

    Sent to another process, they are those of the evidence that it makes for itself, if it sees the same
    images: of a million, one digest is sent.
    """

    def __init__(self, evidence: "Evidence") -> None:
        self._evidence = evidence
        columns = [feature.column for feature in evidence.card.table]
        self._all = [_identity(record, columns) for record in evidence.records]

    def __len__(self) -> int:
        return len(self._all)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        return self._all[index]

    def __eq__(self, other: object) -> bool:
        return self._all == other._all if isinstance(other, ImageIdentities) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        """Made again of the evidence."""
        return identities_of, (self._evidence, self.digest)

    @cached_property
    def digest(self) -> str:
        """sha256 of all of them, in order."""
        return hashlib.sha256(json.dumps(self._all).encode()).hexdigest()


def identities_of(evidence: "Evidence", digest: str) -> ImageIdentities:
    """The identities of evidence that was sent to this process.

    Raises:
        AuditError: this process sees other images than the one that sent it.
    """
    found = evidence.identities
    if found.digest != digest:
        raise AuditError(
            f"a worker sees other images, labels or inputs in data set '{evidence.data.card.data}' than the "
            "process that sent it work: they differ between machines, or were changed since; make them the "
            "same, and run again"
        )
    return found


def _identity(record: Record, columns: Sequence[str]) -> str:
    parts = [record.digest, str(record.label)]
    parts += [record.features.get(column, "") for column in columns]
    return json.dumps(parts) if columns else ":".join(parts)


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
        settings = fitting(evidence.settings, evidence.own_model)
        compute = Sized(self._made, settings, f"model '{evidence.card.model}'")

        def with_images_ahead(indices: Sequence[int]) -> Arrays:
            evidence.ahead.announce(self, indices, now=True)
            return compute(indices)

        return with_images_ahead

    def announce(self, indices: Sequence[int]) -> None:
        """These images will be asked for soon: they may be read and decoded meanwhile."""
        self.evidence.ahead.announce(self, indices)

    def _made(self, settings: Settings) -> Compute:
        evidence = self.evidence
        return self.worker(evidence, evidence.own_model, settings, self.parameters)


def restored(recipe: Recipe) -> "Evidence":
    """Evidence that was sent to this process."""
    return workroom().restored(recipe)
