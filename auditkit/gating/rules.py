"""The policy over stored verdicts: what is now expected of each, and what cannot be asked of a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from auditkit.errors import AuditError
from auditkit.gating.assumptions import declaration_of
from auditkit.gating.base import SpecFile, stored_expectation, stored_waiver
from auditkit.gating.rebuilding import key_of
from auditkit.results import AuditResult, Results, VerdictResult, WaiverResult
from auditkit.spec.applying import Target, changed, merged_parameters, targets_of, waived_words
from auditkit.spec.audit import Expectation, Waiver
from auditkit.spec.declaration import Parameters
from auditkit.spec.load import SPEC_SUFFIXES
from auditkit.spec.problems import SpecError
from auditkit.spec.profile import ExpectationChange, Profile
from auditkit.spec.typed import known_keys


@dataclass(frozen=True)
class Rule:
    """A stored verdict under a policy.

    Attributes:
        stored: the verdict of the run.
        expectation: what is now expected; none where the file does not hold it.
        severity: whether a release rests on it now.
        waiver: who accepts that it is not met.
        origin: file that states the waiver.
        hindrance: why what the policy asks cannot be judged from the file; empty if it can.
        left_out: why the policy does not ask it at all; empty if it does.
        changed: what the policy changed of it, in words.
    """

    stored: VerdictResult
    expectation: Expectation | None
    severity: str
    waiver: Waiver | None
    origin: str
    hindrance: str = ""
    left_out: str = ""
    changed: tuple[str, ...] = ()

    @property
    def from_spec(self) -> bool:
        """Whether the expectation stands in a spec: what a test in Python asserts cannot be asked again."""
        return self.stored.file.endswith(SPEC_SUFFIXES)


def rules_of(
    results: Results, profile: Profile | None, specs: Mapping[str, SpecFile], origin: str
) -> list[Rule]:
    """The rules for all verdicts of a file, in their order.

    Args:
        results: the stored run.
        profile: what changes; ``None`` leaves everything as it was.
        specs: the specs of the run by audit, where their copies are at hand.
        origin: the profile's file, as the report shall name it.
    """
    rules = [_as_stored(verdict, specs) for verdict in results.verdicts]
    if profile is None:
        return rules
    groups: dict[tuple[str, str], list[int]] = {}
    for i, rule in enumerate(rules):
        if rule.from_spec:
            groups.setdefault((rule.stored.audit, rule.stored.model), []).append(i)
    found = {(audit.audit, audit.model): audit for audit in results.audits}
    for (name, model), indices in groups.items():
        group = _Group(results, profile, found.get((name, model)), specs.get(name), origin)
        for i, rule in zip(indices, group.applied([rules[i] for i in indices]), strict=True):
            rules[i] = rule
    return rules


def in_force(rule: Rule, today: date) -> WaiverResult | None:
    """A rule's waiver as it stands in results."""
    if rule.waiver is None:
        return None
    return WaiverResult(
        approver=rule.waiver.approver,
        reason=rule.waiver.reason,
        expires=rule.waiver.expires.isoformat(),
        reference=rule.waiver.reference,
        origin=rule.origin,
        in_force=today <= rule.waiver.expires,
    )


def _as_stored(verdict: VerdictResult, specs: Mapping[str, SpecFile]) -> Rule:
    if not verdict.file.endswith(SPEC_SUFFIXES):
        waiver = stored_waiver(verdict.waiver)
        return Rule(verdict, None, verdict.severity, waiver, verdict.file)
    spec = specs.get(verdict.audit)
    expectation = spec.expectation(verdict) if spec else stored_expectation(verdict)
    waiver = expectation.waiver if expectation else None
    severity = expectation.severity if expectation else verdict.severity
    origin = verdict.waiver.origin if verdict.waiver else verdict.file
    return Rule(verdict, expectation, severity, waiver, verdict.file if spec else origin)


