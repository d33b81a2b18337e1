"""Runs of the shipped specs with made-up measurements, judged by a real session and stored as by a run."""

import math
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from auditkit.errors import Unavailable
from auditkit.findings import Findings, Measurement
from auditkit.plugin.judging import verdict_result
from auditkit.release import decide, with_holm
from auditkit.results import (
    AuditResult,
    Deviations,
    Environment,
    Results,
    Run,
    measurement_result,
    to_json,
)
from auditkit.session import Session
from auditkit.spec.applying import unchanged
from auditkit.spec.audit import Waiver
from auditkit.spec.catalogue import catalogue
from auditkit.spec.load import find_specs, load_audit, resolve_at
from auditkit.stats import Choice, Estimate
from auditkit.verdict import Judgement, Verdict

ROOT = Path(__file__).parents[2]
MODEL = "made-up"
CARD = SimpleNamespace(model=MODEL)


@cache
def specs(folder):
    """The audits of a folder of shipped specs."""
    cards = catalogue([ROOT / "fixtures"])
    paths = find_specs([ROOT / "audits" / folder])
    return tuple(load_audit(p, cards) for p in paths if p.name.endswith(".audit.yaml"))


def normal_estimate(value, error, clusters):
    """A mean with a normal distribution: p-values at any limit."""

    def tail(limit):
        z = (value - limit) / error
        return 0.5 * math.erfc(z / math.sqrt(2)), 0.5 * math.erfc(-z / math.sqrt(2))

    half = 1.959963984540054 * error
    return Estimate(
        value, value - half, value + half, 0.95, clusters * 2, clusters, "made up", tail
    )


def measurement(rng, name, at, measure):
    """Any measurement that a check may give, or none."""
    kind = rng.random()
    if kind < 0.05:
        return None
    planned = int(rng.integers(10, 500))
    shared = {"name": name, "at": at, "unit": "", "bounds": measure.bounds, "planned": planned}
    if kind < 0.1:
        return Measurement(estimate=None, reason="does not fit", applicable=False, **shared)
    if kind < 0.15:
        return Measurement(estimate=None, reason="one class only", **shared)
    missing = {"not there": int(rng.integers(1, 4))} if rng.random() < 0.3 else {}
    affected = [None, 0.0, float(rng.uniform(0, 0.02))][int(rng.integers(3))] if missing else None
    shared |= {"not_evaluable": missing, "affected": affected}
    if measure.choices:
        p_values = {choice: float(rng.uniform()) ** 3 for choice in measure.choices}
        value = max(p_values, key=p_values.get)
        candidates = [value, *(c for c, p in p_values.items() if c != value and p > 0.025)]
        choice = Choice(value, tuple(candidates), p_values, 40, 20, "made up")
        return Measurement(estimate=None, choice=choice, **shared)
    least, most = (max(-1.5, measure.bounds[0]), min(1.5, measure.bounds[1]))
    value = float(rng.uniform(least, most))
    estimate = normal_estimate(value, float(rng.uniform(0.001, 0.1)), int(rng.integers(2, 900)))
    if rng.random() < 0.05:
        estimate = replace(estimate, low=-math.inf)
    return Measurement(estimate=estimate, **shared)


def passing(rng, expectation, name, at, measure):
    """A measurement that satisfies what is expected, so that not everything rests on a failure."""
    if measure.choices:
        choice = Choice(
            expectation.in_[0],
            (expectation.in_[0],),
            dict.fromkeys(measure.choices, 0.001),
            400,
            900,
            "made up",
        )
        return Measurement(name, at, None, "", measure.bounds, 400, choice=choice)
    low, high = expectation.limits
    low, high = max(low, measure.bounds[0], -1e3), min(high, measure.bounds[1], 1e3)
    estimate = normal_estimate((low + high) / 2, (high - low) / 1e4, 1000)
    return Measurement(name, at, estimate, "", measure.bounds, 2000)


class MadeUp(Session):
    """A session whose checks find what they are told."""

    def __init__(self, audits, found):
        super().__init__(None, audits={audit.id: audit for audit in audits})
        self.found = found

    def findings(self, audit, card):
        found = self.found[audit.id]
        if isinstance(found, Exception):
            raise found
        return found

    def _hindrance(self, audit, card):
        found = self.found[audit.id]
        return found if isinstance(found, Judgement) else None


