"""How sure a model is of what it decides."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from auditkit.evidence.engine import Compute
from auditkit.evidence.kinds import Floats, Settings
from auditkit.evidence.stages import MakeModel, batcher_for, inputs_of
from auditkit.evidence.store import Arrays

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence


def decided_probability(evidence: "Evidence") -> Floats:
    """Probability (n,) of the decided class of every image; below 1/2 where the threshold is."""
    if evidence.two_class:
        scores = evidence.scores()
        found: Floats = np.where(scores.decision == 1, scores.score, 1 - scores.score)
        return found
    own: Floats = evidence.gather("confidence", {}, confidence_worker)["probability"]
    return own


def confidence_worker(
    evidence: "Evidence", make: MakeModel, settings: Settings, _parameters: dict[str, Any]
) -> Compute:
    """Probability of the decided class."""
    import torch

    model = make()
    batcher = batcher_for(settings)

    def compute(indices: Sequence[int]) -> Arrays:
        with torch.no_grad():
            answers = batcher.map(model.probabilities, *inputs_of(evidence, model, indices))
        decided = answers.gather(1, model.decide(answers)[:, None])[:, 0]
        return {"probability": decided.double().numpy()}

    return compute
