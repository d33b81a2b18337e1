"""GitHub-flavoured Markdown for the summary of a CI job."""

from collections.abc import Sequence
from html import escape
from typing import Final

from auditkit.report.adherence import adherence
from auditkit.report.banners import Banner, banners
from auditkit.report.guidelines import Adherence, Cell
from auditkit.report.words import (
    NONE,
    at,
    decision,
    estimate,
    p_value,
    shown,
    signed,
    wording,
)
from auditkit.results import Results, VerdictResult
from auditkit.verdict import Verdict

_ICONS: Final = {
    Verdict.PASS: "✅",
    Verdict.FAIL: "❌",
    Verdict.ERROR: "💥",
    Verdict.INCONCLUSIVE: "❔",
    Verdict.NOT_INTERPRETABLE: "🚫",
    Verdict.NOT_RUN: "⏸️",
    Verdict.NOT_APPLICABLE: "➖",
}
_MOST_ITEMS: Final = 10
_HEADS: Final = [
    "Audit",
    "Measure",
    "Expected",
    "Estimate [interval]",
    "n",
    "Verdict",
    "Adjusted p",
]
_SPECIAL: Final = "\\`*_{}[]()#+!|~$@"


def summary(results: Results) -> str:
    """Decisions, what limits the run, and a verdict table per model."""
    parts = ["# Audit report"]
    for release in results.release:
        counts = ", ".join(f"{count} {word}" for word, count in sorted(release.counts.items()))
        parts.append(f"## {cell(release.model)}: {decision(release)}")
        parts.append(f"{cell(release.why)} Expectations: {cell(counts) or 'none'}.")
    parts += [_quoted(banner) for banner in banners(results)]
    for model in dict.fromkeys(verdict.model for verdict in results.verdicts):
        own = [verdict for verdict in results.verdicts if verdict.model == model]
        parts += [f"### Verdicts on {cell(model)}", _table(own)]
        found = adherence(results, model)
        if found:
            parts += [f"### Clinical XAI Guidelines: {cell(model)}", *_guidelines(found)]
    parts.append(
        "The report states whether expectations are met on the stated data. "
        "It is not a conformity assessment."
    )
    return "\n\n".join(parts) + "\n"


def _guidelines(found: Adherence) -> list[str]:
    """A row per guideline, a column per heatmap method, and what the table does not say."""
    head = "| Guideline | " + " | ".join(map(cell, found.methods)) + " |"
    rows = [
        f"| {row.guideline.id} {row.guideline.name} | " + " | ".join(map(_met, row.cells)) + " |"
        for row in found.rows
    ]
    table = "\n".join([head, "|---" * (len(found.methods) + 1) + "|", *rows])
    return [table, *map(cell, found.remarks)]


def _met(found: Cell) -> str:
    icon = "" if found.verdict is None else f"{_ICONS[found.verdict]} "
    return f"{icon}{found.word}{f' ({found.note})' if found.note else ''}"


def cell(text: str) -> str:
    """Text that neither Markdown nor HTML reads as anything but text, on one line."""
    flat = " ".join(shown(text).split())
    return "".join(f"\\{c}" if c in _SPECIAL else escape(c, quote=False) for c in flat)


def _quoted(banner: Banner) -> str:
    lines = [f"**{cell(banner.title)}.** {cell(banner.text)}"]
    lines += [f"- {cell(item)}" for item in banner.items[:_MOST_ITEMS]]
    more = len(banner.items) - _MOST_ITEMS
    if more > 0:
        lines.append(f"- and {more} more, which the HTML report lists")
    return "\n".join(f"> {line}" for line in lines)


def _table(verdicts: Sequence[VerdictResult]) -> str:
    head = ["| " + " | ".join(_HEADS) + " |", "|---|---|---|---|--:|---|--:|"]
    return "\n".join([*head, *(_row(verdict) for verdict in verdicts)])


def _row(verdict: VerdictResult) -> str:
    place = at(verdict.at)
    measure = f"{verdict.measure}, {place}" if place else verdict.measure
    if verdict.severity == "advisory":
        measure += " (advisory)"
    found = estimate(verdict) if verdict.value is not None else verdict.reason or NONE
    cells = [
        cell(verdict.audit),
        cell(measure),
        cell(signed(verdict.expected)),
        cell(found),
        str(verdict.n) if verdict.n else NONE,
        f"{_ICONS[verdict.verdict]} {cell(wording(verdict))}",
        cell(p_value(verdict.p_adjusted)),
    ]
    return "| " + " | ".join(cells) + " |"
