"""Modality Shapley values with what other patients would make of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError
from auditkit.metrics.answered import Answered, unseen_cases
from auditkit.metrics.modalities import modality_shapley, shapley_weights
from auditkit.stats import Choice, Estimate
from auditkit.stats.choice import smallest
from auditkit.stats.differences import Resampled, difference, resampled
from auditkit.stats.inputs import Clusters, Floats, cluster_images
from auditkit.stats.resampling import REPLICATES

_DIGITS = 12  # importances that agree to so many digits are tied


@dataclass(frozen=True)
class ModalityImportances:
    """Shapley values of all modalities of one model, from the same draws of patients.

    Attributes:
        modalities: names, in the order of the bits of a subset's number.
        subsets: the performance with each subset of the modalities, 2^M.
        estimates: the Shapley value of each modality.
        top: the modality with the largest one, and those that may have it.
        top_probabilities: share of the resamples in which each modality is first; ties share.
        ranking_probability: share of the resamples in which all modalities are ranked as reported.
        settled_probability: share of the resamples in which they are, whatever the missing cases are.
        per_patient: (G, M), one row per patient, whose mean is the Shapley values.
        patients: (G,) whose rows those are.
    """

    modalities: tuple[str, ...]
    subsets: tuple[Estimate, ...]
    estimates: Mapping[str, Estimate]
    top: Choice
    top_probabilities: Mapping[str, float]
    ranking_probability: float
    settled_probability: float
    per_patient: Floats
    patients: npt.NDArray[np.str_]

    @property
    def values(self) -> Floats:
        """(M,) the Shapley values."""
        return np.array([self.estimates[name].value for name in self.modalities])


def modality_importances(
    answered: Answered,
    modalities: Sequence[str],
    *,
    missing: int = 0,
    seed: int = 0,
    replicates: int = REPLICATES,
    level: float = 0.95,
) -> ModalityImportances:
    r"""Modality Shapley values (Jin et al., arXiv:2202.10553, Eq. 1) with intervals over patients.

    Patients are drawn once for all 2^M subsets, so that what these have in common cancels. A Shapley value
    is the average performance with the modality minus that without it (`shapley_weights`), with the
    interval of `auditkit.stats.differences.difference`, which never collapses.

    Deviates: the paper has one value per model and takes it for the truth.

    Args:
        answered: scores and decisions are (n, 2^M), by the number of the subset.
        modalities: M names.
        missing: cases that could not be evaluated; ``top`` excludes only modalities that stay excluded
            whatever those are, and ``settled_probability`` counts only orders that stay.
        seed: of the draws of patients.
        replicates: of the bootstrap.
        level: two-sided confidence level.

    Returns:
        The importances and their ranking.

    Raises:
        AuditError: another number of subsets, one patient only, scores not finite, or one class only or so
            few cases of one that more than 1 % of the resamples have none (AUROC).

    Example:
        >>> labels = np.array([0, 1] * 10)
        >>> all_0, right = np.zeros(20, dtype=np.int64), labels  # only the first modality tells anything
        >>> decisions = np.stack([all_0, right, all_0, right], axis=1)
        >>> ids = np.arange(20).astype(str)
        >>> given = Answered("accuracy", labels, decisions * 1.0, decisions, ids)
        >>> found = modality_importances(given, ["t1c", "flair"])
        >>> [found.estimates[name].value for name in found.modalities], found.top.candidates
        ([0.5, 0.0], ('t1c',))
    """
    columns, names = answered.columns, tuple(modalities)
    if len(columns) != 2 ** len(names):
        raise AuditError(
            f"answers to {len(columns)} subsets; {2 ** len(names)} of {len(names)} modalities were expected."
        )
    groups = cluster_images(answered.patients, len(answered.labels))
    statistics = [column.statistic() for column in columns]
    drawn = resampled(statistics, groups, seed=seed, replicates=replicates)
    values = np.array([value for value, _ in drawn])
    draws = np.stack([replicate for _, replicate in drawn], axis=1)
    units = columns[0].units(groups)
    phi = modality_shapley(draws)
    phi = phi[np.isfinite(phi).all(axis=1)]
    first = _first(phi).mean(axis=0) if len(phi) else np.zeros(len(names))
    unseen, ranking = unseen_cases(answered, missing), pair_orders(modality_shapley(values))
    settled = pair_orders(phi, unseen / (1 - unseen)) == ranking
    if missing:
        settled &= ranking != 0
    per_case = modality_shapley(np.stack([column.per_case() for column in columns], axis=1))
    return ModalityImportances(
        names,
        tuple(column.estimate(answered.patients, level) for column in columns),
        _estimates(names, values, draws, units, groups, level),
        _top(names, values, draws, units, groups, unseen, level),
        dict(zip(names, first.tolist(), strict=True)),
        float((pair_orders(phi) == ranking).all(axis=1).mean()),
        float(settled.all(axis=1).mean()),
        per_patient(per_case, groups),
        np.unique(answered.patients),
    )


def per_patient(values: Floats, groups: Clusters) -> Floats:
    """(G, M) rows whose mean is that of the cases' rows (n, M): patients' sums times G / n.

    Example:
        >>> groups = cluster_images(["a", "a", "b"], 3)
        >>> per_patient(np.array([[1.0], [2.0], [6.0]]), groups).ravel().tolist()  # (3, 6) * 2 / 3
        [2.0, 4.0]
    """
    sums = np.stack([groups.sums(column) for column in values.T], axis=1)
    rows: Floats = sums * groups.count / len(values)
    return rows


def _estimates(
    names: Sequence[str],
    values: Floats,
    draws: Floats,
    units: float,
    groups: Clusters,
    level: float,
) -> dict[str, Estimate]:
    having, lacking = shapley_weights(len(names))
    found = {}
    for m, name in enumerate(names):
        with_it, without = (
            Resampled(float(values @ weights[:, m]), draws @ weights[:, m], units)
            for weights in (having, lacking)
        )
        found[name] = difference(with_it, without, groups, level=level)
    return found


def _top(
    names: Sequence[str],
    values: Floats,
    draws: Floats,
    units: float,
    groups: Clusters,
    unseen: float,
    level: float,
) -> Choice:
    """The largest Shapley value as the smallest (1 - phi) / 2, which lies in [0, 1].

    Cases that are not seen turn phi_m - phi_k, a difference of averages over [0, 1] as well, by
    unseen / (1 - unseen) at most, and half of it by half of that.
    """
    turned = unseen / (1 - unseen) / 2
    own, drawn = modality_shapley(values), modality_shapley(draws)
    small = {
        name: Resampled((1 - float(own[m])) / 2, (1 - drawn[:, m]) / 2, units)
        for m, name in enumerate(names)
    }
    return smallest(small, groups, unseen=turned / (1 + turned), level=level)


def _first(phi: Floats) -> Floats:
    """Whether each modality is the first in each row (B, M); ties share."""
    leading = phi >= phi.max(axis=1, keepdims=True) - 10.0**-_DIGITS
    shares: Floats = leading / leading.sum(axis=1, keepdims=True)
    return shares


def pair_orders(phi: Floats, beyond: float = 0.0) -> Floats:
    """Which of every pair of modalities is the larger one, (..., pairs); 0 for ties.

    Differences that are not larger than ``beyond`` are ties.
    """
    i, j = np.triu_indices(phi.shape[-1], k=1)
    apart = np.round(phi[..., i] - phi[..., j], _DIGITS)
    orders: Floats = np.sign(apart) * (np.abs(apart) > beyond)
    return orders
