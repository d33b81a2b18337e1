"""Exact permutation importance at the bottleneck of a concept-bottleneck model."""

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats import auroc_point
from auditkit.stats.differences import two_classes
from auditkit.stats.inputs import Floats

_CELLS_PER_CHUNK = 2**22  # 32 MiB of differences at a time
_DIGITS = 12  # differences that agree to so many digits of the largest score are tied


def bottleneck_importance(labels: ArrayLike, predictions: ArrayLike, weights: ArrayLike) -> Floats:
    r"""AUROC lost when one concept's predictions are permuted among images, over all permutations.

    The oracle of DEPICT's supplement 8 (arXiv:2407.14509) for scores sum_d w_d c_d. Image i that receives
    the prediction of image a scores r_i + t_a, with r_i its score without concept d and t_a = w_d c_ad. A
    positive i and a negative j receive those of every ordered pair a != b of images equally often, so

        E_d = P(r_i - r_j > t_b - t_a) + P(equal) / 2,

    which is counted exactly among n+ n- and N (N - 1) sorted differences.

    Args:
        labels: (N,) 0 or 1.
        predictions: (N, D) concept predictions, continuous or not.
        weights: (D,).

    Returns:
        (D,) importances in [-1, 1]: AUROC minus E_d; 0 where the weight is 0.

    Raises:
        AuditError: one class only, shapes that do not fit, or values not finite.

    Example:
        >>> bottleneck_importance([0, 1, 0, 1], [[0, 5], [1, 5], [0, 5], [1, 5]], [2.0, 1.0]).tolist()
        [0.5, 0.0]
    """
    y, w = two_classes(labels), np.asarray(weights, dtype=np.float64)
    c = np.asarray(predictions, dtype=np.float64)
    if w.ndim != 1 or c.shape != (y.size, w.size):
        raise AuditError(
            f"predictions have shape {c.shape}, weights {w.shape}; expected ({y.size}, concepts) and "
            "(concepts,)."
        )
    if not (np.isfinite(w).all() and np.isfinite(c).all()):
        raise AuditError("predictions or weights are NaN or infinite; expected finite numbers.")
    parts = c * w
    scores = parts.sum(axis=1)
    scale = float(np.abs(parts).sum(axis=1).max()) or 1.0
    plain = auroc_point(y, np.round(scores / scale, _DIGITS))
    found = [
        plain - _expected(y, np.delete(parts, d, axis=1).sum(axis=1) / scale, parts[:, d] / scale)
        for d in range(w.size)
    ]
    return np.round(np.array(found), _DIGITS) + 0.0  # no minus zero


def _expected(labels: Floats, rest: Floats, received: Floats) -> float:
    """Expected AUROC of rest + received over all permutations of the received."""
    n = labels.size
    between = _differences(rest[labels == 1], rest[labels == 0])
    between.sort()  # neighbours are then looked up side by side, in the cache
    won = 0.0
    rows = max(1, _CELLS_PER_CHUNK // n)
    for start in range(0, n, rows):
        needed = _differences(received, received[start : start + rows])
        needed.sort()
        won += _half_wins(between, needed)
    # A donor is never given to both: those n pairs need a difference of exactly 0.
    won -= n * _half_wins(between, np.zeros(1))
    return won / (between.size * n * (n - 1))


def _differences(first: Floats, second: Floats) -> Floats:
    """All differences first - second, without the last digits, in which equal ones can differ."""
    found: Floats = np.round(first[:, np.newaxis] - second, _DIGITS).reshape(-1)
    return found


def _half_wins(values: Floats, needed: Floats) -> float:
    """Pairs in which a value exceeds what is needed (sorted), equal ones as a half."""
    below = np.searchsorted(needed, values, side="left").sum(dtype=np.int64)
    not_above = np.searchsorted(needed, values, side="right").sum(dtype=np.int64)
    return (int(below) + int(not_above)) / 2
