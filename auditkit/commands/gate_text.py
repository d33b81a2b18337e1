"""What a gate found, as text for a terminal and for a pull request."""

from collections.abc import Iterator

from auditkit.gating import GateResult, Transition
from auditkit.report.marking import cell, table
from auditkit.report.words import shown

_DECISIONS = {
    "pass": "release passes",
    "pass with waivers": "release passes with waivers",
    "blocked": "release blocked",
    "partial": "release not decided",
    "no blocking expectation": "release not decided",
}


def in_terminal(found: GateResult) -> str:
    """Plain lines: the policy, what became another verdict, decisions."""
    return "".join(f"{shown(line)}\n" for line in _lines(found))


def in_markdown(found: GateResult) -> str:
    """The same as GitHub-flavoured Markdown."""
    parts = [f"# Gate of {cell(found.run)}", cell(_policy(found))]
    parts += [
        f"## {cell(each.model)}: {_DECISIONS[each.decision]}\n\n{cell(each.why)}"
        for each in found.release
    ]
    if found.profile is not None and found.profile.changes:
        parts.append("\n".join(f"- {cell(change)}" for change in found.profile.changes))
    others = _others(found)
    if others:
        rows = [
            [
                cell(each.model),
                cell(_what(each)),
                each.was.value,
                str(each.now),
                cell(each.reason),
            ]
            for each in others
        ]
        parts.append(table(["model", "expectation", "in the run", "now", "reason"], rows))
    parts += [f"> {cell(note)}" for note in found.notes]
    return "\n\n".join(parts) + "\n"


def _lines(found: GateResult) -> Iterator[str]:
    yield _policy(found)
    for change in found.profile.changes if found.profile else ():
        yield f"  {change}"
    others = _others(found)
    yield (
        "Other than in the run:" if others else "Every verdict that is asked for is as in the run."
    )
    width = max((len(_became(each)) for each in others), default=0)
    for each in others:
        yield f"  {_became(each):<{width}}  {_what(each)}[{each.model}]: {each.reason}"
    yield from found.notes
    for release in found.release:
        yield f"{_DECISIONS[release.decision]}: {release.model}: {release.why}"


def _others(found: GateResult) -> list[Transition]:
    """Verdicts that are others; what is left out stands among the profile's changes."""
    return [each for each in found.changed if each.now != "left out"]


def _became(each: Transition) -> str:
    return f"{each.was.value} -> {each.now}"


def _policy(found: GateResult) -> str:
    by = "its own policy"
    if found.profile is not None:
        by = f"profile '{found.profile.profile}' ({found.profile.file})"
    return f"{found.run} under {by}, waivers as of {found.today}"


def _what(each: Transition) -> str:
    at = ", ".join(v if isinstance(v, str) else f"{k} {v:g}" for k, v in each.at.items())
    advisory = " (advisory)" if each.severity == "advisory" else ""
    return f"{each.audit}: {each.measure}{f' at {at}' if at else ''}{advisory}"
