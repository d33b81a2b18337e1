"""A profile applied: other parameters, other conditions, waivers, and in words what it changed.

The same rules hold for specs (`apply`) and, by `targets_of` and `changed`, for stored results
(`auditkit.gating`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from auditkit.spec.audit import CONDITIONS, Expectation, Waiver
from auditkit.spec.conditions import condition_problems
from auditkit.spec.declaration import CheckDeclaration, Measure, Parameters
from auditkit.spec.load import Audit, at_problems, resolve_at
from auditkit.spec.problems import SpecError, nearest
from auditkit.spec.profile import ExpectationChange, Profile, ProfileWaiver, Where
from auditkit.spec.typed import typed_part


@dataclass(frozen=True)
class Target:
    """An expectation as profiles name it; ``at`` has every dimension."""

    audit: str
    key: str
    measure: str
    at: Mapping[str, float | str]

    @property
    def words(self) -> str:
        """Audit, measure and place."""
        at = ", ".join(v if isinstance(v, str) else f"{k} {v:g}" for k, v in self.at.items())
        return f"{self.audit}: {self.measure}{f' at {at}' if at else ''}"


@dataclass(frozen=True)
class Planned:
    """An audit as a profile wants it; without one, as its spec has it.

    Attributes:
        audit: with the profile's parameters and conditions.
        keys: of the spec's own expectations, which stay the tests' names under any profile.
        waivers: of each expectation, by model; the model '' stands for every one.
        changes: what the profile changed, in words.
        left_out: why the audit is not run; empty if it is.
    """

    audit: Audit
    keys: tuple[str, ...]
    waivers: Mapping[int, Mapping[str, Waiver]] = field(default_factory=dict)
    changes: tuple[str, ...] = ()
    left_out: str = ""

    def expectation(self, index: int, model: str) -> tuple[Expectation, bool]:
        """An expectation about a model, and whether its waiver is the profile's."""
        given = self.waivers.get(index, {})
        waiver = given.get(model, given.get(""))
        expectation = self.audit.spec.expect[index]
        if waiver is None:
            return expectation, False
        return expectation.model_copy(update={"waiver": waiver}), True


def unchanged(audit: Audit) -> Planned:
    """An audit without a profile."""
    return Planned(audit, tuple(one.key for one in audit.spec.expect))


def apply(profile: Profile, audit: Audit) -> Planned:
    """An audit under a profile; what stands beside its data has to be looked up again.

    Raises:
        SpecError: something does not suit the audit, with the profile's file and line.
    """
    left_out = profile.left_out(audit.id, audit.check.name)
    raw, parameters, changes = _parameters(profile, audit)
    measures = audit.check.measures(parameters)
    targets = _targets(audit, measures)
    expectations = list(audit.spec.expect)
    for i, change in _changes_of(profile, audit.id):
        for index in targets_of(profile, ("expect", i), change, targets):
            problems = _held_problems(change, expectations[index], measures)
            if problems:
                raise SpecError(profile.problem(("expect", i, k), text) for k, text in problems)
            expectations[index], words = changed(profile, i, change, expectations[index])
            changes += [f"{targets[index].words}: {word}" for word in words]
    waivers: dict[int, dict[str, Waiver]] = {}
    for i, given in _waivers_of(profile, audit.id):
        for index in targets_of(profile, ("waivers", i), given, targets):
            _only_one(profile, i, waivers.setdefault(index, {}), given)
            waivers[index][given.model] = given.waiver
            changes.append(f"{targets[index].words}: {waived_words(given)}")
    if left_out:
        changes = [f"{audit.id}: left out: {left_out}"]
    spec = audit.spec.model_copy(update={"expect": expectations, "parameters": raw})
    keys = tuple(target.key for target in targets)
    return Planned(
        replace(audit, spec=spec, parameters=parameters), keys, waivers, tuple(changes), left_out
    )


def merged_parameters(
    profile: Profile, audit: str, declaration: CheckDeclaration, raw: Mapping[str, Any]
) -> tuple[dict[str, Any], Parameters | None]:
    """An audit's parameters under a profile, as written and typed; none if it changes none.

    Raises:
        SpecError: a parameter is not known or has another type, with the profile's file and line.
    """
    merged, parameters = dict(raw), None
    for i, change in enumerate(profile.spec.parameters):
        if change.means(audit, declaration.name):
            merged |= change.set
            kind, place = declaration.parameters, ("with", i, "set")
            parameters = typed_part(profile.document, merged, kind, place)
    return merged, parameters


