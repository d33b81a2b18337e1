"""A measurement that compares by its interval."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from auditkit.findings import Measurement
from auditkit.spec.audit import Expectation
from auditkit.verdict import Judgement, Verdict, judge

# Stands in the text of an assert on a measure that failed.
VIOLATED = "does not hold"


class Inconclusive(AssertionError):  # noqa: N818 a verdict, not an error
    """The interval straddles the threshold: neither true nor false."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What ``audit(...)[measure]`` gives: compare it with ``<`` or ``>`` and a number.

    A comparison is true if the whole interval satisfies it, false if the whole interval violates it, and
    raises `Inconclusive` where the interval straddles, so that ``assert not x > 0.05`` cannot pass by
    accident. What cannot be asked of the model skips the test as *not applicable*.
    """

    measurement: Measurement
    keep: Callable[[Expectation, Measurement, Judgement], None]

    @property
    def name(self) -> str:
        """The measure and where it was taken."""
        at = ", ".join(f"{k} {v}" for k, v in self.measurement.at.items())
        return f"{self.measurement.name} ({at})" if at else self.measurement.name

    def __repr__(self) -> str:
        estimate = self.measurement.estimate
        if estimate is None:
            word = "evaluable" if self.measurement.applicable else "applicable"
            return f"not {word}: {self.measurement.reason}"
        return (
            f"{estimate.value:.4g} [{estimate.low:.4g}, {estimate.high:.4g}], n = {estimate.n} images of "
            f"{estimate.clusters} patients ({estimate.method})"
        )

    def __lt__(self, limit: float) -> bool:
        return self._compare(below=limit)

    def __gt__(self, limit: float) -> bool:
        return self._compare(above=limit)

    __le__ = __lt__
    __ge__ = __gt__

    def __eq__(self, other: object) -> bool:
        raise TypeError("an interval is never equal to a number; compare with < or >")

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise TypeError("a measurement is neither true nor false; compare it with < or >")

    def _limit(self, value: float | None) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool | str) or not math.isfinite(float(value)):
            raise TypeError(f"{self.name} compares with a finite number, not with {value!r}")
        return float(value)

    def _compare(self, above: float | None = None, below: float | None = None) -> bool:
        expectation = Expectation(
            measure=self.measurement.name,
            at=dict(self.measurement.at),
            above=self._limit(above),
            below=self._limit(below),
        )
        judgement = judge(expectation, self.measurement)
        self.keep(expectation, self.measurement, judgement)
        if judgement.verdict is Verdict.PASS:
            return True
        if judgement.verdict is Verdict.FAIL:
            return False
        if judgement.verdict is Verdict.NOT_APPLICABLE:
            pytest.skip(f"not applicable: {self.name}: {judgement.reason}")
        raise Inconclusive(f"INCONCLUSIVE: {self.name}: {judgement.reason}")
