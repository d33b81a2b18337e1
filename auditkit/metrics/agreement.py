"""Does a method find the importances that a model is known to have? Over many models at once."""

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.metrics.not_evaluable import NotEvaluable
from auditkit.stats import Estimate, mean, pearson_r
from auditkit.stats.inputs import (
    Clusters,
    Floats,
    at_least_two_clusters,
    cluster_images,
    half_alpha,
)
from auditkit.stats.ranking import weighted_auroc
from auditkit.stats.resampling import REPLICATES, bootstrap
from auditkit.stats.tails import PointTail


def importance_correlation(
    oracle: ArrayLike, method: ArrayLike, *, seed: int = 0, level: float = 0.95
) -> Estimate:
    """Pearson correlation of a method's importances with the oracle's, over models and concepts.

    DEPICT (Jabbour et al., ECCV 2024, arXiv:2407.14509, figures 3, 6 and 8).

    Deviates: models are drawn with all their concepts, since the importances of one model are not
    independent.

    Args:
        oracle: (M, D) importance of D concepts to M models.
        method: (M, D).
        seed: of the draws of models.
        level: two-sided confidence level.

    Returns:
        The correlation in [-1, 1]; ``clusters`` are the models, ``n`` models times concepts.

    Raises:
        AuditError: one model only, fewer than four importances, or all of one side equal.
    """
    true, found = _tables(oracle, method)
    models = np.repeat(np.arange(len(true)), true.shape[1])
    return pearson_r(true.reshape(-1), found.reshape(-1), models, level=level, seed=seed)


def importance_auroc(
    oracle: ArrayLike,
    method: ArrayLike,
    thresholds: ArrayLike,
    *,
    seed: int = 0,
    level: float = 0.95,
    replicates: int = REPLICATES,
) -> list[Estimate | NotEvaluable]:
    """AUROC of a method's importances for concepts whose oracle importance exceeds a threshold.

    DEPICT (arXiv:2407.14509, section 4.1 and figure 4). Cluster bootstrap over models.

    Args:
        oracle: (M, D) importance of D concepts to M models.
        method: (M, D).
        thresholds: (k,) of the oracle's importances; above counts as important.
        seed: of the draws of models.
        level: two-sided confidence level.
        replicates: of the bootstrap.

    Returns:
        For each threshold the area in [0, 1], or why there is none: it leaves too few concepts on one
        side.

    Raises:
        AuditError: one model only, or importances not finite.
    """
    true, found = _tables(oracle, method)
    models = cluster_images(np.repeat(np.arange(len(true)), true.shape[1]), true.size)
    at_least_two_clusters(models, "importance_auroc")
    scores = found.reshape(-1)
    areas: list[Estimate | NotEvaluable] = []
    for threshold in np.asarray(thresholds, dtype=np.float64).tolist():
        important = (true.reshape(-1) > threshold).astype(np.float64)
        areas.append(_area(important, scores, models, threshold, seed, replicates, level))
    return areas


def top_k_agreement(oracle: ArrayLike, method: ArrayLike, *, level: float = 0.95) -> list[Estimate]:
    """Share of the oracle's k most important concepts among the method's, for k = 1 ... D.

    DEPICT (arXiv:2407.14509, section 4.1 and figure 4). Of concepts tied at the k-th place each is in the
    top k with the same probability, independently on either side.

    Args:
        oracle: (M, D) importance of D concepts to M models.
        method: (M, D).
        level: two-sided confidence level.

    Returns:
        For each k the mean over models, in [0, 1], with Student's t; k / D is chance, and k = D is 1 by
        definition.

    Raises:
        AuditError: one model only, or importances not finite.

    Example:
        >>> [round(k.value, 2) for k in top_k_agreement([[3, 2, 1]] * 2, [[3, 1, 2], [1, 2, 3]])]
        [0.5, 0.5, 1.0]
    """
    true, found = _tables(oracle, method)
    models, concepts = true.shape
    shares = [(_top(true, k) * _top(found, k)).sum(axis=1) / k for k in range(1, concepts)]
    below = [mean(np.clip(share, 0, 1), bounds=(0.0, 1.0), level=level) for share in shares]
    half_alpha(level)
    all_of_them = Estimate(1.0, 1.0, 1.0, level, models, models, "by definition", PointTail(1.0))
    return [*below, all_of_them]


def standardised_weights(weights: ArrayLike, concept_predictions: ArrayLike) -> Floats:
    """Standardised regression weights w_d sd(c_d): change of the score per standard deviation.

    Bring 1994, doi:10.1080/00031305.1994.10476059; DEPICT's oracle of a concept-bottleneck model
    (arXiv:2407.14509, section 4.1).

    Args:
        weights: (D,) of the concepts in the score.
        concept_predictions: (N, D) on real images.

    Returns:
        (D,), with the sign of the weight; standard deviation with N - 1.

    Raises:
        AuditError: shapes that do not fit, fewer than two images, or values not finite.

    Example:
        >>> standardised_weights([2.0, 1.0], [[0, 1], [1, 1], [2, 1]]).tolist()
        [2.0, 0.0]
    """
    w, c = _weighted(weights, concept_predictions)
    scaled: Floats = w * c.std(axis=0, ddof=1)
    return scaled


def _weighted(weights: ArrayLike, predictions: ArrayLike) -> tuple[Floats, Floats]:
    w = np.asarray(weights, dtype=np.float64)
    c = np.asarray(predictions, dtype=np.float64)
    if w.ndim != 1 or c.ndim != 2 or c.shape[1] != w.size or len(c) < 2:
        raise AuditError(
            f"weights have shape {w.shape} and predictions {c.shape}; expected (concepts,) and "
            "(images, concepts), at least two images."
        )
    if not (np.isfinite(w).all() and np.isfinite(c).all()):
        raise AuditError("weights or predictions are NaN or infinite; expected finite numbers.")
    return w, c


def _tables(oracle: ArrayLike, method: ArrayLike) -> tuple[Floats, Floats]:
    true = np.asarray(oracle, dtype=np.float64)
    found = np.asarray(method, dtype=np.float64)
    if true.ndim != 2 or true.shape != found.shape or true.size == 0:
        raise AuditError(
            f"oracle has shape {true.shape}, method {found.shape}; expected (models, concepts) for both."
        )
    if not (np.isfinite(true).all() and np.isfinite(found).all()):
        raise AuditError("importances are NaN or infinite; leave out models without them.")
    return true, found


def _area(
    important: Floats,
    scores: Floats,
    models: Clusters,
    threshold: float,
    seed: int,
    replicates: int,
    level: float,
) -> Estimate | NotEvaluable:
    if important.min() == important.max():
        which = "no" if important[0] == 0 else "every"
        return NotEvaluable(f"{which} importance exceeds {threshold:g}")
    try:
        return bootstrap(
            weighted_auroc(important, scores),
            models.index,
            scores.size,
            seed=seed,
            replicates=replicates,
            level=level,
            bounds=(0.0, 1.0),
            interval="logit",
        )
    except AuditError as error:
        return NotEvaluable(str(error))


def _top(importances: Floats, k: int) -> Floats:
    """(M, D), the probability of each concept to be in the top k if ties are broken at random."""
    place = -np.sort(-importances, axis=1)[:, k - 1 : k]
    above, tied = importances > place, importances == place
    left = k - above.sum(axis=1, keepdims=True)
    found: Floats = above + tied * (left / tied.sum(axis=1, keepdims=True))
    return found
