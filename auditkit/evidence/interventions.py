"""Scores of pictures redrawn with one attribute changed: only a generator can do that."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from auditkit.data.dataset import Dataset, Picture
from auditkit.errors import AuditError
from auditkit.evidence.engine import Compute
from auditkit.evidence.kinds import Settings
from auditkit.evidence.stages import MakeModel, batcher_for, scored, table_of
from auditkit.evidence.store import Arrays

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence


class Generated(Protocol):
    """What a data set can do besides, whose pictures are drawn from known attributes."""

    def intervened(self, index: int, attribute: str, value: float) -> Picture:
        """The picture as it would be with one attribute at a value and nothing else changed."""
        ...

    def true_probability(self, index: int, attribute: str, value: float) -> float:
        """The probability of a positive label that the attribute at this value would give."""
        ...


def generated(data: Dataset) -> Generated:
    """The data set as one that can redraw its pictures.

    Raises:
        AuditError: it cannot.
    """
    if not hasattr(data, "intervened"):
        raise AuditError(
            f"data set '{data.card.data}' cannot redraw its pictures with one attribute changed; "
            "use data of the format synthetic-dermoscopy or synthetic-clinical"
        )
    return cast("Generated", data)


def interventions_worker(
    evidence: "Evidence", make: MakeModel, settings: Settings, parameters: dict[str, Any]
) -> Compute:
    """Scores of redrawn pictures, one column per value of the attribute."""
    import torch

    model = make()
    batcher, data = batcher_for(settings), generated(evidence.data)
    attribute: str = parameters["attribute"]

    def compute(indices: Sequence[int]) -> Arrays:
        table, columns = table_of(evidence, model, indices), []
        for value in parameters["values"]:
            redrawn = [data.intervened(index, attribute, value) for index in indices]
            with torch.no_grad():
                answers = batcher.map(model.probabilities, model.prepare(redrawn), table)
            columns.append(scored(evidence, model, answers, indices))
        return {name: np.stack([c[name] for c in columns], axis=1) for name in columns[0]}

    return compute
