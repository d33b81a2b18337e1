"""What was expected before a profile changes it: from the run's copies of its specs, else as stored."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditkit.errors import AuditError
from auditkit.gating.rebuilding import expectation_of, key_of
from auditkit.results import Results, VerdictResult, WaiverResult
from auditkit.spec.audit import AuditSpec, Expectation, Waiver
from auditkit.spec.catalogue import checks
from auditkit.spec.declaration import CheckDeclaration, Parameters
from auditkit.spec.problems import nearest
from auditkit.spec.profile import Profile
from auditkit.spec.strict_yaml import read_yaml
from auditkit.spec.typed import typed, typed_part


@dataclass(frozen=True)
class SpecFile:
    """A spec as the run read it."""

    spec: AuditSpec
    declaration: CheckDeclaration
    typed: Parameters

    @property
    def check(self) -> str:
        """Name of its check."""
        return self.declaration.name

    @property
    def parameters(self) -> dict[str, Any]:
        """All of its parameters as results.json has them."""
        return self.typed.model_dump(mode="json")

    @property
    def raw(self) -> dict[str, Any]:
        """The parameters as they are written."""
        return self.spec.parameters

    def expectation(self, verdict: VerdictResult) -> Expectation:
        """The expectation that a verdict is about, with every dimension of its place."""
        key = key_of(verdict)
        for one in self.spec.expect:
            if one.key == key:
                return one.model_copy(update={"at": dict(verdict.at)})
        raise AuditError(f"{verdict.node}: the run's copy of {verdict.file} does not expect it")


def spec_files(
    results: Results, folder: Path | None, profile: Profile | None
) -> dict[str, SpecFile]:
    """The run's specs by audit, for a profile to change; none where they are not needed.

    Raises:
        AuditError: the run was made under another profile, whose changes cannot be taken back without
            its specs; a copy was changed.
    """
    if profile is None:
        return {}
    copies = [each for each in results.sources if each.kind == "spec"]
    files = [(each, folder / each.kept) for each in copies] if folder is not None else []
    if not files or not all(path.is_file() for _, path in files):
        if results.profile is not None and results.profile.sha256 != profile.digest:
            raise AuditError(
                f"the run was made under profile '{results.profile.profile}', and what its specs expect "
                "without that is not at hand; give the run's folder with its sources/"
            )
        return {}
    found = {}
    for copy, path in files:
        document = read_yaml(path)
        if document.digest != copy.sha256:
            raise AuditError(f"{path} is not the spec that the run read; its bytes were changed")
        spec = typed(document, AuditSpec)
        known = checks()
        if spec.check not in known:
            raise AuditError(f"{path}: unknown check '{spec.check}'; {nearest(spec.check, known)}")
        check = known[spec.check]
        parameters = typed_part(document, spec.parameters, check.parameters, ("with",))
        found[spec.audit] = SpecFile(spec, check, parameters)
    return found


def stored_expectation(verdict: VerdictResult) -> Expectation | None:
    """A verdict's expectation as the file holds it, with its waiver."""
    found = expectation_of(verdict)
    if found is None:
        return None
    return found.model_copy(update={"waiver": stored_waiver(verdict.waiver)})


def stored_waiver(waiver: WaiverResult | None) -> Waiver | None:
    """A stored waiver as a spec states it."""
    if waiver is None:
        return None
    try:
        expires = dt.date.fromisoformat(waiver.expires)
    except ValueError:
        raise AuditError(
            f"the stored waiver by {waiver.approver} expires on '{waiver.expires}', which is no date"
        ) from None
    return Waiver(
        approver=waiver.approver,
        reason=waiver.reason,
        expires=expires,
        reference=waiver.reference,
    )
