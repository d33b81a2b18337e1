"""Which attributes matter most: over all models by rank sum, and for each model by itself."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.metrics.attribute_scores import checked
from auditkit.stats.inputs import Clusters, at_least_two_clusters, cluster_images
from auditkit.stats.resampling import REPLICATES, patient_weights, rows_per_chunk

Floats = npt.NDArray[np.float64]
TOP = 10


@dataclass(frozen=True)
class Noted:
    """What experts noted in the pairs of one model.

    Attributes:
        s: bool (E, I, A, 5), as for `attribute_scores`.
        assessed: bool (E, I).
        patients: (I,) patient of each pair; the same name is the same patient in every model.
    """

    s: ArrayLike
    assessed: ArrayLike
    patients: ArrayLike


def attribute_ranks(noted: ArrayLike) -> Floats:
    """Ranks of the attributes within each model; 1 is the largest, ties share their mean rank.

    Args:
        noted: (M, A), finite: shares of pairs and experts in which each was noted.

    Returns:
        (M, A), from 1 to A.

    Raises:
        AuditError: another shape, or not finite.

    Example:
        >>> attribute_ranks([[0.4, 0.1, 0.1, 0.0]]).tolist()
        [[1.0, 2.5, 2.5, 4.0]]
    """
    table = np.asarray(noted, dtype=np.float64)
    if table.ndim != 2 or table.size == 0 or not np.isfinite(table).all():
        raise AuditError(
            f"noted has shape {table.shape}; a finite (models, attributes) was expected"
        )
    return _midranks(table)


def global_order(noted: ArrayLike, names: Sequence[str]) -> tuple[int, ...]:
    """All attributes by their rank sum over the models, lowest first; the figure shows the first ten.

    DeGrave et al. (doi:10.1038/s41551-023-01160-9, Fig. 2c): "we count the proportion of counterfactual pairs
    in which experts noted that attribute differs; we display the global top-10 attributes as determined by
    lowest rank-sum over all AI devices". They do not say how ties are broken; here by name.

    Args:
        noted: (M, A) shares of pairs and experts in which each was noted, in any direction.
        names: of the A attributes, all different.

    Returns:
        Indices of the attributes.

    Raises:
        AuditError: as `attribute_ranks`; names that do not fit.

    Example:
        >>> global_order([[0.4, 0.1, 0.2], [0.1, 0.3, 0.2]], ["x", "z", "y"])  # rank sums 4, 4, 4
        (0, 2, 1)
    """
    sums = attribute_ranks(noted).sum(axis=0)
    return _ordered(sums, names)


def model_order(noted: ArrayLike, names: Sequence[str]) -> tuple[int, ...]:
    """One model's attributes by the share of its pairs and experts in which they were noted, largest first.

    The order of Supplementary Figs. 9 and 10, with any direction; ties by name.

    Args:
        noted: (A,) shares, as `attribute_scores` gives them.
        names: of the A attributes, all different.

    Returns:
        Indices of the attributes.

    Raises:
        AuditError: not finite, or names that do not fit.

    Example:
        >>> model_order([0.1, 0.4, 0.4], ["x", "z", "y"])
        (2, 1, 0)
    """
    shares = np.asarray(noted, dtype=np.float64)
    if shares.ndim != 1 or not np.isfinite(shares).all():
        raise AuditError(
            f"noted has shape {shares.shape}; one finite share per attribute was expected"
        )
    return _ordered(-shares, names)


def top_shares(
    models: Sequence[Noted],
    names: Sequence[str],
    top: int = TOP,
    seed: int = 0,
    *,
    replicates: int = REPLICATES,
) -> Floats:
    """How firmly each attribute is among the first of `global_order`.

    The share of resamples of patients (with all of their pairs, of every model) in which it is among the
    first ``top``. It says how much the list owes to these patients, and is no probability of a hypothesis.
    Resamples in which a model has no assessed pair are left out.

    Args:
        models: one or more, with the same attributes.
        names: of the A attributes, all different.
        top: length of the list.
        seed: of the resamples.
        replicates: number of resamples.

    Returns:
        (A,), in [0, 1], with sum min(top, A).

    Raises:
        AuditError: no model, shapes or names that do not fit, or one patient only.
    """
    tallies = _tallies(models)
    owners = np.concatenate([one.owners for one in tallies])
    groups = cluster_images(owners, owners.size)
    at_least_two_clusters(groups, "the share of resamples in the top list")
    shares = _resampled(tallies, groups, seed, replicates)
    defined = shares[np.isfinite(shares).all(axis=(1, 2))]
    if not len(defined):
        raise AuditError("in every resample of patients some model has no assessed pair")
    by_name = _by_name(names, defined.shape[2])
    sums = _midranks(defined)[:, :, by_name].sum(axis=1)
    # Sorted by name, a stable sort breaks ties by name.
    first = np.argsort(sums, axis=1, kind="stable")[:, :top]
    inside = np.bincount(first.reshape(-1), minlength=len(by_name)) / len(defined)
    found = np.empty(len(by_name))
    found[by_name] = inside
    return found


@dataclass(frozen=True)
class _Tally:
    """Counts over the experts, pair by pair."""

    noted: Floats  # (I, A)
    assessed: Floats  # (I,)
    owners: npt.NDArray[np.generic]

    @classmethod
    def of(cls, one: Noted) -> "_Tally":
        s, assessed = checked(one.s, one.assessed)
        owners = np.asarray(one.patients)
        if owners.shape != assessed.shape[1:]:
            raise AuditError(
                f"patients has shape {owners.shape}; one for each of {assessed.shape[1]} pairs was expected"
            )
        within = (s & assessed[:, :, None, None]).any(axis=3)
        noted = within.sum(axis=0).astype(np.float64)
        return cls(noted, assessed.sum(axis=0).astype(np.float64), owners)

    def shares(self, weights: Floats) -> Floats:
        """Shares noted (B, A) for each row of weights (B, I); NaN where nothing was assessed."""
        total = weights @ self.assessed
        found: Floats = (weights @ self.noted) / np.where(total > 0, total, np.nan)[:, None]
        return found


def _tallies(models: Sequence[Noted]) -> list[_Tally]:
    found = [_Tally.of(one) for one in models]
    if len({one.noted.shape[1] for one in found}) != 1:
        raise AuditError("models: at least one was expected, and all with the same attributes")
    return found


def _resampled(tallies: Sequence[_Tally], groups: Clusters, seed: int, replicates: int) -> Floats:
    """Shares noted in resamples of patients, (B, M, A)."""
    generator, rows = np.random.default_rng(seed), rows_per_chunk(groups.index.size)
    ends = np.cumsum([one.owners.size for one in tallies])[:-1]
    members = np.split(groups.index, ends)
    parts = []
    for start in range(0, replicates, rows):
        drawn = patient_weights(generator, min(rows, replicates - start), groups.count)
        shares = [
            one.shares(drawn[:, member]) for one, member in zip(tallies, members, strict=True)
        ]
        parts.append(np.stack(shares, axis=1))
    return np.concatenate(parts)


def _midranks(shares: Floats) -> Floats:
    """(..., A), 1 for the largest."""
    from scipy.stats import rankdata

    found: Floats = rankdata(-shares, axis=-1)
    return found


def _ordered(keys: Floats, names: Sequence[str]) -> tuple[int, ...]:
    """Indices by key, then by name."""
    by_name = _by_name(names, keys.size)
    return tuple(int(by_name[i]) for i in np.argsort(keys[by_name], kind="stable"))


def _by_name(names: Sequence[str], count: int) -> npt.NDArray[np.int64]:
    if len(names) != count or len(set(names)) != count:
        raise AuditError(
            f"{len(names)} names for {count} attributes; one for each was expected, once"
        )
    return np.array(sorted(range(count), key=names.__getitem__), dtype=np.int64)
