"""How far raters agree: Krippendorff's alpha and Fleiss' kappa, with intervals over patients."""

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.metrics.rater_statistics import Alpha, Floats, Kappa, Level
from auditkit.stats import Estimate
from auditkit.stats.inputs import at_least_two_clusters, cluster_images
from auditkit.stats.resampling import (
    REPLICATES,
    from_replicates,
    patient_weights,
    rows_per_chunk,
)

TENTATIVE, RELIABLE = 0.667, 0.8
"""Krippendorff's cut-offs: below .667 discard, from .8 rely on the data (2004, ch. 11)."""

ONE_RATER = "one rater only"


def krippendorff_alpha(ratings: ArrayLike, level: Level = "interval") -> float:
    r"""Krippendorff's alpha, 1 - D_o / D_e: observed over expected disagreement between raters.

    With n_uc ratings c of unit u, m_u = sum_c n_uc >= 2, n_c = sum_u n_uc and n = sum_c n_c,

        D_o = 1/n sum_u 1/(m_u - 1) sum_ck n_uc n_uk d_ck,    D_e = 1/(n (n-1)) sum_ck n_c n_k d_ck,

    where d_ck is 1 unless c = k (nominal), (c - k)^2 (interval), or (r_c - r_k)^2 with r the midranks
    among all ratings (ordinal; the same as Krippendorff's sum of n_g between c and k). Krippendorff,
    "Computing Krippendorff's Alpha-Reliability" (2011).

    Args:
        ratings: (raters, units), NaN where a rater did not rate. Units with one rating count nowhere.
        level: level of measurement.

    Returns:
        At most 1; 0 where raters agree as chance would; not below -1.

    Raises:
        AuditError: one rater only, no unit with two ratings, or all ratings equal.

    Example:
        >>> round(krippendorff_alpha([[1, 2, 3, 3], [1, 2, 3, 4]], "nominal"), 3)
        0.696
    """
    table = _table(ratings)
    value = Alpha(_counts(table), _values(table), level)(np.ones((1, table.shape[1])))[0]
    return float(value)


def alpha_estimate(
    ratings: ArrayLike, level: Level, patients: ArrayLike | None = None, seed: int = 0
) -> Estimate:
    """Krippendorff's alpha with a bootstrap interval over the patients to whom the units belong.

    Raters are not resampled: the interval is about further patients, rated by these raters. Replicates
    are moved by twice their bias, without which intervals miss on one side.

    Args:
        ratings: (raters, units), NaN where a rater did not rate; units with one rating are left out.
        level: level of measurement.
        patients: (units,) patient of each unit; None if every unit is another patient.
        seed: of the resamples.

    Returns:
        Alpha, in [-1, 1].

    Raises:
        AuditError: as `krippendorff_alpha`; one patient only; undefined in too many resamples.
    """
    table = _table(ratings)
    paired = np.asarray((~np.isnan(table)).sum(axis=0) >= 2)
    used = table[:, paired]
    return _resampled(Alpha(_counts(used), _values(used), level), paired, patients, seed)


def fleiss_kappa(ratings: ArrayLike) -> float:
    r"""Fleiss' kappa, (P - P_e) / (1 - P_e), with equal ratings as categories.

    With m raters and n_uc of them choosing c for unit u, P is the mean over units of
    (sum_c n_uc^2 - m) / (m (m - 1)), and P_e = sum_c p_c^2 with p_c the share of c among all ratings.
    Fleiss 1971, doi:10.1037/h0031619.

    Args:
        ratings: (raters, units), complete: every rater rated every unit.

    Returns:
        At most 1; 0 where raters agree as chance would; not below -1 / (m - 1).

    Raises:
        AuditError: one rater only, a missing rating, or all ratings equal.

    Example:
        >>> fleiss_kappa([[1, 1, 2, 2], [1, 1, 2, 1]])
        0.4666666666666667
    """
    table = _table(ratings)
    if np.isnan(table).any():
        raise AuditError(
            "Fleiss' kappa needs every unit rated by every rater; leave the others out"
        )
    return float(Kappa(_counts(table))(np.ones((1, table.shape[1])))[0])


def kappa_estimate(
    ratings: ArrayLike, patients: ArrayLike | None = None, seed: int = 0
) -> Estimate:
    """Fleiss' kappa of the units that every rater rated, with a bootstrap interval over patients.

    Args:
        ratings: (raters, units), NaN where a rater did not rate; such units are left out.
        patients: (units,) patient of each unit; None if every unit is another patient.
        seed: of the resamples.

    Returns:
        Kappa, in [-1, 1].

    Raises:
        AuditError: as `fleiss_kappa`; no unit that all rated; one patient only.
    """
    table = _table(ratings)
    complete = np.asarray(~np.isnan(table).any(axis=0))
    if not complete.any():
        raise AuditError(f"no unit was rated by all {len(table)} raters")
    return _resampled(Kappa(_counts(table[:, complete])), complete, patients, seed)


def _resampled(
    statistic: Alpha | Kappa, kept: npt.NDArray[np.bool_], patients: ArrayLike | None, seed: int
) -> Estimate:
    """Percentile interval over patients, with the replicates moved by twice their bias.

    A patient drawn twice makes values look more alike than they are, so that replicates lie below the
    estimate, as the estimate itself lies below its limit. Moved, intervals covered 92 to 97 % in
    simulations of 15 and 40 patients; as they are, 86 to 94 %, nearly all misses on one side.
    """
    units = int(kept.sum())
    groups = cluster_images(None if patients is None else np.asarray(patients)[kept], units)
    at_least_two_clusters(groups, "agreement between raters")
    value = float(statistic(np.ones((1, units)))[0])
    generator, rows = np.random.default_rng(seed), rows_per_chunk(units)
    parts = [
        statistic(
            patient_weights(generator, min(rows, REPLICATES - start), groups.count)[:, groups.index]
        )
        for start in range(0, REPLICATES, rows)
    ]
    drawn = np.concatenate(parts)
    defined = drawn[np.isfinite(drawn)]
    bias = float(defined.mean()) - value if defined.size else 0.0
    return from_replicates(value, drawn - 2 * bias, groups, bounds=(-1.0, 1.0))


def _table(ratings: ArrayLike) -> Floats:
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2 or table.size == 0 or np.isinf(table).any():
        raise AuditError(
            f"ratings have shape {table.shape}; a finite (raters, units) was expected, NaN where missing"
        )
    rated = (~np.isnan(table)).any(axis=1)
    if rated.sum() < 2:
        raise AuditError(ONE_RATER)
    return table


def _values(table: Floats) -> Floats:
    found: Floats = np.unique(table[~np.isnan(table)])
    return found


def _counts(table: Floats) -> Floats:
    """How many raters gave each value, (units, values)."""
    every = _values(table)
    found: Floats = (table[:, :, None] == every).sum(axis=0).astype(np.float64)
    return found
