"""Check `permutable-concepts`: do the data allow the concepts to be permuted one by one?

Jabbour et al., ECCV 2024, arXiv:2407.14509, section 3 (first assumption) and section 5: every value has to
occur often enough, concepts that go together give captions of images that do not exist when one is
permuted alone, and free text that mentions a concept contradicts its new value.

Deviates: the paper states the assumption and picks concepts by frequency (above 5 %); here counts,
Cramér's V between concepts and the sentences that mention them are measured.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from auditkit import stats
from auditkit.checks.concepts.exact import counted
from auditkit.checks.concepts.extremes import extreme_of
from auditkit.checks.concepts.values import UNKNOWN, Integers, concepts_of, positions, unknown
from auditkit.checks.measuring import Measuring
from auditkit.data.mentions import Mention, mentions
from auditkit.evidence import Evidence
from auditkit.findings import Figure, Findings, Measurement, Series, Table
from auditkit.spec.concepts import SEPARATOR, Concept
from auditkit.spec.declarations.permutable_concepts import (
    PERMUTABLE_CONCEPTS,
    PermutableConcepts,
    association,
)

MOST_SENTENCES = 50
NOTEWORTHY = 0.3
"""Cramér's V from which two concepts are worth a note: a medium effect (Cohen 1988)."""


def permutable_concepts(evidence: Evidence, parameters: PermutableConcepts) -> Findings:
    """Counts of every value, associations between concepts, mentions in free text."""
    check = _Check(evidence, parameters)
    findings = Findings(check.counts())
    findings.measurements += check.associations()
    findings.measurements += check.mentions()
    findings.tables.append(check.values_table())
    if len(check.concepts) > 1:
        findings.figures.append(check.figure())
    if check.found:
        findings.tables.append(_sentences(check.found))
    findings.notes += [*check.one_value_notes(), *check.association_notes(), *check.text_notes()]
    return findings


