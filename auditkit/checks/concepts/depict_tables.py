"""Importances as tables, and what a reader must know of them."""

from collections.abc import Mapping
from functools import partial

from auditkit.checks.concepts.gaps import cell
from auditkit.checks.concepts.importance import Ranked
from auditkit.checks.concepts.target import NO_SCORE, UNITS
from auditkit.errors import AuditError
from auditkit.findings import Table

MOVES, FREE = 0.05, 0.02
"""From which mean change of the score, and to which importance, a reliance costs nothing."""

STANDING = (
    "Importance is what permuting a concept costs on these data. It sees reliance that pays here: a concept "
    "that is independent of the label costs little when it is permuted, however far the model's score moves "
    "with it (see the effects). Of two concepts that go together, the one that the model reads is charged; "
    "but permuted alone, either makes captions that the data do not have."
)


def permuted_table(ranked: Ranked) -> Table:
    """Performance on images as they are and with each block permuted, as the paper's Table 1."""
    rows = [["none", cell(ranked.plain), "", ""]]
    for name in ranked.names:
        permuted, lost = partial(ranked.permuted, name), partial(ranked.importance, name)
        rows.append([name, cell(permuted), cell(lost), _top(ranked, name)])
    unit = UNITS[ranked.target.metric]
    columns = ["permuted", unit, "lost", "most important in"]
    caption = (
        "Expected over all permutations, with 95 % intervals over patients. Last column: share of resamples "
        f"of the patients in which the concept is the most important one. n = {len(ranked.target.labels)} "
        "images."
    )
    return Table("permuted", "Performance on permuted images", columns, rows, caption)


def effects_table(ranked: Ranked) -> Table:
    """How far the score moves with each block, whatever the label."""
    rows = []
    for name in ranked.names:
        ends = [valued(end) for end in ranked.ends(name)]
        rows.append([name, *ends, cell(partial(ranked.effect, name))])
    score = (
        "the score" if ranked.target.evidence.two_class else "the probability of the image's label"
    )
    caption = f"Mean change of {score} from the first value to the last, the noise of every image held fixed."
    columns = ["concept", "from", "to", "mean change"]
    return Table("effects", "What the score does with each concept", columns, rows, caption)


def notes(ranked: Ranked) -> list[str]:
    """What a reader must know."""
    target = ranked.target
    found = [STANDING]
    if not target.evidence.two_class:
        found.append(f"Performance is accuracy: {NO_SCORE}.")
    found += [f"{name}: {why}." for name, why in ranked.reasons.items() if why]
    for name in ranked.names:
        try:
            moved, lost = ranked.effect(name), ranked.importance(name)
        except AuditError:
            continue
        moves = abs(moved.value) >= MOVES and not moved.low <= 0 <= moved.high
        if moves and lost.value < FREE and lost.low <= 0:
            found.append(
                f"{name} moves the score by {moved.value:+.2f} on average, and permuting it costs nothing on "
                "these data: the model reads it, and here it does not pay."
            )
    return found


def valued(values: Mapping[str, str]) -> str:
    """Values of a block, with the concepts' names where there are several."""
    if len(values) == 1:
        return next(iter(values.values()))
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _top(ranked: Ranked, name: str) -> str:
    try:
        return f"{100 * ranked.top_probability(name).value:.1f} %"
    except AuditError:
        return "not evaluable"
