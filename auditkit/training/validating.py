"""How well a trained model does on the validation part: AUROC with interval, and its threshold."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from auditkit.errors import AuditError
from auditkit.models.model import Model
from auditkit.stats import auroc
from auditkit.training.batches_of_images import Inputs, in_order

Floats = npt.NDArray[np.float64]


def probabilities(model: Model, inputs: Inputs, batch: int, workers: int) -> torch.Tensor:
    """What a model answers to inputs as audits see them: float32 (n, D), on the CPU."""
    with torch.no_grad():
        parts = [
            model.probabilities(images.to(model.device)).cpu()
            for images in in_order(inputs, batch, workers)
        ]
    return torch.cat(parts)


def auroc_of(labels: Floats, scores: Floats, patients: list[str]) -> dict[str, Any]:
    """AUROC with its 95 % interval as plain data, over the images whose label is known.

    Args:
        labels: (n,) 0 or 1, NaN where unknown.
        scores: (n,).
        patients: (n,), whose images are one cluster.

    Returns:
        auroc, low, high, images, positives; or why there is none, as ``not_evaluable``.
    """
    known = ~np.isnan(labels)
    counts = {"images": int(known.sum()), "positives": int(labels[known].sum())}
    try:
        found = auroc(labels[known], scores[known], np.array(patients)[known])
    except AuditError as error:
        return {"not_evaluable": str(error), **counts}
    return {"auroc": found.value, "low": found.low, "high": found.high, **counts}


def youden_threshold(labels: Floats, scores: Floats) -> float:
    """The threshold t that maximises Youden's J = sensitivity + specificity - 1 (1950).

    A score of t or more is positive. t lies halfway between the lowest score that is then positive and the
    next lower one, so that rounding decides nothing; of equally good thresholds it is the highest. Scores
    below 1e-6 are never positive.

    Args:
        labels: (n,) 0 or 1.
        scores: (n,) in [0, 1].

    Returns:
        t in [1e-6, 1).

    Raises:
        AuditError: one class only.

    Example:
        >>> youden_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9]))
        0.4
    """
    positives, negatives = int(labels.sum()), int((1 - labels).sum())
    if not positives or not negatives:
        raise AuditError(
            f"the validation part has {positives} positive and {negatives} negative images; both are "
            "needed to choose a threshold"
        )
    cuts, group = np.unique(scores, return_inverse=True)
    signed = np.where(labels == 1, 1 / positives, -1 / negatives)
    # J of a cut: what the scores from there on add up to.
    gains = np.bincount(group, weights=signed)[::-1].cumsum()[::-1]
    best = int(len(gains) - 1 - gains[::-1].argmax())
    lower = cuts[best - 1] if best else 0.0
    return max(float(lower + cuts[best]) / 2, 1e-6)
