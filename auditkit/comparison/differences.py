"""Quantities of two releases: in pairs where there are numbers per image, else side by side."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from auditkit.comparison.limits import GreatestLoss
from auditkit.comparison.result import Difference, ModelPair, OneSide, SideBySide
from auditkit.comparison.runs import FinishedRun, other_question
from auditkit.errors import AuditError
from auditkit.release import ALPHA
from auditkit.results import AuditResult, MeasurementResult, number
from auditkit.results.samples import KeptSample, Place, place
from auditkit.stats import holm
from auditkit.stats.paired import Paired, paired_difference
from auditkit.verdict import Better, not_worse


@dataclass(frozen=True)
class Compared:
    """Quantities of one pair of models."""

    differences: list[Difference] = field(default_factory=list)
    side_by_side: list[SideBySide] = field(default_factory=list)


def compared(
    runs: tuple[FinishedRun, FinishedRun],
    models: ModelPair,
    family: Collection[tuple[str, Place]],
    losses: Sequence[GreatestLoss],
) -> Compared:
    """Everything that both runs measured of two models.

    Args:
        runs: the earlier and the later one.
        models: names of the models.
        family: audits and measures on which a blocking expectation rests in either run.
        losses: greatest losses that limits accept.
    """
    found = Compared()
    for new in runs[1].results.audits:
        old = runs[0].audit(new.audit, models.old) if new.model == models.new else None
        if old is not None:
            for one in _of_audit(runs, old, new, losses):
                if isinstance(one, Difference):
                    found.differences.append(one)
                else:
                    found.side_by_side.append(one)
    return Compared(_with_holm(found.differences, family), found.side_by_side)


def gone(
    runs: tuple[FinishedRun, FinishedRun], models: ModelPair, losses: Sequence[GreatestLoss]
) -> Iterator[tuple[str, str]]:
    """Audits and the rules of measures that the earlier run has of a model and the later one has not."""
    places = [
        {
            (audit.audit, place(one.name, one.at))
            for audit in run.results.audits
            if audit.model == model
            for one in audit.measurements
        }
        for run, model in zip(runs, (models.old, models.new), strict=True)
    ]
    for audit, where in sorted(places[0] - places[1]):
        rule = rule_of(losses, audit, where)
        if rule is not None:
            yield audit, rule.wording


def rule_of(losses: Sequence[GreatestLoss], audit: str, where: Place) -> GreatestLoss | None:
    """The limit on a measure's loss; one that names the audit goes before one for all audits."""
    fitting = [
        loss
        for loss in losses
        if place(loss.measure, loss.at) == where and loss.audit in (None, audit)
    ]
    return min(fitting, key=lambda loss: loss.audit is None, default=None)


def _of_audit(
    runs: tuple[FinishedRun, FinishedRun],
    old: AuditResult,
    new: AuditResult,
    losses: Sequence[GreatestLoss],
) -> Iterator[Difference | SideBySide]:
    earlier = {place(m.name, m.at): m for m in old.measurements}
    other = other_question(old, new.check, new.parameters)
    samples: list[Mapping[Place, KeptSample]] = [
        run.samples(audit) for run, audit in zip(runs, (old, new), strict=True)
    ]
    for measurement in new.measurements:
        where = place(measurement.name, measurement.at)
        if where not in earlier:
            continue
        rule = rule_of(losses, new.audit, where)
        try:
            paired = _paired(samples, where, measurement, other)
        except AuditError as error:
            yield _side_by_side(new, earlier[where], measurement, str(error))
        else:
            yield _difference(new, measurement, samples[1][where].better, paired, rule)


def _paired(
    samples: Sequence[Mapping[Place, KeptSample]],
    where: Place,
    measurement: MeasurementResult,
    other: str,
) -> Paired:
    if other:
        raise AuditError(other)
    old, new = (side.get(where) for side in samples)
    if old is None or new is None:
        which = "either run" if old is new else "the earlier run" if old is None else "this run"
        raise AuditError(f"no numbers per image in {which}")
    return paired_difference(old.sample, new.sample, bounds=_bounds(measurement))


def _bounds(measurement: MeasurementResult) -> tuple[float, float]:
    low, high = measurement.bounds
    return -math.inf if low is None else low, math.inf if high is None else high


def _difference(
    audit: AuditResult,
    measurement: MeasurementResult,
    better: Better | None,
    paired: Paired,
    rule: GreatestLoss | None,
) -> Difference:
    found, p_value = paired.estimate, None
    if better is not None:
        p_value = found.p_below(0.0) if better == "higher" else found.p_above(0.0)
    low, high = _bounds(measurement)
    shown = not_worse(paired, better, rule.loss, high - low) if rule and better else None
    return Difference(
        model=audit.model,
        audit=audit.audit,
        measure=measurement.name,
        at=measurement.at,
        unit=measurement.unit,
        better=better,
        old=float(paired.old),
        new=float(paired.new),
        value=float(found.value),
        low=number(found.low),
        high=number(found.high),
        level=found.level,
        pairs=paired.pairs,
        patients=found.clusters,
        only_old=paired.only_old,
        only_new=paired.only_new,
        method=found.method,
        p_value=number(p_value),
        p_adjusted=None,
        regression=False,
        loss_accepted=rule.loss if rule else None,
        shown=shown.verdict if shown else None,
    )


def _side_by_side(
    audit: AuditResult, old: MeasurementResult, new: MeasurementResult, reason: str
) -> SideBySide:
    return SideBySide(
        model=audit.model,
        audit=audit.audit,
        measure=new.name,
        at=new.at,
        unit=new.unit,
        old=OneSide(value=old.value, low=old.low, high=old.high, n=old.n),
        new=OneSide(value=new.value, low=new.low, high=new.high, n=new.n),
        reason=reason,
    )


def _with_holm(
    differences: Sequence[Difference], family: Collection[tuple[str, Place]]
) -> list[Difference]:
    """Adjusted p-values over one model's family; claimed regressions first, then the family."""
    found = list(differences)
    members = [
        i
        for i, one in enumerate(found)
        if one.p_value is not None and (one.audit, place(one.measure, one.at)) in family
    ]
    adjusted = holm([p for i in members if (p := found[i].p_value) is not None])
    for i, p_value in zip(members, adjusted, strict=True):
        change = {"p_adjusted": float(p_value), "regression": bool(p_value <= ALPHA)}
        found[i] = found[i].model_copy(update=change)
    return sorted(found, key=lambda one: (not one.regression, one.p_adjusted is None))
