"""Generated images with a concept at its first and at its last value, the noise held fixed (Figure 5)."""

from collections.abc import Iterator, Mapping

import numpy as np

from auditkit.checks.concepts.depict_tables import valued
from auditkit.checks.concepts.drawn import drawing, spread
from auditkit.checks.concepts.importance import Ranked
from auditkit.checks.concepts.values import concepts_of
from auditkit.checks.pictures import png
from auditkit.findings import Example
from auditkit.spec.declarations.depict import Depict

MOST_BLOCKS, PAIRS = 4, 3


def examples(ranked: Ranked, parameters: Depict) -> list[Example]:
    """Pairs of images for the most important blocks; nobody chose the images."""
    shown = [name for name in ranked.names if name in ranked.blocks][:MOST_BLOCKS]
    return [example for name in shown for example in _pairs(ranked, parameters, name)]


def _pairs(ranked: Ranked, parameters: Depict, name: str) -> Iterator[Example]:
    target, asked = ranked.target, drawing(parameters)
    rows, ends = target.rows, ranked.ends(name)
    scores = target.scores(name)[0]
    declared = concepts_of(target.evidence.data.card, list(ends[0]))
    binary = [one.values for one in declared] == [["0", "1"]]
    for index in spread(rows, PAIRS):
        place = int(np.count_nonzero(rows[:index]))
        first, last = scores[place, 0], scores[place, -1]
        panels = []
        for end, score in zip(ends, (first, last), strict=True):
            picture = png(target.evidence.concept_picture(asked, index, end))
            panels.append((f"{_said(name, end, binary=binary)}: {score:.2f}", picture))
        # Adding 0 turns minus zero into zero.
        title = f"{name}: {round(last - first, 2) + 0.0:+.2f}"
        yield Example(target.evidence.records[index].id, title, panels)


def _said(name: str, values: Mapping[str, str], *, binary: bool) -> str:
    """The values for a reader: with and without, of a binary concept."""
    if binary:
        return f"with {name}" if values[name] == "1" else f"without {name}"
    return valued(values) if len(values) > 1 else f"{name} {valued(values)}"
