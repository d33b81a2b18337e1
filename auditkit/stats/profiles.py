"""Whether several trainings have the same profile of many quantities."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import Clusters, Floats
from auditkit.stats.resampling import from_replicates

_LEAST_QUANTITIES = 3
_TOLERATED = 0.01
_DIGITS = 12  # correlations that agree to so many digits are equal
_DROWNED = (
    "the quantities of a training differ no more from one another than their noise does, so that there is no "
    "profile to compare; use more patients"
)


def profile_correlation(
    values: ArrayLike, drawn: ArrayLike, groups: Clusters, *, level: float = 0.95
) -> Estimate:
    r"""Mean over pairs of K trainings of Pearson's r between their true profiles of m quantities.

    Noise of few patients pulls the correlation of two profiles towards 0, or, where trainings share it,
    towards that of the noise. With S the K x K covariances of the observed profiles over quantities, and N
    the mean over resamples * of patients of those of (profile* - profile), times G / (G - 1),

        r = mean_{j < k} (S_jk - N_jk) / sqrt((S_jj - N_jj) (S_kk - N_kk)),

    Spearman's correction for attenuation (1904, doi:10.2307/1412159) with the noise of both. Interval:
    percentiles of the same in resamples, whose noise is there twice: S* - 2 N. Percentiles of the plain
    correlation covered 0 to 95 % in simulations, these 94 % and more (benchmarks/counterfactual_coverage.py).

    It is about these trainings and these quantities: their patients are the sample.

    Args:
        values: (K, m) of each training.
        drawn: (B, K, m) the same in joint resamples of patients; NaN where undefined.
        groups: patients of all images.
        level: two-sided confidence level.

    Returns:
        r, in [-1, 1].

    Raises:
        AuditError: fewer than two trainings or three quantities, or the quantities of a training differ no
            more than their noise does (in the sample, or in more than 1 % of the resamples).

    Example:
        >>> from auditkit.stats.inputs import cluster_images
        >>> values = [[3.0, 2.0, 1.0], [3.0, 1.0, 2.0]]
        >>> drawn = np.tile(values, (99, 1, 1))
        >>> profile_correlation(values, drawn, cluster_images(None, 10)).value
        0.5
    """
    own, table = np.asarray(values, np.float64), np.asarray(drawn, np.float64)
    if own.ndim != 2 or len(own) < 2 or table.shape[1:] != own.shape:
        raise AuditError(
            f"values {own.shape}, drawn {table.shape}: expected (trainings, quantities), two trainings or "
            "more, and (resamples, trainings, quantities)."
        )
    if own.shape[1] < _LEAST_QUANTITIES:
        raise AuditError(
            f"{own.shape[1]} quantities; a correlation of profiles needs {_LEAST_QUANTITIES} at least."
        )
    noise = _noise(own, table, groups)
    value = float(_mean_correlation(_covariances(own) - noise))
    if not math.isfinite(value):
        raise AuditError(_DROWNED)
    replicates = _mean_correlation(_covariances(table) - 2 * noise)
    if np.isnan(replicates).mean() > _TOLERATED:
        raise AuditError(_DROWNED)
    return _around(from_replicates(value, replicates, groups, level=level, bounds=(-1.0, 1.0)))


def _covariances(profiles: Floats) -> Floats:
    """(..., K, K) over quantities, of (..., K, m)."""
    centred = profiles - profiles.mean(axis=-1, keepdims=True)
    found: Floats = centred @ np.swapaxes(centred, -1, -2) / (profiles.shape[-1] - 1)
    return found


def _noise(values: Floats, drawn: Floats, groups: Clusters) -> Floats:
    """What the patients add to the covariances, on average."""
    defined = drawn[np.isfinite(drawn).all(axis=(1, 2))]
    if len(defined) < (1 - _TOLERATED) * len(drawn):
        raise AuditError(
            f"{len(drawn) - len(defined)} of {len(drawn)} resamples of {groups.count} patients are "
            "undefined; use more patients."
        )
    factor = groups.count / (groups.count - 1)
    noise: Floats = factor * _covariances(defined - values).mean(axis=0)
    return noise


def _mean_correlation(covariances: Floats) -> Floats:
    """Mean correlation of two trainings, (...,); NaN where a variance is not above 0."""
    variances = np.diagonal(covariances, axis1=-2, axis2=-1)
    deviations = np.sqrt(np.where(variances > 0, variances, np.nan))
    each = covariances / (deviations[..., :, None] * deviations[..., None, :])
    first, second = np.triu_indices(variances.shape[-1], k=1)
    found: Floats = np.round(np.clip(each[..., first, second].mean(axis=-1), -1.0, 1.0), _DIGITS)
    return found


def _around(found: Estimate) -> Estimate:
    """An interval that has its estimate, which percentiles need not where r is corrected."""
    return replace(found, low=min(found.low, found.value), high=max(found.high, found.value))
