"""An interval from what every image adds to the error of a quantity, one source of error at a time.

Several groups of patients, or a weight that is estimated beside a mean, are sources: each knows its variance
from its own patients only, and one may not vary at all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError
from auditkit.stats.differences import ReachTail
from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import Clusters, Floats, half_alpha
from auditkit.stats.reaches import reaches
from auditkit.stats.tails import BoundedTail, Bounds, StudentTail, UnvariedTail

Bools = npt.NDArray[np.bool_]
_UNVARIED = 1e-12  # of the largest value: spread that is only rounding
_ROUNDING = 1e-20  # of a variance


@dataclass(frozen=True)
class Source:
    """One source of error.

    Attributes:
        influence: (n,) what each image adds to the error, summing to 0; 0 outside the members.
        members: (n,) the images that it rests on.
        reach: how far the exact bound of values that never vary reaches down and up, at the normal
            quantiles of `auditkit.stats.reaches.STEPS`; None if they vary.
    """

    influence: Floats
    members: Bools
    reach: tuple[Floats, Floats] | None = None


class Limiting(Protocol):
    """A tail that knows its limits."""

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: theta <= t and of H0: theta >= t."""
        ...

    def interval(self, half: float) -> Bounds:
        """Interval that leaves the probability ``half`` in each tail."""
        ...


@dataclass(frozen=True)
class WiderTail:
    """The larger of two p-values at every threshold, and so the wider of two intervals."""

    first: Limiting
    second: Limiting

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: theta <= t and of H0: theta >= t."""
        own, other = self.first(t), self.second(t)
        return max(own[0], other[0]), max(own[1], other[1])

    def interval(self, half: float) -> Bounds:
        """From the lower of the lower limits to the upper of the upper ones."""
        own, other = self.first.interval(half), self.second.interval(half)
        return min(own[0], other[0]), max(own[1], other[1])


def mean_source(values: Floats, members: Bools, groups: Clusters, bounds: Bounds) -> Source:
    """The error of the mean of some images' values.

    Args:
        values: (n,); those of other images are not looked at.
        members: (n,) at least one image.
        groups: patients of all images.
        bounds: finite range of the values.
    """
    own = values[members]
    if np.ptp(own) <= _UNVARIED * max(1.0, float(np.abs(own).max())):
        value, units = float(own[0]), effective_patients(members, groups)
        tail = BoundedTail(UnvariedTail(value, bounds, units), bounds)
        found = Estimate(value, value, value, 0.95, own.size, groups.count, "", tail)
        return Source(np.zeros(values.size), members, reaches(found, bounds))
    influence = np.where(members, values - own.mean(), 0.0) / own.size
    return Source(influence, members)


def negated(source: Source) -> Source:
    """The same error with the other sign, for what is subtracted."""
    reach = None if source.reach is None else (source.reach[1], source.reach[0])
    return Source(-source.influence, source.members, reach)


def effective_patients(members: Bools, groups: Clusters) -> float:
    """Kish's number of equally weighted patients among some images."""
    sizes = groups.sums(members.astype(np.float64))
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def from_sources(
    value: float,
    sources: Sequence[Source],
    groups: Clusters,
    *,
    bounds: Bounds,
    least: StudentTail | None = None,
    level: float = 0.95,
) -> Estimate:
    r"""An estimate whose error is the sum of several sources.

    With u_sg the sum of a source's influences over patient g, and G_s the patients that it rests on,

        var = sum_g (sum_s sqrt(G_s / (G_s - 1)) u_sg)^2,

    t with Satterthwaite's degrees (sum_s v_s)^2 / sum_s (v_s^2 / (G_s - 1)), v_s the variance of one source:
    for one source the cluster-robust interval of `mean` (CR1), for two groups of independent images Welch's.
    A source that never varies adds its own exact bound in quadrature, as MOVER does (Zou & Donner 2008,
    doi:10.1002/sim.3095).

    Args:
        value: the estimate.
        sources: at least one.
        groups: patients of all images.
        bounds: finite range of the quantity.
        least: another interval, of which the wider counts wherever all sources vary.
        level: two-sided confidence level.

    Returns:
        The estimate; ``n`` is the number of images that any source rests on.

    Raises:
        AuditError: a source that varies rests on one patient only.
    """
    half = half_alpha(level)
    varying = [source for source in sources if source.reach is None]
    fixed = [source.reach for source in sources if source.reach is not None]
    members = np.logical_or.reduce([source.members for source in sources])
    n, patients = int(members.sum()), int(np.unique(groups.index[members]).size)
    student = _student(value, varying, groups) if varying else None
    if student is not None and not fixed:
        wider = student if least is None else WiderTail(student, least)
        tail = BoundedTail(wider, bounds)
        low, high = tail.clip(wider.interval(half))
        method = f"influences of {patients} patients, t with {student.degrees:.3g} degrees"
        method += "" if least is None else ", or the wider with a pooled variance"
        return Estimate(value, low, high, level, n, patients, method, tail)
    if student is not None:
        bounded = BoundedTail(student, bounds)
        found = Estimate(value, value, value, level, n, patients, "", bounded)
        fixed.append(reaches(found, bounds))
    below, above = (
        np.sqrt(sum(np.square(side) for side in sides)) for sides in zip(*fixed, strict=True)
    )
    reach = ReachTail(value, below, above)
    bounded = BoundedTail(reach, bounds)
    low, high = bounded.clip(reach.interval(half))
    method = f"exact bound of values that never vary, {patients} patients"
    return Estimate(value, low, high, level, n, patients, method, bounded)


def combined(sources: Sequence[Source], groups: Clusters) -> tuple[float, float]:
    """Standard error of the sum of sources that vary, and its degrees of freedom.

    Raises:
        AuditError: one of them rests on one patient only.
    """
    counts = [int(np.unique(groups.index[source.members]).size) for source in sources]
    if min(counts) < 2:
        raise AuditError("all images of a group are of one patient; at least two are needed.")
    factors = np.array(counts) / (np.array(counts) - 1)
    sums = np.stack([groups.sums(source.influence) for source in sources])
    sums *= np.sqrt(factors)[:, np.newaxis]
    parts = (sums**2).sum(axis=1)
    single = factors * np.array([(source.influence**2).sum() for source in sources])
    # Sums that cancel exactly in every patient leave only rounding, which is no evidence.
    parts = np.where(parts > _ROUNDING * single, parts, single)
    together = float((sums.sum(axis=0) ** 2).sum())
    variance = together if together > _ROUNDING * parts.sum() else float(parts.sum())
    degrees = parts.sum() ** 2 / (parts**2 / (np.array(counts) - 1)).sum()
    return math.sqrt(variance), float(degrees)


def _student(value: float, sources: Sequence[Source], groups: Clusters) -> StudentTail:
    error, degrees = combined(sources, groups)
    return StudentTail(value, error, degrees)
