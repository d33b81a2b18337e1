"""The first page's tables: verdicts of every audit at a glance, who signs, and what was waived."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auditkit.report.guidelines import WORST_FIRST
from auditkit.results import Person, Results, VerdictResult

MEANINGS: Final = ("performed", "reviewed", "approved")
"""What a signature can mean, in the order of signing."""


@dataclass(frozen=True)
class Glance:
    """One audit's expectations on every model: how many have which verdict."""

    audit: str
    title: str
    counts: Sequence[Mapping[str, int]]


def glances(results: Results, models: Sequence[str]) -> list[Glance]:
    """A row per audit, in order of appearance; counts by verdict, the gravest first."""
    titles = {audit.audit: audit.title for audit in reversed(results.audits)}
    names = dict.fromkeys(verdict.audit for verdict in results.verdicts)
    return [
        Glance(
            name,
            titles.get(name, ""),
            [_counts(results.verdicts, name, model) for model in models],
        )
        for name in names
    ]


def _counts(verdicts: Sequence[VerdictResult], audit: str, model: str) -> Mapping[str, int]:
    own = Counter(v.verdict for v in verdicts if v.audit == audit and v.model == model)
    return {word.value: own[word] for word in WORST_FIRST if own[word]}


@dataclass(frozen=True)
class Signature:
    """One line to sign; the person is none where nobody is named."""

    meaning: str
    person: Person | None


def signatures(results: Results) -> list[Signature]:
    """A line for every meaning, with the people whom the dossiers name, then all others."""
    people = list({person.name + person.role: person for person in _people(results)}.values())
    lines = []
    for meaning in MEANINGS:
        own = [person for person in people if person.responsibility.strip().lower() == meaning]
        lines += [Signature(meaning, person) for person in own] or [Signature(meaning, None)]
    others = [p for p in people if p.responsibility.strip().lower() not in MEANINGS]
    return lines + [Signature(person.responsibility, person) for person in others]


def _people(results: Results) -> list[Person]:
    return [person for model in results.models for person in model.people]


def named(results: Results) -> set[str]:
    """The meanings for which a dossier names somebody."""
    return {line.meaning for line in signatures(results) if line.person}
