"""Two releases side by side: one view of a comparison as a page, as Markdown and as text for a terminal."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from markupsafe import Markup

from auditkit.comparison.result import (
    ComparisonResult,
    Difference,
    OneSide,
    SideBySide,
    Transition,
    to_text,
)
from auditkit.report.grids import Grid
from auditkit.report.marking import cell, folded, table
from auditkit.report.templating import page_environment
from auditkit.report.words import NONE, at, estimate, fixed, p_value, shown

_DECIDED: Final = {True: "Within the limits of change", False: "Outside the limits of change"}
_WIDEST: Final = 44
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_ABOUT: Final = {
    "spec": "Specs that changed",
    "model": "Models that changed",
    "data": "Data and instruments that changed",
    "environment": "The environment that changed",
}


@dataclass(frozen=True)
class View:
    """What every rendering shows.

    Attributes:
        title: heading.
        decision: in a few words.
        within: whether it is a good one.
        lines: sentences before the tables.
        breaches: what is outside the limits.
        grids: the tables, in order; long ones are folded.
        digest: sha256 of the comparison as canonical JSON.
    """

    title: str
    decision: str
    within: bool
    lines: Sequence[str]
    breaches: Sequence[str]
    grids: Sequence[Grid]
    digest: str


def view(result: ComparisonResult) -> View:
    """A comparison in words and tables."""
    return View(
        title=f"{result.new.run} against {result.old.run}",
        decision=_DECIDED[result.within],
        within=result.within,
        lines=[*_lines(result)],
        breaches=[f"{breach.rule}: {breach.text}" for breach in result.breaches],
        grids=[found for found in _grids(result) if found.rows],
        digest=hashlib.sha256(to_text(result).encode("utf-8")).hexdigest(),
    )


def to_html(result: ComparisonResult) -> str:
    """A page that needs nothing else; the same comparison gives the same bytes."""
    template = page_environment().get_template("releases.html.j2")
    return template.render(view=view(result), style=_style())


def to_markdown(result: ComparisonResult) -> str:
    """GitHub-flavoured Markdown for a pull request or a job's summary."""
    found = view(result)
    parts = [
        f"# {cell(found.title)}",
        f"**{found.decision}**",
        "\n".join(f"- {cell(text)}" for text in found.breaches),
        "\n".join(f"- {cell(text)}" for text in found.lines),
    ]
    for grid in found.grids:
        rows = [[cell(text) for text in row] for row in grid.rows]
        right = [i for i, numeric in enumerate(grid.numeric) if numeric]
        caption = f"{cell(grid.caption)}\n\n" if grid.caption else ""
        content = caption + table([cell(head) for head in grid.columns], rows, right)
        title = f"{grid.title} ({len(rows)})"
        parts.append(folded(title, content) if grid.folded else f"## {cell(title)}\n\n{content}")
    return "\n\n".join(part for part in parts if part) + "\n"


def to_terminal(result: ComparisonResult) -> str:
    """Plain text: what is outside comes last, where it is read first."""
    found = view(result)
    lines = [_flat(found.title), *map(_flat, found.lines)]
    for grid in found.grids:
        lines += ["", f"{grid.title} ({len(grid.rows)})", *_aligned(grid)]
    lines += ["", *(f"OUTSIDE {_flat(text)}" for text in found.breaches)]
    return "\n".join([*lines, found.decision.lower()]) + "\n"


RENDERINGS: Final[Mapping[str, Callable[[ComparisonResult], str]]] = {
    "terminal": to_terminal,
    "markdown": to_markdown,
    "json": to_text,
    "html": to_html,
}


def _lines(result: ComparisonResult) -> Iterator[str]:
    for pair in result.models:
        was, now = pair.old_decision or "not decided", pair.new_decision or "not decided"
        who = pair.new if pair.new == pair.old else f"{pair.new} against {pair.old}"
        yield f"{who} ({pair.task}): release was: {was}; is: {now}"
    yield from result.alone
    same = ", ".join(f"{count} {word}" for word, count in result.unchanged.items()) or "none"
    yield f"expectations with the verdict that they had: {same}"
    yield result.family
    if result.limits is None:
        yield "no limits were given: no blocking verdict may be worse, no regression claimed"
    else:
        stated = result.limits
        names = ", ".join(filter(None, [stated.limits, stated.title, stated.reference]))
        yield f"limits ({names}): {'; '.join(stated.rules)}"


