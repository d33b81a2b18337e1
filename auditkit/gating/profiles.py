"""A profile beside results: what it says of audits and models that are not in them, and its record."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from auditkit.results import ProfileResult, Results
from auditkit.spec.applying import apply
from auditkit.spec.catalogue import Catalogue
from auditkit.spec.load import SPEC_SUFFIXES, find_specs, load_audit
from auditkit.spec.problems import SpecError
from auditkit.spec.profile import Profile
from auditkit.spec.profile_check import known_audits, name_problems


def profile_result(profile: Profile, changes: Sequence[str], origin: str) -> ProfileResult:
    """The record of a profile in results.json."""
    release = ["release mode"] if profile.spec.release else []
    return ProfileResult(
        profile=profile.name,
        title=profile.spec.title,
        file=origin or str(profile.path),
        sha256=profile.digest,
        changes=[*release, *dict.fromkeys(changes)],
    )


def changes_of(profile: Profile, specs: Iterable[Path], catalogue: Catalogue) -> list[str]:
    """What a profile changes of some specs, in words; a broken spec is reported where it is collected."""
    found: list[str] = []
    for path in sorted(specs):
        try:
            found += apply(profile, load_audit(path, catalogue)).changes
        except SpecError:
            continue
    return found


def check_names(profile: Profile, results: Results) -> None:
    """Every audit and check that a profile names is in the results or among the specs beside it.

    Raises:
        SpecError: with everything that is not, each with the profile's file and line.
    """
    beside = [p for p in find_specs([profile.path.parent]) if p.name.endswith(SPEC_SUFFIXES)]
    known = {name: check for name, (check, _) in known_audits(beside).items()}
    for verdict in results.verdicts:
        known.setdefault(verdict.audit, "")
    known |= {audit.audit: audit.check for audit in results.audits}
    problems = list(name_problems(profile, known))
    if problems:
        raise SpecError(problems)


def foreign_names(profile: Profile, results: Results) -> Iterator[str]:
    """Audits and models that a profile names and that are not in these results."""
    own = {verdict.audit for verdict in results.verdicts}
    named = [one.audit for one in (*profile.spec.expect, *profile.spec.waivers)]
    named += [name for one in profile.spec.parameters for name in one.audits]
    missing = sorted({name for name in named if name not in own})
    if missing:
        yield f"The profile also names audits that are not in these results: {', '.join(missing)}."
    models = {release.model for release in results.release}
    others = sorted({w.model for w in profile.spec.waivers if w.model and w.model not in models})
    if others:
        yield f"The profile also waives for models that are not in these results: {', '.join(others)}."
