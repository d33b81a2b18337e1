"""Mean MSFI and its differences, with intervals over patients that know the importance is estimated."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auditkit.errors import AuditError
from auditkit.metrics.plausibility import Compat, modality_weights, msfi_gradient
from auditkit.stats import Estimate, mean
from auditkit.stats.inputs import Clusters, Floats, cluster_images
from auditkit.stats.sources import Source, combined, from_sources, mean_source
from auditkit.stats.tails import Bounds
from auditkit.stats.two_groups import difference_sources, pooled, require_two_groups

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class ModalityImportance:
    """The importance phi of each modality, and what is known of its error.

    Attributes:
        phi: (M,).
        per_case: (n, M), one row per image, whose mean is phi and whose spread is its error; None where
            phi is given.
    """

    phi: Floats
    per_case: Floats | None = None

    def error(self, gradient: Floats, images: int) -> list[Source]:
        """The error of a quantity that changes with phi by a gradient (M,), if there is one."""
        if self.per_case is None:
            return []
        influence = (self.per_case - self.phi) @ gradient / images
        everyone = np.ones(images, dtype=np.bool_)
        # Importance that is alike in every image has no error that could be seen.
        return [Source(influence, everyone)] if np.abs(influence).max() > 1e-15 else []


def msfi_mean(
    portions: ArrayLike,
    rows: ArrayLike,
    importance: ModalityImportance,
    clusters: ArrayLike | None = None,
    *,
    compat: Compat | None = None,
    bounds: Bounds = (0.0, 1.0),
    level: float = 0.95,
) -> Estimate:
    r"""Mean MSFI over images, sum_m w_m mean_i P_im.

    Errors are the images' own, and that of phi, which was estimated from the same patients (delta method):
    sum_k (d MSFI / d phi_k) (s_ik - phi_k) / n with s_ik what image i adds to the Shapley value.

    Deviates: the paper takes phi for the truth.

    Args:
        portions: (n, M), of `modality_portions`, or the difference of two methods' portions.
        rows: bool (n,), the images that could be evaluated.
        importance: of the modalities.
        clusters: (n,) patient ids; None for independent images.
        compat: weights as in the published code.
        bounds: range of the portions.
        level: two-sided confidence level.

    Returns:
        The mean.

    Raises:
        AuditError: fewer than two patients, or importance that leaves nothing to count.

    Example:
        >>> portions = [[1.0, 0.0], [0.5, 0.0], [0.6, 0.0]]
        >>> given = ModalityImportance(np.array([3.0, 1.0]))
        >>> round(msfi_mean(portions, [True] * 3, given).value, 6)  # .75 (1 + .5 + .6) / 3
        0.525
    """
    table, kept, groups = _checked(portions, rows, clusters)
    weights = modality_weights(importance.phi, compat)
    values = np.clip(table @ weights, *bounds)  # weights may add up to a rounding above 1
    error = importance.error(
        msfi_gradient(importance.phi, table[kept].mean(axis=0), compat), len(table)
    )
    if not error:
        return mean(values[kept], groups.index[kept], bounds=bounds, level=level)
    sources = [mean_source(values, kept, groups, bounds), *error]
    return from_sources(float(values[kept].mean()), sources, groups, bounds=bounds, level=level)


def msfi_difference(
    portions: ArrayLike,
    first: ArrayLike,
    rows: ArrayLike,
    importance: ModalityImportance,
    clusters: ArrayLike | None = None,
    *,
    compat: Compat | None = None,
    level: float = 0.95,
) -> Estimate:
    r"""Mean MSFI of some images (right decisions) minus that of the others, sum_m w_m D_m.

    The interval of `auditkit.stats.two_groups.group_difference`, with the error of phi as in `msfi_mean`.

    Args:
        portions: (n, M).
        first: bool (n,), the images of the first group.
        rows: bool (n,), the images that could be evaluated.
        importance: of the modalities.
        clusters: (n,) patient ids; None for independent images.
        compat: weights as in the published code.
        level: two-sided confidence level.

    Returns:
        The difference, in [-1, 1].

    Raises:
        AuditError: fewer than two patients in a group, or importance that leaves nothing to count.

    Example:
        >>> portions = [[1.0], [0.6], [0.5], [0.1]]
        >>> given = ModalityImportance(np.array([1.0]))
        >>> right = [True, True, False, False]
        >>> round(msfi_difference(portions, right, [True] * 4, given).value, 6)  # .8 - .3
        0.5
    """
    table, kept, groups = _checked(portions, rows, clusters)
    own = np.asarray(first, dtype=np.bool_)
    member = np.where(kept, own.astype(np.float64), np.nan)
    require_two_groups(member, groups)
    sides = kept & own, kept & ~own
    apart = table[sides[0]].mean(axis=0) - table[sides[1]].mean(axis=0)
    weights = modality_weights(importance.phi, compat)
    sources = difference_sources(member, np.clip(table @ weights, 0, 1), groups, (0.0, 1.0))
    error = importance.error(msfi_gradient(importance.phi, apart, compat), len(table))
    other = combined(error, groups)[0] ** 2 if error else 0.0
    value = float(np.clip(apart @ weights, -1, 1))
    return from_sources(
        value,
        [*sources, *error],
        groups,
        bounds=(-1.0, 1.0),
        least=pooled(value, sources, groups, other),
        level=level,
    )


def _checked(
    portions: ArrayLike, rows: ArrayLike, clusters: ArrayLike | None
) -> tuple[Floats, Bools, Clusters]:
    table, kept = np.asarray(portions, dtype=np.float64), np.asarray(rows, dtype=np.bool_)
    groups = cluster_images(clusters, len(table))
    if np.unique(groups.index[kept]).size < 2:
        raise AuditError("fewer than two patients could be evaluated")
    # What could not be evaluated is NaN, which would reach the sums as 0 * NaN.
    return np.where(kept[:, np.newaxis], table, 0.0), kept, groups
