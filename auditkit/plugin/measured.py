"""A measurement that compares by its interval, or by the names that cannot be excluded."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from auditkit.findings import Measurement
from auditkit.spec.audit import Expectation
from auditkit.spec.problems import nearest
from auditkit.verdict import Judgement, Verdict, judge

# Stands in the text of an assert on a measure that failed.
VIOLATED = "does not hold"


class Inconclusive(AssertionError):  # noqa: N818 a verdict, not an error
    """The interval straddles the threshold: neither true nor false."""


@dataclass(frozen=True, eq=False)
class Answer:
    """True or false, and in a failed assert what was asked."""

    holds: bool
    asked: str

    def __bool__(self) -> bool:
        return self.holds

    def __repr__(self) -> str:
        return f"{self.asked} {'holds' if self.holds else VIOLATED}"


@dataclass(frozen=True, eq=False)
class Measured:
    """What ``audit(...)[measure]`` gives: compare it with ``<`` or ``>`` and a number.

    A comparison is true if the whole interval satisfies it, false if the whole interval violates it, and
    raises `Inconclusive` where the interval straddles, so that ``assert not x > 0.05`` cannot pass by
    accident. What cannot be asked of the model skips the test as *not applicable*. A measure that is a name
    is asked with `among`.
    """

    measurement: Measurement
    keep: Callable[[Expectation, Measurement, Judgement], None]

    @property
    def name(self) -> str:
        """The measure and where it was taken."""
        at = ", ".join(f"{k} {v}" for k, v in self.measurement.at.items())
        return f"{self.measurement.name} ({at})" if at else self.measurement.name

    def __repr__(self) -> str:
        estimate, choice = self.measurement.estimate, self.measurement.choice
        if choice is not None:
            return (
                f"{choice.value}, not excluded: {', '.join(choice.candidates)}, n = {choice.n} images of "
                f"{choice.clusters} patients ({choice.method})"
            )
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
        if self.measurement.choice is not None:
            raise TypeError(self._ask_among)
        raise TypeError("an interval is never equal to a number; compare with < or >")

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        if self.measurement.choice is not None:
            raise TypeError(self._ask_among)
        raise TypeError("a measurement is neither true nor false; compare it with < or >")

    def among(self, name: str, *more: str) -> Answer:
        """Whether a measure that is a name is one of these: ``assert found["top_concept"].among("tint")``.

        True if all names that cannot be excluded are among them, false if none is; else it raises
        `Inconclusive`.

        Raises:
            TypeError: the measure is a number, or a name is none that it may be.
        """
        names, choice = [name, *more], self.measurement.choice
        if choice is None and self.measurement.estimate is not None:
            raise TypeError(f"{self.name} is a number; compare it with < or >")
        unknown = [n for n in names if choice is not None and n not in choice.p_values]
        if unknown and choice is not None:
            hint = nearest(unknown[0], choice.p_values)
            raise TypeError(f"{self.name} cannot be '{unknown[0]}'; {hint}")
        where = {"measure": self.measurement.name, "at": dict(self.measurement.at)}
        expectation = Expectation.model_validate({**where, "in": names})
        return Answer(self._judged(expectation), f"{self.name} {expectation.wording}")

    @property
    def _ask_among(self) -> str:
        return f"{self.name} is a name with candidates; ask .among('NAME', ...)"

    def _limit(self, value: float | None) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool | str) or not math.isfinite(float(value)):
            raise TypeError(f"{self.name} compares with a finite number, not with {value!r}")
        return float(value)

    def _compare(self, above: float | None = None, below: float | None = None) -> bool:
        if self.measurement.choice is not None:
            raise TypeError(self._ask_among)
        expectation = Expectation(
            measure=self.measurement.name,
            at=dict(self.measurement.at),
            above=self._limit(above),
            below=self._limit(below),
        )
        return self._judged(expectation)

    def _judged(self, expectation: Expectation) -> bool:
        judgement = judge(expectation, self.measurement)
        self.keep(expectation, self.measurement, judgement)
        if judgement.verdict is Verdict.PASS:
            return True
        if judgement.verdict is Verdict.FAIL:
            return False
        if judgement.verdict is Verdict.NOT_APPLICABLE:
            pytest.skip(f"not applicable: {self.name}: {judgement.reason}")
        raise Inconclusive(f"INCONCLUSIVE: {self.name}: {judgement.reason}")
