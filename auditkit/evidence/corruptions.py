"""Scores of pictures that were stored, sent, taken or marked in another way."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from auditkit.data.corruptions import corrupted
from auditkit.data.dataset import Picture
from auditkit.evidence.engine import Compute
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Settings
from auditkit.evidence.stages import MakeModel, batcher_for, scored, table_of
from auditkit.evidence.store import Arrays
from auditkit.spec.corruptions import Corruption, parse_corruption

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence


def corrupted_source(evidence: "Evidence", index: int, corruption: Corruption) -> Picture:
    """A picture of the data set, corrupted as it is stored; what is random follows from the image."""
    seed = seed_of("corruption", corruption.identity, evidence.records[index].digest)
    return corrupted(evidence.data.image(index), corruption, seed)


def corruption_worker(
    evidence: "Evidence", make: MakeModel, settings: Settings, parameters: dict[str, Any]
) -> Compute:
    """Scores of corrupted pictures."""
    import torch

    model, batcher = make(), batcher_for(settings)
    corruption: Corruption = parse_corruption(parameters["corruption"])

    def compute(indices: Sequence[int]) -> Arrays:
        pictures = [corrupted_source(evidence, index, corruption) for index in indices]
        table = table_of(evidence, model, indices)
        with torch.no_grad():
            answers = batcher.map(model.probabilities, model.prepare(pictures), table)
        return scored(evidence, model, answers, indices)

    return compute
