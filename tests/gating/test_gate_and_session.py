"""A gate over stored results says what a run's session would have said of the same measurements."""

import datetime as dt
from pathlib import Path

import numpy as np
from gating_world import MODEL, findings, judged, run_of, shaken, specs
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.gating import Stored, gate
from auditkit.spec.applying import apply
from auditkit.spec.profile import Profile, ProfileSpec
from auditkit.spec.strict_yaml import Document
from auditkit.spec.typed import typed
from auditkit.verdict import Verdict

TODAY = dt.datetime.now(dt.UTC).date()
RUNS = settings(max_examples=20, deadline=None)


def gated(results, profile=None):
    return gate(Stored(results, "0" * 64, None), profile, TODAY, "audits/p.profile.yaml")


@RUNS
@given(st.integers(0, 2**32), st.sampled_from(["dermoscopy", "clinical"]))
def test_without_a_profile_a_gate_repeats_the_run(seed, folder):
    rng = np.random.default_rng(seed)
    audits = [shaken(rng, audit, TODAY) for audit in specs(folder)]
    verdicts, stored = judged(audits, findings(rng, audits))
    deselected = [v.node for v in verdicts if rng.random() < 0.05 * rng.integers(2)]
    results = run_of(verdicts, stored, deselected)
    found = gated(results)
    assert found.verdicts == results.verdicts
    assert found.release == results.release
    assert found.changed == []


def some_profile(rng, audits):
    """Other limits, severities, smallest samples and waivers for some of the expectations."""
    expect, waivers = [], []
    for audit in audits:
        for one in audit.spec.expect:
            where = {"audit": audit.id, "measure": one.measure, "at": dict(one.at), "key": one.key}
            change = {}
            numeric = one.in_ is None
            if rng.random() < 0.2 and numeric:
                low, high = audit.check.measures(audit.parameters)[one.measure].bounds
                low, high = max(low, -1.0), min(high, 1.0)
                change["above"] = float(low + (high - low) * rng.uniform(0.05, 0.95))
            if rng.random() < 0.2:
                change["severity"] = str(rng.choice(["blocking", "advisory"]))
            if rng.random() < 0.2:
                change["min_n"] = int(rng.integers(1, 600))
            if change:
                expect.append({**where, **change, "why": "made up"})
            if rng.random() < 0.1:
                expires = "2999-01-01" if rng.random() < 0.5 else "2001-01-01"
                waivers.append({**where, "approver": "S. Poe", "reason": "r", "expires": expires})
    return profile_of({"profile": "p", "why": "made up", "expect": expect, "waivers": waivers})


def profile_of(data):
    document = Document(Path("p.profile.yaml"), data, {(): 1}, "0" * 64)
    return Profile(typed(document, ProfileSpec), document)


@RUNS
@given(st.integers(0, 2**32), st.sampled_from(["dermoscopy", "clinical"]))
def test_under_a_profile_a_gate_gives_the_verdicts_that_a_run_under_it_would(seed, folder):
    rng = np.random.default_rng(seed)
    audits = list(specs(folder))
    found = findings(rng, audits, broken=0)  # an error stays one, whatever the policy
    profile = some_profile(rng, audits)
    planned = [apply(profile, audit) for audit in audits]
    wanted, _ = judged([plan.audit for plan in planned], found, planned)
    results = run_of(*judged(audits, found))
    was = {verdict.node: verdict for verdict in results.verdicts}
    outcome = gated(results, profile)
    assert {v.node for v in wanted} == {v.node for v in outcome.verdicts}
    for now, then in zip(outcome.verdicts, wanted, strict=True):
        unstored = now.audit not in {audit.audit for audit in results.audits}
        if unstored and now.verdict is Verdict.NOT_RUN:
            continue  # whatever it rests on, nothing of it is in the file
        assert now.verdict is then.verdict, (now, then)
        assert (now.severity, now.expected, now.why) == (then.severity, then.expected, then.why)
        assert (now.waiver is None) == (then.waiver is None)
        if now.waiver is not None:
            assert now.waiver.in_force == then.waiver.in_force
        # A p-value is the run's at the run's limit, or none.
        assert now.p_value in (None, then.p_value)
        if now.expected == was[now.node].expected and was[now.node].p_value is not None:
            assert now.p_value == then.p_value or now.verdict is not was[now.node].verdict
        # What a gate claims as a fault, the run would have claimed as well.
        assert then.fault or not now.fault
    decided = {r.model: r.decision for r in outcome.release}
    assert decided == {MODEL: run_of(wanted, []).release[0].decision}
