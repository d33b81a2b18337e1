"""The distributions behind the intervals; each gives an interval and the p-values that match it.

Every tail is a small object that maps a threshold t to the p-values of (H0: theta <= t,
H0: theta >= t), so that an Estimate can be asked about any threshold later.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from auditkit.stats.estimate import Tail
from auditkit.stats.inputs import Floats

Scale = Literal["identity", "logit", "fisher-z"]
Bounds = tuple[float, float]


def logit(p: float) -> float:
    """log(p / (1 - p)), extended to -inf and inf outside (0, 1)."""
    if p <= 0:
        return -math.inf
    return math.inf if p >= 1 else math.log(p) - math.log1p(-p)


def expit(x: float) -> float:
    """Inverse of the logit."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _atanh(r: float) -> float:
    if abs(r) >= 1:
        return math.copysign(math.inf, r)
    return math.atanh(r)


def _same(x: float) -> float:
    return x


_FORWARD: dict[Scale, Callable[[float], float]] = {
    "identity": _same,
    "logit": logit,
    "fisher-z": _atanh,
}
_BACKWARD: dict[Scale, Callable[[float], float]] = {
    "identity": _same,
    "logit": expit,
    "fisher-z": math.tanh,
}


@dataclass(frozen=True)
class StudentTail:
    """A normal or Student-t distribution round an estimate, on a transformed scale.

    Attributes:
        centre: the estimate on the transformed scale.
        standard_error: its standard error on that scale, > 0.
        degrees: degrees of freedom; infinite for the normal distribution.
        scale: the transformation.
    """

    centre: float
    standard_error: float
    degrees: float = math.inf
    scale: Scale = "identity"

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: theta <= t and of H0: theta >= t."""
        distance = (self.centre - _FORWARD[self.scale](t)) / self.standard_error
        return self._probability(-distance), self._probability(distance)

    def interval(self, half: float) -> Bounds:
        """Interval that leaves the probability ``half`` in each tail."""
        from scipy import special

        quantile = special.ndtri(half) if math.isinf(self.degrees) else student(half, self.degrees)
        reach = -float(quantile) * self.standard_error
        back = _BACKWARD[self.scale]
        return back(self.centre - reach), back(self.centre + reach)

    def _probability(self, x: float) -> float:
        from scipy import special

        infinite = math.isinf(self.degrees)
        return float(special.ndtr(x) if infinite else special.stdtr(self.degrees, x))


def student(probability: float, degrees: float) -> float:
    """Quantile of Student's t."""
    from scipy import special

    return float(special.stdtrit(degrees, probability))


@dataclass(frozen=True)
class BetaTail:
    """Clopper-Pearson: the binomial distribution of x successes in n, both possibly fractional."""

    successes: float
    trials: float

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: theta <= t and of H0: theta >= t."""
        from scipy import special

        x, failures, inside = self.successes, self.trials - self.successes, min(max(t, 0.0), 1.0)
        above = 1.0 if x <= 0 else float(special.betainc(x, failures + 1, inside))
        below = 1.0 if failures <= 0 else float(special.betaincc(x + 1, failures, inside))
        return (0.0 if t < 0 else above), (0.0 if t > 1 else below)

    def interval(self, half: float) -> Bounds:
        """Interval that leaves at most the probability ``half`` in each tail."""
        from scipy import special

        x, failures = self.successes, self.trials - self.successes
        low = 0.0 if x <= 0 else float(special.betaincinv(x, failures + 1, half))
        high = 1.0 if failures <= 0 else float(special.betainccinv(x + 1, failures, half))
        return low, high


@dataclass(frozen=True)
class UnvariedTail:
    r"""What m equal observations of a bounded quantity still allow.

    If a share q of patients differed from the observed value v, all m patients would agree with
    probability (1 - q)^m. A mean of t > v needs q >= (t - v) / (upper - v), hence

        p(H0: theta >= t) = (1 - (t - v) / (upper - v))^m,  high = v + (upper - v)(1 - half^(1/m)),

    and likewise below: the Clopper-Pearson bound of zero events ("rule of three").
    """

    value: float
    bounds: Bounds
    count: float

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: theta <= t and of H0: theta >= t."""
        above = 1.0 if t >= self.value else self._agreement(self.value - t, self.bounds[0])
        below = 1.0 if t <= self.value else self._agreement(t - self.value, self.bounds[1])
        return above, below

    def _agreement(self, distance: float, bound: float) -> float:
        room = abs(bound - self.value)
        return max(0.0, 1 - distance / room) ** self.count if room > 0 else 0.0

    def interval(self, half: float) -> Bounds:
        """Interval that leaves at most the probability ``half`` in each tail."""
        share = 1 - half ** (1 / self.count)
        low, high = self.bounds
        # A side without room stays exactly at the value: inf * 0 and rounding are both avoided.
        return (
            self.value - share * (self.value - low) if low < self.value else self.value,
            self.value + share * (high - self.value) if high > self.value else self.value,
        )


