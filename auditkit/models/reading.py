"""Raw outputs as probabilities of decisions, in numpy: the same reading as `Outputs`, without torch."""

import numpy as np
import numpy.typing as npt

from auditkit.models.identity import positive_outputs
from auditkit.spec.model_card import ModelCard

Floats = npt.NDArray[np.float64]


def decision_probabilities(card: ModelCard, raw: Floats) -> Floats:
    """Probability of each decision (n, D) from raw outputs (n, K); ensembles' are read already."""
    if averaged(card):
        return raw
    logits = card.output.kind == "logits"
    if card.output.independent:
        return _sigmoid(raw) if logits else raw
    if raw.shape[1] == 1 or not card.output.exclusive:
        chosen = positive_outputs(card) if raw.shape[1] > 1 else [0]
        score = raw[:, chosen]
        if logits:
            score = _sigmoid(score)
        return np.concatenate([1 - score, score], axis=1)
    total = _softmax(raw) if logits else raw
    positive = positive_outputs(card)
    if not positive:
        return total
    score = total[:, positive].sum(axis=1, keepdims=True)
    return np.concatenate([1 - score, score], axis=1)


def averaged(card: ModelCard) -> bool:
    """Whether answers are means over several networks or views."""
    return max(1, len(card.networks)) * len(card.view_names) > 1


def _sigmoid(raw: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(raw / 2)))


def _softmax(raw: Floats) -> Floats:
    powers = np.exp(raw - raw.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
