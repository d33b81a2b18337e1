"""A profile: what a run changes of its specs for a purpose, as a user writes it in ``*.profile.yaml``."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from auditkit.errors import AuditError
from auditkit.spec.audit import CONDITIONS, Number, Waiver, identifier
from auditkit.spec.problems import Problem, SpecError, nearest
from auditkit.spec.regular import is_file, is_folder
from auditkit.spec.strict_yaml import Document, Place, read_yaml
from auditkit.spec.typed import Strict, typed

PROFILE_SUFFIX = ".profile.yaml"


class Which(Strict):
    """Audits, by their ids or by their check."""

    checks: list[str] = Field(default_factory=list, description="All audits of these checks.")
    audits: list[str] = Field(default_factory=list, description="These audits.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.checks) == bool(self.audits):
            raise ValueError("either checks or audits is expected: say which are meant")
        return self

    def means(self, audit: str, check: str) -> bool:
        """Whether an audit is among them."""
        return audit in self.audits or check in self.checks


class ParameterChange(Which):
    """Other parameters for some audits."""

    set: dict[str, Any] = Field(
        min_length=1, description="Parameters, as under `with` in a spec; the others stay."
    )
    why: str = Field("", description="Why; printed in the report.")


class LeftOut(Which):
    """Audits that are not run under this profile; they count as deselected."""

    why: str = Field(min_length=1, description="Why; printed in the report.")


class Where(Strict):
    """An expectation, by the audit and by what is measured."""

    audit: str = Field(description="Id of the audit.")
    measure: str = Field(description="Name of the measure.")
    at: dict[str, Number | str] = Field(
        default_factory=dict, description="Value of each dimension, as in the spec."
    )
    key: str = Field(
        "", description="Of several expectations there: the one meant, as in its test's name."
    )


class ExpectationChange(Where):
    """Another condition, severity or smallest sample for an expectation."""

    measure: str = Field(
        "", description="Name of the measure; left out: every expectation of the audit."
    )
    above: Number | None = Field(None, description="As in a spec.")
    below: Number | None = Field(None, description="As in a spec.")
    between: list[Number] | None = Field(None, description="As in a spec.")
    in_: list[str] | None = Field(None, alias="in", description="As in a spec.")
    not_worse_than: Literal["baseline"] | None = Field(None, description="As in a spec.")
    margin: Number | None = Field(None, description="As in a spec.")
    severity: Literal["blocking", "advisory"] | None = Field(None, description="As in a spec.")
    min_n: int | None = Field(None, description="As in a spec.")
    on_inconclusive: Literal["fail", "skip", "xfail"] | None = Field(
        None, description="As in a spec."
    )
    why: str = Field(min_length=1, description="Why; printed in the report.")

    @property
    def changes(self) -> dict[str, Any]:
        """What is changed, by the spec's keys."""
        return self.model_dump(
            by_alias=True, exclude_none=True, exclude={*Where.model_fields, "why"}
        )

    @property
    def condition(self) -> bool:
        """Whether what must hold is another."""
        return any(getattr(self, name) is not None for name in (*CONDITIONS, "margin"))

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.changes:
            raise ValueError("changes nothing; a condition, severity or min_n is expected")
        if not self.measure and (self.condition or self.at or self.key):
            raise ValueError("measure is missing: a condition is about one measure")
        return self


class ProfileWaiver(Where, Waiver):
    """A deviation that somebody accepts under this profile, of all models or of one."""

    model: str = Field("", description="Of this model alone; left out: of every one.")

    @property
    def waiver(self) -> Waiver:
        """As it would stand in a spec."""
        return Waiver(
            approver=self.approver,
            reason=self.reason,
            expires=self.expires,
            reference=self.reference,
        )