@dataclass(frozen=True)
class PointTail:
    """All observations equal and nothing known about the range: the interval is the value."""

    value: float

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: theta <= t and of H0: theta >= t."""
        return (1.0 if t >= self.value else 0.0), (1.0 if t <= self.value else 0.0)


@dataclass(frozen=True)
class PerfectCorrelationTail:
    """What m independent concordant pairs say of a correlation of exactly 1 (or -1).

    All m pairs agree with probability c^m, where c is the probability of concordance. Under a
    bivariate normal distribution c = 1/2 + asin(rho) / pi (Greiner's relation), which gives
    p(H0: rho <= t) = (1/2 + asin(t) / pi)^m. The interval is [sin(pi (half^(1/m) - 1/2)), 1].
    """

    sign: int
    pairs: int

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: rho <= t and of H0: rho >= t."""
        s = self.sign * t
        concordant = 0.0 if s < -1 else (0.5 + math.asin(min(s, 1.0)) / math.pi) ** self.pairs
        toward, away = concordant, 1.0 if s <= 1 else 0.0
        return (toward, away) if self.sign > 0 else (away, toward)

    def interval(self, half: float) -> Bounds:
        """Interval that leaves the probability ``half`` on the open side."""
        end = math.sin(math.pi * (half ** (1 / self.pairs) - 0.5))
        return (end, 1.0) if self.sign > 0 else (-1.0, -end)


@dataclass(frozen=True)
class ReplicateTail:
    """Bootstrap replicates as a distribution, widened for a small number of patients.

    The share of replicates at or beyond t, (1 + #{r <= t}) / (B + 1), is widened as Hesterberg's
    "expanded percentile" interval (2015, doi:10.1080/00031305.2015.1089789):
    p = T_{G-1}(sqrt((G - 1) / G) Phi^-1(share)), because G patients resampled with replacement
    vary too little by sqrt((G - 1) / G) and know their variance to G - 1 degrees of freedom.
    A replicate that is not finite counts as beyond every threshold on both sides.
    """

    replicates: Floats  # sorted, finite ones only
    lost: int
    clusters: int

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: theta <= t and of H0: theta >= t."""
        at_most = int(np.searchsorted(self.replicates, t, side="right"))
        at_least = self.replicates.size - int(np.searchsorted(self.replicates, t, side="left"))
        return self._widened(at_most), self._widened(at_least)

    def _widened(self, beyond: int) -> float:
        from scipy import special

        total = self.replicates.size + self.lost + 1
        share = min(1 + beyond + self.lost, total) / total
        shrunk = math.sqrt((self.clusters - 1) / self.clusters) * float(special.ndtri(share))
        return float(special.stdtr(self.clusters - 1, shrunk))

    def interval(self, half: float) -> Bounds:
        """The innermost order statistics whose p-value is at most ``half``; infinite if none is."""
        within = 0
        # The p-value grows with the count, so the last count that is small enough is the limit.
        low, high = 0, self.replicates.size
        while low <= high:
            middle = (low + high) // 2
            if self._widened(middle) <= half:
                within, low = middle + 1, middle + 1
            else:
                high = middle - 1
        if within == 0:
            return -math.inf, math.inf
        return float(self.replicates[within - 1]), float(self.replicates[-within])


@dataclass(frozen=True)
class TwoTails:
    """A lower and an upper limit that come from different distributions."""

    lower: Tail
    upper: Tail

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: theta <= t and of H0: theta >= t."""
        return self.lower(t)[0], self.upper(t)[1]


@dataclass(frozen=True)
class BoundedTail:
    """A tail whose quantity cannot leave its bounds, so that no data are needed to say so."""

    tail: Tail
    bounds: Bounds

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: theta <= t and of H0: theta >= t."""
        low, high = self.bounds
        above, below = self.tail(t)
        # H0: theta >= t holds for certain at or below the lower bound, and fails above the upper.
        if t <= low:
            below, above = 1.0, 0.0 if t < low else above
        if t >= high:
            above, below = 1.0, 0.0 if t > high else below
        return above, below

    def clip(self, interval: Bounds) -> Bounds:
        """The part of the interval inside the bounds."""
        low, high = self.bounds
        return min(max(interval[0], low), high), min(max(interval[1], low), high)
