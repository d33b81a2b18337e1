"""From single measurements to lines of evidence, and from lines to one conclusion per attribute."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from auditkit.findings import Measurement
from auditkit.spec.declarations.triangulation import Conclusion, Row
from auditkit.stats import Estimate, holm
from auditkit.verdict import worst_case

State = Literal["effect", "none", "unclear", "not available"]

# One end of a two-sided 95 % interval.
ALPHA = 0.025


@dataclass(frozen=True)
class Asked:
    """One row of evidence, to be read.

    Attributes:
        row: as the spec has it.
        margin: sizes up to this are no effect.
        measurement: what the audit found; None if it may not be used.
        reason: why it is not available.
        min_n: fewer independent units than this are unclear.
    """

    row: Row
    margin: float
    measurement: Measurement | None
    reason: str = ""
    min_n: int = 1

    @property
    def estimate(self) -> Estimate | None:
        """Of the measure."""
        return self.measurement.estimate if self.measurement else None

    @property
    def enough(self) -> bool:
        """Whether there are as many independent units as the audit itself declared."""
        return self.estimate is not None and self.estimate.clusters >= self.min_n


@dataclass(frozen=True)
class Reading:
    """One row of evidence, read.

    Attributes:
        row: as the spec has it.
        margin: sizes up to this are no effect.
        measurement: what the audit found; None if it may not be used.
        state: after Holm over all rows of the spec.
        sign: 1 if more of the attribute raises the score, -1 if it lowers it, 0 if the measure has no
            direction or there is no effect.
        reason: why it is not available.
    """

    row: Row
    margin: float
    measurement: Measurement | None
    state: State
    sign: int = 0
    reason: str = ""

    @property
    def estimate(self) -> Estimate | None:
        """Of the measure."""
        return self.measurement.estimate if self.measurement else None

    @property
    def size(self) -> float:
        """The estimate in margins, with the direction in which the attribute moves the score."""
        if self.estimate is None:
            return 0.0
        return (-1 if self.row.towards == "down" else 1) * self.estimate.value / self.margin


def read(rows: Sequence[Asked]) -> list[Reading]:
    """Every row's state.

    effect: beyond its margin, by a one-sided test at .025 after Holm's correction over all rows (so that
    with no effect anywhere, any is claimed in at most 5 % of runs); none: the whole 95 % interval is within
    the margin, also if every image that could not be evaluated had the worst possible value; unclear:
    neither, or fewer independent units than the audit declared; not available: there is no estimate that
    may be used.

    So a row never says more than the audit's own verdict on an expectation with the same margin.
    """
    adjusted = holm([_p_value(one) for one in rows])
    return [
        Reading(one.row, one.margin, one.measurement, *_state(one, float(p)), reason=one.reason)
        for one, p in zip(rows, adjusted, strict=True)
    ]


def _p_value(one: Asked) -> float:
    """Of no effect beyond the margin; 1 where there are too few to tell."""
    if one.estimate is None or not one.enough:
        return 1.0
    above, below = one.estimate.p_above(one.margin), one.estimate.p_below(-one.margin)
    return above if one.row.towards == "unsigned" else min(above, below)


def _state(one: Asked, p: float) -> tuple[State, int]:
    if one.estimate is None:
        return "not available", 0
    if p <= ALPHA:
        sign = 1 if one.estimate.value > 0 else -1
        directed = {"up": sign, "down": -sign, "unsigned": 0}[one.row.towards]
        return "effect", directed
    return ("none" if one.enough and _excluded(one) else "unclear"), 0


def _excluded(one: Asked) -> bool:
    """Whether an effect beyond the margin is excluded, whatever the images are that were not evaluated."""
    assert one.measurement is not None
    least = -one.margin if one.row.towards != "unsigned" else float("-inf")
    low, high = worst_case(one.measurement)
    return least < low and high < one.margin


@dataclass(frozen=True)
class Evidence:
    """One line of evidence about an attribute: its rows together.

    Attributes:
        line: what kind.
        readings: its rows.
        state: effect if a row shows one and none the opposite; none if all that are available exclude one.
        sign: the direction of its effects; 0 if they have none.
    """

    line: str
    readings: Sequence[Reading]
    state: State
    sign: int

    @classmethod
    def of(cls, line: str, readings: Sequence[Reading]) -> "Evidence":
        """Rows of one line."""
        known = [one for one in readings if one.state != "not available"]
        signs = {one.sign for one in known if one.sign}
        effect = any(one.state == "effect" for one in known)
        if not known:
            return cls(line, readings, "not available", 0)
        if len(signs) > 1:
            return cls(line, readings, "unclear", 0)
        if effect:
            return cls(line, readings, "effect", signs.pop() if signs else 0)
        none = all(one.state == "none" for one in known)
        return cls(line, readings, "none" if none else "unclear", 0)


def conclude(lines: Sequence[Evidence]) -> Conclusion:
    """What lines of evidence say together.

    established: at least two lines show an effect, in one direction where they have one, and no line
    excludes it; contradicted: effects in opposite directions, or an effect that another line excludes;
    suggested: one line shows an effect, no line excludes it; not found: no line shows an effect, at least
    one excludes it; unclear: lines are there, and none says either; not examined: no line is available.
    """
    effects = [one for one in lines if one.state == "effect"]
    excluded = any(one.state == "none" for one in lines)
    if len({one.sign for one in effects if one.sign}) > 1 or (effects and excluded):
        return "contradicted"
    if effects:
        return "established" if len(effects) > 1 else "suggested"
    if excluded:
        return "not found"
    return "unclear" if any(one.state == "unclear" for one in lines) else "not examined"
