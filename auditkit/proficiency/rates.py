"""From single audits to rates: detection by strength and by true value, false alarms, families."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from auditkit import stats
from auditkit.proficiency.faults import CLEAN, FAULTS
from auditkit.proficiency.result import (
    AtStrength,
    AtTruth,
    ExpectationResult,
    Family,
    FaultResult,
    Rate,
    rate_of,
)
from auditkit.proficiency.trial import Said, Trial
from auditkit.release import ALPHA
from auditkit.spec.audit import Expectation
from auditkit.verdict import Verdict

ENOUGH = 0.95
# Audits per point of a curve by true value.
_PER_POINT = 200


def rate(hits: Iterable[bool]) -> Rate:
    """With the exact interval; of nothing, from 0 to 1."""
    found = [bool(hit) for hit in hits]
    return rate_of(sum(found), len(found))


def detected(trial: Trial) -> bool:
    """Whether an expectation fails that truly is violated."""
    return any(one.violated and one.verdict is Verdict.FAIL for one in trial.said)


def undecided(trial: Trial) -> bool:
    """Whether no violated expectation fails, and one is inconclusive."""
    unclear = any(one.violated and one.verdict is Verdict.INCONCLUSIVE for one in trial.said)
    return unclear and not detected(trial)


def false_alarm(trial: Trial) -> bool:
    """Whether an expectation fails that truly holds."""
    return any(one.violated is False and one.verdict is Verdict.FAIL for one in trial.said)


def faulty(trial: Trial) -> bool:
    """Whether the model truly violates an expectation."""
    return any(one.violated for one in trial.said)


def at_strength(strength: float, trials: Sequence[Trial]) -> AtStrength:
    """Of all audits of models with one fault at one strength."""
    with_fault = [trial for trial in trials if faulty(trial)]
    columns = list(zip(*(trial.said for trial in trials), strict=True))
    return AtStrength(
        strength=strength,
        truths=[_mean(column) for column in columns],
        violated=[sum(bool(one.violated) for one in column) for column in columns],
        detected=rate(map(detected, with_fault)),
        inconclusive=rate(map(undecided, with_fault)),
        false_alarms=rate(map(false_alarm, trials)),
    )


def _mean(column: Sequence[Said]) -> float | None:
    known = [one.truth for one in column if not np.isnan(one.truth)]
    return float(np.mean(known)) if known else None


def fault_result(name: str, trials: Sequence[Trial]) -> FaultResult:
    """One fault at all strengths at which it was planted."""
    by_strength: dict[float, list[Trial]] = defaultdict(list)
    for trial in trials:
        by_strength[trial.strength].append(trial)
    found = [at_strength(strength, by_strength[strength]) for strength in sorted(by_strength)]
    fault = FAULTS[name]
    return FaultResult(
        fault=name, what=fault.what, kind=fault.kind, strengths=found, stated=_stated(found)
    )


def _stated(found: Sequence[AtStrength]) -> float | None:
    """The smallest strength from which on all audits have to do with a fault, and more than 95 % find it.

    More than 95 % is the lower limit of the interval: a share that happens to be 95 % may well be less.
    """
    stated = None
    for one in reversed(found):
        alarms = one.detected
        if alarms.n < max(one.false_alarms.n, 1) or alarms.low < ENOUGH:
            break
        stated = one.strength
    return stated


def expectation_result(
    at: int, expectation: Expectation, trials: Sequence[Trial]
) -> ExpectationResult:
    """One expectation, over all faults and clean models."""
    said = [(trial, trial.said[at]) for trial in trials]
    clean = [
        one.verdict is Verdict.FAIL
        for trial, one in said
        if trial.fault == CLEAN.name and one.violated is False
    ]
    low, high = expectation.limits
    beyond = [one for _, one in said if one.violated]
    above = _curve([one for one in beyond if one.truth >= high], outwards=1)
    below = _curve([one for one in beyond if one.truth <= low], outwards=-1)
    return ExpectationResult(
        measure=expectation.measure,
        at=dict(expectation.at),
        expected=expectation.wording,
        severity=expectation.severity,
        false_alarms=rate(clean),
        curve=[*reversed(below), *above],
        detects=[one for curve in (below, above) if (one := _from(curve)) is not None],
    )


def _curve(said: Sequence[Said], outwards: int) -> list[AtTruth]:
    """Detection by true value: points of equally many audits, from the limit outwards."""
    ordered = sorted(said, key=lambda one: outwards * one.truth)
    count = max(1, len(ordered) // _PER_POINT)
    parts = np.array_split(np.arange(len(ordered)), count) if ordered else []
    points = []
    for part in parts:
        some = [ordered[place] for place in part]
        truths = [one.truth for one in some]
        hits = rate(one.verdict is Verdict.FAIL for one in some)
        points.append(AtTruth(low=min(truths), high=max(truths), detected=hits))
    return points


def _from(curve: Sequence[AtTruth]) -> AtTruth | None:
    """The first point from which on every one is shown to have at least 95 %."""
    found = None
    for point in reversed(curve):
        if point.detected.n < _PER_POINT or point.detected.low < ENOUGH:
            break
        found = point
    return found


def family(
    trials: Mapping[str, Sequence[Trial]], blocking: Callable[[str, int], bool]
) -> Family | None:
    """All audits of a clean model on one sample's seed, as one run.

    Args:
        trials: of clean models, by audit.
        blocking: whether an audit's expectation is.
    """
    runs: dict[int, list[tuple[str, Said]]] = defaultdict(list)
    for audit, some in trials.items():
        for trial in some:
            runs[trial.seed] += [
                (audit, one) for one in trial.said if blocking(audit, one.expectation)
            ]
    if len({len(run) for run in runs.values()}) != 1:
        return None
    return Family(
        audits=list(trials),
        alarms=rate(_alarm(run, claimed=False) for run in runs.values()),
        claimed=rate(_alarm(run, claimed=True) for run in runs.values()),
    )


def _alarm(run: Sequence[tuple[str, Said]], *, claimed: bool) -> bool:
    adjusted = stats.holm([one.p_value for _, one in run])
    return any(
        one.violated is False and one.verdict is Verdict.FAIL and (not claimed or float(p) <= ALPHA)
        for (_, one), p in zip(run, adjusted, strict=True)
    )
