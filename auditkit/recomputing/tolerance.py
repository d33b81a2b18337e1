"""When two computations of a shard are the same: bit for bit, or within what rounding explains."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError
from auditkit.evidence.store import Arrays
from auditkit.recomputing.outcome import State

# Of a score; by precision, on the same kind of device and on another.
_SAME = {"float32": 1e-5, "float16": 5e-3, "bfloat16": 4e-2}
_OTHER = {"float32": 1e-4, "float16": 5e-3, "bfloat16": 4e-2}
_SCORES = ("score", "probability", "answer")
# Differences of nearly equal answers, in which an error of the answers is a larger share.
_MAPS = ("map", "standard_error")
_LARGER = 10


@dataclass(frozen=True)
class Tolerance:
    """How far rounding may carry a number.

    Attributes:
        share: of a score.
        why: precision and kind of device.
    """

    share: float
    why: str

    def limit(self, name: str, largest: float) -> float:
        """For an array of floats whose largest number is ``largest``."""
        if name in _SCORES:
            return self.share
        return _LARGER * self.share * (largest if name in _MAPS else max(1.0, largest))

    def __str__(self) -> str:
        larger = f"{_LARGER * self.share:g}"
        return (
            f"{self.share:g} of a score, {larger} of a heatmap's largest value, {larger} of other numbers "
            f"({self.why}); whole numbers are equal, pictures differ by one grey level at most"
        )


def tolerance(precision: str, *, same_device: bool) -> Tolerance:
    """What is declared for a precision, on the same kind of device or another."""
    known = _SAME if same_device else _OTHER
    if precision not in known:
        raise AuditError(f"the record's precision is '{precision}'; known: {', '.join(known)}")
    share = known[precision]
    where = "the same kind of device" if same_device else "another kind of device"
    return Tolerance(share, f"{precision}, {where}")


def held(recorded: Arrays, new: Arrays, allowed: Tolerance) -> tuple[State, str]:
    """Whether a shard is the recorded one, and what is not."""
    if set(recorded) != set(new):
        return (
            "differs",
            f"has the arrays {', '.join(sorted(new))}, not {', '.join(sorted(recorded))}",
        )
    equal = True
    for name in sorted(recorded):
        one, other = recorded[name], new[name]
        if one.shape != other.shape or one.dtype != other.dtype:
            kinds = f"{one.dtype}{list(one.shape)}, computed again {other.dtype}{list(other.shape)}"
            return "differs", f"{name}: recorded {kinds}"
        if one.tobytes() == other.tobytes():
            continue
        equal = False
        reason = _beyond(name, one, other, allowed)
        if reason:
            return "differs", f"{name}: {reason}"
    return ("bit-equal", "") if equal else ("within tolerance", "")


def _beyond(
    name: str, recorded: npt.NDArray[np.generic], new: npt.NDArray[np.generic], allowed: Tolerance
) -> str:
    """In words, how two arrays of one shape differ by more than rounding; empty if they do not."""
    pictures = recorded.dtype == np.uint8 and recorded.ndim >= 3
    if not pictures and not np.issubdtype(recorded.dtype, np.floating):
        count = int((recorded != new).sum())
        return f"{count} of {recorded.size} values differ" if count else ""
    one, other = recorded.astype(np.float64), new.astype(np.float64)
    known = np.isfinite(one)
    same = np.where(
        known, known == np.isfinite(other), (one == other) | (np.isnan(one) & np.isnan(other))
    )
    if not same.all():
        return f"{int((~same).sum())} of {recorded.size} values are not finite in one of the two"
    apart = np.abs(one[known] - other[known])
    largest = float(np.abs(one[known]).max(initial=0.0))
    limit = 1.0 if pictures else allowed.limit(name, largest)
    count = int((apart > limit).sum())
    if not count:
        return ""
    return f"{count} of {recorded.size} values differ, by {apart.max():.3g} at most ({limit:.3g} is allowed)"
