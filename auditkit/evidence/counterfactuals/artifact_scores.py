"""How much counterfactuals have of what generators leave behind."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from auditkit.evidence.counterfactuals.generating import generator_identity
from auditkit.evidence.counterfactuals.pictures import Pictures, pairs
from auditkit.evidence.engine import Compute
from auditkit.evidence.kinds import Floats, Settings
from auditkit.evidence.stages import inputs_of
from auditkit.evidence.store import Arrays
from auditkit.metrics.artifact_score import artifact_scores
from auditkit.spec.counterfactual_card import CounterfactualCard

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence
    from auditkit.models.model import Model


def counterfactual_artifacts(evidence: "Evidence", card: CounterfactualCard) -> Floats:
    """Artifact score of the counterfactuals for the first and the last bin, relative to the image, (n, 2)."""
    worker = partial(_scores_worker, pictures=pairs(evidence, card))
    name = f"artifact scores of counterfactuals {card.counterfactual}"
    identity = generator_identity(evidence, card)
    found: Floats = evidence.gather(name, identity, worker, "artifact scores")["artifact"]
    return found


def _scores_worker(
    evidence: "Evidence",
    make: "Callable[[], Model]",
    _settings: Settings,
    _parameters: dict[str, Any],
    pictures: Pictures,
) -> Compute:
    model = make()

    def compute(indices: Sequence[int]) -> Arrays:
        # As the model is given them, which may be equalised: counterfactuals are made of that.
        inputs = (inputs_of(evidence, model, indices)[0] * 255).round()
        references = inputs.permute(0, 2, 3, 1).cpu().numpy().astype(np.uint8)
        both = zip(indices, references, strict=True)
        scores = [artifact_scores(pictures[index], reference) for index, reference in both]
        return {"artifact": np.stack(scores)}

    return compute