@dataclass(frozen=True)
class _Group:
    """The expectations of one audit about one model under a profile."""

    results: Results
    profile: Profile
    audit: AuditResult | None
    spec: SpecFile | None
    origin: str

    def applied(self, rules: Sequence[Rule]) -> list[Rule]:
        stored = rules[0].stored
        check = self.audit.check if self.audit else (self.spec.check if self.spec else "")
        left_out = self.profile.left_out(stored.audit, check)
        if left_out:
            return [replace(rule, left_out=left_out) for rule in rules]
        targets = [
            Target(stored.audit, key_of(rule.stored), rule.stored.measure, rule.stored.at)
            for rule in rules
        ]
        found = self._changed(list(rules), targets)
        found = self._waived(found, targets)
        hindrance = self._other_parameters(stored.audit, check)
        if hindrance:
            found = [replace(rule, hindrance=hindrance) for rule in found]
        return found

    def _meant(self, key: str, index: int, targets: Sequence[Target]) -> list[int]:
        """Which expectations an entry means; none if it may mean one that was not judged in the run."""
        entries = self.profile.spec.expect if key == "expect" else self.profile.spec.waivers
        try:
            return targets_of(self.profile, (key, index), entries[index], targets)
        except SpecError:
            audit = targets[0].audit
            if any(f"::{audit}." in node for node in self.results.deviations.deselected):
                return []
            raise

    def _changed(self, rules: list[Rule], targets: Sequence[Target]) -> list[Rule]:
        for i, change in enumerate(self.profile.spec.expect):
            if change.audit == targets[0].audit:
                for index in self._meant("expect", i, targets):
                    rules[index] = self._with_change(rules[index], i, change, targets[index])
        return rules

    def _with_change(
        self, rule: Rule, index: int, change: ExpectationChange, target: Target
    ) -> Rule:
        if rule.expectation is None:
            return _of_old_file(rule, change, target)
        new, words = changed(self.profile, index, change, rule.expectation)
        said = tuple(f"{target.words}: {word}" for word in words)
        return replace(
            rule,
            expectation=new,
            severity=new.severity,
            waiver=new.waiver,
            changed=(*rule.changed, *said),
        )

    def _waived(self, rules: list[Rule], targets: Sequence[Target]) -> list[Rule]:
        # A waiver of one model comes before one of all.
        entries = sorted(enumerate(self.profile.spec.waivers), key=lambda entry: entry[1].model)
        for i, given in entries:
            if given.audit == targets[0].audit:
                for index in self._meant("waivers", i, targets):
                    if given.model in ("", rules[index].stored.model):
                        said = f"{targets[index].words}: {waived_words(given)}"
                        rules[index] = replace(
                            rules[index],
                            waiver=given.waiver,
                            origin=self.origin,
                            changed=(*rules[index].changed, said),
                        )
        return rules

    def _other_parameters(self, audit: str, check: str) -> str:
        """Why stored measurements are not those that the profile asks for; empty if they are."""
        made_under = self.results.profile
        if made_under is not None and made_under.sha256 == self.profile.digest:
            return ""
        asked = [one for one in self.profile.spec.parameters if one.means(audit, check)]
        if self.audit is None:
            return self._unknown_parameters(audit, bool(asked))
        if self.spec is not None:
            wanted = self._typed(self.spec, audit).model_dump(mode="json")
        else:
            wanted = dict(self.audit.parameters)
            for one in asked:
                self._know(one.set, audit)
                wanted |= one.set
        others = [
            name
            for name, value in wanted.items()
            if not _same(value, self.audit.parameters.get(name))
        ]
        if not others:
            return ""
        listed = ", ".join(others)
        return f"the profile asks for other parameters than the stored ones ({listed})"

    def _typed(self, spec: SpecFile, audit: str) -> Parameters:
        _, typed = merged_parameters(self.profile, audit, spec.declaration, spec.raw)
        return typed or spec.typed

    def _unknown_parameters(self, audit: str, asked: bool) -> str:
        """The same where nothing is stored: what cannot be asked of a model stays so if it needs the same."""
        if self.spec is not None:
            needs = self.spec.declaration.needs
            asked = asked and needs(self._typed(self.spec, audit)) != needs(self.spec.typed)
        return "the profile changes its parameters, and nothing of it is stored" if asked else ""

    def _know(self, given: Mapping[str, object], audit: str) -> None:
        assert self.audit is not None
        known = known_keys(declaration_of(self.audit).parameters, ())
        unknown = [name for name in given if name not in known]
        if unknown:
            raise AuditError(f"{self.profile.path}: with: '{audit}' has no '{unknown[0]}'")


def _of_old_file(rule: Rule, change: ExpectationChange, target: Target) -> Rule:
    """A change of an expectation whose condition the file does not hold: of its severity alone."""
    if change.condition or change.min_n is not None:
        why = "its condition is not stored in a file of schema 1.0"
        return replace(rule, hindrance=why)
    if change.severity is None or change.severity == rule.severity:
        return rule
    said = f"{target.words}: {change.severity} in place of {rule.severity} ({change.why})"
    return replace(rule, severity=change.severity, changed=(*rule.changed, said))


def _same(asked: object, stored: object) -> bool:
    """Whether a parameter is the stored one; where a list is meant, one may stand alone."""
    return stored in (asked, [asked])
