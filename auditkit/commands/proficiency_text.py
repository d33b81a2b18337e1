"""A proficiency study as text."""

from collections.abc import Iterator

from auditkit.proficiency.result import (
    AtTruth,
    AuditResult,
    ExpectationResult,
    FaultResult,
    Proficiency,
    Rate,
    pooled,
)


def text(found: Proficiency) -> Iterator[str]:
    """All of it, line by line."""
    yield f"faults planted in the answers of {found.model}; {found.models} models per fault and strength"
    for audit in found.audits:
        yield ""
        yield f"{audit.audit} ({audit.check}), {audit.images} images of about {audit.patients:.0f} patients"
        yield f"  no fault: false alarms {words(audit.clean)}, inconclusive {words(audit.clean_inconclusive)}"
        yield from (f"  {line}" for line in faults_words(audit))
        yield from (f"  {line}" for one in audit.expectations for line in expectation_words(one))
    if found.family is not None:
        yield ""
        yield f"a run of {', '.join(found.family.audits)} on a model without a fault:"
        yield f"  a blocking expectation fails {words(found.family.alarms)}"
        yield f"  a fault is claimed (Holm)    {words(found.family.claimed)}"
    for audit_id, reason in found.not_composed.items():
        yield f"not studied: {audit_id}: {reason}"


def words(rate: Rate) -> str:
    """A rate with its interval and n."""
    if not rate.n:
        return "none such"
    return f"{100 * rate.value:.1f} % [{100 * rate.low:.1f}, {100 * rate.high:.1f}], n = {rate.n}"


def faults_words(audit: AuditResult) -> Iterator[str]:
    """Each fault that moves an expectation beyond its limit, then the others."""
    concerned = [one for one in audit.faults if any(at.detected.n for at in one.strengths)]
    yield from (f"{one.fault}: {fault_words(one)}" for one in concerned)
    others = [one for one in audit.faults if one not in concerned]
    if others:
        names = ", ".join(one.fault for one in others)
        yield f"not seen by it, whatever the strength: {names}"
    every = [one.false_alarms for fault in audit.faults for one in fault.strengths]
    if every:
        yield f"false alarms beside faults: {words(pooled(every))}"


def fault_words(fault: FaultResult) -> str:
    """From which strength on a fault is found."""
    if fault.stated is None:
        last = fault.strengths[-1]
        return f"at strength {last.strength:g} found {words(last.detected)}"
    stated = next(one for one in fault.strengths if one.strength == fault.stated)
    return f"found from strength {fault.stated:g} on, {words(stated.detected)}"


def expectation_words(one: ExpectationResult) -> Iterator[str]:
    """From which true value on a violation is found."""
    at = ", ".join(f"{name} {value}" for name, value in one.at.items())
    name = f"{one.measure}{f' at {at}' if at else ''} {one.expected}"
    if not one.detects:
        yield f"{name}: no true value that was planted is found in 95 %"
    for point in one.detects:
        yield f"{name}: {detects_words(point)}"


def detects_words(point: AtTruth) -> str:
    """The smallest true value that is found often enough."""
    near = min(point.low, point.high, key=abs)
    return f"a true value of {near:.3g} is found {words(point.detected)}"


def settings_words(audit: AuditResult) -> str:
    """At which settings this holds."""
    return f"{audit.images} images of about {audit.patients:.0f} patients, drawn from {audit.data}"