def parameter_words(audit: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Which parameters are others, in words."""
    return [
        f"{audit}: {name} is {_brief(value)} in place of {_brief(old.get(name))}"
        for name, value in new.items()
        if value != old.get(name)
    ]


def targets_of(
    profile: Profile, place: tuple[str | int, ...], where: Where, targets: Sequence[Target]
) -> list[int]:
    """Which of an audit's expectations are meant: all if no measure is named, else one.

    Raises:
        SpecError: none is, or several are, with the profile's file and line.
    """
    own = [i for i, target in enumerate(targets) if target.audit == where.audit]
    if not where.measure:
        return own
    measured = [i for i in own if targets[i].measure == where.measure]
    if not measured:
        hint = nearest(where.measure, {targets[i].measure for i in own})
        text = f"'{where.audit}' expects nothing of '{where.measure}'; {hint}"
        raise SpecError([profile.problem((*place, "measure"), text)])
    at = dict(where.at)
    # An exact place comes before one that has a dimension more.
    found = [i for i in measured if dict(targets[i].at) == at] or [
        i for i in measured if at.items() <= targets[i].at.items()
    ]
    if where.key:
        found = [i for i in found if targets[i].key == where.key]
    if len(found) == 1:
        return found
    listed = ", ".join(targets[i].key for i in (found or measured))
    text = (
        "is expected several times there: add 'at' or 'key'" if found else "is not expected there"
    )
    text = f"'{where.measure}' {text}; known keys: {listed}"
    raise SpecError([profile.problem((*place, "key" if where.key else "at"), text)])


def changed(
    profile: Profile, index: int, change: ExpectationChange, expectation: Expectation
) -> tuple[Expectation, list[str]]:
    """An expectation under a change, and the change in words; nothing if it was so already.

    A waiver accepts a deviation from one condition, so that it ends with that condition.

    Raises:
        SpecError: the two do not go together, with the profile's file and line.
    """
    fields = expectation.model_dump(by_alias=True, exclude_unset=True, exclude={"waiver"})
    if any(getattr(change, name) is not None for name in CONDITIONS):
        for name in (*CONDITIONS, "in", "margin"):
            fields.pop(name, None)
    fields |= change.changes
    if fields.get("severity", "blocking") == "blocking" and change.on_inconclusive is None:
        fields.pop("on_inconclusive", None)
    try:
        new = Expectation.model_validate(fields)
    except ValidationError as error:
        text = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise SpecError([profile.problem(("expect", index), text)]) from None
    words = _change_words(expectation, new)
    if not words:
        return expectation, []
    same = new.wording == expectation.wording
    if not same and expectation.waiver is not None:
        words.append(f"the spec's waiver was for {expectation.wording} and does not hold")
    update = {"why": change.why, "waiver": expectation.waiver if same else None}
    return new.model_copy(update=update), [f"{'; '.join(words)} ({change.why})"]


def waived_words(waiver: ProfileWaiver) -> str:
    """A waiver in words."""
    of = f" of {waiver.model}" if waiver.model else ""
    rests = f", {waiver.reference}" if waiver.reference else ""
    return f"waived{of} by {waiver.approver} until {waiver.expires}: {waiver.reason}{rests}"


def _change_words(old: Expectation, new: Expectation) -> list[str]:
    words = []
    if new.wording != old.wording:
        words.append(f"{new.wording} in place of {old.wording}")
    if new.severity != old.severity:
        words.append(f"{new.severity} in place of {old.severity}")
    if new.min_n != old.min_n:
        words.append(f"at least {new.min_n} independent units in place of {old.min_n}")
    if new.on_inconclusive != old.on_inconclusive:
        words.append(f"if inconclusive: {new.on_inconclusive} in place of {old.on_inconclusive}")
    return words


def _parameters(profile: Profile, audit: Audit) -> tuple[dict[str, Any], Parameters, list[str]]:
    """Parameters under the profile, which still give everything that the spec expects."""
    raw, typed = merged_parameters(profile, audit.id, audit.check, audit.spec.parameters)
    if typed is None:
        return raw, audit.parameters, []
    old, new = audit.parameters.model_dump(mode="json"), typed.model_dump(mode="json")
    measures = audit.check.measures(typed)
    place = ("with", _last(profile, audit), "set")
    problems = [
        profile.problem(place, f"'{audit.id}' with these parameters: {text}")
        for expectation in audit.spec.expect
        for text in _unanswered(expectation, measures)
    ]
    if problems:
        raise SpecError(problems)
    return raw, typed, parameter_words(audit.id, old, new)


def _last(profile: Profile, audit: Audit) -> int:
    """The last change of the audit's parameters."""
    changes = enumerate(profile.spec.parameters)
    return max(i for i, change in changes if change.means(audit.id, audit.check.name))


def _unanswered(expectation: Expectation, measures: Mapping[str, Measure]) -> list[str]:
    if expectation.measure not in measures:
        hint = nearest(expectation.measure, measures)
        return [f"'{expectation.measure}' is not measured; {hint}"]
    found = at_problems(expectation, measures[expectation.measure])
    return [text for _, text in found]


def _targets(audit: Audit, measures: Mapping[str, Measure]) -> list[Target]:
    return [
        Target(audit.id, one.key, one.measure, resolve_at(one, measures[one.measure]))
        for one in audit.spec.expect
    ]


def _held_problems(
    change: ExpectationChange, expectation: Expectation, measures: Mapping[str, Measure]
) -> list[tuple[str, str]]:
    """What is wrong with a condition on a measure: it cannot hold, or cannot fail."""
    if not any(getattr(change, name) is not None for name in CONDITIONS):
        return []
    wanted = {name: value for name, value in change.changes.items() if name in _CONDITION_KEYS}
    try:
        asked = Expectation.model_validate({"measure": expectation.measure, **wanted})
    except ValidationError:
        return []  # `changed` says what is wrong with it
    return condition_problems(asked, measures)


_CONDITION_KEYS = {*CONDITIONS, "in", "margin"}


def _changes_of(profile: Profile, audit: str) -> list[tuple[int, ExpectationChange]]:
    return [(i, one) for i, one in enumerate(profile.spec.expect) if one.audit == audit]


def _waivers_of(profile: Profile, audit: str) -> list[tuple[int, ProfileWaiver]]:
    return [(i, one) for i, one in enumerate(profile.spec.waivers) if one.audit == audit]


def _only_one(
    profile: Profile, index: int, known: Mapping[str, Waiver], given: ProfileWaiver
) -> None:
    if given.model in known:
        text = f"waivers: '{given.measure}' of '{given.audit}' is waived twice; keep one"
        raise SpecError([profile.problem(("waivers", index), text)])


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
