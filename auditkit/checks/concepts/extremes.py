"""The largest or smallest of several measurements, if every one of them could be estimated."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeVar

from auditkit import stats
from auditkit.checks.measuring import Measuring
from auditkit.errors import AuditError
from auditkit.findings import Measurement

Key = TypeVar("Key")


def strongest(found: Mapping[Key, Measurement]) -> Key | None:
    """Where the size of the estimate is the largest; None if there is no estimate."""
    sizes = {key: abs(one.estimate.value) for key, one in found.items() if one.estimate}
    return max(sizes, key=lambda key: sizes[key]) if sizes else None


def extreme_of(
    measuring: Measuring,
    name: str,
    found: Sequence[Measurement],
    kind: Literal["largest", "smallest"],
    *,
    absolute: bool = False,
) -> Measurement:
    """A measurement of the extreme of several ones; what could not be evaluated is that of the worst."""

    def estimate() -> stats.Estimate:
        estimates = [one.estimate for one in found if one.estimate]
        for one in found:
            if one.estimate is None:
                raise AuditError(f"{_place(one)} could not be estimated: {one.reason}")
        return stats.extreme(estimates, kind, absolute=absolute)

    worst = max(found, key=lambda one: sum(one.not_evaluable.values()))
    measured = measuring(name, estimate)
    rooms = [one.affected * _width(one) for one in found if one.affected is not None]
    # As far as one of them may move, in shares of the extreme's own range.
    affected = min(max(rooms) / _width(measured), 1.0) if rooms else None
    return replace(measured, not_evaluable=worst.not_evaluable, affected=affected)


def _width(one: Measurement) -> float:
    return one.bounds[1] - one.bounds[0]


def _place(one: Measurement) -> str:
    at = ", ".join(f"{name} {value}" for name, value in one.at.items())
    return f"{one.name} at {at}" if at else one.name
