"""How closely a model's answer to one input follows what a heatmap says of its parts.

Insertion and deletion: Petsiuk, Das & Saenko 2018, RISE, arXiv:1806.07421. Infidelity: Yeh et
al. 2019, "On the (In)fidelity and Sensitivity of Explanations", arXiv:1901.09392, Eq. 1. Sensitivity-n:
Ancona et al. 2018, "Towards better understanding of gradient-based attribution methods",
arXiv:1711.06104.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auditkit.errors import AuditError
from auditkit.metrics.coverage import Mask
from auditkit.metrics.not_evaluable import NotEvaluable
from auditkit.metrics.removal import OUTSIDE, Units, unit_sizes

Floats = NDArray[np.float64]

NO_CHANGE = "removing parts never changes the answer"
ALIKE_CHANGES = "every subset of this size changes the answer alike"
ALIKE_SUMS = "the heatmap gives every subset of this size the same sum"
ZERO_SUMS = "the heatmap gives every subset a sum of zero"
ONE_UNIT = "fewer than two parts to remove"

_ROUNDING = 1e-9


def curve_areas(shares: ArrayLike, values: ArrayLike) -> Floats:
    """Areas (trapezoid) under the answers against the share of units removed or inserted.

    arXiv:1806.07421: AUC of the probability; for deletion lower is better, for insertion
    higher.

    Args:
        shares: (n, k), each row from 0 to 1, never falling.
        values: (n, k), probabilities.

    Returns:
        float64 (n,), in the range of the values.

    Raises:
        AuditError: rows that do not run from 0 to 1, other shapes, or values that are not finite.

    Example:
        >>> curve_areas([[0.0, 0.5, 1.0]], [[1.0, 0.4, 0.0]]).round(6).tolist()  # (.7 + .2) / 2
        [0.45]
    """
    x, y = np.asarray(shares, np.float64), np.asarray(values, np.float64)
    if x.ndim != 2 or x.shape != y.shape or x.shape[1] < 2:
        raise AuditError(
            f"shares are {x.shape} and values {y.shape}; expected both (images, steps)."
        )
    steps = np.diff(x, axis=1)
    if (x[:, 0] != 0).any() or (x[:, -1] != 1).any() or (steps < 0).any():
        raise AuditError("shares: expected rows that rise from 0 to 1.")
    if not np.isfinite(y).all():
        raise AuditError("values hold NaN or infinity; count such images as not evaluable instead.")
    areas: Floats = (steps * (y[:, 1:] + y[:, :-1]) / 2).sum(axis=1)
    return areas


def random_subset(units: int, share: float, generator: np.random.Generator) -> Mask:
    """A random subset of n units, all subsets of that size being equally likely.

    n = round(share P), halves up, at least 1 and at most P - 1.

    Args:
        units: number P of units.
        share: of the units, in (0, 1).
        generator: draws.

    Returns:
        bool (P,).

    Raises:
        NotEvaluable: fewer than two units.

    Example:
        >>> int(random_subset(10, 0.3, np.random.default_rng(0)).sum())
        3
    """
    if units < 2:
        raise NotEvaluable(ONE_UNIT)
    count = min(max(int(np.floor(share * units + 0.5)), 1), units - 1)
    chosen = np.zeros(units, dtype=np.bool_)
    chosen[generator.choice(units, count, replace=False, shuffle=False)] = True
    return chosen


def unit_means(heatmap: ArrayLike, units: Units) -> Floats:
    """What a heatmap says of each unit: its mean over the unit's voxels.

    Args:
        heatmap: (M, *space).
        units: int32 (M, *space), from `auditkit.metrics.cell_units` or ``segment_units``.

    Returns:
        float64 (P,).

    Example:
        >>> unit_means([[1.0, 3.0, 5.0, 9.0]], np.array([[0, 0, 1, -1]])).tolist()
        [2.0, 5.0]
    """
    inside = units != OUTSIDE
    values = np.asarray(heatmap, dtype=np.float64)[inside]
    means: Floats = np.bincount(units[inside], weights=values) / unit_sizes(units)
    return means


def places_of(chosen: Mask, units: Units) -> Mask:
    """The voxels of some units.

    Args:
        chosen: bool (R, P), units in each of R cases.
        units: int32 (M, *space).

    Returns:
        bool (R, M, *space).

    Example:
        >>> places_of(np.array([[False, True]]), np.array([[0, 1, 1, -1]])).tolist()
        [[[False, True, True, False]]]
    """
    # Voxels of no unit have the number of the column that is added, the last.
    return np.pad(chosen, ((0, 0), (0, 1)))[:, units]


def infidelity(sums: ArrayLike, changes: ArrayLike) -> float:
    r"""Infidelity of one heatmap after the best scaling, as a share of that of a map of zeros.

    arXiv:1901.09392, Eq. 1: INFD = E_I[(I^T Phi - (f(x) - f(x - I)))^2]. I removes a random subset of
    units, so that I^T Phi is the heatmap's sum a over the subset and d = f(x) - f(x - I). Here

        min_{b >= 0} E[(b a - d)^2] / E[d^2] = 1 - max(E[a d], 0)^2 / (E[a^2] E[d^2]).

    Deviates: most heatmaps have no unit, so they are given the best one, b = E[a d] / E[a^2] (captum's
    ``normalize``), but never a negative one, which would turn the map's signs; and the model's own
    sensitivity is divided out, so that models can be compared.

    Args:
        sums: (S,), a of each subset.
        changes: (S,), d of each subset.

    Returns:
        In [0, 1]: 0 if sums are proportional to changes, 1 if a map of zeros is as good.

    Raises:
        NotEvaluable: no subset changes the answer, or all sums are zero.

    Example:
        >>> infidelity([1.0, 1.0], [2.0, 0.0])  # best scaled to 1, 1: (1 + 1) / 4
        0.5
    """
    a, d = _pairs(sums, changes)
    if not d.any():
        raise NotEvaluable(NO_CHANGE)
    if not a.any():
        raise NotEvaluable(ZERO_SUMS)
    a, d = a / np.abs(a).max(), d / np.abs(d).max()
    explained = max(float(a @ d), 0.0) ** 2 / (float(a @ a) * float(d @ d))
    return 1.0 - min(explained, 1.0)


def sensitivity_n(sums: ArrayLike, changes: ArrayLike) -> float:
    """Sensitivity-n of one heatmap: Pearson correlation over random subsets of n units.

    arXiv:1711.06104: of the heatmap's sum over a subset with the change of the answer when the
    subset is removed.

    Args:
        sums: (S,), of each subset.
        changes: (S,), of each subset.

    Returns:
        In [-1, 1]; 1 if sums are changes, up to scale and offset.

    Raises:
        NotEvaluable: all sums or all changes are equal.

    Example:
        >>> round(sensitivity_n([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0]), 6)
        0.8
    """
    a, d = _pairs(sums, changes)
    for values, reason in ((d, ALIKE_CHANGES if d.any() else NO_CHANGE), (a, ALIKE_SUMS)):
        if np.ptp(values) <= _ROUNDING * np.abs(values).max():
            raise NotEvaluable(reason)
    a, d = _centred(a), _centred(d)
    return float(np.clip(a @ d / np.sqrt((a @ a) * (d @ d)), -1.0, 1.0))


def _centred(values: Floats) -> Floats:
    # Divided by the largest first, so that no square under- or overflows.
    centred: Floats = values - values.mean()
    centred /= np.abs(centred).max()
    return centred


def _pairs(sums: ArrayLike, changes: ArrayLike) -> tuple[Floats, Floats]:
    a, d = np.asarray(sums, np.float64), np.asarray(changes, np.float64)
    if a.ndim != 1 or a.shape != d.shape or a.size < 2:
        raise AuditError(f"sums are {a.shape} and changes {d.shape}; expected both (subsets,).")
    if not (np.isfinite(a).all() and np.isfinite(d).all()):
        raise AuditError("sums or changes hold NaN or infinity; count such images instead.")
    return a, d