def _grids(result: ComparisonResult) -> Iterator[Grid]:
    several = len(result.models) > 1
    yield _grid(
        "Verdicts that turned",
        "",
        ["Audit", "Measure", "Was", "Is", "Severity", "Expected", "Reason"],
        [_turned(one, several=several) for one in result.transitions],
    )
    yield _grid(
        "Differences on the same images",
        "New minus old with its interval, over patients. An adjusted p stands beside what is in the "
        "family of tests; a difference without one is exploratory.",
        [
            "Audit",
            "Measure",
            "Better",
            "Old",
            "New",
            "Difference",
            "Images",
            "p",
            "Adjusted p",
            "Found",
        ],
        [_paired(one, several=several) for one in result.differences],
        numeric=range(3, 9),
    )
    yield _grid(
        "Not in pairs",
        "Each run's own estimate. Intervals of two runs that overlap do not show that nothing changed.",
        ["Audit", "Measure", "Old", "New", "Images", "Not paired, because"],
        [_beside(one, several=several) for one in result.side_by_side],
        numeric=range(2, 4),
    )
    for about, title in _ABOUT.items():
        rows = [
            [one.subject or NONE, one.what, _short(one.old), _short(one.new)]
            for one in result.changes
            if one.about == about
        ]
        yield _grid(title, "", ["Of", "What", "Was", "Is"], rows)


def _turned(one: Transition, *, several: bool) -> list[str]:
    was, now = (verdict.value if verdict else "not asked" for verdict in (one.old, one.new))
    return [*_where(one, several=several), was, now, one.severity, one.expected, one.reason]


def _paired(one: Difference, *, several: bool) -> list[str]:
    accepted = NONE if one.loss_accepted is None else f"{one.loss_accepted:g}"
    shown_word = one.shown.value if one.shown else "not judged"
    limit = f"loss of {accepted} excluded: {shown_word}" if one.loss_accepted is not None else ""
    remarks = ["regression"] * one.regression + [limit] * bool(limit)
    alone = one.only_old + one.only_new
    return [
        *_where(one, several=several),
        one.better or "neither",
        fixed(one.old, 3),
        fixed(one.new, 3),
        estimate(OneSide(value=one.value, low=one.low, high=one.high, n=one.pairs)),
        f"{one.pairs}{f' (+{alone} unpaired)' if alone else ''}",
        p_value(one.p_value),
        p_value(one.p_adjusted),
        "; ".join(remarks),
    ]


def _beside(one: SideBySide, *, several: bool) -> list[str]:
    old, new = estimate(one.old), estimate(one.new)
    images = f"{one.old.n}, {one.new.n}"
    return [*_where(one, several=several), old, new, images, one.reason]


def _where(one: Transition | Difference | SideBySide, *, several: bool) -> list[str]:
    audit = f"{one.model}: {one.audit}" if several else one.audit
    where = at(one.at)
    return [audit, f"{one.measure}{f' at {where}' if where else ''}"]


def _grid(
    title: str,
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    numeric: Sequence[int] = (),
) -> Grid:
    return Grid(title, caption, columns, rows, [i in numeric for i in range(len(columns))])


def _short(text: str) -> str:
    """A digest by its beginning; the JSON has it whole."""
    return _DIGEST.sub(lambda found: f"{found[0][:12]}…", text) or "not there"


def _aligned(grid: Grid) -> Iterator[str]:
    """Rows with their cells below one another; the last column may be as long as it is."""
    rows = [[_flat(text) for text in row] for row in (grid.columns, *grid.rows)]
    last = len(grid.columns) - 1
    widths = [min(_WIDEST, max(len(row[i]) for row in rows)) for i in range(last)]
    for row in rows:
        cells = [
            text.rjust(width) if flush else text.ljust(width)
            for text, width, flush in zip(row[:last], widths, grid.numeric, strict=False)
        ]
        yield f"  {'  '.join([*cells, row[last]])}".rstrip()


def _flat(text: str) -> str:
    """One line, in which nothing from a spec or a data set can steer the terminal."""
    return " ".join(shown(text).split())


def _style() -> Markup:
    sheet = files("auditkit.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    return Markup(sheet.replace("RUN-NAME", "Comparison of releases"))  # noqa: S704 our sheet
