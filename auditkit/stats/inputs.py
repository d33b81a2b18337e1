"""Checks of what the statistical functions are given."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auditkit.errors import AuditError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Clusters:
    """Which patient each image belongs to.

    Attributes:
        index: int64 (n,), the patient of each image as 0 ... count - 1, in the order of the ids.
        count: number of patients.
        independent: no patient has more than one image.
    """

    index: Integers
    count: int
    independent: bool

    def sums(self, values: Floats) -> Floats:
        """Sum of the values (n,) of each patient, (count,)."""
        return np.asarray(np.bincount(self.index, values, self.count), dtype=np.float64)

    @property
    def effective_count(self) -> float:
        """Kish's number of equally weighted patients, n^2 / sum m_g^2 (at most ``count``)."""
        sizes = np.bincount(self.index, minlength=self.count).astype(np.float64)
        return float(sizes.sum() ** 2 / (sizes**2).sum())


def finite_vector(name: str, values: ArrayLike) -> Floats:
    """The values as float64 (n,), n >= 1, all finite."""
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1 or vector.size == 0:
        raise AuditError(
            f"{name} has shape {vector.shape}; expected one number per image, at least one image."
        )
    wrong = int((~np.isfinite(vector)).sum())
    if wrong:
        raise AuditError(
            f"{name}: {wrong} of {vector.size} values are NaN or infinite; expected finite "
            "numbers. Count such images as not evaluable before estimating."
        )
    return vector


def finite_table(name: str, values: ArrayLike, n: int) -> Floats:
    """The values of n images as float64 (R, n), R >= 1, all finite; (n,) is one repeat."""
    table = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if table.ndim != 2 or table.shape[1] != n or table.size == 0:
        raise AuditError(f"{name} has shape {np.shape(values)}; expected ({n},) or (repeats, {n}).")
    finite_vector(name, table.reshape(-1))
    return table


def unit_vector(name: str, values: ArrayLike) -> Floats:
    """The values as float64 (n,), all in [0, 1]."""
    vector = finite_vector(name, values)
    if vector.min() < 0 or vector.max() > 1:
        raise AuditError(
            f"{name} range from {vector.min():g} to {vector.max():g}; expected values in [0, 1]."
        )
    return vector


def binary_vector(name: str, values: ArrayLike) -> Floats:
    """The values as float64 (n,), each 0 or 1."""
    vector = finite_vector(name, values)
    if not np.isin(vector, (0.0, 1.0)).all():
        raise AuditError(f"{name} holds values other than 0 and 1; expected true or false.")
    return vector


def same_length(**vectors: Floats) -> None:
    """Refuses vectors of different lengths."""
    lengths = {name: vector.size for name, vector in vectors.items()}
    if len(set(lengths.values())) > 1:
        raise AuditError(f"Lengths differ: {lengths}; expected one entry per image in each.")


def cluster_images(clusters: ArrayLike | None, n: int) -> Clusters:
    """Patients of n images; None means that every image is its own patient."""
    if clusters is None:
        return Clusters(np.arange(n, dtype=np.int64), n, independent=True)
    ids = np.asarray(clusters)
    if ids.shape != (n,):
        raise AuditError(f"clusters has shape {ids.shape}; expected one patient id for each of {n}")
    if ids.dtype.kind not in "iuU" and any(_missing(identifier) for identifier in ids.tolist()):
        raise AuditError(
            "clusters holds missing patient ids; give each such image an id of its own."
        )
    try:
        unique, index = np.unique(ids, return_inverse=True)
    except TypeError:
        raise AuditError(
            "clusters mixes types of patient id; expected all text or all numbers."
        ) from None
    return Clusters(index.reshape(-1).astype(np.int64), unique.size, independent=unique.size == n)


def _missing(identifier: object) -> bool:
    return identifier is None or identifier != identifier  # noqa: PLR0124 - only NaN differs from itself


def at_least_two_clusters(clusters: Clusters, what: str) -> None:
    """Refuses a single patient, between whom and others no variance can be seen."""
    if clusters.count < 2:
        raise AuditError(
            f"{what}: all images are of one patient; an interval needs at least two patients."
        )


def half_alpha(level: float) -> float:
    """Probability left in each tail by a two-sided interval of this level."""
    if not 0 < level < 1:
        raise AuditError(
            f"level is {level}; expected a confidence level between 0 and 1, e.g. 0.95."
        )
    return (1 - level) / 2
