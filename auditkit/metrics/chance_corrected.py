"""Intervals of agreement corrected for chance, 1 - (1 - P_o) / (1 - P_e), as kappa and alpha are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.stats import Estimate
from auditkit.stats.few_carriers import WiderTail
from auditkit.stats.inputs import Clusters, half_alpha
from auditkit.stats.resampling import varies
from auditkit.stats.tails import BoundedTail, Bounds, ReplicateTail, UnvariedTail

Floats = npt.NDArray[np.float64]
_BOUNDS: Bounds = (-1.0, 1.0)


@dataclass(frozen=True)
class Agreement:
    """The agreement's own interval, brought to the scale that is corrected for chance.

    Attributes:
        agreement: P_o, with an interval.
        value: the corrected quantity.
        slope: 1 / (1 - P_e), by how much it changes with the agreement.
    """

    agreement: Estimate
    value: float
    slope: float

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: corrected agreement <= t and of H0: corrected agreement >= t."""
        return self.agreement.tail(self.agreement.value + (t - self.value) / self.slope)

    @property
    def limits(self) -> Bounds:
        """At the level of the agreement."""
        return self._corrected(self.agreement.low), self._corrected(self.agreement.high)

    def _corrected(self, agreement: float) -> float:
        return self.value + (agreement - self.agreement.value) * self.slope


def wider(
    value: float, drawn: Floats, agreement: Agreement, groups: Clusters, level: float
) -> Estimate:
    """The wider of a bootstrap's interval and of the agreement's.

    Args:
        value: the quantity, in [-1, 1].
        drawn: (B,) its values in resamples of patients. NaN counts against both ends.
        agreement: at the same level.
        groups: patients of all units.
        level: two-sided confidence level.
    """
    finite = np.sort(drawn[np.isfinite(drawn)])
    lost = drawn.size - finite.size
    resampled: ReplicateTail | UnvariedTail
    if finite.size and varies(finite):
        # Twice: a resample is to the sample as the sample is to what it was drawn from.
        moved = finite - 2 * (float(finite.mean()) - value)
        resampled = ReplicateTail(moved, lost, groups.count)
    else:
        resampled = UnvariedTail(value, _BOUNDS, groups.effective_count)
    tail = BoundedTail(WiderTail(resampled, agreement), _BOUNDS)
    low, high = resampled.interval(half_alpha(level))
    low, high = tail.clip((min(low, agreement.limits[0]), max(high, agreement.limits[1])))
    method = (
        f"the wider of a cluster bootstrap ({groups.count} patients, {drawn.size} replicates"
        f"{f', {lost} of them undefined' if lost else ''}) and of the agreement's interval "
        f"({agreement.agreement.method})"
    )
    return Estimate(value, low, high, level, groups.index.size, groups.count, method, tail)
