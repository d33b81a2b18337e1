"""An estimate, its interval, and the p-values that belong to the interval."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from auditkit.errors import AuditError

Tail = Callable[[float], tuple[float, float]]
"""Maps a threshold t to the p-values of (H0: theta <= t, H0: theta >= t)."""


@dataclass(frozen=True)
class Estimate:
    """A quantity estimated from images, with a two-sided confidence interval.

    The p-values and the interval come from one distribution: the interval lies wholly above t
    exactly when ``p_above(t) <= (1 - level) / 2``, and wholly below t exactly when
    ``p_below(t) <= (1 - level) / 2``.

    Attributes:
        value: the point estimate.
        low: lower end of the interval; -inf where the data set no limit.
        high: upper end of the interval; inf where the data set no limit.
        level: two-sided confidence level of the interval.
        n: number of images.
        clusters: number of patients (equals ``n`` where the images are independent).
        method: how the interval was made, in words.
        tail: the p-values of (H0: theta <= t, H0: theta >= t) at a threshold t.
    """

    value: float
    low: float
    high: float
    level: float
    n: int
    clusters: int
    method: str
    tail: Tail = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if not math.isfinite(self.value) or math.isnan(self.low) or math.isnan(self.high):
            raise AuditError(
                f"The estimate ({self.method}) is not a number: value {self.value}, interval "
                f"[{self.low}, {self.high}]. Expected finite values; check the data for overflow."
            )

    def p_above(self, t: float) -> float:
        """One-sided p-value of H0: theta <= t; small means evidence that theta > t."""
        return self.tail(t)[0]

    def p_below(self, t: float) -> float:
        """One-sided p-value of H0: theta >= t; small means evidence that theta < t."""
        return self.tail(t)[1]
