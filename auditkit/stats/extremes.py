"""The largest or smallest of several quantities: a pass needs all of them, a fault one of them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from auditkit.errors import AuditError
from auditkit.stats.estimate import Estimate, Tail
from auditkit.stats.inputs import half_alpha
from auditkit.stats.resampling import REPLICATES

Kind = Literal["largest", "smallest"]

_FIRST, _DOUBLINGS, _HALVINGS, _DIGITS = 1e-3, 40, 60, 12
_REPLICATES_PER_QUANTITY = 400


def extreme(estimates: Sequence[Estimate], kind: Kind, *, absolute: bool = False) -> Estimate:
    r"""The largest (or smallest) of several quantities, or of their absolute values.

    For the largest of D quantities with one-sided p-values p_d,

        p(H0: max >= t) = max_d p_d(theta_d >= t),  p(H0: max <= t) = min(1, D min_d p_d(theta_d <= t)).

    That all lie below t needs every single test and no correction (intersection-union; Berger 1982,
    doi:10.1080/00401706.1982.10487790), so the upper limit is the largest single one. That one lies above
    t is corrected for having looked at D (Bonferroni), so the lower limit is the largest one of intervals
    at 1 - (1 - level) / D (of bootstrap estimates this asks for `replicates_for` D resamples). The smallest
    is the mirror image. An absolute value lies below t where both of
    its sides do, and above where one of two does.

    Args:
        estimates: of the D quantities, at one level.
        kind: which one.
        absolute: of |theta_d|.

    Returns:
        The extreme of the values, which errs outwards in small samples; ``n`` and ``clusters`` are the
        least of the estimates.

    Raises:
        AuditError: no estimate, or different levels.

    Example:
        >>> from auditkit.stats import proportion
        >>> one, other = proportion([1, 0] * 50), proportion([1, 1, 0] * 30)
        >>> found = extreme([one, other], "smallest")
        >>> found.value, abs(found.low - one.low) < 1e-9, found.high > one.high, found.n
        (0.5, True, True, 90)
    """
    levels = {estimate.level for estimate in estimates}
    if len(levels) != 1:
        raise AuditError(f"estimates at levels {sorted(levels)}; some at one level were expected.")
    level = levels.pop()
    half = half_alpha(level)
    values = [abs(e.value) if absolute else e.value for e in estimates]
    value = max(values) if kind == "largest" else min(values)
    tails = tuple(_Absolute(e.tail) if absolute else e.tail for e in estimates)
    tail = _Extreme(tails, kind)
    low = _last(lambda t: tail(t)[0] <= half, value, -1)
    high = _last(lambda t: tail(t)[1] <= half, value, 1)
    what = f"{kind} absolute value" if absolute else kind
    method = (
        f"{what} of {len(tails)}: one limit by intersection-union, the other Bonferroni-corrected; "
        f"each by {estimates[0].method}"
    )
    n, clusters = min(e.n for e in estimates), min(e.clusters for e in estimates)
    return Estimate(value, low, high, level, n, clusters, method, tail)


def replicates_for(count: int) -> int:
    """Resamples with which an extreme of so many quantities can still have its corrected limit.

    A p-value from B resamples is 1 / (B + 1) at least, and more with few patients; times the number of
    quantities, and twice that for absolute values, it must come below (1 - level) / 2.

    Args:
        count: number D of quantities.

    Example:
        >>> replicates_for(3), replicates_for(30)
        (2000, 12000)
    """
    return max(REPLICATES, _REPLICATES_PER_QUANTITY * count)


@dataclass(frozen=True)
class _Absolute:
    """The absolute value of a quantity."""

    tail: Tail

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: |theta| <= t and of H0: |theta| >= t."""
        if t < 0:
            return 0.0, 1.0
        (above, below), (above_minus, below_minus) = self.tail(t), self.tail(-t)
        return min(1.0, 2 * min(above, below_minus)), max(below, above_minus)


@dataclass(frozen=True)
class _Extreme:
    """The largest or the smallest of several quantities."""

    tails: tuple[Tail, ...]
    kind: Kind

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: extreme <= t and of H0: extreme >= t."""
        above, below = zip(*(tail(t) for tail in self.tails), strict=True)
        if self.kind == "largest":
            return min(1.0, len(above) * min(above)), max(below)
        return max(above), min(1.0, len(below) * min(below))


def _last(excluded: Callable[[float], bool], value: float, sign: int) -> float:
    """Where thresholds begin to be excluded, on the way out from the value; infinite if nowhere."""
    if excluded(value):
        return value
    inside, step = value, _FIRST
    for _ in range(_DOUBLINGS):
        outside = value + sign * step
        if excluded(outside):
            break
        inside, step = outside, 2 * step
    else:
        return sign * math.inf
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if excluded(middle) else (middle, outside)
    return round(outside, _DIGITS) + 0.0  # no minus zero
