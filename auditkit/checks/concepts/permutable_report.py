"""Values, associations and telling sentences as people read them."""

from collections.abc import Iterator, Mapping, Sequence

from auditkit.checks.concepts.occurring import Occurring
from auditkit.checks.concepts.values import UNKNOWN
from auditkit.data.mentions import Mention
from auditkit.findings import Figure, Measurement, Series, Table
from auditkit.spec.concepts import SEPARATOR

Pairs = Mapping[tuple[str, str], Measurement]

MOST_SENTENCES = 50
NOTEWORTHY = 0.3
"""Cramér's V from which two concepts are worth a note: a medium effect (Cohen 1988)."""


def association_figure(names: Sequence[str], pairs: Pairs) -> Figure:
    """Cramér's V between concepts; blank where two are permuted together."""
    series = []
    for column in names:
        found = [pairs.get((row, column)) or pairs.get((column, row)) for row in names]
        known = [(float(i), one.estimate) for i, one in enumerate(found) if one and one.estimate]
        series.append(
            Series(
                column,
                [i for i, _ in known],
                [one.value for _, one in known],
                [one.low for _, one in known],
                [one.high for _, one in known],
            )
        )
    return Figure(
        "association",
        "Association between concepts",
        "matrix",
        "concept",
        "Cramér's V",
        series,
        "0: independent; 1: one concept tells the other. Blank: the same concept, permuted together, or one "
        "value only.",
        labels=names,
        reach=1.0,
    )


def values_table(data: Occurring) -> Table:
    """How many images and patients every declared value has."""
    rows = [row for concept in data.concepts for row in _rows(data, concept.name, concept.values)]
    columns = ["concept", "value", "images", "patients", "share"]
    caption = "Every declared value, of the images that this audit looks at."
    return Table("values", "Images by value", columns, rows, caption)


def _rows(data: Occurring, name: str, values: Sequence[str]) -> Iterator[list[str]]:
    place, evidence = data.places[name], data.evidence
    for value, i in [*zip(values, range(len(values)), strict=True), ("unknown", UNKNOWN)]:
        chosen = place == i
        count = int(chosen.sum())
        if count or i != UNKNOWN:
            patients = len(set(evidence.patients[chosen].tolist()))
            yield [name, value, str(count), str(patients), f"{100 * count / evidence.n:.1f} %"]


def sentences_table(found: Sequence[Mention]) -> Table:
    """What free text says, as far as there is room."""
    rows = [[one.concept, one.id, one.sentence] for one in found[:MOST_SENTENCES]]
    shown = "all" if len(rows) == len(found) else f"the first {len(rows)}"
    caption = f"{len(found)} sentences; {shown} of them are listed."
    columns = ["concept", "image", "sentence"]
    return Table("mentions", "Sentences that mention a permuted concept", columns, rows, caption)


def notes(data: Occurring, pairs: Pairs) -> list[str]:
    """What hinders permuting."""
    return [*_one_value(data), *_together(pairs), *_told(data)]


def _one_value(data: Occurring) -> Iterator[str]:
    """Concepts that have one value only, so that permuting them changes nothing."""
    for concept in data.concepts:
        found = sorted(set(data.places[concept.name].tolist()) - {UNKNOWN})
        if len(found) < 2:
            only = f"only the value {concept.values[found[0]]}" if found else "no known value"
            yield f"{concept.name} has {only} in these data: it cannot be permuted."


def _together(pairs: Pairs) -> Iterator[str]:
    """Pairs that should be permuted together, the strongest first."""
    known = {pair: one.estimate.value for pair, one in pairs.items() if one.estimate}
    for (first, second), value in sorted(known.items(), key=lambda item: -item[1]):
        if value >= NOTEWORTHY:
            yield (
                f"{first} and {second} go together (Cramér's V {value:.2f}): permuted one by one they make "
                "captions that these data do not have, and the generator may not draw them as asked. "
                f"Permute them together ({first}{SEPARATOR}{second}), or read their importances as "
                "inconclusive."
            )


def _told(data: Occurring) -> Iterator[str]:
    """Whether free text holds what captions change."""
    ids = {one.id for one in data.found}
    if ids:
        named = ", ".join(dict.fromkeys(one.concept for one in data.found))
        yield (
            f"The free text of {len(ids)} of {data.evidence.n} images mentions a concept that is permuted "
            f"({named}). Text does not change with the concept, so that the caption contradicts itself."
        )
