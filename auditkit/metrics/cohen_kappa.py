"""Cohen's kappa of two lists of labels, with intervals over patients."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.metrics.chance_corrected import Agreement, wider
from auditkit.stats import Estimate, proportion
from auditkit.stats.gaps import replicate_groups
from auditkit.stats.inputs import Clusters, at_least_two_clusters, cluster_images

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

ONE_CATEGORY = "both give one category throughout, so that agreement by chance is complete"


@dataclass(frozen=True)
class Pairs:
    """What two raters said of the same units.

    Attributes:
        first: (n,) labels: whole numbers, text or booleans.
        second: (n,) labels.
        patients: (n,) patient of each unit.
    """

    first: ArrayLike
    second: ArrayLike
    patients: ArrayLike


def cohen_kappa(first: ArrayLike, second: ArrayLike) -> float:
    r"""Cohen's kappa of two raters for nominal labels.

    With p_kl the share of units that the first labels k and the second l,

        kappa = (P_o - P_e) / (1 - P_e),   P_o = sum_k p_kk,   P_e = sum_k p_k. p_.k

    (Cohen 1960, doi:10.1177/001316446002000104). DeGrave et al. (doi:10.1038/s41551-023-01160-9, Fig. 2c)
    take it of an expert and a model, each asked which of the two displayed pictures is the more malignant:
    the labels are A and B as displayed. Unblinded, the model's answer would be constant and kappa 0.

    Args:
        first: (n,) labels: whole numbers, text or booleans.
        second: (n,) labels.

    Returns:
        In [-1, 1]; 0 where they agree as chance would, and where one of them gives one label throughout.

    Raises:
        AuditError: lengths differ, no unit, a label is missing, or both give one label throughout.

    Example:
        >>> cohen_kappa(["A", "A", "B", "B"], ["A", "B", "B", "B"])  # (3/4 - 1/2) / (1 - 1/2)
        0.5
    """
    return _Kappa(*_coded(first, second)).value


def cohen_kappa_estimate(
    first: ArrayLike,
    second: ArrayLike,
    patients: ArrayLike | None = None,
    seed: int = 0,
    *,
    level: float = 0.95,
) -> Estimate:
    r"""Cohen's kappa with an interval over the patients to whom the units belong.

    The wider of two intervals:

    * Percentiles over resamples of patients, moved by twice their bias as those of `alpha_estimate`. Where
      they do not vary (kappa is 1 or -1, or one rater gives one label throughout), the exact bound of no
      deviating patient. A resample in which both give one label has no kappa and counts against both ends.
    * The clustered Clopper-Pearson interval of the agreement P_o (`auditkit.stats.proportion`), brought to
      kappa with P_e as it is. A bootstrap redraws the few disagreements that were seen and cannot know that
      they are few; of two pictures in random order P_e hardly varies.

    Together they covered 95 to 100 % in simulations of 30 and 100 pairs (benchmarks/study_coverage.py).

    Args:
        first: (n,) labels.
        second: (n,) labels.
        patients: (n,) patient of each unit; None if every unit is another patient.
        seed: of the resamples.
        level: two-sided confidence level.

    Returns:
        Kappa, in [-1, 1].

    Raises:
        AuditError: as `cohen_kappa`; units of one patient only.

    Example:
        >>> found = cohen_kappa_estimate(["A", "B"] * 20, ["A", "B"] * 20)
        >>> found.value, round(found.low, 3), found.high
        (1.0, 0.824, 1.0)
    """
    n = np.asarray(first).shape[0] if np.ndim(first) else 0
    owners = np.arange(n) if patients is None else patients
    return pooled_kappa([Pairs(first, second, owners)], seed, level=level)


def pooled_kappa(raters: Sequence[Pairs], seed: int = 0, *, level: float = 0.95) -> Estimate:
    """Mean of several raters' kappas, each with its own partner, such as experts each with the model.

    Patients are drawn once for all of them. The interval is as in `cohen_kappa_estimate`, its second part
    from the agreement of all units together, brought to kappa by the mean of 1 / (1 - P_e).

    Args:
        raters: one or more.
        seed: of the resamples.
        level: two-sided confidence level.

    Returns:
        The mean, in [-1, 1].

    Raises:
        AuditError: none; or of one of them as `cohen_kappa_estimate`.
    """
    if not raters:
        raise AuditError("no rater; the kappas of at least one were expected")
    kappas = [_Kappa(*_coded(one.first, one.second)) for one in raters]
    owners = [_patients(one, kappa.n) for one, kappa in zip(raters, kappas, strict=True)]
    groups = cluster_images(np.concatenate(owners), sum(kappa.n for kappa in kappas))
    at_least_two_clusters(groups, "Cohen's kappa")
    value = float(np.mean([kappa.value for kappa in kappas]))
    agreed = np.concatenate([kappa.agreed for kappa in kappas])
    agreement = Agreement(
        proportion(agreed, groups.index, level=level),
        value,
        float(np.mean([1 / (1 - kappa.by_chance) for kappa in kappas])),
    )
    return wider(value, _replicates(kappas, groups, seed), agreement, groups, level)


class _Kappa:
    """Kappa of units that may count several times."""

    def __init__(self, first: Labels, second: Labels) -> None:
        self.n, categories = first.size, max(int(first.max()), int(second.max())) + 1
        self.agreed = first == second
        self.first, self.second = (np.eye(categories)[labels] for labels in (first, second))
        self.by_chance = float(self.first.mean(axis=0) @ self.second.mean(axis=0))
        # Counted, because rounding leaves the agreement by chance not exactly 1.
        if np.unique(np.concatenate([first, second])).size < 2:
            raise AuditError(ONE_CATEGORY)

    @property
    def value(self) -> float:
        """Kappa of all units."""
        return float(self(np.ones((1, self.n)))[0])

    def __call__(self, weights: Floats) -> Floats:
        """Kappa for each row of weights (B, n); NaN where both give one category."""
        total = weights.sum(axis=1)
        first, second = weights @ self.first, weights @ self.second
        observed = total * (weights @ self.agreed.astype(np.float64))
        by_chance = (first * second).sum(axis=1)
        # Whole numbers until here, so that the room is exactly 0 where nothing is left to chance.
        room = total**2 - by_chance
        found: Floats = (observed - by_chance) / np.where(room > 0, room, np.nan)
        return found


def _replicates(kappas: Sequence[_Kappa], groups: Clusters, seed: int) -> Floats:
    """The mean of the kappas in resamples of patients, (B,); NaN where one is undefined."""
    ends = np.cumsum([kappa.n for kappa in kappas])[:-1]
    members = np.split(np.arange(groups.index.size), ends)
    drawn = replicate_groups([[kappa] for kappa in kappas], members, groups, seed=seed)
    found: Floats = drawn[0].mean(axis=1)
    return found


def _coded(first: ArrayLike, second: ArrayLike) -> tuple[Labels, Labels]:
    """Both as numbers of the categories that occur."""
    sides = [np.asarray(side) for side in (first, second)]
    for side in sides:
        if side.ndim != 1 or side.size == 0 or side.dtype.kind not in "iufbU":
            raise AuditError(
                f"labels have shape {side.shape} and type {side.dtype}; one label per unit was expected: "
                "whole numbers, text or booleans, none missing"
            )
        if side.dtype.kind == "f" and not np.isfinite(side).all():
            raise AuditError("labels are missing or not finite; leave such units out")
    if sides[0].size != sides[1].size:
        raise AuditError(
            f"{sides[0].size} labels against {sides[1].size}; both raters' of the same units were expected"
        )
    if (sides[0].dtype.kind == "U") != (sides[1].dtype.kind == "U"):
        raise AuditError("one rater's labels are text, the other's are not; one kind was expected")
    _, codes = np.unique(np.concatenate(sides), return_inverse=True)
    labels = codes.reshape(-1).astype(np.int64)
    return labels[: sides[0].size], labels[sides[0].size :]


def _patients(one: Pairs, n: int) -> npt.NDArray[np.generic]:
    found: npt.NDArray[np.generic] = np.asarray(one.patients)
    if found.shape != (n,):
        raise AuditError(
            f"patients has shape {found.shape}; one for each of {n} units was expected"
        )
    return found
