"""Rows of the Markdown tables: one expectation each."""

from typing import Final

from auditkit.report.language import Language
from auditkit.report.marking import cell
from auditkit.report.words import (
    NONE,
    at,
    estimate,
    p_value,
    signed,
    verdict_word,
    wording,
)
from auditkit.results import VerdictResult
from auditkit.verdict import Verdict

ICONS: Final = {
    Verdict.PASS: "✅",
    Verdict.FAIL: "❌",
    Verdict.ERROR: "💥",
    Verdict.INCONCLUSIVE: "❔",
    Verdict.NOT_INTERPRETABLE: "🚫",
    Verdict.NOT_RUN: "⏸️",
    Verdict.NOT_APPLICABLE: "➖",
}


def verdict_row(verdict: VerdictResult, t: Language) -> list[str]:
    """One expectation."""
    found = estimate(verdict) if verdict.value is not None else verdict.reason or NONE
    return [
        cell(verdict.audit),
        measure(verdict, t),
        cell(signed(verdict.expected)),
        cell(found),
        str(verdict.n) if verdict.n else NONE,
        f"{ICONS[verdict.verdict]} {cell(wording(verdict, t))}",
        cell(p_value(verdict.p_adjusted)),
    ]


def measure(verdict: VerdictResult, t: Language) -> str:
    """What was measured, where, and whether a release rests on it."""
    place = at(verdict.at)
    name = f"{verdict.measure}, {place}" if place else verdict.measure
    return cell(f"{name} ({t('word.advisory')})" if verdict.severity == "advisory" else name)


def waiver_row(verdict: VerdictResult, t: Language) -> list[str]:
    """One waiver."""
    waiver = verdict.waiver
    assert waiver is not None
    state = "in-force" if waiver.in_force else "expired"
    return [
        cell(f"{verdict.model}: {verdict.audit}"),
        measure(verdict, t),
        f"{ICONS[verdict.verdict]} {cell(verdict_word(verdict.verdict.value, t))}",
        cell(waiver.approver),
        cell(waiver.reason),
        cell(f"{waiver.expires} ({t(f'markdown.{state}')})"),
        cell(waiver.reference or NONE),
    ]


def baseline_row(verdict: VerdictResult, t: Language) -> list[str]:
    """One comparison."""
    found = verdict.baseline
    assert found is not None
    old, new = (NONE if each is None else f"{each:.4g}" for each in (found.value, found.new))
    alone = t("markdown.alone", old=found.only_old, new=found.only_new)
    return [
        cell(f"{verdict.model}: {verdict.audit}"),
        measure(verdict, t),
        cell(signed(old)),
        cell(signed(new)),
        cell(estimate(verdict)),
        cell(f"{found.pairs} ({alone})"),
        cell(found.run),
        f"{ICONS[verdict.verdict]} {cell(verdict_word(verdict.verdict.value, t))}",
    ]
