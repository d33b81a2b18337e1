"""Judging: an expectation held against a measurement's interval, and runs against Holm's correction."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from auditkit.errors import AuditError
from auditkit.findings import Measurement
from auditkit.spec.audit import Expectation
from auditkit.stats import Choice, Estimate
from auditkit.stats.paired import Paired

Better = Literal["higher", "lower"]


class Verdict(StrEnum):
    """The seven verdicts."""

    PASS = "pass"  # noqa: S105 a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_INTERPRETABLE = "not interpretable"
    NOT_RUN = "not run"
    NOT_APPLICABLE = "not applicable"
    ERROR = "error"


@dataclass(frozen=True)
class Judgement:
    """A verdict, why, and the p-value of a violation where there is a measurement.

    ``p_value`` is one-sided: small means evidence that the expectation is violated. ``paired`` is what was
    judged of an expectation against a baseline: the difference, and not the measurement itself.
    """

    verdict: Verdict
    reason: str
    p_value: float | None = None
    paired: Paired | None = None


@dataclass(frozen=True)
class Against:
    """An earlier run, as an expectation `not_worse_than` is held against it.

    Attributes:
        better: in which direction the measure gets better.
        paired: the later release minus the earlier one; ``None`` if there is none.
        missing: what there is nothing of to compare with: not run.
        reason: why the images of both runs give no difference: inconclusive.
    """

    better: Better
    paired: Paired | None = None
    missing: str = ""
    reason: str = ""


def judge(  # noqa: C901, PLR0911 one branch and one return per verdict
    expectation: Expectation, measurement: Measurement | None, against: Against | None = None
) -> Judgement:
    """Hold an expectation against a measurement, and `not_worse_than` against an earlier run as well.

    pass: the whole interval satisfies it, also if every image that could not be evaluated had the worst
    possible value; fail: the whole interval violates it; otherwise inconclusive.

    Of a name: pass if all candidates are among the expected names, fail if none is. Where images could
    not be evaluated, a pass needs candidates that hold whatever those are (``affected`` is 0).
    """
    if measurement is None:
        where = f" at {dict(expectation.at)}" if expectation.at else ""
        return Judgement(
            Verdict.NOT_RUN, f"the check gave no '{expectation.measure}'{where} on these data"
        )
    estimate = measurement.estimate
    if not measurement.applicable:
        return Judgement(Verdict.NOT_APPLICABLE, measurement.reason)
    if expectation.not_worse_than is not None:
        return _judge_against(expectation, measurement, against)
    if measurement.choice is not None:
        return _judge_choice(expectation, measurement, measurement.choice)
    if estimate is None:
        return Judgement(Verdict.INCONCLUSIVE, measurement.reason or "nothing could be evaluated")
    if expectation.in_ is not None:
        raise AuditError(f"'{measurement.name}' is a number; use above, below or between, not in")
    low, high = _open_at_bounds(expectation, measurement)
    p_value = min(_tail(estimate.p_above, high), _tail(estimate.p_below, low))
    found = f"{estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}], n = {estimate.n}"
    wanted = f"expected {expectation.wording}"
    if estimate.clusters < expectation.min_n:
        reason = f"{found}: {estimate.clusters} independent units, at least {expectation.min_n} were declared"
        return Judgement(Verdict.INCONCLUSIVE, reason, p_value)
    if estimate.high <= low or estimate.low >= high:
        return Judgement(Verdict.FAIL, f"{found}; {wanted}", p_value)
    if not (low < estimate.low and estimate.high < high):
        return Judgement(Verdict.INCONCLUSIVE, f"{found} straddles; {wanted}", p_value)
    worst_low, worst_high = worst_case(measurement)
    if not (low < worst_low and worst_high < high):
        missing = sum(measurement.not_evaluable.values())
        reason = (
            f"{found}; {wanted}; but {missing} of {measurement.planned} images could not be "
            f"evaluated, and with their worst values the interval reaches [{worst_low:.3g}, {worst_high:.3g}]"
        )
        return Judgement(Verdict.INCONCLUSIVE, reason, p_value)
    return Judgement(Verdict.PASS, f"{found}; {wanted}", p_value)


def _judge_choice(expectation: Expectation, measurement: Measurement, choice: Choice) -> Judgement:
    names = expectation.in_
    if names is None:
        raise AuditError(f"'{measurement.name}' is a name; use in: [...] in place of a limit")
    # None of the expected names is right only if each of them is excluded.
    p_value = max(choice.p_values.get(name, 1.0) for name in names)
    others = ", ".join(choice.candidates[1:])
    found = f"{choice.value}{f' (not excluded: {others})' if others else ''}, n = {choice.n}"
    wanted = f"expected {expectation.wording}"
    if choice.clusters < expectation.min_n:
        reason = f"{found}: {choice.clusters} independent units, at least {expectation.min_n} were declared"
        return Judgement(Verdict.INCONCLUSIVE, reason, p_value)
    expected = [name in names for name in choice.candidates]
    if not any(expected):
        return Judgement(Verdict.FAIL, f"{found}; {wanted}", p_value)
    if not all(expected):
        return Judgement(Verdict.INCONCLUSIVE, f"{found}; {wanted}", p_value)
    missing = sum(measurement.not_evaluable.values())
    if missing and measurement.affected != 0:
        reason = (
            f"{found}; {wanted}; but {missing} of {measurement.planned} images could not be evaluated, "
            "and might make it another one"
        )
        return Judgement(Verdict.INCONCLUSIVE, reason, p_value)
    return Judgement(Verdict.PASS, f"{found}; {wanted}", p_value)


def _judge_against(
    expectation: Expectation, measurement: Measurement, against: Against | None
) -> Judgement:
    assert expectation.margin is not None
    if against is None:
        return Judgement(Verdict.NOT_RUN, "no baseline was given: add --audit-baseline RUN")
    if measurement.estimate is None or against.paired is None:
        if against.missing:
            return Judgement(Verdict.NOT_RUN, against.missing)
        reason = measurement.reason or against.reason or "nothing could be evaluated"
        return Judgement(Verdict.INCONCLUSIVE, reason)
    least, most = measurement.bounds
    return not_worse(
        against.paired, against.better, expectation.margin, most - least, expectation.min_n
    )


def not_worse(
    paired: Paired, better: Better, margin: float, span: float, min_n: int = 1
) -> Judgement:
    """Whether a later release is not worse than an earlier one by a margin, on the same images.

    pass: the whole interval of the difference lies above -margin (below margin, where lower is better), also
    if every image of one run alone had the worst possible difference; fail: it lies wholly beyond; otherwise
    inconclusive. Images that neither run could evaluate are no loss from one to the other.

    Args:
        paired: new minus old.
        better: in which direction the measure gets better.
        margin: the loss that is accepted, > 0.
        span: from the smallest to the largest possible value of the measure.
        min_n: fewer independent units than this are inconclusive.
    """
    found, loss = paired.estimate, "loss" if better == "higher" else "rise"
    # Gains are positive from here on.
    low, high = (found.low, found.high) if better == "higher" else (-found.high, -found.low)
    p_value = found.p_below(-margin) if better == "higher" else found.p_above(margin)
    text = (
        f"{found.value:+.3g} [{found.low:+.3g}, {found.high:+.3g}] ({paired.old:.3g} to {paired.new:.3g}), "
        f"{paired.pairs} images in both runs"
    )
    wanted = f"expected no {loss} of {margin:g}"

    def judged(verdict: Verdict, reason: str) -> Judgement:
        return Judgement(verdict, reason, p_value, paired)

    if found.clusters < min_n:
        units = f"{found.clusters} independent units, at least {min_n} were declared"
        return judged(Verdict.INCONCLUSIVE, f"{text}: {units}")
    if high <= -margin:
        return judged(Verdict.FAIL, f"{text}; {wanted}")
    if not low > -margin:
        return judged(Verdict.INCONCLUSIVE, f"{text} straddles; {wanted}")
    if paired.affected:
        worst = (1 - paired.affected) * low - paired.affected * span
        if not worst > -margin:
            alone = (
                f"{paired.only_old} images of the earlier run and {paired.only_new} of this one have no "
                "pair: audit the earlier release on today's images, or both on images that stay the same"
            )
            return judged(Verdict.INCONCLUSIVE, f"{text}; {wanted}; but {alone}")
    return judged(Verdict.PASS, f"{text}; {wanted}")


def _open_at_bounds(expectation: Expectation, measurement: Measurement) -> tuple[float, float]:
    """The limits, without those that the quantity cannot cross: 0 flips satisfy 'between 0 and .05'."""
    low, high = expectation.limits
    least, most = measurement.bounds
    return (-math.inf if low <= least and expectation.between else low), (
        math.inf if high >= most and expectation.between else high
    )


def shown_beside(
    expectation: Expectation, judgement: Judgement, measurement: Measurement | None
) -> Estimate | Choice | None:
    """What stands beside a verdict: against an earlier release the difference, not the quantity itself."""
    if expectation.not_worse_than is not None:
        return judgement.paired.estimate if judgement.paired else None
    return None if measurement is None else measurement.estimate or measurement.choice


def worst_case(measurement: Measurement) -> tuple[float, float]:
    """The interval if all images that could not be evaluated had the worst possible values.

    A bound for quantities that average over images: ``(1 - q) * limit + q * bound``, where q is the
    share of images that could not be evaluated. Of an average over patients, who may have known images
    as well, the share ``affected`` may go from one bound to the other. An unbounded quantity has no such
    bound.
    """
    assert measurement.estimate is not None
    low, high = measurement.estimate.low, measurement.estimate.high
    missing = sum(measurement.not_evaluable.values())
    if not missing or measurement.affected == 0:
        return low, high
    least, most = measurement.bounds
    if measurement.affected is not None:
        room = measurement.affected * (most - least)
        return max(least, low - room), min(most, high + room)
    share = missing / max(measurement.planned, missing)
    return (1 - share) * low + share * least, (1 - share) * high + share * most


def _tail(p_value: Callable[[float], float], limit: float) -> float:
    return 1.0 if math.isinf(limit) else p_value(limit)
