"""Kernel inception distance: do two sets of pictures have the same distribution of features?

MMD^2(P, Q) = E k(x, x') + E k(y, y') - 2 E k(x, y) with k(x, y) = (x.y / d + 1)^3 (Binkowski et al.,
arXiv:1801.01401, section 4 and eq. 4), x and x' of P, y and y' of Q, all independent.

Deviates: the mean is over pairs of *different patients* only. Eq. 4 leaves out an image with itself; pictures
of one patient, and a picture and what was made from it, are no independent draws either, and counting them
biases the distance (downwards, where generated pictures are compared with what they were made from). All
images are used at once, where the usual code averages 100 subsets of 1000; and the interval is over
patients, where that code gives the spread of its overlapping subsets.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats import Estimate
from auditkit.stats.inputs import Clusters, cluster_images
from auditkit.stats.resampling import REPLICATES, from_replicates, patient_weights

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Term = tuple[float, int, int]
"""A factor, and the two sets between which a mean kernel is taken."""

_CELLS = 1 << 22  # 32 MiB of kernel values at a time
_LEAST_PATIENTS = 5
_ROUNDING = 1e-12


def polynomial_kernel(x: Floats, y: Floats) -> Floats:
    """(x.y / d + 1)^3 of features x (n, d) and y (m, d), as float64 (n, m).

    Example:
        >>> polynomial_kernel(np.array([[1.0, 1.0]]), np.array([[1.0, 3.0]])).tolist()  # (4 / 2 + 1)^3
        [[27.0]]
    """
    linear: Floats = x @ y.T
    linear /= x.shape[1]
    linear += 1
    return np.asarray(linear * linear * linear)


def kernel_distance(
    real: ArrayLike,
    generated: ArrayLike,
    patients: ArrayLike | None = None,
    generated_patients: ArrayLike | None = None,
    *,
    seed: int = 0,
    replicates: int = REPLICATES,
    level: float = 0.95,
    rows: int | None = None,
) -> Estimate:
    r"""Unbiased squared MMD between real and generated pictures, 0 where they look alike.

    With the sums over pairs of images i, j of different patients, each divided by the number of its pairs,

        mean k(x_i, x_j) + mean k(y_i, y_j) - 2 mean k(x_i, y_j).

    Resamples draw patients with all that is theirs, real and generated; a pair counts w_g w_h times, so that
    a patient who is drawn twice makes no pair of equals. The interval is Hesterberg's expanded percentile
    one (`auditkit.stats.bootstrap`). Where the two distributions are equal the statistic is degenerate, and
    resamples vary more than it does: the interval then covers 0 more often than its level says.

    Args:
        real: (n, d) features, finite.
        generated: (m, d) features.
        patients: (n,) ids of the real pictures' patients; None for independent pictures.
        generated_patients: (m,) of the generated ones; None: made from the real ones, row by row.
        seed: of the resamples.
        replicates: their number.
        level: two-sided confidence level.
        rows: images per block of the kernel; None: as many as fit into 32 MiB.

    Returns:
        The distance, which may be below 0, as an unbiased estimate of something near 0 must. If no resample
        changes it (the generated pictures are the real ones), the interval is the exact bound of no
        deviating patient, for features no longer than those seen.

    Raises:
        AuditError: features of other shapes or not finite, or fewer than five patients in a set.

    Example:
        >>> nothing, one = np.zeros((5, 1)), np.ones((5, 1))
        >>> kernel_distance(nothing, one).value  # 1 + (1 + 1)^3 - 2
        7.0
    """
    sets = _Sets.of([real, generated], [patients, generated_patients], seed, replicates, rows)
    distance = sets.total([(1, 0, 0), (1, 1, 1), (-2, 0, 1)])
    return sets.estimate(distance, 4 * sets.longest, level)


def kernel_distance_margin(
    real: ArrayLike,
    yardstick: ArrayLike,
    generated: ArrayLike,
    patients: ArrayLike | None = None,
    *,
    seed: int = 0,
    replicates: int = REPLICATES,
    level: float = 0.95,
    rows: int | None = None,
) -> Estimate:
    """By how much a yardstick lies farther from real pictures than generated ones: D(r, y) - D(r, g).

    Both are made from the real pictures, row by row, and patients are drawn with all that is theirs, so that
    what the two distances share has no part in the interval.

    Args:
        real: (n, d) features, finite.
        yardstick: (n, d) features of changed pictures.
        generated: (n, d) features.
        patients: (n,) ids; None for independent pictures.
        seed: of the resamples.
        replicates: their number.
        level: two-sided confidence level.
        rows: as `kernel_distance`.

    Returns:
        The difference of the two distances; above 0, generated pictures look more like real ones.

    Raises:
        AuditError: as `kernel_distance`.

    Example:
        >>> nothing, one = np.zeros((5, 1)), np.ones((5, 1))
        >>> kernel_distance_margin(nothing, one, nothing).value  # 7 - 0
        7.0
    """
    features, owners = [real, yardstick, generated], [patients, None, None]
    sets = _Sets.of(features, owners, seed, replicates, rows)
    margin = sets.total([(1, 1, 1), (-2, 0, 1), (-1, 2, 2), (2, 0, 2)])
    return sets.estimate(margin, 8 * sets.longest, level)


@dataclass(frozen=True)
class _Sets:
    """Features of real pictures and of others, whose they are, and resamples of these patients.

    Attributes:
        features: of each set, (n_s, d).
        owners: of each set, (n_s,) the patient's place.
        weights: (1 + B, G) how often each patient is drawn; the first row is one each.
        groups: patients of the real pictures, or of all where the others are not made from these.
        paired: whether all sets are of the same patients, row by row.
        rows: rows of a block of the kernel.
    """

    features: list[Floats]
    owners: list[Places]
    weights: Floats
    groups: Clusters
    paired: bool
    rows: int

    @classmethod
    def of(
        cls,
        features: list[ArrayLike],
        patients: list[ArrayLike | None],
        seed: int,
        replicates: int,
        rows: int | None,
    ) -> "_Sets":
        values = [_features(one) for one in features]
        ids = [np.arange(len(values[0])) if patients[0] is None else np.asarray(patients[0])]
        ids += [ids[0] if one is None else np.asarray(one) for one in patients[1:]]
        _check(values, ids)
        every = cluster_images(np.concatenate(ids), sum(map(len, ids)))
        owners = np.split(every.index, np.cumsum([len(one) for one in ids])[:-1])
        least = min(np.unique(one).size for one in owners)
        if least < _LEAST_PATIENTS:
            raise AuditError(
                f"kernel distance: {least} patients in one of the sets; at least {_LEAST_PATIENTS} are "
                "needed."
            )
        paired = all(one is None for one in patients[1:])
        drawn = patient_weights(np.random.default_rng(seed), replicates, every.count)
        weights = np.concatenate([np.ones((1, every.count)), drawn])
        groups = cluster_images(ids[0], len(ids[0])) if paired else every
        block = rows or max(1, _CELLS // max(map(len, values)))
        return cls(values, owners, weights, groups, paired, block)

    @property
    def longest(self) -> float:
        """Largest kernel value of a picture with itself, and so of any two."""
        squares = max(float((one**2).sum(axis=1).max()) for one in self.features)
        return float((squares / self.features[0].shape[1] + 1) ** 3)

    def total(self, terms: Sequence[Term]) -> Floats:
        """A sum of mean kernels: in each resample, (1 + B,)."""
        if self.paired:
            # All of them are means over the same pairs, which are summed up once.
            return self._mean(terms)
        found: Floats = np.sum([self._mean([term]) for term in terms], axis=0)
        return found

    def _mean(self, terms: Sequence[Term]) -> Floats:
        """The mean over pairs of pictures of different patients, between sets of the same patients."""
        _, one, other = terms[0]
        mine, theirs = self.owners[one], self.owners[other]
        across = self.weights[:, theirs].T
        total = np.zeros(len(self.weights))
        for start in range(0, mine.size, self.rows):
            part = slice(start, start + self.rows)
            kernel = self._kernel(terms, part)
            kernel[mine[part, np.newaxis] == theirs] = 0.0
            total += ((kernel @ across) * self.weights[:, mine[part]].T).sum(axis=0)
        sizes = [np.bincount(owners, minlength=self.weights.shape[1]) for owners in (mine, theirs)]
        first, second = (self.weights * size for size in sizes)
        pairs = first.sum(axis=1) * second.sum(axis=1) - (first * second).sum(axis=1)
        means: Floats = np.full(len(total), np.nan)
        np.divide(total, pairs, out=means, where=pairs > 0)
        return means

    def _kernel(self, terms: Sequence[Term], part: slice) -> Floats:
        """Some rows of the terms' kernels, summed."""
        features = self.features
        rows = (
            factor * polynomial_kernel(features[one][part], features[other])
            for factor, one, other in terms
        )
        return np.asarray(sum(rows))

    def estimate(self, found: Floats, room: float, level: float) -> Estimate:
        """From the value and its resamples (1 + B,), which cannot leave +- ``room``."""
        # Sums in another order are no evidence.
        scale = _ROUNDING * self.longest
        value = 0.0 if abs(found[0]) <= scale else float(found[0])
        drawn = np.where(np.abs(found[1:] - found[0]) <= scale, value, found[1:])
        return from_replicates(value, drawn, self.groups, level=level, bounds=(-room, room))


def _features(values: ArrayLike) -> Floats:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 2 or found.size == 0:
        raise AuditError(f"features have shape {found.shape}; expected (images, features).")
    wrong = int((~np.isfinite(found)).any(axis=1).sum())
    if wrong:
        raise AuditError(
            f"features of {wrong} of {len(found)} pictures are NaN or infinite; count such pictures as "
            "not evaluable before comparing."
        )
    return found


def _check(features: list[Floats], patients: list[npt.NDArray[np.generic]]) -> None:
    widths = {one.shape[1] for one in features}
    if len(widths) > 1:
        raise AuditError(f"features of {sorted(widths)} numbers; all must come from one network.")
    counts = [len(one) for one in features]
    if counts != [len(one) for one in patients]:
        raise AuditError(
            f"sets of {counts} pictures with {[len(one) for one in patients]} patient ids; one per picture "
            "was expected (generated_patients, where pictures are not made row by row)."
        )
