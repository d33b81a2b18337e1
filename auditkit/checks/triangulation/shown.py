"""Conclusions in words, the table of attributes and lines, and all effects in margins."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from auditkit.checks.triangulation.lines import Evidence, Reading
from auditkit.findings import Figure, Series, Table
from auditkit.spec.declarations.triangulation import LINES

if TYPE_CHECKING:
    from auditkit.checks.triangulation import Attribute

TITLES: Final = {
    "intervention": "intervention",
    "counterfactuals": "counterfactuals",
    "experts": "experts",
    "concepts": "concept permutation",
    "heatmaps": "heatmaps",
}
_TOWARDS: Final = {
    1: "more of it raises the score",
    -1: "more of it lowers the score",
    0: "it matters",
}


def sentence(one: "Attribute") -> str:
    """The conclusion about an attribute in words."""
    effects = one.effects
    none = [TITLES[line.line] for line in one.lines if line.state == "none"]
    shows = _list([f"{TITLES[line.line]} ({_TOWARDS[line.sign]})" for line in effects])
    against = f"none by {_list(none)}" if none else "in opposite directions"
    texts = {
        "established": f"The model reads it: an effect by {shows}",
        "contradicted": f"The lines disagree: an effect by {shows}, {against}",
        "suggested": f"An effect by {shows} alone, and nothing speaks against it",
        "not found": f"No line shows an effect; it is excluded by {_list(none)}",
        "unclear": "The evidence neither shows nor excludes an effect",
        "not examined": "No line of evidence could be used",
    }
    return f"{one.name}: {one.conclusion}. {texts[one.conclusion]}.{_warranted(one)}"


def _warranted(one: "Attribute") -> str:
    """How what a sound model may read is read, if at all."""
    if not one.warranted or not one.effects:
        return ""
    if one.sound:
        return " A sound model may read it so."
    return f" A sound model reads it the other way: {_TOWARDS[one.warranted]}."


def _list(names: Sequence[str]) -> str:
    return (
        names[0]
        if len(names) == 1
        else f"{', '.join(names[:-1])} and {names[-1]}"
        if names
        else "nothing"
    )


def table(attributes: Sequence["Attribute"]) -> Table:
    """Attributes, the strongest evidence first, by lines."""
    used = [
        line for line in LINES if any(own.line == line for one in attributes for own in one.lines)
    ]
    rows = []
    for one in attributes:
        own = {line.line: line for line in one.lines}
        cells = [_cell(own[line]) if line in own else "–" for line in used]
        rows.append([one.name, one.conclusion, *cells])
    return Table(
        "triangulation",
        "Attributes and lines of evidence",
        ["attribute", "conclusion", *(TITLES[line] for line in used)],
        rows,
        "effect: beyond its margin at .025, one-sided, after Holm's correction over all rows; none: the 95 % "
        "interval lies within the margin; unclear: neither. + and -: more of the attribute raises or lowers "
        "the score.",
    )


def _cell(line: Evidence) -> str:
    return "; ".join(_words(one) for one in line.readings)


def _words(one: Reading) -> str:
    if one.estimate is None:
        return f"not available ({one.row.audit}: {one.reason})"
    sign = {1: " +", -1: " -", 0: ""}[one.sign]
    found = one.estimate
    interval = f"{found.value:.3g} [{found.low:.3g}, {found.high:.3g}]"
    return f"{one.state}{sign}: {interval}, n = {found.n}, margin {one.margin:g}"


def figure(attributes: Sequence["Attribute"]) -> Figure:
    """Every row's estimate in margins: between -1 and 1 is no effect."""
    every = [
        (one.name, line, row)
        for one in attributes
        for line in one.lines
        for row in line.readings
        if row.estimate is not None
    ]
    labels = [f"{name}: {row.row.audit}" for name, _, row in every]
    series = []
    for kind in LINES:
        found = [
            (place, row, row.estimate)
            for place, (_, line, row) in enumerate(every)
            if line.line == kind and row.estimate is not None
        ]
        if found:
            ends = [
                sorted(_in_margins(row, end) for end in (of.low, of.high)) for _, row, of in found
            ]
            series.append(
                Series(
                    TITLES[kind],
                    [place for place, _, _ in found],
                    [row.size for _, row, _ in found],
                    [low for low, _ in ends],
                    [high for _, high in ends],
                )
            )
    return Figure(
        "effects",
        "All rows of evidence, in margins",
        "forest",
        "attribute and audit",
        "effect in margins",
        series,
        "From -1 to 1 counts as no effect. Right of zero, more of the attribute raises the score; rows "
        "without direction (importance) only say whether it matters. Lines are 95 % intervals over patients.",
        zero=True,
        labels=labels,
    )


def _in_margins(row: Reading, value: float) -> float:
    return (-1 if row.row.towards == "down" else 1) * value / row.margin
