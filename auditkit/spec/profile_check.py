"""Whether all that a profile names is there: what matches nothing would silently change nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from auditkit.spec.applying import apply
from auditkit.spec.catalogue import Catalogue, checks
from auditkit.spec.load import load_audit
from auditkit.spec.problems import Problem, SpecError, nearest
from auditkit.spec.profile import Profile
from auditkit.spec.strict_yaml import Place, read_yaml

Known = Mapping[str, str]
"""Ids of audits with the check of each."""


def known_audits(specs: Iterable[Path]) -> dict[str, tuple[str, Path]]:
    """Ids, checks and files of specs; a broken one is reported where it is collected."""
    found = {}
    for path in specs:
        try:
            data = read_yaml(path).data
        except SpecError:
            continue
        audit, check = data.get("audit"), data.get("check")
        if isinstance(audit, str) and isinstance(check, str):
            found[audit] = (check, path)
    return found


def check_profile(profile: Profile, specs: Sequence[Path], catalogue: Catalogue) -> None:
    """Every audit, check, model, measure and parameter that a profile names is there.

    Raises:
        SpecError: with everything that is not, each with the profile's file and line.
    """
    known = known_audits(specs)
    problems = list(name_problems(profile, {name: check for name, (check, _) in known.items()}))
    models = catalogue.models() if any(one.model for one in profile.spec.waivers) else {}
    for i, waiver in enumerate(profile.spec.waivers):
        if waiver.model and waiver.model not in models:
            text = f"unknown model '{waiver.model}'; {nearest(waiver.model, models)}"
            problems.append(profile.problem(("waivers", i, "model"), text))
    if not problems:
        for name, (check, path) in known.items():
            if concerned(profile, name, check):
                problems += _spec_problems(profile, path, catalogue)
    if problems:
        raise SpecError(dict.fromkeys(problems))


def concerned(profile: Profile, audit: str, check: str) -> bool:
    """Whether a profile changes anything of an audit but whether it is run."""
    named = {one.audit for one in (*profile.spec.expect, *profile.spec.waivers)}
    return audit in named or any(one.means(audit, check) for one in profile.spec.parameters)


def name_problems(profile: Profile, known: Known) -> Iterator[Problem]:
    """Audits and checks that a profile names and that are not there."""
    for place, audit in _named_audits(profile):
        if audit not in known:
            yield profile.problem(place, f"unknown audit '{audit}'; {nearest(audit, known)}")
    used = set(known.values())
    for place, check in _named_checks(profile):
        if check not in checks():
            hint = nearest(check, checks())
            yield profile.problem(place, f"unknown check '{check}'; {hint}")
        elif check not in used:
            yield profile.problem(place, f"no spec here has the check '{check}'")


def _named_audits(profile: Profile) -> Iterator[tuple[Place, str]]:
    spec = profile.spec
    yield from ((("only", i), name) for i, name in enumerate(spec.only))
    for key, entries in (("skip", spec.skip), ("with", spec.parameters)):
        for i, which in enumerate(entries):
            yield from (((key, i, "audits", j), name) for j, name in enumerate(which.audits))
    for key, wheres in (("expect", spec.expect), ("waivers", spec.waivers)):
        yield from (((key, i, "audit"), where.audit) for i, where in enumerate(wheres))


def _named_checks(profile: Profile) -> Iterator[tuple[Place, str]]:
    for key, entries in (("skip", profile.spec.skip), ("with", profile.spec.parameters)):
        for i, which in enumerate(entries):
            yield from (((key, i, "checks", j), name) for j, name in enumerate(which.checks))


def _spec_problems(profile: Profile, path: Path, catalogue: Catalogue) -> Iterator[Problem]:
    try:
        audit = load_audit(path, catalogue)
    except SpecError:
        return  # its own collection says what is wrong with it
    try:
        apply(profile, audit)
    except SpecError as error:
        yield from error.problems