class ProfileSpec(Strict):
    """One profile."""

    profile: str = Field(description="Name: --audit-profile NAME.")
    title: str = Field("", description="One line for people.")
    why: str = Field(min_length=1, description="What it is for; printed in the report.")
    release: bool = Field(False, description="Turns on --audit-release.")
    only: list[str] = Field(
        default_factory=list, description="Audits that are run; all others are left out."
    )
    skip: list[LeftOut] = Field(default_factory=list, description="Audits that are left out.")
    parameters: list[ParameterChange] = Field(
        default_factory=list, alias="with", description="Other parameters, in this order."
    )
    expect: list[ExpectationChange] = Field(
        default_factory=list, description="Other conditions, severities, sample sizes."
    )
    waivers: list[ProfileWaiver] = Field(
        default_factory=list, description="Deviations that somebody accepts."
    )

    _identifiers = field_validator("profile")(identifier)

    @model_validator(mode="after")
    def _release_is_whole(self) -> Self:
        if self.release and (self.only or self.skip):
            raise ValueError("release: a release is not judged by a part; drop 'only' and 'skip'")
        if self.only and self.skip:
            raise ValueError("only and skip: give one of them")
        return self


@dataclass(frozen=True)
class Profile:
    """A profile with the file in which it stands."""

    spec: ProfileSpec
    document: Document

    @property
    def name(self) -> str:
        """By which it is asked for."""
        return self.spec.profile

    @property
    def path(self) -> Path:
        """Its file."""
        return self.document.path

    @property
    def digest(self) -> str:
        """Of its file's bytes."""
        return self.document.digest

    def problem(self, place: Place, message: str) -> Problem:
        """Something to mend at a place in its file."""
        return Problem(self.path, self.document.line(place), message)

    def left_out(self, audit: str, check: str) -> str:
        """Why an audit is not run under this profile; empty if it is."""
        if self.spec.only and audit not in self.spec.only:
            return f"not among the profile's 'only': {self.spec.why}"
        return next((each.why for each in self.spec.skip if each.means(audit, check)), "")


def read_profile(path: Path) -> Profile:
    """A profile from its file.

    Raises:
        SpecError: with every problem that was found, each with file and line.
    """
    document = read_yaml(path)
    profile = Profile(typed(document, ProfileSpec), document)
    if path.name != f"{profile.name}{PROFILE_SUFFIX}":
        message = f"profile: '{profile.name}' has to be in {profile.name}{PROFILE_SUFFIX}"
        raise SpecError([profile.problem(("profile",), message)])
    return profile


def find_profile(name: str, places: Iterable[Path], root: Path) -> Profile:
    """The profile of that name or at that path.

    A name is looked for beside the specs, in the folders above them up to the root folder, and in its
    ``audits/``: the nearest is taken.

    Raises:
        AuditError: there is none, or the specs have several of that name.
    """
    if "/" in name or name.endswith((".yaml", ".yml")):
        return read_profile(Path(name))
    starts = [place if is_folder(place) else place.parent for place in places]
    found = {path for start in starts for path in _above(name, start.resolve(), root)}
    fallback = root / "audits" / f"{name}{PROFILE_SUFFIX}"
    if not found and is_file(fallback):
        found = {fallback}
    if len(found) > 1:
        listed = ", ".join(str(path) for path in sorted(found))
        raise AuditError(f"the specs have several profiles '{name}': {listed}; give one's path")
    if found:
        return read_profile(found.pop())
    around = [root / "audits", *starts]
    known = {
        path.name.removesuffix(PROFILE_SUFFIX)
        for folder in around
        if folder.is_dir()
        for path in folder.rglob(f"*{PROFILE_SUFFIX}")
    }
    raise AuditError(
        f"unknown profile '{name}'; {nearest(name, known)} (looked for as {name}{PROFILE_SUFFIX} beside "
        f"the specs, above them, and in {root / 'audits'})"
    )


def _above(name: str, start: Path, root: Path) -> list[Path]:
    """The nearest file of that profile in a folder or above it, up to the root folder; or none."""
    for folder in (start, *start.parents):
        path = folder / f"{name}{PROFILE_SUFFIX}"
        if is_file(path):
            return [path]
        if folder == root.resolve():
            break
    return []