class _Check:
    """One run of the check."""

    def __init__(self, evidence: Evidence, parameters: PermutableConcepts) -> None:
        card = evidence.data.card
        self.evidence, self.parameters = evidence, parameters
        self.concepts = concepts_of(card, parameters.named_concepts)
        self.places = {c.name: positions(c, evidence.records) for c in self.concepts}
        self.found = mentions(card, evidence.records, parameters.named_concepts)
        self.measuring = Measuring.of(PERMUTABLE_CONCEPTS, parameters, evidence.n)
        self.pairs = self._estimated()

    def _skipped(self, names: Sequence[str]) -> list[str]:
        """A reason per image of which one of the concepts is unknown."""
        missing = np.stack([self.places[name] == UNKNOWN for name in names], axis=1)
        return [unknown(names[int(row.argmax())]) for row in missing if row.any()]

    def counts(self) -> list[Measurement]:
        """Images with the rarest declared value: by block, and of all."""
        blocks = zip(self.parameters.names, self.parameters.blocks, strict=True)
        found = [self._rarest(f"rarest[{name}]", block) for name, block in blocks]
        return [*found, self._rarest("smallest_count", self.parameters.named_concepts)]

    def _rarest(self, measure: str, names: Sequence[str]) -> Measurement:
        counts, most = zip(*(_least(c, self.places[c.name]) for c in self._of(names)), strict=True)
        n, patients = self.evidence.n, len(set(self.evidence.patients.tolist()))
        exact = counted(min(counts), min(most), n, patients)
        # The interval already holds whatever the unknown values are.
        return replace(
            self.measuring(measure, lambda: exact, skipped=self._skipped(names)), affected=0.0
        )

    def _of(self, names: Sequence[str]) -> list[Concept]:
        return [concept for concept in self.concepts if concept.name in names]

    def _estimated(self) -> dict[tuple[str, str], Measurement]:
        """The association of every two concepts that are not permuted together."""
        return {pair: self._association(*pair) for pair in self.parameters.pairs}

    def _association(self, first: str, second: str) -> Measurement:
        a, b = self.places[first], self.places[second]
        rows = (a != UNKNOWN) & (b != UNKNOWN)
        patients = self.evidence.patients[rows]
        measured = self.measuring(
            association(first, second),
            lambda: stats.association(a[rows], b[rows], patients),
            skipped=self._skipped([first, second]),
        )
        # It is asked of the images that can be permuted, and those are known.
        return replace(measured, affected=0.0)

    def associations(self) -> list[Measurement]:
        """Of pairs, and the largest of them."""
        found = list(self.pairs.values())
        if not found:
            return []
        return [*found, extreme_of(self.measuring, "largest_association", found, "largest")]

    def mentions(self) -> list[Measurement]:
        """Share of images whose text mentions a concept: by block, and the largest."""
        blocks = zip(self.parameters.names, self.parameters.blocks, strict=True)
        found = [self._mentioned(f"mentions[{name}]", block) for name, block in blocks]
        return [*found, extreme_of(self.measuring, "largest_mentions", found, "largest")]

    def _mentioned(self, measure: str, names: Sequence[str]) -> Measurement:
        ids = {one.id for one in self.found if one.concept in names}
        hits = [record.id in ids for record in self.evidence.records]
        return self.measuring(measure, lambda: stats.proportion(hits, self.evidence.patients))

    def figure(self) -> Figure:
        """Cramér's V between the concepts; blank where two are permuted together."""
        names = self.parameters.named_concepts
        series = []
        for column in names:
            found = [
                self.pairs.get((row, column)) or self.pairs.get((column, row)) for row in names
            ]
            estimates = [one.estimate if one else None for one in found]
            places = [float(i) for i, one in enumerate(estimates) if one]
            known = [one for one in estimates if one]
            ends = [one.low for one in known], [one.high for one in known]
            series.append(Series(column, places, [one.value for one in known], *ends))
        return Figure(
            "association",
            "Association between concepts",
            "matrix",
            "concept",
            "Cramér's V",
            series,
            "0: independent; 1: one concept tells the other. Blank: the same concept, or permuted together.",
            labels=names,
            reach=1.0,
        )

    def values_table(self) -> Table:
        """How many images and patients every declared value has."""
        rows = []
        for concept in self.concepts:
            place = self.places[concept.name]
            shown = [(value, place == i) for i, value in enumerate(concept.values)]
            shown.append(("unknown", place == UNKNOWN))
            for value, rows_of in shown:
                count = int(rows_of.sum())
                if count or value != "unknown":
                    patients = len(set(self.evidence.patients[rows_of].tolist()))
                    share = f"{100 * count / self.evidence.n:.1f} %"
                    rows.append([concept.name, value, str(count), str(patients), share])
        columns = ["concept", "value", "images", "patients", "share"]
        caption = "Every declared value, of the images that this audit looks at."
        return Table("values", "Images by value", columns, rows, caption)

    def one_value_notes(self) -> list[str]:
        """Concepts that have one value only, so that permuting them changes nothing."""
        notes = []
        for concept in self.concepts:
            place = self.places[concept.name]
            found = sorted(set(place[place != UNKNOWN].tolist()))
            if len(found) < 2:
                only = f"only the value {concept.values[found[0]]}" if found else "no known value"
                notes.append(f"{concept.name} has {only} in these data: it cannot be permuted.")
        return notes

    def association_notes(self) -> list[str]:
        """Pairs that should be permuted together, the strongest first."""
        known = {pair: one.estimate for pair, one in self.pairs.items() if one.estimate}
        strong = [pair for pair, found in known.items() if found.value >= NOTEWORTHY]
        strong.sort(key=lambda pair: -known[pair].value)
        return [
            f"{first} and {second} go together (Cramér's V {known[first, second].value:.2f}): permuted one "
            "by one they make captions that these data do not have, and the generator may not draw them "
            f"as asked. Permute them together ({first}{SEPARATOR}{second}), or read their importances as "
            "inconclusive."
            for first, second in strong
        ]

    def text_notes(self) -> list[str]:
        """Whether free text holds what captions change."""
        ids = {one.id for one in self.found}
        if not ids:
            return []
        named = ", ".join(dict.fromkeys(one.concept for one in self.found))
        note = (
            f"The free text of {len(ids)} of {self.evidence.n} images mentions a concept that is permuted "
            f"({named}). Text does not change with the concept, so that the caption contradicts itself."
        )
        return [note]


def _least(concept: Concept, place: Integers) -> tuple[int, int]:
    """Images of the rarest declared value: known, and if every unknown one had it."""
    missing = int((place == UNKNOWN).sum())
    least = min(int((place == i).sum()) for i in range(len(concept.values)))
    return least, least + missing


def _sentences(found: Sequence[Mention]) -> Table:
    rows = [[one.concept, one.id, one.sentence] for one in found[:MOST_SENTENCES]]
    shown = "all" if len(rows) == len(found) else f"the first {len(rows)}"
    caption = f"{len(found)} sentences; {shown} of them are listed."
    columns = ["concept", "image", "sentence"]
    return Table("mentions", "Sentences that mention a permuted concept", columns, rows, caption)
