"""Stored results under another policy: thresholds, severities, waivers; nothing is measured again."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from auditkit.gating.base import spec_files
from auditkit.gating.judging import UNKNOWN_P, Judging
from auditkit.gating.profiles import foreign_names, profile_result
from auditkit.gating.result import GateResult, Transition
from auditkit.gating.rules import Rule, in_force, rules_of
from auditkit.release import (
    UNNEEDED,
    decide,
    reason_beside,
    refusals,
    unneeded_waivers,
    with_holm,
)
from auditkit.results import Deviations, Release, Results, VerdictResult
from auditkit.spec.audit import CONDITIONS
from auditkit.spec.load import SPEC_SUFFIXES
from auditkit.spec.profile import Profile
from auditkit.verdict import Judgement, Verdict


@dataclass(frozen=True)
class Stored:
    """A run's results, their digest, and the run's folder if it is at hand."""

    results: Results
    sha256: str
    folder: Path | None


def gate(stored: Stored, profile: Profile | None, today: date, origin: str = "") -> GateResult:
    """Judge a run's stored results again.

    Args:
        stored: what is judged.
        profile: other thresholds, severities and waivers; ``None``: the run's own.
        today: day on which waivers have to hold.
        origin: the profile's file as it is to be named.

    Raises:
        AuditError: the profile does not suit the results, or these are not whole.
    """
    results = stored.results
    specs = spec_files(results, stored.folder, profile)
    rules = rules_of(results, profile, specs, origin)
    judging = Judging(results, rules, profile, origin)
    found = [(rule, judging.judged(rule)) for rule in rules]
    asked = [(rule, judgement) for rule, judgement in found if not rule.left_out]
    verdicts = _with_holm([_verdict(rule, judgement, today) for rule, judgement in asked])
    return GateResult(
        run=results.run.id,
        results_sha256=stored.sha256,
        today=today.isoformat(),
        profile=None if profile is None else profile_result(profile, _words(rules), origin),
        release=_release(results, profile, rules, verdicts),
        verdicts=verdicts,
        changed=list(_transitions(rules, verdicts)),
        notes=[*_notes(results, profile, verdicts)],
    )


def _verdict(rule: Rule, judgement: Judgement, today: date) -> VerdictResult:
    stored, expectation = rule.stored, rule.expectation
    reason = reason_beside(judgement.verdict, judgement.reason, rule.waiver)
    if judgement.verdict is stored.verdict is Verdict.PASS and not rule.changed:
        # A waiver that is not needed is not stored but said.
        reason = stored.reason if UNNEEDED in stored.reason else reason
    waivable = judgement.verdict not in (Verdict.PASS, Verdict.ERROR)
    change: dict[str, object] = {
        "verdict": judgement.verdict,
        "reason": reason,
        "severity": rule.severity,
        "p_value": judgement.p_value,
        "p_adjusted": None,
        "fault": False,
        "waiver": in_force(rule, today) if waivable else None,
    }
    if expectation is not None:
        condition = expectation.model_dump(
            mode="json", by_alias=True, include={*CONDITIONS, "margin", "min_n"}, exclude_none=True
        )
        change |= {"expected": expectation.wording, "condition": condition, "why": expectation.why}
    if rule.hindrance:
        change |= {"value": None, "low": None, "high": None, "n": 0}
    return stored.model_copy(update=change)


def _with_holm(verdicts: Sequence[VerdictResult]) -> list[VerdictResult]:
    """Holm over the new family; an unknown p-value counts in it as 1, which is on the safe side."""
    unknown = [verdict.p_value == UNKNOWN_P for verdict in verdicts]
    known = [
        verdict.model_copy(update={"p_value": 1.0}) if hidden else verdict
        for verdict, hidden in zip(verdicts, unknown, strict=True)
    ]
    nothing = {"p_value": None, "p_adjusted": None}
    return [
        verdict.model_copy(update=nothing) if hidden else verdict
        for verdict, hidden in zip(with_holm(known), unknown, strict=True)
    ]


def _release(
    results: Results,
    profile: Profile | None,
    rules: Sequence[Rule],
    verdicts: Sequence[VerdictResult],
) -> list[Release]:
    left_out = [rule.stored.node for rule in rules if rule.left_out]
    missing = sorted({*results.deviations.deselected, *left_out})
    deviations = results.deviations.model_copy(update={"deselected": missing})
    refused = _refused(results, profile, deviations, verdicts)
    models = [release.model for release in results.release]
    about = _by_model(missing, models)
    return [decide(model, verdicts, refused, about[model]) for model in models]


def _refused(
    results: Results,
    profile: Profile | None,
    deviations: Deviations,
    verdicts: Sequence[VerdictResult],
) -> list[str]:
    """What release mode does not accept, if run or profile ask for it."""
    asked = profile is not None and profile.spec.release
    if not asked and not released(results):
        return []
    return refusals(deviations, results.environment.commit, verdicts)


def released(results: Results) -> bool:
    """Whether a run was made in release mode."""
    words = "Release mode refuses"
    if results.run.release is not None:
        return results.run.release
    return "--audit-release" in results.run.command or any(
        release.why.startswith(words) for release in results.release
    )


def _by_model(nodes: Sequence[str], models: Sequence[str]) -> dict[str, list[str]]:
    """Nodes without a verdict by the model that they are about; a file that broke is about all."""
    found: dict[str, list[str]] = defaultdict(list)
    for node in nodes:
        path, _, name = node.partition("::")
        _, bracket, inside = name.removesuffix("]").partition("[")
        own = [model for model in models if inside == model]
        if not own and bracket and not path.endswith(SPEC_SUFFIXES):
            # The parameters of a test in Python stand beside the model, joined with hyphens.
            near = [m for m in models if inside.startswith(f"{m}-") or inside.endswith(f"-{m}")]
            own = sorted(near, key=len)[-1:]
        for model in own or models:
            found[model].append(node)
    return found


def _words(rules: Sequence[Rule]) -> list[str]:
    left_out = [
        f"{rule.stored.audit}: left out: {rule.left_out}" for rule in rules if rule.left_out
    ]
    return list(dict.fromkeys([*(word for rule in rules for word in rule.changed), *left_out]))


def _transitions(rules: Sequence[Rule], verdicts: Sequence[VerdictResult]) -> Iterator[Transition]:
    """Verdicts that became others, were left out, or have another weight or waiver."""
    now = iter(verdicts)
    for rule in rules:
        stored, verdict = rule.stored, None if rule.left_out else next(now)
        if verdict is not None and _weight(verdict) == _weight(stored):
            continue
        yield Transition(
            node=stored.node,
            audit=stored.audit,
            model=stored.model,
            measure=stored.measure,
            at=stored.at,
            was=stored.verdict,
            now=verdict.verdict if verdict is not None else "left out",
            severity=verdict.severity if verdict is not None else stored.severity,
            reason=verdict.reason if verdict is not None else rule.left_out,
        )


def _weight(verdict: VerdictResult) -> tuple[object, ...]:
    waived = verdict.waiver is not None and verdict.waiver.in_force
    return verdict.verdict, verdict.severity, waived


def _notes(
    results: Results, profile: Profile | None, verdicts: Sequence[VerdictResult]
) -> Iterator[str]:
    if results.schema_version == "1.0":
        yield (
            "This file is of schema 1.0: it holds neither conditions nor the bounds of quantities, so that "
            "verdicts stand as they were and other limits are not run."
        )
    if results.redaction is not None:
        yield "This is a redacted copy."
    if profile is not None:
        yield from foreign_names(profile, results)
    for verdict in unneeded_waivers(verdicts):
        yield f"{verdict.audit}: {verdict.measure} passes: the waiver is not needed, remove it."