def findings(rng, audits, *, good=0.7, broken=0.02):
    """What every check finds; some cannot be asked, some lack something, some break."""
    found = {}
    for audit in audits:
        kind = rng.random()
        if kind < 0.04:
            found[audit.id] = Judgement(Verdict.NOT_APPLICABLE, "not asked of such models")
        elif kind < 0.08:
            found[audit.id] = Unavailable("no record")
        elif kind < 0.08 + broken:
            found[audit.id] = ValueError("broken")
        else:
            measures = audit.check.measures(audit.parameters)
            whole = rng.random() < good
            places = {}
            for one in audit.spec.expect:
                at = resolve_at(one, measures[one.measure])
                made = (
                    passing(rng, one, one.measure, at, measures[one.measure])
                    if whole
                    else measurement(rng, one.measure, at, measures[one.measure])
                )
                places.setdefault((one.measure, str(at)), made)
            found[audit.id] = Findings(measurements=[m for m in places.values() if m is not None])
    return found


def shaken(rng, audit, today):
    """The audit with other severities, smallest samples and waivers."""
    expect = []
    for one in audit.spec.expect:
        change = {"min_n": int(rng.integers(1, 300))}
        if rng.random() < 0.2:
            change["waiver"] = Waiver(
                approver="R. Roe",
                reason="known",
                # Never today: a test that begins before midnight may end after it.
                expires=today + timedelta(days=int(rng.choice([-366, 2, 366]))),
            )
        expect.append(one.model_copy(update=change))
    return replace(audit, spec=audit.spec.model_copy(update={"expect": expect}))


def judged(audits, found, planned=None):
    """Every expectation of the audits as a session judges it: verdicts and stored audits, as in a run."""
    session, verdicts, stored = MadeUp(audits, found), [], {}
    for plan in planned or [unchanged(audit) for audit in audits]:
        audit = plan.audit
        file = audit.path.relative_to(ROOT).as_posix()
        measures = audit.check.measures(audit.parameters)
        for index in range(len(audit.spec.expect)):
            expectation, _ = plan.expectation(index, MODEL)
            try:
                judgement, measured = session.judge(audit, CARD, expectation)
            except ValueError as error:
                judgement, measured = Judgement(Verdict.ERROR, str(error)), None
            verdicts.append(
                verdict_result(
                    node=f"{file}::{audit.id}.{plan.keys[index]}[{MODEL}]",
                    audit=audit.id,
                    model=MODEL,
                    expectation=expectation,
                    at=resolve_at(expectation, measures[expectation.measure]),
                    judgement=judgement,
                    measurement=measured,
                    file=file,
                    line=audit.lines[index],
                )
            )
            unasked = (Verdict.NOT_APPLICABLE, Verdict.NOT_RUN, Verdict.ERROR)
            if measured is not None or judgement.verdict not in unasked:
                stored[audit.id] = audit_result(audit, file, found[audit.id])
    return with_holm(verdicts), list(stored.values())


def audit_result(audit, file, found):
    return AuditResult(
        audit=audit.id,
        model=MODEL,
        check=audit.check.name,
        title="",
        why="",
        paper="",
        data=audit.data.data,
        parameters=audit.parameters.model_dump(mode="json"),
        assumes=audit.spec.assumes,
        file=file,
        sha256=audit.digest,
        measurements=[measurement_result(m) for m in found.measurements],
        figures=[],
        tables=[],
        examples=[],
        notes=[],
    )


def run_of(verdicts, audits, deselected=()):
    """A run's results, through its file."""
    kept = [verdict for verdict in verdicts if verdict.node not in set(deselected)]
    kept = with_holm([v.model_copy(update={"p_adjusted": None, "fault": False}) for v in kept])
    results = Results(
        run=Run(
            id="made-up-run",
            started="2026-11-01T00:00:00+00:00",
            finished="2026-11-01T00:00:01+00:00",
            seconds=1.0,
            command=["pytest", "audits"],
            exit_status=1,
            evidence={},
        ),
        environment=Environment(
            auditkit="0",
            python="3",
            platform="",
            packages={},
            device="cpu",
            precision="float32",
            commit="c",
        ),
        release=[decide(MODEL, kept, (), list(deselected))],
        deviations=Deviations(
            planned=len(verdicts),
            judged=len(kept),
            deselected=list(deselected),
            other_tasks={},
            reruns=False,
            dirty=False,
            stand_ins=[],
        ),
        models=[],
        data=[],
        verdicts=kept,
        audits=audits,
    )
    return Results.model_validate_json(to_json(results))
