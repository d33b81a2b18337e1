"""Several tests at once."""

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.inputs import Floats


def holm(p_values: ArrayLike) -> Floats:
    """Holm's step-down adjusted p-values (Holm 1979, Scand. J. Statist. 6, 65-70).

    With p_(1) <= ... <= p_(m):  adjusted_(i) = max_{j <= i} min(1, (m - j + 1) p_(j)).

    Args:
        p_values: (m,) in [0, 1]; m may be 0.

    Returns:
        Adjusted p-values (m,) in the given order; rejecting those <= alpha keeps the probability
        of any false rejection at alpha, whatever the dependence.

    Raises:
        AuditError: a p-value is NaN or outside [0, 1].

    Example:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise AuditError("p_values: expected a list of numbers between 0 and 1, without NaN.")
    order = np.argsort(p, kind="stable")
    factors = np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * p[order]))
    return adjusted
