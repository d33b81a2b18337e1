"""GitHub-flavoured Markdown for the summary of a CI job."""

from html import escape

from auditkit.report.banners import banners
from auditkit.report.words import NONE, at, counted, decision, estimate, p_value, wording
from auditkit.results import Release, Results, VerdictResult
from auditkit.verdict import Verdict

_ICONS = {
    Verdict.PASS: "✅",
    Verdict.FAIL: "❌",
    Verdict.ERROR: "💥",
    Verdict.INCONCLUSIVE: "❔",
    Verdict.NOT_INTERPRETABLE: "🚫",
    Verdict.NOT_RUN: "⏸️",
    Verdict.NOT_APPLICABLE: "➖",
}
_HEADS = ["Audit", "Measure", "Expected", "Estimate [interval]", "n", "Verdict", "Adjusted p"]
_SPECIAL = "\\`*_{}[]()#+!|~$@"


def summary(results: Results) -> str:
    """Decisions, what limits the run, and a verdict table per model."""
    parts = ["# Audit report"]
    parts += [_model(release, results) for release in results.release]
    parts += [
        f"> **{cell(banner.title)}**: {cell(banner.text)}"
        + "".join(f"\n> - {cell(item)}" for item in banner.items)
        for banner in banners(results)
    ]
    parts.append(
        "The report states whether expectations are met on the stated data. "
        "It is not a conformity assessment."
    )
    return "\n\n".join(parts) + "\n"


def cell(text: str) -> str:
    """Text that neither Markdown nor HTML reads as anything but text, on one line."""
    flat = " ".join(text.split())
    return "".join(f"\\{c}" if c in _SPECIAL else escape(c) for c in flat)


def _model(release: Release, results: Results) -> str:
    own = [verdict for verdict in results.verdicts if verdict.model == release.model]
    counts = ", ".join(f"{count} {word}" for word, count in sorted(release.counts.items()))
    heading = f"## {cell(release.model)}: {decision(release)}"
    table = ["| " + " | ".join(_HEADS) + " |", "|---|---|---|---|--:|---|--:|"]
    table += [_row(verdict) for verdict in own]
    lines = [heading, cell(release.why)]
    if own:
        lines += [f"{counted(len(own), 'expectation')}: {cell(counts)}.", "\n".join(table)]
    return "\n\n".join(lines)


def _row(verdict: VerdictResult) -> str:
    place = at(verdict.at)
    measure = f"{verdict.measure} at {place}" if place else verdict.measure
    if verdict.severity == "advisory":
        measure += " (advisory)"
    found = estimate(verdict) if verdict.value is not None else verdict.reason or NONE
    cells = [
        cell(verdict.audit),
        cell(measure),
        cell(verdict.expected),
        cell(found),
        str(verdict.n) if verdict.value is not None else NONE,
        f"{_ICONS[verdict.verdict]} {cell(wording(verdict))}",
        cell(p_value(verdict.p_adjusted)),
    ]
    return "| " + " | ".join(cells) + " |"
