"""Whether what an audit rests on carries it, for runs and for stored verdicts alike."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from auditkit.errors import AuditError
from auditkit.results import AuditResult
from auditkit.spec.catalogue import checks
from auditkit.spec.declaration import CheckDeclaration
from auditkit.spec.problems import nearest
from auditkit.verdict import Verdict


@dataclass(frozen=True)
class Held:
    """What came of one expectation of an assumed audit; ``measured``: there is a measurement of it."""

    key: str
    measure: str
    severity: str
    verdict: Verdict
    reason: str
    measured: bool


class Severe(Protocol):
    """An expectation, or what came of one."""

    @property
    def severity(self) -> str:
        """Whether a release depends on it."""
        ...


Expected = TypeVar("Expected", bound=Severe)


def deciding(every: Sequence[Expected]) -> Sequence[Expected]:
    """Those of an assumed audit's expectations that decide: the blocking ones, or all if none blocks."""
    return [each for each in every if each.severity == "blocking"] or every


def failed_assumption(name: str, every: Iterable[Held]) -> str:
    """Why an audit's deciding expectations do not carry what rests on them; empty if they do."""
    passed, unfit = False, ""
    for one in every:
        if one.verdict is Verdict.NOT_APPLICABLE:
            # A check without a question to this model is no hindrance; a method that does not fit has shown
            # nothing.
            unfit = unfit or (one.reason if one.measured else "")
            continue
        if one.verdict is not Verdict.PASS:
            return f"rests on '{name}', whose {one.key} is {one.verdict.value}: {one.reason}"
        passed = True
    if unfit and not passed:
        return f"rests on '{name}', of which nothing could be measured: {unfit}"
    return ""


def resting_on(
    audit: AuditResult, assumed: AuditResult | None, measure: str, every: Iterable[Held]
) -> tuple[list[Held], str]:
    """What an expectation rests on in an assumed audit, and what is wrong with resting on it.

    All of its expectations; where one check rests on another and both are about heatmap methods, those
    about the same method.
    """
    found, check = list(every), declaration_of(audit)
    if assumed is None or assumed.check not in check.rests_on:
        return found, ""
    methods, known = _methods(audit), _methods(assumed)
    label = measure.partition(".")[0]
    if label not in methods:
        return found, ""
    own = [one for one in found if one.measure.startswith(f"{label}.")]
    if not own:
        return own, f"which expects nothing of {label}"
    if methods[label] != known.get(label):
        return own, f"whose {label} has other parameters: give both audits the same"
    return own, ""


def declaration_of(audit: AuditResult) -> CheckDeclaration:
    """The check of a stored audit.

    Raises:
        AuditError: the package that declares it is not installed.
    """
    known = checks()
    if audit.check not in known:
        raise AuditError(
            f"audit '{audit.audit}': unknown check '{audit.check}'; {nearest(audit.check, known)}, or "
            "install the package that declares it"
        )
    return known[audit.check]


def _methods(audit: AuditResult) -> dict[str, Any]:
    """What determines each method's heatmap, by the method's label: all but the name that is shown."""
    return {
        method.get("name") or method["method"]: {k: v for k, v in method.items() if k != "name"}
        for method in audit.parameters.get("methods", ())
    }
